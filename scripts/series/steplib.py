# SPDX-License-Identifier: GPL-2.0
"""Edits that the series' Python steps share.

A step runs with the scratch copy of the kernel tree as its working directory;
NVME_DBBUF_TOP names this project's top directory. An edit that cannot be made
exactly as described ends the step with one line that names the file.
"""
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
