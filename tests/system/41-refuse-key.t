#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also under KASAN and lockdep.
# Keys of type evs: what they refuse to be, and which of them open no disk.
. "$(dirname "$0")/tap.sh"

at_exit detach_all
must evs-setup list
new_null evs_t0 8
new_null evs_t1 8

attach()
{
	evs-setup attach --raw --sector-size 4096 --key "$1" "${2-/dev/evs_t0}"
}

# refuse STATUS REGEX NAME KEY
refuse()
{
	refused "$1" "$2" "$3" attach "$4"
	is "$(evs-setup list --json | jq -c .disks)" "[]" "$3: nothing is attached"
	ok "$3: the backing device is free" exclusive /dev/evs_t0
}

random()
{
	head -c "$1" /dev/urandom
}

random 63 >"$tmp/63"
random 65 >"$tmp/65"
random 32 >"$tmp/32"
random 4096 >"$tmp/4096"
printf x >"$tmp/1"
cat "$tmp/32" "$tmp/32" >"$tmp/equal"
refused 1 'Invalid argument' "63 bytes are no key" raw_key x "$tmp/63"
refused 1 'Invalid argument' "65 bytes are no key" raw_key x "$tmp/65"
refused 1 'Invalid argument' "32 bytes are no key" raw_key x "$tmp/32"
refused 1 'Invalid argument' "4096 bytes are no key" raw_key x "$tmp/4096"
refused 1 'Invalid argument' "1 byte is no key" raw_key x "$tmp/1"
refused 1 'Invalid argument' "nothing is no key" raw_key x /dev/null
refused 1 'rejected' "equal halves are no key" raw_key x "$tmp/equal"
nok "none of them exists" keyctl search @s evs x

# fuzz SEED COUNT: payloads made up at random, of any length, and of the right one
# with halves that are equal, or all but one bit. Prints each answer that is not the
# one it should be, and what the answers were.
fuzz()
{
	perl -e '
		use strict;
		use constant { DK => 64, ADD_KEY => 248, KEYCTL => 250, UNLINK => 9, SESSION => -3,
			       EINVAL => 22, EKEYREJECTED => 129 };
		my ($seed, $count) = @ARGV;
		srand $seed;
		my ($type, $name, %seen) = ("evs", "fuzz");
		my $noise = pack "C*", map { int rand 256 } 1 .. 1 << 17;
		for (1 .. $count) {
			my $pick = rand;
			my $size = $pick < 0.5 ? DK : $pick < 0.9 ? int rand 131 :
				(4095, 4096, 4097, 65535)[rand 4];
			my $payload = substr $noise, rand 1 << 16, $size;
			my $change = $size == DK ? rand : 1;
			$payload = substr($payload, 0, DK / 2) x 2 if $change < 0.5;
			vec($payload, rand 8 * DK, 1) ^= 1 if $change < 0.2;
			my $equal = $size == DK && substr($payload, 0, DK / 2) eq substr $payload, DK / 2;
			my $want = $size != DK ? EINVAL : $equal ? EKEYREJECTED : 0;
			my $key = syscall(ADD_KEY, $type, $name, $payload, $size, SESSION);
			my $got = $key < 0 ? $! + 0 : 0;
			print "$size bytes, errno $got instead of $want\n"
				if $got != $want;
			$seen{$got}++;
			syscall(KEYCTL, UNLINK, $key, SESSION) == 0 or die "unlink: $!\n" if $key > 0;
		}
		print join(" ", sort { $a <=> $b } keys %seen), "\n"' "$@"
}

seed=$RANDOM
is "$(fuzz $seed $((2000 * ${EVS_LONG:-1})))" "0 22 129" \
	"payloads at random, seed $seed: good, EINVAL, EKEYREJECTED, each where it should be"
nok "none of those that were good is still there" keyctl search @s evs fuzz

key=$(raw_key x)
refused 1 'not supported' "keyctl read is refused" keyctl read "$key"
refused 1 'not supported' "keyctl print is refused" keyctl print "$key"
refused 1 'not supported' "keyctl pipe is refused" keyctl pipe "$key"
nok "keyctl update is refused" keyctl update "$key" "$(printf 'x%.0s' {1..64})"
evs=$(attach "$key")
ok "a good key opens a disk" test -b "$evs"
refused 1 'not supported' "keyctl read is refused while attached" keyctl read "$key"
refused 2 'key' "a consumed key opens no second disk" attach "$key" /dev/evs_t1
is "$(evs-setup list --json | jq '.disks | length')" 1 "one disk is attached"
sleep 0.2 # Nothing to wait for: it is to stay
ok "the key of the first disk is where it was" keyctl describe "$key"
ok "the second device is free" exclusive /dev/evs_t1
ok "the disk works" dd if="$evs" of=/dev/null bs=4k count=1 iflag=direct
must evs-setup detach "$evs"
refuse 2 'key' "a key whose disk was detached" "$key"
gone()
{
	! keyctl describe "$key"
}
ok "a key whose disk was detached goes away" wait_for gone

key=$(raw_key x)
must keyctl revoke "$key"
refuse 2 'revoked' "a revoked key" "$key"
key=$(raw_key x)
must keyctl timeout "$key" 1
wait_for not keyctl describe "$key"
refuse 2 'expired|not available|key' "an expired key" "$key"
key=$(random 64 | keyctl padd user x @s)
refuse 2 'key' "a key of type user" "$key"
key=$(keyctl newring x @s)
refuse 2 'key' "a keyring" "$key"
refuse 2 'key' "a key that does not exist" 1
refuse 1 'key' "a key by name" x

# An empty key as a loophole: request_key for a disk that does not exist
nok "nobody makes a key without a disk" keyctl request2 evs evs:none device=/dev/evs_t0 @s
nok "nor one of another name" keyctl request2 evs some-name device=/dev/evs_t0 @s
# It is there for a second, as a key that was refused
key=$(awk '$8 == "evs" && $9 == "some-name" { print "0x" $1; exit }' /proc/keys)
[ -z "$key" ] || nok "which opens no disk" attach $((key))
ok "nothing is left behind" no_leftovers
done_testing
