# SPDX-License-Identifier: GPL-2.0-or-later
#
# EVS: encrypted disks for Linux, keys from a KMS
#
#   make                module for the running kernel (or KDIR=) and userspace
#   make install        install both (DESTDIR=, KDIR= and PREFIX= are honoured)
#   make uninstall      remove what that installed
#   make deb            Debian packages, into build/deb
#   make demo           a disk's whole life in a QEMU guest
#   make check          set up this machine, then every test
#   make soak           what finds more the longer it runs (TIME= minutes, 60)
#   make bench          evs beside dm-crypt (bench-quick: in two minutes)
#   make lint           source checks alone
#   make coverage       what lines of the driver and the programs the tests run
#   make intree LINUX=  put driver and KUnit tests into a kernel tree

KREL ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KREL)/build
PREFIX ?= /usr
# Where the module is built: here, or what a guest has (build/%/evs.ko below)
MODDIR ?= $(CURDIR)
RELEASE = $$($(MAKE) -s --no-print-directory -C $(KDIR) kernelrelease)

all: modules userspace

modules modules_install:
	@test -e $(KDIR)/Makefile || { echo "make: $(KDIR): no kernel headers there;" \
		"install linux-headers-$(KREL) or say KDIR=..." >&2; exit 1; }
	$(MAKE) -C $(KDIR) M=$(MODDIR) INSTALL_MOD_STRIP=1 \
		$(if $(DESTDIR),INSTALL_MOD_PATH=$(DESTDIR)) $@

userspace:
	$(MAKE) -C userspace

# Headers without a System.map, as Debian has them, keep kbuild from depmod
install: modules_install
	$(MAKE) -C userspace install
	$(if $(DESTDIR),,depmod $(RELEASE))

uninstall:
	$(MAKE) -C userspace uninstall
	rm -f $(DESTDIR)/lib/modules/$(RELEASE)/updates/evs.ko*
	$(if $(DESTDIR),,depmod $(RELEASE))

# The module for the kernel of a guest, built in a tree of links so that the
# kernels do not meet in one folder.
build/%/evs.ko: FORCE
	@mkdir -p build/$*/tests
	@cp -rsfu $(CURDIR)/Kbuild $(CURDIR)/kernel build/$*/
	@cp -rsfu $(CURDIR)/tests/kunit build/$*/tests/
	@find build/$* -xtype l -delete
	$(MAKE) -C $$(tests/vm/kernel $*)$(if $(filter qemu,$*),/build) \
		$(if $(filter uml%,$*),ARCH=um) M=$(CURDIR)/build/$* EVS_KUNIT=1 $(KBUILD_ARGS) modules

build/%/floor/evs_floor.ko: FORCE
	@mkdir -p build/$*/floor
	@cp -rsfu $(CURDIR)/tests/bench/floor build/$*/
	$(MAKE) -C $$(tests/vm/kernel $*)$(if $(filter qemu,$*),/build) \
		$(if $(filter uml%,$*),ARCH=um) M=$(CURDIR)/build/$*/floor modules

# In a folder of one name, so that a build repeats
export DEB_BUILD_OPTIONS ?= noautodbgsym parallel=$(shell nproc)
DEB_SOURCES := $(shell git ls-files Documentation Kbuild README.md debian kernel userspace 2>/dev/null)
deb: build/deb/done
build/deb/done: $(DEB_SOURCES)
	@test -n "$(DEB_SOURCES)" || { echo "make: deb: this is no clone of the git repository" >&2; exit 1; }
	tests/vm/setup packages programs
	rm -rf build/deb
	mkdir -p build/deb/source
	cp --parents --preserve=mode -t build/deb/source $(DEB_SOURCES)
	cd build/deb/source && dpkg-buildpackage --build=binary --no-sign
	touch $@

setup:
	tests/vm/setup

demo:
	tests/vm/setup module programs guests demo
	tests/demo/run

check: setup
	tests/check

soak: setup
	tests/soak $(or $(TIME),60)

bench bench-quick: setup
	tests/bench/run $@

lint: setup
	tests/lint/run

coverage: setup
	tests/coverage/run

intree:
	@test -e "$(LINUX)/drivers/block/Kconfig" || { \
		echo "make: intree: LINUX=$(LINUX) is not a kernel tree" >&2; exit 1; }
	tests/intree "$(LINUX)"

clean:
	rm -rf build
	$(MAKE) -C userspace clean
	rm -f *.o *.ko *.mod *.mod.c .*.cmd modules.order Module.symvers .module-common.o
	find kernel tests/kunit \( -name '*.o' -o -name '.*.cmd' -o -name '*.mod' \) -delete

FORCE:

.PHONY: all modules modules_install userspace install uninstall deb setup demo check soak bench bench-quick lint coverage intree clean FORCE
