// SPDX-License-Identifier: GPL-2.0
// What must not be left in drivers/nvme/host/pci.c after the last step. Reports,
// changes nothing; each line of output fails the series.
//
// That nothing uses a doorbell register without asking the shadow doorbell first
// is seen by scripts/coccinelle/nvme/doorbell.cocci.

@known@
position p;
expression Q;
identifier f = {nvme_dbbuf_update_and_check_event, nvme_dbbuf_init_sq, nvme_dbbuf_init_cq};
@@
(
 f(..., &Q->sq_dbbuf@p, ...)
|
 f(..., &Q->cq_dbbuf@p, ...)
)

@unknown@
position p != known.p;
expression Q;
@@
(
 Q->sq_dbbuf@p
|
 Q->cq_dbbuf@p
)

@script:python@
p << unknown.p;
@@
print("%s:%s: shadow doorbell used outside of dbbuf.c" % (p[0].file, p[0].line))

// Who comes in the place of a completion queue's interrupt handler has its lock.
@guarded@
position p;
expression Q;
@@
 disable_irq@p(...);
 spin_lock(&Q->cq_poll_lock);
 ...
 spin_unlock(&Q->cq_poll_lock);
 enable_irq(...);

@unguarded@
position p != guarded.p;
@@
 disable_irq@p(...)

@script:python@
p << unguarded.p;
@@
print("%s:%s: interrupt disabled without taking cq_poll_lock" % (p[0].file, p[0].line))

@locked exists@
identifier f = {nvme_process_cq, nvme_poll_cq};
position p;
expression Q;
struct nvme_queue S;
@@
(
 spin_lock(&Q->cq_poll_lock);
 ... when != spin_unlock(&Q->cq_poll_lock)
 f@p(Q, ...)
|
 spin_lock(&S.cq_poll_lock);
 ... when != spin_unlock(&S.cq_poll_lock)
 f@p(&S, ...)
)

@unlocked@
identifier f = {nvme_process_cq, nvme_poll_cq};
identifier g != nvme_irq;
position p != locked.p;
@@
 g(...)
 {
	<...
	f@p(...)
	...>
 }

@script:python@
p << unlocked.p;
@@
print("%s:%s: completions polled without cq_poll_lock" % (p[0].file, p[0].line))

@prepared@
position p;
expression ret;
identifier dev, out;
@@
 nvme_dbbuf_prepare(...);
 ret = nvme_setup_io_queues@p(dev);
 if (ret)
	goto out;
 ret = nvme_dbbuf_configure(&dev->dbbuf, dev->online_queues);
 if (ret)
	goto out;

@probed@
position p;
expression ret;
identifier dev, out;
@@
 nvme_dbbuf_prepare(...);
 ret = nvme_setup_io_queues@p(dev);
 if (ret)
	goto out;
 if (dev->online_queues > 1) {
	nvme_alloc_io_tag_set(...);
	nvme_dbbuf_configure(&dev->dbbuf, dev->online_queues);
 }

@unprepared@
position p != {prepared.p, probed.p};
@@
 nvme_setup_io_queues@p(...)

@script:python@
p << unprepared.p;
@@
print("%s:%s: I/O queues set up without shadow doorbells" % (p[0].file, p[0].line))

// A tag set that nvme_reset_work() allocates, itself or through others.
@late@
position p;
@@
 nvme_dbbuf_configure(...);
 nvme_unfreeze@p(...);

@unfrozen@
position p != late.p;
@@
 nvme_reset_work(...)
 {
	<...
	nvme_unfreeze@p(...);
	...>
 }

@script:python@
p << unfrozen.p;
@@
print("%s:%s: I/O goes on without shadow doorbells" % (p[0].file, p[0].line))

@freed@
position p;
@@
 nvme_dbbuf_free(...);
 nvme_free_queues@p(...);

@leaked@
position p != freed.p;
expression dev;
@@
 nvme_free_queues@p(dev, 0)

@script:python@
p << leaked.p;
@@
print("%s:%s: queues freed, shadow doorbells kept" % (p[0].file, p[0].line))

@detached@
position p;
@@
 nvme_dbbuf_detach(...);
 ...
 nvme_suspend_io_queues@p(...);

@disabled@
identifier dev;
position p != detached.p;
@@
 nvme_dev_disable(struct nvme_dev *dev, ...)
 {
	<...
	nvme_suspend_io_queues@p(...);
	...>
 }

@script:python@
p << disabled.p;
@@
print("%s:%s: controller disabled with shadow doorbells attached" % (p[0].file, p[0].line))

@early@
identifier f =~ "^nvme_(delete_io_queues|disable_io_queues|disable_ctrl|shutdown_ctrl|disable_admin_queue|suspend_queue)$";
position p;
@@
 f@p(...);
 ... when any
 nvme_dbbuf_detach(...);

@script:python@
p << early.p;
@@
print("%s:%s: controller disabled before shadow doorbells are detached" % (p[0].file, p[0].line))

@elsewhere@
identifier g != {nvme_dev_disable, nvme_setup_io_queues};
position p;
@@
 g(...)
 {
	<...
	nvme_suspend_io_queues@p(...);
	...>
 }

@script:python@
p << elsewhere.p;
@@
print("%s:%s: I/O queues suspended where shadow doorbells are not detached" % (p[0].file, p[0].line))

// An own version that was removed in part only.
@old@
identifier f =~ "^(nvme_dbbuf_(dma_alloc|dma_free|set|size|need_event)|sq_idx|cq_idx)$";
position p;
@@
 f@p(...)

@script:python@
p << old.p;
f << old.f;
@@
print("%s:%s: %s() is left of the kernel's own shadow doorbells" % (p[0].file, p[0].line, f))
