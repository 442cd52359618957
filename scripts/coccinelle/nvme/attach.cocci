// SPDX-License-Identifier: GPL-2.0
/// Attach a doorbell to the shared pages only after the controller has accepted
/// them, that is after the Doorbell Buffer Config command (7Ch) has succeeded: a
/// driver that publishes positions in pages that the controller does not read, or
/// has forgotten, does I/O that nobody sees.
///
/// A doorbell is attached by setting its slot or its shadow pointer. That is left
/// to functions that are called after success and nowhere else; nr_attached counts
/// what they have attached. A shadow pointer alone may also be set for a doorbell
/// that has a slot, or is one of the first nr_attached.
//
// Confidence: Moderate
// Comments: looks at files that include dbbuf.h
// Options: --no-includes --include-headers
// Keywords: nvme, shadow doorbell, Doorbell Buffer Config

virtual context
virtual org
virtual report

@includes@
@@
 #include "dbbuf.h"

@cleared@
expression D;
identifier m = {shadow, slot};
position p;
@@
(
 WRITE_ONCE(D->m@p, NULL)
|
 D->m@p = NULL
)

@parked exists@
struct nvme_dbbuf_db *D;
identifier slot;
position p;
@@
 slot = READ_ONCE(D->slot)
 ...
 if (!slot) { ... return ...; }
 ... when != slot = ...
 WRITE_ONCE(D->shadow@p, slot->shadow)

@again@
identifier i;
expression C, D, X;
position p;
@@
 for (...; i <= C->nr_attached; ...) {
	<...
	WRITE_ONCE(D->shadow@p, X);
	...>
 }

// Whatever else writes one of the pointers attaches.
@attach depends on includes@
struct nvme_dbbuf_db *D;
identifier m = {shadow, slot};
expression E, X;
position p != {cleared.p, parked.p, again.p};
@@
(
 WRITE_ONCE(D->m@p, X)
|
 WRITE_ONCE(E->db->m@p, X)
|
 WRITE_ONCE(E.db->m@p, X)
|
 D->m@p = X
|
 E->db->m@p = X
|
 E.db->m@p = X
|
 E.m@p = X
)

@attacher@
identifier f, m;
expression D;
position attach.p;
@@
 f(...)
 {
	<+...
(
	D->m@p
|
	D.m@p
)
	...+>
 }

// It may be called after success, and what it did be counted.
@success exists@
identifier attacher.f;
expression S;
position p;
@@
 S = nvme_dbbuf_submit(...)
 ... when != S = ...
(
 if (S) { ... } else { <+... f@p(...) ...+> }
|
 if (S) { ... return ...; }
 ... when != S = ...
 f@p(...)
)

@counted exists@
expression C, N, S;
position p;
@@
 S = nvme_dbbuf_submit(...)
 ... when != S = ...
(
 if (S) { ... } else { <+... C->nr_attached@p = N ...+> }
|
 if (S) { ... return ...; }
 ... when != S = ...
 C->nr_attached@p = N
)

@early@
identifier attacher.f;
position p != success.p;
@@
 f@p(...)

// Also on a way around the command?
@around exists@
identifier attacher.f, g;
position p != early.p;
@@
 g(...)
 {
	... when != nvme_dbbuf_submit(...)
	f@p(...)
	... when any
 }

@called@
identifier attacher.f;
@@
 f(...)

@uncalled depends on !called@
identifier attacher.f;
position attach.p, q;
expression E;
identifier m;
@@
 f(...)
 {
	<+...
(
	E->m@p@q
|
	E.m@p@q
)
	...+>
 }

@none@
expression C;
position p;
@@
 C->nr_attached@p = 0

@count depends on includes@
expression C, N;
position p != {counted.p, none.p};
@@
 C->nr_attached@p = N

// ----------------------------------------------------------------------------

@depends on context@
identifier f;
position early.p;
@@
*f@p(...)

@depends on context@
identifier f;
position around.p;
@@
*f@p(...)

@depends on context@
expression E;
identifier m;
position uncalled.q;
@@
(
*E->m@q
|
*E.m@q
)

@depends on context@
expression C;
position count.p;
@@
*C->nr_attached@p

// ----------------------------------------------------------------------------

@script:python depends on org@
p << early.p;
@@
cocci.print_main("doorbell attached without success of Doorbell Buffer Config", p)

@script:python depends on report@
p << early.p;
@@
coccilib.report.print_report(p[0], "doorbell attached without success of Doorbell Buffer Config")

@script:python depends on org@
p << around.p;
@@
cocci.print_main("doorbell attached on a path without Doorbell Buffer Config", p)

@script:python depends on report@
p << around.p;
@@
coccilib.report.print_report(p[0], "doorbell attached on a path without Doorbell Buffer Config")

@script:python depends on org@
p << uncalled.q;
@@
cocci.print_main("doorbell attached where nothing tells of success of Doorbell Buffer Config", p)

@script:python depends on report@
p << uncalled.q;
@@
coccilib.report.print_report(p[0], "doorbell attached where nothing tells of success of Doorbell Buffer Config")

@script:python depends on org@
p << count.p;
@@
cocci.print_main("doorbells counted as attached without success of Doorbell Buffer Config", p)

@script:python depends on report@
p << count.p;
@@
coccilib.report.print_report(p[0], "doorbells counted as attached without success of Doorbell Buffer Config")
