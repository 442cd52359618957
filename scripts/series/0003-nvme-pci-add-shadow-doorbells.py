#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# Subject: nvme-pci: add shadow doorbells
#
# Add a separate implementation of shadow doorbells: types and the fast path
# in dbbuf.h, the life cycle in dbbuf.c. Nothing calls it yet.
#
# What it makes sure of:
#
# - no doorbell points into the shared pages before the controller has
#   accepted them, nor when it is disabled, and the pages stay until the
#   controller cannot reach them any more;
# - a command that is refused leaves plain doorbells, and one that times out
#   or races with a reset attaches nothing;
# - support, stride and page bound are looked at after each reset, and either
#   all I/O queues are attached or none;
# - the fast path has one full barrier, trusts its own memory for the
#   position published last, and takes an event index that no entry has for
#   "never";
# - a lost doorbell costs a moment: it is written again, and from then on so
#   are all of that controller's;
# - it can be switched with a module parameter, nvme.dbbuf, and seen in
#   debugfs and through tracepoints.
#
# Files: drivers/nvme/host/dbbuf.c drivers/nvme/host/dbbuf.h
# Files: drivers/nvme/host/dbbuf_trace.c drivers/nvme/host/dbbuf_trace.h
# Files: drivers/nvme/host/Makefile MAINTAINERS
"""Add the project's files to the tree and to its build."""
import steplib

steplib.copy("drivers/nvme/host/dbbuf.h")
steplib.copy("drivers/nvme/host/dbbuf.c")
steplib.copy("drivers/nvme/host/dbbuf_trace.h")
steplib.copy("drivers/nvme/host/dbbuf_trace.c")
steplib.replace_line("drivers/nvme/host/Makefile",
                     r"(nvme-y[ \t]*\+= pci\.o.*)", r"\1 dbbuf.o dbbuf_trace.o" + "\n")
steplib.update_maintainers()
