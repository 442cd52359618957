// SPDX-License-Identifier: GPL-2.0
/// Access shadow doorbells and event indexes, which the controller reads and
/// writes at any time, once and as a whole, and in little endian:
/// le32_to_cpu(READ_ONCE(*word)), WRITE_ONCE(*word, cpu_to_le32(value)) or
/// nvme_dbbuf_store_release(word, cpu_to_le32(value)).
///
/// Exempt is memset() of a page, which is for one that the controller has not
/// been told of.
//
// Confidence: High
// Comments: looks at files that include dbbuf.h or define struct nvme_dbbuf_db
// Options: --no-includes --include-headers
// Keywords: nvme, shadow doorbell, event index, READ_ONCE, WRITE_ONCE, __le32

virtual patch
virtual context
virtual org
virtual report

@includes@
@@
 #include "dbbuf.h"

@defines@
@@
 struct nvme_dbbuf_db { ... };

// Reached from a structure: a pointer to one word, or to the page of them.
@good@
identifier w = {shadow, eventidx, shadows, eventidxs};
position p;
expression E, I, V;
@@
(
 le32_to_cpu(READ_ONCE(*E->w@p))
|
 le32_to_cpu(READ_ONCE(E->w@p[I]))
|
 WRITE_ONCE(*E->w@p, cpu_to_le32(V))
|
 WRITE_ONCE(E->w@p[I], cpu_to_le32(V))
|
 nvme_dbbuf_store_release(E->w@p, cpu_to_le32(V))
|
 nvme_dbbuf_store_release(&E->w@p[I], cpu_to_le32(V))
|
 memset(E->w@p, 0, NVME_CTRL_PAGE_SIZE)
|
 dma_free_coherent(..., E->w@p, ...)
|
 READ_ONCE(E->w@p)
|
 WRITE_ONCE(E->w@p, ...)
)

@pointer@
identifier w = {shadow, eventidx, shadows, eventidxs};
position p;
expression E, L;
@@
 WRITE_ONCE(L, E->w@p)

@address@
identifier w = {shadow, eventidx, shadows, eventidxs};
position p;
expression E, I, L;
@@
 L = &E->w@p[I]

// A copy that was kept to be reported.
@kept@
struct nvme_dbbuf_loss *K;
position p;
@@
 K->eventidx@p

@bad depends on includes || defines disable drop_cast@
identifier w = {shadow, eventidx, shadows, eventidxs};
identifier f;
position p != {good.p, pointer.p, address.p, kept.p};
expression E, I;
type T;
@@
(
 *E->w@p
|
 E->w@p[I]
|
 f(..., E->w@p, ...)
|
 (T)E->w@p
)

// Reached by a local variable or parameter. The second half of the first rule is
// for functions that are given a value in little endian.
@local_good@
typedef __le32;
idexpression __le32 v;
expression V;
idexpression __le32 *l;
position p;
@@
(
 le32_to_cpu(READ_ONCE(*l@p))
|
 WRITE_ONCE(*l@p, cpu_to_le32(V))
|
 nvme_dbbuf_store_release(l@p, cpu_to_le32(V))
|
 WRITE_ONCE(*l@p, v)
|
 virt_store_release(l@p, v)
)

@local_bad depends on includes || defines disable drop_cast@
identifier f;
idexpression __le32 *l;
expression I;
position p != local_good.p;
type T;
@@
(
 *l@p
|
 l@p[I]
|
 f(..., l@p, ...)
|
 (T)l@p
)

// ----------------------------------------------------------------------------

@depends on patch@
identifier w = {shadow, eventidx};
position bad.p;
expression E, V;
@@
(
 le32_to_cpu(
-	*E->w@p
+	READ_ONCE(*E->w)
 )
|
-	*E->w@p = cpu_to_le32(V)
+	WRITE_ONCE(*E->w, cpu_to_le32(V))
)

// ----------------------------------------------------------------------------

@depends on context@
identifier bad.w;
position bad.p;
expression E;
@@
*E->w@p

@depends on context@
position local_bad.p;
idexpression __le32 *l;
@@
*l@p

// ----------------------------------------------------------------------------

@script:python depends on org@
p << bad.p;
@@
cocci.print_main("word shared with the controller accessed without READ_ONCE(), WRITE_ONCE() or conversion", p)

@script:python depends on report@
p << bad.p;
@@
coccilib.report.print_report(p[0], "word shared with the controller accessed without READ_ONCE(), WRITE_ONCE() or conversion")

@script:python depends on org@
p << local_bad.p;
@@
cocci.print_main("word shared with the controller accessed without READ_ONCE(), WRITE_ONCE() or conversion", p)

@script:python depends on report@
p << local_bad.p;
@@
coccilib.report.print_report(p[0], "word shared with the controller accessed without READ_ONCE(), WRITE_ONCE() or conversion")
