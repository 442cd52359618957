#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# Subject: nvme: complete the wire definitions of shadow doorbells
#
# Name the bit that the first drivers and controllers took for support of
# Doorbell Buffer Config, and let the compiler check the command's layout.
#
# Files: include/linux/nvme.h
"""Add to the tree's include/linux/nvme.h what it lacks of the project's."""
import re

import steplib

PATH = "include/linux/nvme.h"
ENUMERATOR = re.compile(r"(?m)^\t(\w+)\t+= ([^,\n]+),$")

ours = steplib.read(f"{steplib.TOP}/{PATH}")
theirs = steplib.read(PATH)

for name in ("NVME_CTRL_OACS_DBBUF_SUPP", "nvme_admin_dbbuf", "struct nvme_dbbuf {"):
    if name not in theirs:
        steplib.fail(f"{PATH}: lacks '{name}', the tree is too old")

for name, value in ENUMERATOR.findall(ours):
    if not re.search(rf"\b{name}\b", theirs):
        steplib.replace_line(PATH, r"(\tNVME_CTRL_OACS_DBBUF_SUPP\b.*)",
                             f"\t{name}\t\t= {value},\n\\1\n")

checks = [line for line in re.findall(r"(?m)^static_assert\(.*\);$", ours)
          if line not in theirs]
if checks:
    text = steplib.read(PATH)
    structure = re.search(r"(?ms)^struct nvme_dbbuf \{.*?^\};\n", text)
    if not structure:
        steplib.fail(f"{PATH}: struct nvme_dbbuf is not as expected")
    end = structure.end()
    text = text[:end] + "\n" + "".join(f"{line}\n" for line in checks) + text[end:]
    steplib.write(PATH, text)
    if "<linux/build_bug.h>" not in text:
        steplib.replace_line(PATH, r"#include <linux/types\.h>",
                             "#include <linux/build_bug.h>\n#include <linux/types.h>\n")
