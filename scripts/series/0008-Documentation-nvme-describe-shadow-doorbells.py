#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# Subject: Documentation: nvme: describe shadow doorbells
#
# For users: how to switch them, see them and compare with plain doorbells.
# For authors of controllers: what the host relies on.
#
# Files: Documentation/nvme/shadow-doorbells.rst
# Files: Documentation/nvme/index.rst|Documentation/block/index.rst
# Files: Documentation/admin-guide/kernel-parameters.txt
# Files: MAINTAINERS
"""Add the document to the tree and to an index, and describe the parameter."""
import os

import steplib

steplib.copy("Documentation/nvme/shadow-doorbells.rst")
# Not every kernel has an index of its own for NVMe.
if os.path.exists("Documentation/nvme/index.rst"):
    steplib.append("Documentation/nvme/index.rst", "   shadow-doorbells\n")
else:
    steplib.replace_line("Documentation/block/index.rst", r"(   pr)",
                         "   ../nvme/shadow-doorbells\n\\1\n")
steplib.insert_parameter("nvme.dbbuf", """\
	nvme.dbbuf=	[NVME] Shadow doorbells: queue positions are shared with
			a controller on PCI in a page of memory, and most
			writes to its doorbell registers, which are exits of
			a virtual machine, become unnecessary.
			Format: { on | off | bit7 }
			on: with controllers that announce it, by OACS bit 8
			(default).
			off: write all doorbell registers.
			bit7: also with controllers that announce it by OACS
			bit 7, as some early virtual ones do.
			Can be changed at run time; a controller's next reset
			makes it take effect. See
			Documentation/nvme/shadow-doorbells.rst.
""")
steplib.update_maintainers()
