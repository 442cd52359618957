#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# Subject: nvme-pci: add KUnit tests for shadow doorbells
#
# Test the event comparison, the layout and bound of the pages, the module
# parameter, and the life cycle with a controller that accepts, refuses,
# fails or disappears. They need neither a controller nor PCI:
#
#   tools/testing/kunit/kunit.py run --kunitconfig drivers/nvme/host/tests
#
# Files: drivers/nvme/host/tests/dbbuf_kunit.c
# Files: drivers/nvme/host/tests/.kunitconfig
# Files: drivers/nvme/host/Kconfig drivers/nvme/host/Makefile MAINTAINERS
"""Add the tests to the tree and to its build."""
import steplib

steplib.copy("drivers/nvme/host/tests/dbbuf_kunit.c")
steplib.copy("drivers/nvme/host/tests/.kunitconfig")
steplib.append("drivers/nvme/host/Kconfig", """
config NVME_DBBUF_KUNIT_TEST
	tristate "KUnit tests for NVMe shadow doorbells" if !KUNIT_ALL_TESTS
	depends on KUNIT && BLOCK
	default KUNIT_ALL_TESTS
	help
	  Unit tests for the shadow doorbells of the NVMe PCI driver. They need
	  no NVMe controller.

	  For more about KUnit and unit tests in general refer to the KUnit
	  documentation in Documentation/dev-tools/kunit/.

	  If unsure, say N.
""")
steplib.append("drivers/nvme/host/Makefile", """
obj-$(CONFIG_NVME_DBBUF_KUNIT_TEST)	+= tests/dbbuf_kunit.o
""")
steplib.update_maintainers()
