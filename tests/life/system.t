#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A system image becomes a disk that a virtual machine boots from. The machine is QEMU
# with its firmware, which knows nothing of EVS; the system is a boot sector (boot.s) that
# counts on its disk how often it was booted.
. "$(dirname "$0")/life.sh"

at_exit detach_pools
start_kms

must as --32 "$(dirname "$0")/boot.s" -o "$tmp/boot.o"
must ld -m elf_i386 --oformat binary -Ttext 0x7c00 -o "$tmp/boot" "$tmp/boot.o"
raw=$(new_file raw 8M)
must dd if="$tmp/boot" of="$raw" conv=notrunc status=none
printf '0 boots before this one' >"$tmp/text"
must dd if="$tmp/text" of="$raw" bs=1M seek=1 conv=notrunc status=none
must qemu-img convert -f raw -O qcow2 "$raw" "$tmp/qcow2"

# boot POOL/DISK: boot a machine from the attached disk, print what it says. Where there is
# nothing to boot from, the firmware resets it at once, which ends it.
boot()
{
	timeout 120 qemu-system-x86_64 -accel tcg -m 16 -nodefaults -display none -no-reboot \
		-boot reboot-timeout=1 -device isa-debug-exit,iobase=0xf4,iosize=1 -serial stdio -blockdev \
		"driver=host_device,filename=/dev/evs/$1,cache.direct=on,node-name=disk" \
		-device virtio-blk-pci,drive=disk </dev/null
	[ $? -eq 1 ] || echo "no end of its own"
}

# boots POOL/DISK NUMBER NAME: after so many others
boots()
{
	is "$(boot "$1")" "$2 boots before this one" "$engine: $3"
}

for engine in $(engines); do
	new_pool p "$engine"
	for format in raw qcow2; do
		for attribute in plain encrypted; do
			key=(--plain)
			[ $attribute = plain ] || key=(--cmk test)
			name=$format-$attribute
			ok "$engine: $format: image import ${key[0]}" \
				evs-setup image import --format $format "${key[@]}" "$tmp/$format" p/image:$name
			ok "$engine: $name: create --from-image" \
				evs-setup create --from-image p/image:$name p/$name
			is "$(object p/$name attribute)" $attribute "$engine: $name: its attribute"
			must evs-setup attach p/$name
			boots p/$name 0 "$name: a machine boots from it"
			must evs-setup detach p/$name
		done
	done
	nok "$engine: the system is not seen below an encrypted disk" \
		grep -qa "boots before" "$(raw p/raw-encrypted)"
	ok "$engine: but below a plain one" grep -qa "boots before" "$(raw p/raw-plain)"

	# ---- a life of its own ----

	must evs-setup attach p/qcow2-encrypted
	boots p/qcow2-encrypted 1 "what the machine wrote is there"
	must evs-setup cmk disable test
	boots p/qcow2-encrypted 2 "it boots with its CMK disabled, as long as it is attached"
	must evs-setup detach p/qcow2-encrypted
	refused 2 'KMS\.0209' "$engine: not any more" evs-setup attach p/qcow2-encrypted
	must evs-setup cmk enable test
	must evs-setup snapshot create p/qcow2-encrypted@s
	must evs-setup create --from-snapshot p/qcow2-encrypted@s p/clone
	must evs-setup attach p/qcow2-encrypted
	must evs-setup attach p/clone
	boots p/clone 3 "a clone boots"
	boots p/qcow2-encrypted 3 "the disk that it is a clone of does not notice"
	must evs-setup create --from-image p/image:qcow2-encrypted p/second
	must evs-setup attach p/second
	boots p/second 0 "nor does the image"
	detach_pools
	drop_pools
done
done_testing
