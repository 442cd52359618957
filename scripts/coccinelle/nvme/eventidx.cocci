// SPDX-License-Identifier: GPL-2.0
/// Use an event index in nvme_dbbuf_need_event() and nowhere else. The controller
/// can write anything there at any time: it is no index, no length, no address and
/// no state, and only this comparison knows which numbers mean nothing. It may be
/// traced, or kept in a struct nvme_dbbuf_loss to be printed. The driver itself
/// never writes one.
//
// Confidence: Moderate
// Comments: looks at files that include dbbuf.h or define struct nvme_dbbuf_db;
// Comments: follows an event index into variables, not through functions
// Options: --no-includes --include-headers
// Keywords: nvme, shadow doorbell, event index

virtual context
virtual org
virtual report

@includes@
@@
 #include "dbbuf.h"

@defines@
@@
 struct nvme_dbbuf_db { ... };

// Where the controller's word may go.
@read@
idexpression l;
expression E;
position p;
@@
 l = le32_to_cpu(READ_ONCE(*E->eventidx@p))

@used@
identifier trace =~ "^(trace_nvme_dbbuf_|nvme_dbbuf_trace_)";
struct nvme_dbbuf_loss *K;
expression E;
position p;
@@
(
 nvme_dbbuf_need_event(le32_to_cpu(READ_ONCE(*E->eventidx@p)), ...)
|
 trace(..., le32_to_cpu(READ_ONCE(*E->eventidx@p)), ...)
|
 K->eventidx = le32_to_cpu(READ_ONCE(*E->eventidx@p))
)

@address@
expression E, I, L;
position p;
@@
 L = &E->eventidxs@p[I]

@word depends on includes || defines@
position p != {read.p, used.p, address.p};
expression E, I;
@@
(
 *E->eventidx@p
|
 E->eventidxs@p[I]
)

// Where a variable that holds one may be used.
@variable@
identifier trace =~ "^(trace_nvme_dbbuf_|nvme_dbbuf_trace_)";
identifier l;
struct nvme_dbbuf_loss *K;
expression E;
position p;
@@
(
 l@p = le32_to_cpu(READ_ONCE(*E->eventidx))
|
 nvme_dbbuf_need_event(l@p, ...)
|
 trace(..., l@p, ...)
|
 K->eventidx = l@p
)

@comparison@
identifier l;
position p;
@@
 nvme_dbbuf_need_event(...)
 {
	<... l@p ...>
 }

@held depends on includes || defines@
idexpression read.l;
position p != {variable.p, comparison.p};
@@
 l@p

@named depends on includes || defines@
identifier l = {eventidx};
position p != {variable.p, comparison.p, held.p};
@@
 l@p

// Where one that was kept may be used.
@told@
identifier tell =~ "^(trace_nvme_dbbuf_|dev_|pr_|seq_)";
expression K, V;
position p;
@@
(
 nvme_dbbuf_need_event(K->eventidx@p, ...)
|
 nvme_dbbuf_need_event(K.eventidx@p, ...)
|
 tell(..., K->eventidx@p, ...)
|
 tell(..., K.eventidx@p, ...)
|
 K->eventidx@p = V
|
 K.eventidx@p = V
)

@kept depends on includes || defines@
struct nvme_dbbuf_loss *K;
expression E;
position p != told.p;
@@
(
 K->eventidx@p
|
 E.eventidx@p
)

// ----------------------------------------------------------------------------

@depends on context@
position word.p;
expression E;
@@
(
*E->eventidx@p
|
*E->eventidxs@p
)

@depends on context@
idexpression l;
position held.p;
@@
*l@p

@depends on context@
identifier l;
position named.p;
@@
*l@p

@depends on context@
expression K;
position kept.p;
@@
(
*K->eventidx@p
|
*K.eventidx@p
)

// ----------------------------------------------------------------------------

@script:python depends on org@
p << word.p;
@@
cocci.print_main("event index used other than in nvme_dbbuf_need_event()", p)

@script:python depends on report@
p << word.p;
@@
coccilib.report.print_report(p[0], "event index used other than in nvme_dbbuf_need_event()")

@script:python depends on org@
p << held.p;
@@
cocci.print_main("event index used other than in nvme_dbbuf_need_event()", p)

@script:python depends on report@
p << held.p;
@@
coccilib.report.print_report(p[0], "event index used other than in nvme_dbbuf_need_event()")

@script:python depends on org@
p << named.p;
@@
cocci.print_main("event index used other than in nvme_dbbuf_need_event()", p)

@script:python depends on report@
p << named.p;
@@
coccilib.report.print_report(p[0], "event index used other than in nvme_dbbuf_need_event()")

@script:python depends on org@
p << kept.p;
@@
cocci.print_main("event index used other than in nvme_dbbuf_need_event()", p)

@script:python depends on report@
p << kept.p;
@@
coccilib.report.print_report(p[0], "event index used other than in nvme_dbbuf_need_event()")
