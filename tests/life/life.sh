# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of the life cycle share, beside tap.sh of the system tests. Source it
# first:
#
#   . "$(dirname "$0")/life.sh"
#
# Each test is run for every engine that the guest has: for engine in $(engines).
life=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
. "$life/../system/tap.sh"

# LVM in a guest without udev
lvm=(--config "activation{udev_sync=0 udev_rules=0 monitoring=0}")

# The same for whoever calls LVM in this guest, such as evs-setup
lvm_for_all()
{
	echo "${lvm[1]}" >/etc/lvm/lvmlocal.conf
}

# engines: those that this guest has the kernel for. Where there are thin pools, a folder
# is only for the long form: the guest without them is quicker. LIFE_ENGINE is one alone.
engines()
{
	local thin=

	modprobe -q -a dm-thin-pool dm-snapshot && thin=lvm
	if [ -n "${LIFE_ENGINE-}" ]; then
		echo "$LIFE_ENGINE"
		return
	fi
	[ -z "$thin" ] || echo lvm
	modprobe -q xfs
	[ -n "$thin" ] && [ "${EVS_LONG:-1}" -eq 1 ] || ! grep -qw xfs /proc/filesystems || echo dir
}

# add_pool NAME ENGINE KEY=VALUE...: a section of evs.conf
add_pool()
{
	printf '[pool %s]\nengine = %s\n' "$1" "$2"
	shift 2
	printf '%s\n' "$@"
} >>/etc/evs/evs.conf

# add_repo NAME ENGINE KEY=VALUE...: a repository of backups
add_repo()
{
	printf '[repo %s]\nengine = %s\n' "$1" "$2"
	shift 2
	printf '%s\n' "$@"
} >>/etc/evs/evs.conf

# backup ARGUMENT...: make a backup, print its name
backup()
{
	evs-setup backup create --quiet "$@" | cut -d' ' -f1
}

# shown BACKUP FIELD
shown()
{
	evs-setup backup show --json "$1" | jq -r ".backups[0].\"$2\""
}

# flip FILE OFFSET: one bit of it
flip()
{
	local byte

	byte=$(dd if="$1" bs=1 skip="$2" count=1 status=none | od -An -tu1)
	# shellcheck disable=SC2059 # the format is the byte
	printf "\\x$(printf %x $((byte ^ 16)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# cut_short SIGNAL GLOB COMMAND...: start it, send the signal once such a file is there; true
# if that ended it
cut_short()
{
	local signal=$1 glob=$2 pid

	shift 2
	"$@" >/dev/null 2>&1 &
	pid=$!
	until compgen -G "$glob" >/dev/null || ! [ -d /proc/$pid ]; do :; done
	kill "-$signal" "$pid" 2>/dev/null
	! wait "$pid" 2>/dev/null
}

# sweep: a verb that takes the lock of the pool, and removes what those who were killed left
sweep()
{
	must evs-setup create --size 4M --plain p/sweep >/dev/null
	must evs-setup delete --yes p/sweep >/dev/null
}

# new_fs NAME SIZE MKFS...: mount a new file system at $tmp/NAME. Not by mount -o loop,
# which has the loop device open for writing: the kernel of User-Mode Linux minds that.
new_fs()
{
	local name=$1 file loop

	file=$(new_file "$name.img" "$2")
	shift 2
	must "$@" "$file"
	loop=$(new_loop "$file")
	at_exit losetup -d "$loop"
	must mkdir "$tmp/$name"
	must mount "$loop" "$tmp/$name"
	at_exit umount "$tmp/$name"
}

# new_pool NAME ENGINE [KEY=VALUE...]: a pool of 600 MiB
new_pool()
{
	local name=$1 engine=$2

	shift 2
	case $engine in
	dir)
		new_fs "$name" "${pool_size:-600M}" mkfs.xfs -q -m reflink=1
		add_pool "$name" dir "dir = $tmp/$name" "$@"
		;;
	lvm)
		new_vg "$name"
		add_pool "$name" lvm "vg = vg.$name" "thinpool = pool" "$@"
		;;
	rbd)
		new_ceph "$name"
		add_pool "$name" rbd "pool = $name" "conf = $CEPH_CONF" "$@"
		;;
	esac
}

# new_ceph NAME: a pool of a cluster in this guest, which comes up with the first one, p
new_ceph()
{
	export CEPH_CONF=$tmp/ceph/ceph.conf

	if [ "$1" = p ]; then
		must ip link set lo up
		must modprobe rbd
		must mkdir "$tmp/ceph"
		at_exit "$life/ceph" stop "$tmp/ceph"
		must "$life/ceph" start "$tmp/ceph"
	else
		must ceph osd pool create "$1" 8
		must ceph osd pool application enable "$1" rbd
	fi
}

# new_vg NAME: a volume group with a thin pool
new_vg()
{
	local loop

	loop=$(new_loop "$(new_file "$1.pv" 700M)")
	at_exit losetup -d "$loop"
	# Its default has room for a thousand volumes with their records, and no more
	must lvm vgcreate -q "${lvm[@]}" --metadatasize 4M "vg.$1" "$loop"
	at_exit lvm vgchange -q "${lvm[@]}" -an "vg.$1"
	must lvm lvcreate -q "${lvm[@]}" -L 600M --poolmetadatasize 4M -c 64k -Zy -T "vg.$1/pool"
}

# drop_pools: forget the pools; their file systems go at the end
drop_pools()
{
	rm -f /etc/evs/evs.conf
}

# raw POOL/NAME: path of the data of an object, which is made active, as the engine has it
raw()
{
	local pool=${1%%/*} name=${1#*/}

	case $engine:$name in
	*:image:*) name=image/${name#image:} ;;
	dir:*@*) name=${name%@*}/snapshot/${name#*@} ;;
	esac
	if [ "$engine" = dir ]; then
		echo "$tmp/$pool/$name/disk"
		return
	fi
	if [ "$engine" = rbd ]; then
		rbd_device "$pool/$(tr / . <<<"$name")"
		return
	fi
	name=vg.$pool/$(tr /@ .. <<<"$name")
	lvm lvchange -q "${lvm[@]}" -ay -K "$name" >&2 && echo "/dev/$name"
}

# rbd_device POOL/IMAGE[@SNAPSHOT]: that of the kernel, which is made where there is none
rbd_device()
{
	local node

	node=$(rbd device list --format json |
		jq -r ".[] | select(\"\(.pool)/\(.name)@\(.snap)\" == \"$1\" or
			(.snap == \"-\" and \"\(.pool)/\(.name)\" == \"$1\")).device")
	[ -n "$node" ] || case $1 in
	*@*) node=$(rbd device map --read-only -o noudev "$1") ;;
	*) node=$(rbd device map -o noudev "$1") ;;
	esac
	echo "$node"
}

# taken POOL/NAME: how many MiB an object takes; LVM tells it of active ones alone
taken()
{
	if [ "$engine" = rbd ]; then
		rbd du --format json "${1/image:/image.}" | jq '.images[0].used_size / 1048576 | floor'
		return
	fi
	raw "$1" >/dev/null && object "$1" used | awk '/^[0-9]+$/ { print int($1 / 1048576) }'
}

# everything POOL: what its engine has, ours or not, for comparisons
everything()
{
	case $engine in
	dir) (cd "$tmp/$1" && find . -type f -printf '%P %s\n' -o -mindepth 1 -printf '%P\n' | sort) ;;
	lvm)
		lvm lvs "${lvm[@]}" --noheadings -S 'lv_name!=pool' \
			-o lv_name,lv_size,lv_tags "vg.$1" | sort
		;;
	rbd) rbd ls -l --format json "$1" | jq -c '.[] | [.image, .snapshot, .size]' | sort ;;
	esac
}

# object NAME FIELD: a field of an object in the list of its pool
object()
{
	evs-setup list --json "${1%%/*}" | jq -r ".objects[] | select(.name == \"$1\").\"$2\""
}

# objects POOL: the names of all objects, one a line
objects()
{
	evs-setup list --json "$1" | jq -r '.objects[].name'
}

# content DISK [MIB]: checksum of the first 8 MiB, or as many, that a detached disk holds
content()
{
	local node

	node=$(evs-setup attach --read-only "$1") || return
	dd if="$node" bs=1M count="${2-8}" iflag=direct status=none | md5sum
	evs-setup detach "$1" >&2
}

# put FILE DISK: write a file to the start of a detached disk
put()
{
	local node

	node=$(evs-setup attach "$2") || return
	dd if="$1" of="$node" bs=1M oflag=direct conv=fsync status=none
	evs-setup detach "$2"
}

# detach_pools: for at_exit: the disks of all pools, whatever state the test left
detach_pools()
{
	local link

	for link in /dev/evs/*/*; do
		[ ! -L "$link" ] || evs-setup detach "${link#/dev/evs/}" >/dev/null 2>&1
	done
	detach_all
}
