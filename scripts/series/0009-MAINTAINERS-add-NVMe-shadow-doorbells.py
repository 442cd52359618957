#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# Subject: MAINTAINERS: add NVMe shadow doorbells
#
# Have changes to the shadow doorbells seen by those who know their ordering
# rules, next to the maintainers of the NVMe driver.
#
# Files: MAINTAINERS
"""Merge the project's entries into the tree's MAINTAINERS, in order."""
import os
import re

import steplib

ENTRY = re.compile(r"(?m)^([A-Z0-9][^\n:]*)\n((?:[A-Z]:\t.*\n)+)")

ours = ENTRY.findall(steplib.read(f"{steplib.TOP}/MAINTAINERS"))
if not ours:
    steplib.fail("MAINTAINERS: the project's own file has no entry")

for title, fields in ours:
    text = steplib.read("MAINTAINERS")
    if f"\n{title}\n" in text:
        steplib.fail(f"MAINTAINERS: has an entry '{title}' already")
    # The person who signs the series off is who looks after the code.
    entry = f"{title}\nM:\t{os.environ['NVME_DBBUF_SIGNOFF']}\n{fields}\n"
    for other in ENTRY.finditer(text):
        # The list proper is in capitals; what precedes it is an explanation.
        if other.group(1) > title and other.group(1).startswith(title[:3]):
            break
    else:
        steplib.fail("MAINTAINERS: found no place for the new entry")
    start = other.start()
    steplib.write("MAINTAINERS", text[:start] + entry + text[start:])
