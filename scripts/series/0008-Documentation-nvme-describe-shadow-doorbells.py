#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# Subject: Documentation: nvme: describe shadow doorbells
#
# For users: how to switch them, see them and compare with plain doorbells.
# For authors of controllers: what the host relies on.
#
# Files: Documentation/nvme/shadow-doorbells.rst
# Files: Documentation/nvme/index.rst|Documentation/block/index.rst
# Files: MAINTAINERS
"""Add the document to the tree and to an index."""
import os

import steplib

steplib.copy("Documentation/nvme/shadow-doorbells.rst")
# Not every kernel has an index of its own for NVMe.
if os.path.exists("Documentation/nvme/index.rst"):
    steplib.append("Documentation/nvme/index.rst", "   shadow-doorbells\n")
else:
    steplib.replace_line("Documentation/block/index.rst", r"(   pr)",
                         "   ../nvme/shadow-doorbells\n\\1\n")
steplib.update_maintainers()
