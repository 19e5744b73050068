# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the parts of the benchmark that run in a guest (tests/vm) share: null_blk devices,
# and the contenders, each over a device of its own. Prints
#
#   info KEY VALUE
#
# The part itself has a function backing NAME, which makes the device below contender NAME
# and leaves its node in $node.

# The key of a disk wants a keyring that outlives the keyctl which makes it. In User-Mode
# Linux programs stay on the CPU that tests/bench/pin has for them.
if [ -z "${EVS_BENCH_SESSION-}" ]; then
	[ "$EVS_VM" != uml ] || taskset -p 1 $$ >&2
	EVS_BENCH_SESSION=1 exec keyctl session - "$0" "$@"
fi
cpus=$(nproc --all)
tmp=$(mktemp -d)
nulls=/sys/kernel/config/nullb
contenders=()
declare -A device known_cipher

info()
{
	printf 'info %s %s\n' "$1" "$2"
}

# null_blk NAME ATTRIBUTE=VALUE...: make /dev/NAME, which completes inside of submission
# unless the attributes say otherwise
null_blk()
{
	local name=$1 attribute

	shift
	mkdir "$nulls/$name"
	for attribute in size=8192 blocksize=512 irqmode=0 queue_mode=2 submit_queues="$cpus" \
			hw_queue_depth=1024 "$@" power=1; do
		echo "${attribute#*=}" >"$nulls/$name/${attribute%%=*}"
	done
	udevadm settle 2>/dev/null || true
	node=/dev/$name
}

# References of each implementation of xts(aes), one "driver count" a line
xts_users()
{
	awk '$1 == "name" { name = $3 } $1 == "driver" { driver = $3 }
	     $1 == "refcnt" && name == "xts(aes)" { print driver, $3 }' /proc/crypto | sort
}

# contender NAME COMMAND...: COMMAND makes the disk over $node and leaves its own node
# there. Says which cipher it uses; another than the first one's would make the comparison
# worthless. Looks once: blk-crypto keeps its cipher.
contender()
{
	local name=$1 driver

	shift
	backing "$name"
	xts_users >"$tmp/before"
	"$@"
	udevadm settle 2>/dev/null || true
	[ -b "$node" ] || { echo "bench: $node: is not there" >&2; exit 1; }
	device[$name]=$node
	contenders+=("$name")
	[ -z "${known_cipher[$name]-}" ] || return 0
	# blk-crypto takes its cipher with the first I/O
	dd if="$node" of=/dev/null bs=4k count=1 iflag=direct status=none
	driver=$(xts_users | comm -13 "$tmp/before" - | cut -d' ' -f1)
	info "cipher-$name" "$driver"
	[ "$driver" = "$cipher" ] || {
		echo "bench: $name uses ${driver:-no cipher}, not $cipher" >&2
		exit 1
	}
	known_cipher[$name]=$driver
}

make_evs()
{
	local key wbt

	key=$(head -c 64 /dev/urandom | keyctl padd evs bench @s)
	node=$(evs-setup attach --raw --key "$key" --sector-size 4096 --name bench "$node")
	# As 61-evs.rules has it: dm-crypt has none either
	wbt=/sys/block/${node#/dev/}/queue/wbt_lat_usec
	[ ! -e "$wbt" ] || echo 0 >"$wbt"
}

# make_dm TARGET NAME OPTION...
make_dm()
{
	local target=$1 name=$2 key options

	shift 2
	key=$(head -c 64 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
	options="$# $*"
	dmsetup create "$name" --table \
		"0 $(blockdev --getsz "$node") $target aes-xts-plain64 $key 0 $node 0 $options"
	dmsetup mknodes "$name"
	node=/dev/mapper/$name
}

# load FLOOR.KO: the modules. Beside FLOOR.KO there may be a cipher for a kernel that has
# no fast one.
load()
{
	modprobe null_blk nr_devices=0 poll_queues="$cpus"
	mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
	# Loads the cipher, as all contenders do
	modprobe aesni_intel 2>/dev/null || true
	[ ! -e "${1%/*}/evs_xts.ko" ] || insmod "${1%/*}/evs_xts.ko"
	insmod "$1"
	modprobe -a evs dm_crypt
	cipher=$(cat /sys/module/evs_floor/parameters/driver)
	info cipher "$cipher"
	info floor-encrypt "$(cat /sys/module/evs_floor/parameters/encrypt_ns)"
	info floor-decrypt "$(cat /sys/module/evs_floor/parameters/decrypt_ns)"
	info kernel "$(uname -r)"
	info cpus "$cpus"
	info fio "$(fio --version)"
	info clocksource "$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
}

# Bare, evs, and the two modes of dm-crypt
set_up()
{
	contenders=(bare)
	backing bare
	device[bare]=$node
	contender evs make_evs
	contender dm-crypt make_dm crypt bench-dm sector_size:4096
	contender dm-crypt-nowq make_dm crypt bench-nowq sector_size:4096 \
		no_read_workqueue no_write_workqueue
}

# Also dm-inlinecrypt, where the kernel has it
set_up_inline()
{
	set_up
	! modprobe dm_inlinecrypt 2>/dev/null ||
		contender dm-inlinecrypt make_dm inlinecrypt bench-inline \
			sector_size:4096 iv_large_sectors
}

# take_down: the disks and what is below them
take_down()
{
	local name

	for name in "${contenders[@]}"; do
		case $name in
		bare) ;;
		evs) evs-setup detach "${device[evs]}" >/dev/null ;;
		*) dmsetup remove "${device[$name]}" ;;
		esac
	done
	contenders=()
}

# drop_nulls: all null_blk devices
drop_nulls()
{
	local dir

	for dir in "$nulls"/*/; do
		echo 0 >"$dir/power"
		rmdir "$dir"
	done
}

# fio_json OPTION...: run fio, and leave its report in $tmp/fio.json
fio_json()
{
	fio --eta=never --output-format=json --output="$tmp/fio.json" --ioengine=io_uring \
		--direct=1 "$@" >&2
}
