#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What comes of requests to a disk that may fail.

usage: faulty.py try DISK OFFSET LENGTH OPERATION...
       faulty.py storm DISK STATE STEPS SEED
       faulty.py check DISK STATE

try    a direct read, write, fua (a write that is durable when it returns), atomic (a
       write that is done as a whole or not at all), nowait-read, nowait-write (without
       waiting for the device to have room for it), or flush each: prints the name of its error, or ok. Of a read that has failed it says
       so ("leaks") if the buffer holds anything but what it held before, or zeroes.
storm  reads and writes at random from several threads, any of which may fail.
       What a sector may hold after that is kept in STATE: a write that has failed
       may have been done or not; one that has not failed must have been. Fails if
       a read returns anything else.
check  reads all of it again, without an error.
"""
import collections
import errno
import json
import mmap
import os
import random
import struct
import sys
import threading

SECTOR = 512
BLOCK = 4096
BLOCKS = 512		# of each thread
THREADS = 6
LARGEST = 32		# blocks of a request
FILL = 0xa5
RWF_ATOMIC = 0x40	# not in Python
FLAGS = {"fua": os.RWF_DSYNC, "atomic": RWF_ATOMIC, "nowait-read": os.RWF_NOWAIT,
         "nowait-write": os.RWF_NOWAIT}


def name_of(error):
    """The name of the error number of an OSError."""
    return errno.errorcode.get(error.errno, str(error.errno))


def buffer(length, byte=0):
    """Memory that direct I/O accepts."""
    memory = mmap.mmap(-1, length)
    memory.write(bytes([byte]) * length)
    return memory


def attempt(operation, disk, offset, length):
    """Do it once; returns what is to be printed."""
    memory = buffer(length, FILL)
    reads = operation.endswith("read")
    mode = os.O_RDONLY if reads else os.O_RDWR
    fd = os.open(disk, mode | os.O_DIRECT)
    try:
        if reads:
            done = os.preadv(fd, [memory], offset, FLAGS.get(operation, 0))
        elif operation == "flush":
            os.fsync(fd)
            done = length
        else:
            done = os.pwritev(fd, [memory], offset, FLAGS.get(operation, 0))
        return "ok" if done == length else f"short {done}"
    except OSError as error:
        said = name_of(error)
        if reads and set(memory[:]) - {0, FILL}:
            said += " leaks"
        return said
    finally:
        os.close(fd)


def content(block, version, length=BLOCK):
    """What a block holds in one of its versions."""
    return struct.pack("<QQ", block, version) * (length // 16)


def versions_in(block, data):
    """Which versions of a block this is; None is one that never was.

    Of a write that has failed any of the device's sectors may have been written:
    it may split a request wherever it likes."""
    found = set()
    for at in range(0, len(data), SECTOR):
        sector = data[at:at + SECTOR]
        version = struct.unpack_from("<QQ", sector)[1]
        found.add(version if sector == content(block, version, SECTOR) else None)
    return found


class Writer(threading.Thread):
    """A thread with a range of blocks of its own."""

    def __init__(self, disk, index, steps, seed):
        super().__init__()
        self.fd = os.open(disk, os.O_RDWR | os.O_DIRECT)
        self.first = index * BLOCKS
        self.steps = steps
        self.random = random.Random(f"{seed}/{index}")
        self.may_hold = {}
        self.version = 0
        self.errors = collections.Counter()
        self.wrong = []

    def run(self):
        try:
            for start in range(self.first, self.first + BLOCKS, LARGEST):
                self.write(start, LARGEST, 0)
            for _ in range(self.steps):
                count = self.random.choice((1, 1, 2, 4, 8, LARGEST))
                start = self.first + self.random.randrange(BLOCKS - count + 1)
                self.random.choice((self.read, self.write, self.write_durable,
                                    self.read, self.flush))(start, count)
        except Exception as error:  # pylint: disable=broad-except
            self.wrong.append(f"thread of block {self.first}: {error!r}")
        finally:
            os.close(self.fd)

    def read(self, start, count):
        """A read tells what there is, which it has to stay."""
        memory = buffer(count * BLOCK, FILL)
        try:
            done = os.preadv(self.fd, [memory], start * BLOCK)
        except OSError as error:
            self.errors["read " + name_of(error)] += 1
            if set(memory[:]) - {0, FILL} and not self.ours(start, count, memory):
                self.wrong.append(f"block {start}: a failed read left data of others")
            return
        for block in range(start, start + done // BLOCK):
            at = (block - start) * BLOCK
            found = versions_in(block, memory[at:at + BLOCK])
            if not found <= self.may_hold[block]:
                self.wrong.append(f"block {block}: {found}, not of {self.may_hold[block]}")
            self.may_hold[block] = found

    @staticmethod
    def ours(start, count, memory):
        """Is each block of the buffer plaintext, zero, or untouched?"""
        for block in range(start, start + count):
            at = (block - start) * BLOCK
            data = memory[at:at + BLOCK]
            if len(set(data)) > 1 and None in versions_in(block, data):
                return False
        return True

    def write(self, start, count, flags=0):
        """A write that fails leaves the choice between old and new."""
        self.version += 1
        blocks = range(start, start + count)
        memory = buffer(count * BLOCK)
        memory.seek(0)
        memory.write(b"".join(content(block, self.version) for block in blocks))
        try:
            done = os.pwritev(self.fd, [memory], start * BLOCK, flags)
        except OSError as error:
            self.errors[("fua " if flags else "write ") + name_of(error)] += 1
            done = 0
        for block in blocks[:done // BLOCK]:
            self.may_hold[block] = {self.version}
        for block in blocks[done // BLOCK:]:
            # What was there before the first one is not known either
            self.may_hold.setdefault(block, {None}).add(self.version)

    def write_durable(self, start, count):
        """A write with FUA, or followed by a flush."""
        self.write(start, count, os.RWF_DSYNC)

    def flush(self, _start, _count):
        """A flush on its own."""
        try:
            os.fsync(self.fd)
        except OSError as error:
            self.errors["flush " + name_of(error)] += 1


def storm(disk, state, steps, seed):
    """Run the threads; the answers to requests that have failed are counted."""
    writers = [Writer(disk, index, steps, seed) for index in range(THREADS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    may_hold = {}
    errors = collections.Counter()
    wrong = []
    for writer in writers:
        may_hold.update({block: list(versions)
                         for block, versions in writer.may_hold.items()})
        errors += writer.errors
        wrong += writer.wrong
    with open(state, "w", encoding="ascii") as file:
        json.dump(may_hold, file)
    for said, count in sorted(errors.items()):
        print(said, count)
    if wrong:
        sys.exit("\n".join(wrong[:20]))


def check(disk, state):
    """Read what the storm has left."""
    with open(state, encoding="ascii") as file:
        may_hold = {int(block): versions for block, versions in json.load(file).items()}
    fd = os.open(disk, os.O_RDONLY | os.O_DIRECT)
    memory = buffer(BLOCK)
    wrong = []
    for block, versions in may_hold.items():
        os.preadv(fd, [memory], block * BLOCK)
        found = versions_in(block, memory[:])
        if not found <= set(versions):
            wrong.append(f"block {block}: {found}, not of {versions}")
    os.close(fd)
    if wrong:
        sys.exit("\n".join(wrong[:20]))


def main():
    """As the usage says."""
    command, arguments = sys.argv[1], sys.argv[2:]
    if command == "try":
        disk, offset, length = arguments[:3]
        print(*(attempt(operation, disk, int(offset), int(length))
                for operation in arguments[3:]))
    elif command == "storm":
        disk, state, steps, seed = arguments
        storm(disk, state, int(steps), seed)
    elif command == "check":
        check(*arguments)
    else:
        sys.exit(__doc__)


main()
