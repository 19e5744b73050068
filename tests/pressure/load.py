#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Flush disks while the kernel can make no worker.

usage: load.py ROUNDS SECONDS LOWER DISK...

Four threads write to LOWER, which the disks stand on, so that they compete for its
requests; two write to each DISK and flush it. They begin when the kernel makes no
thread any more: work that finds no worker is left to rescuers. Ends when each disk has
been flushed ROUNDS times, or after SECONDS, and prints for each how often that was.
"""
import mmap
import os
import sys
import threading
import time

LIMIT = "/proc/sys/kernel/threads-max"


def write(path, flushed, first, last):
    """Write to a device, and flush it if @flushed is to tell how often"""
    fd = os.open(path, os.O_RDWR | os.O_DIRECT)
    block = mmap.mmap(-1, 4096)
    blocks = 64  # A device in memory shall not take much of it
    at = 0
    first.wait()
    while not last.is_set():
        os.pwritev(fd, [block], at % blocks * 4096)
        at += 1
        if flushed is not None:
            os.fdatasync(fd)
            flushed[path] += 1


def no_threads(limit):
    """Set how many threads there may be, return how many there could"""
    with open(LIMIT, "r+", encoding="ascii") as file:
        before = file.read()
        file.seek(0)
        file.write(limit)
    return before


def main():
    """See above"""
    rounds, seconds = int(sys.argv[1]), int(sys.argv[2])
    lower, disks = sys.argv[3], sys.argv[4:]
    first, last = threading.Event(), threading.Event()
    flushed = dict.fromkeys(disks, 0)
    for path, count in [(lower, None)] * 4 + [(disk, flushed) for disk in disks] * 2:
        threading.Thread(target=write, args=(path, count, first, last), daemon=True).start()
    # Workers that are idle by now are all there will be
    time.sleep(1)
    before = no_threads("1")
    first.set()
    end = time.monotonic() + seconds
    while min(flushed.values()) < rounds and time.monotonic() < end:
        time.sleep(0.1)
    done = dict(flushed)
    no_threads(before)
    last.set()
    for disk in disks:
        print(disk, done[disk], flush=True)
    # Threads that wait for I/O that never ends do not keep it
    os._exit(0)


main()
