#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Read the log of writes that dm-log-writes, or QEMU's blklogwrites, has made.

usage: logwrites.py points LOG
       logwrites.py replay LOG DISK FROM TO [SEED]

points  prints the places in the log where what is on the disk, and what has been
        acknowledged, is known: behind each flush and each write with FUA, together
        with the marks that follow it. One a line: how many entries come before
        it, then the marks that are new, separated by tabs.
replay  does the writes of the log to DISK, a file or a device, from entry FROM up
        to, but not including, entry TO, which may be "end". With a SEED it makes
        what a loss of power may have left there: the cache of the device has been
        written as far as the last flush; of what came after it any part may be
        missing, but for writes with FUA.
"""
import os
import random
import struct
import sys

MAGIC = 0x6a736677736872
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
SUPER = struct.Struct("<QQQI")
ENTRY = struct.Struct("<QQQQ")


class Entry:
    """One entry: where its data is in the log, where it goes on the disk."""

    def __init__(self, log, position, size):
        sector, sectors, self.flags, data_len = ENTRY.unpack(log[:ENTRY.size])
        self.length = sectors * size
        self.target = sector * size
        self.source = position + size
        self.mark = ""
        if self.flags & MARK:
            self.mark = log[ENTRY.size:ENTRY.size + data_len].split(b"\0")[0].decode()

    def durable(self):
        """Is all that the device had acknowledged before, or this, on the disk?"""
        return bool(self.flags & (FLUSH | FUA))

    def apply(self, log, disk):
        """Do it to the disk."""
        if self.flags & MARK or not self.length:
            return
        if self.flags & DISCARD:
            data = bytes(self.length)
        else:
            data = os.pread(log, self.length, self.source)
            if len(data) != self.length:
                sys.exit("logwrites: the log ends within an entry")
        if os.pwrite(disk, data, self.target) != self.length:
            sys.exit("logwrites: the disk is too small")


def entries(log):
    """The entries of a log, in order.

    QEMU counts them when there is a flush. The end of a log that it could not end
    is where nothing has been written, or not all of an entry."""
    magic, version, count, size = SUPER.unpack(os.pread(log, SUPER.size, 0))
    if magic != MAGIC or version != 1:
        sys.exit("logwrites: this is no log of writes")
    position = size
    end = os.fstat(log).st_size or os.lseek(log, 0, os.SEEK_END)
    found = []
    while True:
        head = os.pread(log, size, position)
        if len(head) < size:
            break
        entry = Entry(head, position, size)
        position = entry.source + (0 if entry.flags & DISCARD else entry.length)
        beyond = len(found) >= count
        if beyond and (not any(head[:ENTRY.size]) or position > end):
            break
        found.append(entry)
    return found


def points(log):
    """Print the places to check."""
    new = []
    known = False
    found = entries(log)
    for index, entry in enumerate(found):
        if entry.flags & MARK:
            new.append(entry.mark)
            continue
        if known:
            print(index, *new, sep="\t")
            new = []
        known = entry.durable()
    if known:
        print(len(found), *new, sep="\t")


def replay(log, disk, some, chance):
    """Do these writes, or what is left of them if there is a chance."""
    last = max((index for index, entry in enumerate(some) if entry.flags & FLUSH),
               default=-1)
    kept = chance.random() if chance else 1
    lost = 0
    for index, entry in enumerate(some):
        if chance and index > last and not entry.durable() and chance.random() >= kept:
            lost += 1
        else:
            entry.apply(log, disk)
    if chance:
        print(f"{len(some)} writes, {len(some) - 1 - last} after the last flush, {lost} lost")


def main():
    """As the usage says."""
    command, arguments = sys.argv[1:2], sys.argv[2:]
    if command == ["points"] and len(arguments) == 1:
        points(os.open(arguments[0], os.O_RDONLY))
    elif command == ["replay"] and len(arguments) in (4, 5):
        log = os.open(arguments[0], os.O_RDONLY)
        disk = os.open(arguments[1], os.O_WRONLY)
        found = entries(log)
        first = int(arguments[2])
        last = len(found) if arguments[3] == "end" else int(arguments[3])
        replay(log, disk, found[first:last],
               random.Random(arguments[4]) if len(arguments) == 5 else None)
    else:
        sys.exit(__doc__)


main()
