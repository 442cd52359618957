// SPDX-License-Identifier: GPL-2.0
/*
 * The code of the tracepoints of shadow doorbells, which dbbuf_trace.h declares.
 * Apart from dbbuf.c, so that its KUnit tests can be without.
 */
#include "nvme.h"
#include "dbbuf.h"

#define CREATE_TRACE_POINTS
#include "dbbuf_trace.h"
