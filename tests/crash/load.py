#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A load on a file system that knows what it has been promised.

usage: load.py write FOLDER STEPS SEED [DM-DEVICE]
       load.py check FOLDER [PROMISES]

write  makes files durable in the ways that programs do, from several threads, and
       prints what has been acknowledged once it is: "FILE:VERSION". With the name
       of a device of dm-log-writes each becomes a mark in its log, too.
check  reads such lines from the file PROMISES, or stdin; all of it must be there,
       or something newer, but nothing that has never been written.

The ways are, by the first letter of the file's name
  r  written beside, fsync, rename, fsync of the folder
  a  appended to, fdatasync
  d  overwritten in place, directly, each write durable of itself
  n  overwritten in place, directly, then fdatasync: much is in the cache of the disk
"""
import fcntl
import hashlib
import mmap
import os
import random
import struct
import sys
import threading

FILES = ("r0", "r1", "a0", "a1", "d0", "n0", "n1")
BLOCK = 4096
BLOCKS = 16
SIZE = 12		# of the sizes in a head
DM_TARGET_MSG = 0xc138fd0e


def record(name, version, length):
    """The bytes that a file holds in a version, checksum in front."""
    body = random.Random(f"{name} {version}").randbytes(length)
    head = f"{name} {version} {length:0{SIZE}d} ".encode()
    return head + hashlib.sha256(head + body).hexdigest().encode() + b"\n" + body


def parse(name, data):
    """The version and the length of the record that data begins with, or None."""
    fields = data[:200].split(b"\n", 1)[0].split(b" ")
    if len(fields) != 4 or fields[0] != name.encode() or not fields[2].isdigit():
        return None
    version = int(fields[1])
    want = record(name, version, int(fields[2]))
    return (version, len(want)) if data[:len(want)] == want else None


def sync_folder(folder):
    """Make the names in it durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(fd)
    os.close(fd)


def block_of(name, version):
    """A record as a block, in memory for direct I/O."""
    memory = mmap.mmap(-1, BLOCK)
    data = record(name, version, BLOCK // 2)
    memory.write(data + bytes(BLOCK - len(data)))
    return memory


def write_all(fd, data):
    """All of it, as a program of the page cache may expect."""
    while data:
        data = data[os.write(fd, data):]


def mark(device, text):
    """Put a mark into the log of a device: at once, as another flush may follow."""
    head = struct.Struct("=3I 2I I i 3I Q 128s 129s 7x")	# struct dm_ioctl
    data = struct.pack("=Q", 0) + text.encode() + b"\0"
    request = head.pack(4, 0, 0, head.size + len(data), head.size, 0, 0, 0, 0, 0, 0,
                        device.encode(), b"") + data
    with open("/dev/mapper/control", "wb", buffering=0) as control:
        fcntl.ioctl(control, DM_TARGET_MSG, request)


class Writer(threading.Thread):
    """A thread with a file of its own."""

    lock = threading.Lock()

    def __init__(self, folder, name, steps, seed, device):
        super().__init__()
        self.path = os.path.join(folder, name)
        self.folder = folder
        self.steps = steps
        self.random = random.Random(f"{seed} {name}")
        self.device = device
        self.error = None

    def run(self):
        step = {"r": self.replace, "a": self.append, "d": self.overwrite,
                "n": self.overwrite_all}
        name = os.path.basename(self.path)
        try:
            for version in range(1, self.steps + 1):
                step[name[0]](name, version)
                self.promise(name, version)
        except Exception as error:  # pylint: disable=broad-except
            self.error = f"{name}: {error!r}"

    def promise(self, name, version):
        """It has been acknowledged."""
        if self.device:
            mark(self.device, f"mark {name}:{version}")
        with self.lock:
            print(name, version, sep=":", flush=True)

    def replace(self, name, version):
        """A new file in place of the old one."""
        fd = os.open(self.path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        write_all(fd, record(name, version, self.random.randrange(65536)))
        os.fsync(fd)
        os.close(fd)
        os.rename(self.path + ".new", self.path)
        sync_folder(self.folder)

    def append(self, name, version):
        """A record more."""
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        write_all(fd, record(name, version, self.random.randrange(5000)))
        os.fdatasync(fd)
        os.close(fd)
        if version == 1:
            sync_folder(self.folder)

    def open_blocks(self, version, flags):
        """A file of blocks, for direct I/O."""
        if version == 1:
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
            write_all(fd, bytes(BLOCK * BLOCKS))
            os.fsync(fd)
            os.close(fd)
            sync_folder(self.folder)
        return os.open(self.path, os.O_WRONLY | os.O_DIRECT | flags)

    def overwrite(self, name, version):
        """A block anew, the oldest one."""
        fd = self.open_blocks(version, os.O_DSYNC)
        os.pwrite(fd, block_of(name, version), version % BLOCKS * BLOCK)
        os.close(fd)

    def overwrite_all(self, name, version):
        """All blocks anew."""
        fd = self.open_blocks(version, 0)
        for block in range(BLOCKS):
            os.pwrite(fd, block_of(name, version), block * BLOCK)
        os.fdatasync(fd)
        os.close(fd)


def versions(name, data):
    """The newest version of each place in a file, and what is wrong with it."""
    if name[0] == "r":
        found = parse(name, data)
        return {0: found[0]} if found and found[1] == len(data) else {}
    if name[0] in "dn":
        at = {}
        for block in range(BLOCKS):
            found = parse(name, data[block * BLOCK:(block + 1) * BLOCK])
            if found:
                at[block] = found[0]
        return at
    at = {}
    while True:
        found = parse(name, data)
        if not found or found[0] != len(at) + 1:
            return at
        at[found[0]] = found[0]
        data = data[found[1]:]


def missing(name, data, promised):
    """Which version of those up to the promised one is neither there nor replaced?"""
    at = versions(name, data)
    want = {
        "r": {0: promised},
        "a": {version: version for version in range(1, promised + 1)},
        "d": {version % BLOCKS: version
              for version in range(max(1, promised - BLOCKS + 1), promised + 1)},
        "n": dict.fromkeys(range(BLOCKS), promised),
    }[name[0]]
    for place, version in want.items():
        if at.get(place, 0) < version:
            return f"{name}: version {version} of {promised} is not there, but {at.get(place)}"
    return None


def check(folder, lines):
    """Is all there that was promised?"""
    promised = {}
    for line in lines:
        name, version = line.strip().split(":")
        promised[name] = max(promised.get(name, 0), int(version))
    lost = []
    for name, version in promised.items():
        try:
            with open(os.path.join(folder, name), "rb") as file:
                lost.append(missing(name, file.read(), version))
        except OSError as error:
            lost.append(f"{name}: {error}")
    lost = [what for what in lost if what]
    if lost:
        sys.exit("\n".join(lost))
    print(f"{sum(promised.values())} promises kept")


def write(folder, steps, seed, device=None):
    """Run the threads."""
    writers = [Writer(folder, name, int(steps), seed, device) for name in FILES]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    errors = [writer.error for writer in writers if writer.error]
    if errors:
        sys.exit("\n".join(errors))


def main():
    """As the usage says."""
    command, arguments = sys.argv[1:2], sys.argv[2:]
    if command == ["write"] and len(arguments) in (3, 4):
        write(*arguments)
    elif command == ["check"] and len(arguments) == 2:
        with open(arguments[1], encoding="ascii") as file:
            check(arguments[0], file)
    elif command == ["check"] and len(arguments) == 1:
        check(arguments[0], sys.stdin)
    else:
        sys.exit(__doc__)


main()
