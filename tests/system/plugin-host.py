#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: plugin-host.py DISK

A program that has nothing to do with EVS and checks whether a disk can be opened by a
token, as udisksd does. Prints what is not as it was before, and a last line: what
libcryptsetup said. Meanwhile another thread waits for any child, and SIGCHLD is counted.
"""
import ctypes
import os
import signal
import sys
import threading

libc = ctypes.CDLL(None, use_errno=True)
libc.setlocale.restype = ctypes.c_char_p
cryptsetup = ctypes.CDLL("libcryptsetup.so.12")
PR_GET_DUMPABLE = 3
LC_ALL = 6


def environment():
    table = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")
    index = 0
    while table[index]:
        yield table[index]
        index += 1


def snapshot():
    seen = {}
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            name, value = line.split(":", 1)
            if name in ("Umask", "Threads", "VmLck", "CoreDumping", "NoNewPrivs", "Seccomp") or \
               name.startswith(("Sig", "Shd", "Cap")):
                seen[name] = value.strip()
    with open("/proc/self/limits", encoding="ascii") as limits:
        seen["limits"] = limits.read()
    seen["dumpable"] = libc.prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)
    seen["environment"] = list(environment())
    seen["locale"] = libc.setlocale(LC_ALL, None)
    seen["descriptors"] = sorted(os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
                                 if os.path.exists(f"/proc/self/fd/{fd}"))
    seen["session keyring"] = libc.syscall(250, 0, -3, 0)
    return seen


def wait_for_any(stop, found):
    while not stop.is_set():
        try:
            found.append(os.waitpid(-1, 0))
        except ChildProcessError:
            stop.wait(0.001)


def open_disk(path, token=True):
    disk = ctypes.c_void_p()
    if cryptsetup.crypt_init(ctypes.byref(disk), path.encode()) < 0:
        return "no such device"
    said = cryptsetup.crypt_load(disk, b"LUKS2", None)
    if not said and token:
        said = cryptsetup.crypt_activate_by_token(disk, None, -1, None, 0)
    cryptsetup.crypt_free(disk)
    return "opened" if said >= 0 else os.strerror(-said)


signals = []
signal.signal(signal.SIGCHLD, lambda number, frame: signals.append(number))
stop, children = threading.Event(), []
thread = threading.Thread(target=wait_for_any, args=(stop, children))
thread.start()
os.umask(0o027)
os.environ["SSLKEYLOGFILE"] = "/dev/null"
open_disk(sys.argv[1], token=False)  # libcryptsetup opens /dev/random for good
before = snapshot()
said = open_disk(sys.argv[1])
after = snapshot()
stop.set()
thread.join()
for name, value in before.items():
    if after[name] != value:
        print(f"{name}: {value} has become {after[name]}")
if signals:
    print(f"SIGCHLD: {len(signals)}")
if children:
    print(f"found by wait(2): {children}")
print(said)
