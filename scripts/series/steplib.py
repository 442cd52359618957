# SPDX-License-Identifier: GPL-2.0
"""Edits that the series' Python steps share.

A step runs with the scratch copy of the kernel tree as its working directory;
NVME_DBBUF_TOP names this project's top directory. An edit that cannot be made
exactly as described ends the step with one line that names the file.
"""
import glob
import os
import re
import shutil
import sys

TOP = os.environ.get("NVME_DBBUF_TOP", "")


def fail(message):
    sys.exit(message)


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        fail(f"{path}: is not in the tree")


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def copy(path):
    """Bring the project's file PATH into the tree, where it must be new."""
    if os.path.exists(path):
        fail(f"{path}: is in the tree already")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    shutil.copyfile(os.path.join(TOP, path), path)


def replace_line(path, pattern, text):
    """Put TEXT in the place of the one line of PATH that matches PATTERN.

    TEXT can use the pattern's groups and ends with a newline.
    """
    new, count = re.subn(rf"(?m)^{pattern}\n", text, read(path))
    if count != 1:
        fail(f"{path}: {count} lines match '{pattern}', not one")
    write(path, new)


def append(path, text):
    """Add TEXT after the last line of PATH."""
    write(path, read(path).rstrip("\n") + "\n" + text)


def insert_parameter(name, description):
    """Describe a kernel parameter in the list of them.

    The list is only roughly in order: the place is after the parameter that is the
    nearest before NAME in the alphabet, wherever that stands.
    """
    path = "Documentation/admin-guide/kernel-parameters.txt"
    text = read(path)
    entries = [(match.group(1), match.start())
               for match in re.finditer(r"(?m)^\t([A-Za-z][A-Za-z0-9_.-]*)=", text)]
    earlier = [entry for entry, _ in entries if entry < name]
    if not earlier or name in (entry for entry, _ in entries):
        fail(f"{path}: found no place for {name}, or it is there already")
    nearest = max(earlier)
    last = max(place for entry, place in entries if entry == nearest)
    following = re.search(r"(?m)\n\n(?=\t[A-Za-z])", text[last:])
    if not following:
        fail(f"{path}: found no end of {nearest}")
    place = last + following.end()
    write(path, text[:place] + description + "\n" + text[place:])


def update_maintainers():
    """Bring the project's entries of MAINTAINERS into the tree's, in order.

    An entry names those of its files that are in the tree by now. The person who
    signs the series off is who looks after the code.
    """
    entry_pattern = re.compile(r"(?m)^([A-Z0-9][^\n:]*)\n((?:[A-Z]:\t.*\n)+)")
    ours = entry_pattern.findall(read(os.path.join(TOP, "MAINTAINERS")))
    if not ours:
        fail("MAINTAINERS: the project's own file has no entry")
    for title, fields in ours:
        fields = "".join(line for line in fields.splitlines(True)
                         if not line.startswith("F:") or glob.glob(line[2:].strip()))
        text = read("MAINTAINERS").replace("\n" + entry_of(title) + "\n", "\n")
        for other in entry_pattern.finditer(text):
            # The list proper is in capitals; what precedes it is an explanation.
            if other.group(1) > title and other.group(1).startswith(title[:3]):
                break
        else:
            fail("MAINTAINERS: found no place for the new entry")
        start = other.start()
        write("MAINTAINERS", f"{text[:start]}{title}\n"
              f"M:\t{os.environ['NVME_DBBUF_SIGNOFF']}\n{fields}\n{text[start:]}")


def entry_of(title):
    """The tree's entry of that title, or a text that is nowhere."""
    match = re.search(rf"(?m)^{title}\n(?:[A-Z]:\t.*\n)+", read("MAINTAINERS"))
    return match.group(0) if match else "\0"
