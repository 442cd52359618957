// SPDX-License-Identifier: GPL-2.0
// Subject: nvme-pci: publish doorbells in their shadows first
//
// Ask the shadow doorbell whether the doorbell register has to be written,
// for each submission queue tail and each completion queue head. A doorbell
// that is not attached, and none is so far, always says yes.
//
// The register is still written under what guards the tail or the head:
// several controllers copy its value to the shadow doorbell, and that must
// not go backwards.
//
// A completion queue's head is guarded by cq_poll_lock against all but its
// interrupt handler. Where the timeout handler disables the interrupt and
// takes no lock, as in Linux 5.10, make it do both.
//
// Files: drivers/nvme/host/pci.c
// Matches: tail 1
// Matches: head 1
// Matches: polled 0|1

@tail@
struct nvme_queue *nvmeq;
expression V;
position p;
@@
-	writel@p(V, nvmeq->q_db);
+	if (nvme_dbbuf_update_and_check_event(&nvmeq->sq_dbbuf, V))
+		writel(V, nvmeq->q_db);

@head@
struct nvme_queue *nvmeq;
expression V, stride;
position p;
@@
-	writel@p(V, nvmeq->q_db + stride);
+	if (nvme_dbbuf_update_and_check_event(&nvmeq->cq_dbbuf, V))
+		writel(V, nvmeq->q_db + stride);

// Where the lock is taken already, it stands between.
@polled@
identifier nvmeq;
identifier f = {nvme_process_cq, nvme_poll_cq};
position p;
@@
 nvme_poll_irqdisable(struct nvme_queue *nvmeq)
 {
 	...
 	disable_irq(...);
+	spin_lock(&nvmeq->cq_poll_lock);
 	f@p(nvmeq, ...);
+	spin_unlock(&nvmeq->cq_poll_lock);
 	enable_irq(...);
 	...
 }
