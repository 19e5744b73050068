# SPDX-License-Identifier: GPL-2.0-or-later
"""What the programs that read the benchmark's results share."""
import collections
import os
import platform
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
MODES = ("dm-crypt", "dm-crypt-nowq")
CONTENDERS = ("bare", "evs", *MODES, "dm-inlinecrypt")
# Cells that each run has, whichever else
QUICK = "quick"

Cell = collections.namedtuple("Cell", "kind at dm_bound floor_bound options")


def read_cells():
    """Return {name: Cell}, in order."""
    cells = {}
    with open(os.path.join(HERE, "cells"), encoding="utf-8") as file:
        for line in file:
            if not line.strip() or line.startswith("#"):
                continue
            name, kind, at, _, dm, floor, *options = line.split()
            cells[name] = Cell(kind, at, float(dm), None if floor == "-" else float(floor),
                               dict(o.split("=") for o in options))
    return cells


def ordered(names):
    """The contenders among these, in the order in which they are shown."""
    return sorted(names, key=CONTENDERS.index)


def heads(names):
    """The contenders as heads of columns."""
    return "".join(f"{n.replace('dm-crypt-nowq', 'dm no wq'):>15}" for n in names)


def judged(ratio, bound, least=False):
    """A ratio, if there is one, beside its bound, the most or the least that it may be."""
    if ratio is None:
        return "    -        "
    if bound is None:
        return f"{ratio:5.2f}        "
    if least:
        sign = ">=" if ratio >= bound - 0.005 else "< "
    else:
        sign = "<=" if ratio <= bound + 0.005 else "> "
    return f"{ratio:5.2f} {sign} {bound:.2f} "


def first_line(*command):
    """What a program says of its version."""
    return subprocess.run(command, check=True, capture_output=True,
                          text=True).stdout.splitlines()[0]


def host():
    """The machine that the figures are of."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":")[1].strip() for line in file
                      if line.startswith("model name")), platform.machine())
    emulator = first_line(os.path.join(HERE, "../vm/kernel"), "emulator")
    version = first_line(emulator + "/usr/bin/qemu-system-x86_64", "--version")
    return {"cpu": model, "cpus": os.cpu_count(), "qemu": version.split(" (")[0]}
