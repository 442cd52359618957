// SPDX-License-Identifier: GPL-2.0
/// Write a doorbell register only when its shadow doorbell was asked first, by
/// nvme_dbbuf_update_and_check_event(): a position that is not published is one
/// that the controller may never see, and one that is written past the shadow
/// doorbell lets the controller take the two for different positions.
///
/// Exempt are those that tell dbbuf.c of the register, the assignments that make
/// it known, and dbbuf.c's own repetition of the position published last.
//
// Confidence: High
// Comments: an #include of dbbuf.h is not needed, names and types are enough
// Options: --no-includes --include-headers
// Keywords: nvme, shadow doorbell, doorbell register, writel

virtual patch
virtual context
virtual org
virtual report

@asked@
position p;
struct nvme_queue *q;
expression V, S;
@@
(
 if (nvme_dbbuf_update_and_check_event(&q->sq_dbbuf, V))
	writel(V, q->q_db@p);
|
 if (nvme_dbbuf_update_and_check_event(&q->cq_dbbuf, V))
	writel(V, q->q_db@p + S);
)

@told@
position p;
struct nvme_queue *q;
expression S;
@@
(
 nvme_dbbuf_init_sq(..., &q->sq_tail, q->q_db@p, ...)
|
 nvme_dbbuf_init_cq(..., &q->cq_head, q->q_db@p + S, ...)
)

@set@
position p;
expression Q, E;
@@
 Q->q_db@p = E

@other@
position p != {asked.p, told.p, set.p};
expression Q;
@@
 Q->q_db@p

@base@
position p;
expression D, Q, E;
@@
(
 D->dbs@p = E
|
 Q->q_db = &D->dbs@p[E]
|
 Q->q_db = D->dbs@p
)

@otherbase@
position p != base.p;
expression D;
@@
 D->dbs@p

@named@
position p;
expression D;
identifier r != NVME_REG_DBS;
@@
 D->bar@p + r

@unnamed@
position p != named.p;
expression D, V;
identifier w =~ "write";
@@
 w(V, <+... D->bar@p ...+>)

@repeated@
position p;
struct nvme_dbbuf_slot *S;
expression D;
@@
 D->last_rung = D->last;
 ... when != D->last = ...
 writel(D->last, S->reg@p)

@made_known@
position p;
expression Q, R;
@@
(
 Q->sq.reg@p = R
|
 Q->cq.reg@p = R
)

@slot@
position p != {repeated.p, made_known.p};
struct nvme_dbbuf_slot *S;
expression Q;
@@
(
 S->reg@p
|
 Q->sq.reg@p
|
 Q->cq.reg@p
)

// ----------------------------------------------------------------------------

@depends on patch@
position other.p;
struct nvme_queue *q;
expression V, S;
@@
(
-	writel(V, q->q_db@p);
+	if (nvme_dbbuf_update_and_check_event(&q->sq_dbbuf, V))
+		writel(V, q->q_db);
|
-	writel(V, q->q_db@p + S);
+	if (nvme_dbbuf_update_and_check_event(&q->cq_dbbuf, V))
+		writel(V, q->q_db + S);
)

// ----------------------------------------------------------------------------

@depends on context@
position other.p;
expression Q;
@@
*Q->q_db@p

@depends on context@
position otherbase.p;
expression D;
@@
*D->dbs@p

@depends on context@
position unnamed.p;
expression D;
@@
*D->bar@p

@depends on context@
position slot.p;
expression S;
@@
(
*S->reg@p
|
*S.reg@p
)

// ----------------------------------------------------------------------------

@script:python depends on org@
p << other.p;
@@
cocci.print_main("doorbell register used without asking the shadow doorbell", p)

@script:python depends on report@
p << other.p;
@@
coccilib.report.print_report(p[0], "doorbell register used without asking the shadow doorbell")

@script:python depends on org@
p << otherbase.p;
@@
cocci.print_main("doorbell registers reached without the queue", p)

@script:python depends on report@
p << otherbase.p;
@@
coccilib.report.print_report(p[0], "doorbell registers reached without the queue")

@script:python depends on org@
p << unnamed.p;
@@
cocci.print_main("register written that has no name", p)

@script:python depends on report@
p << unnamed.p;
@@
coccilib.report.print_report(p[0], "register written that has no name")

@script:python depends on org@
p << slot.p;
@@
cocci.print_main("doorbell register written with a position that is not the last published", p)

@script:python depends on report@
p << slot.p;
@@
coccilib.report.print_report(p[0], "doorbell register written with a position that is not the last published")
