#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every piece of code that no test has run, with the reason from a list of them.
# Fails if there is none for one.
#
# usage: tests/coverage/explain.py REASONS FOLDER FILTER
#
# FOLDER has the objects and what was counted (.gcno, .gcda), as gcc leaves them;
# FILTER is a regular expression for the sources there that count. A line of REASONS
# is a pattern for files (as of the shell), two regular expressions for the whole name
# of a function and for some line of the piece ("-" for any), and the reason. The first
# one that fits is it. BEFORE@LINE instead of the second expression looks also at what
# stands before the piece: the condition it depends on and the statement before that,
# as one line; either side may be empty.
import collections
import fnmatch
import json
import os
import re
import subprocess
import sys


def read_reasons(path):
    """The list: (file, function, source, reason)."""
    with open(path, encoding="utf-8") as lines:
        return [line.split(None, 3) for line in map(str.strip, lines)
                if line and not line.startswith("#")]


def counted(folder):
    """What gcov says of each object file there."""
    for where, _, names in os.walk(folder):
        names = [os.path.join(where, name) for name in names if name.endswith(".gcno")]
        if names:
            out = subprocess.run(["gcov", "--json-format", "--stdout", *names], check=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
            for text in out.splitlines():
                yield json.loads(text)


def read_lines(folder, wanted):
    """File: number of line: [how often it was run, function]. Code of a header that is
    in several objects has run if it has in one."""
    files = collections.defaultdict(dict)
    for unit in counted(folder):
        for part in unit["files"]:
            path = os.path.join(unit["current_working_directory"], part["file"])
            name = os.path.relpath(path, folder)
            if not re.fullmatch(wanted, name):
                continue
            for line in part["lines"]:
                known = files[name].setdefault(line["line_number"],
                                               [0, line.get("function_name", "-")])
                known[0] += line["count"]
    return files


def pieces(lines):
    """Lines of one function that follow each other and were not run."""
    piece = []
    for number, (count, function) in sorted(lines.items()):
        if piece and (count or function != lines[piece[0]][1]):
            yield piece
            piece = []
        if not count:
            piece.append(number)
    if piece:
        yield piece


def leading(text):
    """The end of @text: a condition, and the statement before it."""
    taken = []
    ends = 0
    for line in map(str.strip, reversed(text)):
        ends += line.endswith(";") or line in ("", "{", "}")
        if ends == 2:
            break
        taken.insert(0, line)
    return " ".join(taken)


def fits(source, text, piece):
    """Does this part of a reason fit a piece, given as numbers of lines of @text?"""
    before, at, line = source.partition("@")
    if not at:
        before, line = "", source
    return (source == "-" or re.search(before, leading(text[:piece[0] - 1])) and
            any(re.search(line, text[number - 1]) for number in piece))


def reason_for(reasons, name, function, text, piece):
    """The first that fits, or None."""
    for files, functions, source, reason in reasons:
        if (fnmatch.fnmatch(name, files) and re.fullmatch(functions, function) and
                fits(source, text, piece)):
            return reason
    return None


def main():
    reasons, folder, wanted = read_reasons(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3]
    files = read_lines(folder, wanted)
    unknown = total = 0
    for name, lines in sorted(files.items()):
        with open(os.path.join(folder, name), encoding="utf-8") as source:
            text = source.read().split("\n")
        for piece in pieces(lines):
            function = lines[piece[0]][1]
            reason = reason_for(reasons, name, function, text, piece)
            where = f"{piece[0]}-{piece[-1]}" if len(piece) > 1 else f"{piece[0]}"
            print(f"{name}:{where} {function}(): {reason or 'NO REASON'}")
            total += 1
            unknown += reason is None
    print(f"{os.path.basename(folder)}: {total} pieces that were not run, {unknown} without a reason")
    return not files or unknown > 0


sys.exit(main())
