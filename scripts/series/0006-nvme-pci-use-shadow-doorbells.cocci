// SPDX-License-Identifier: GPL-2.0
// Subject: nvme-pci: use shadow doorbells
//
// Prepare them once the controller is identified, and configure them when
// all I/O queues exist and no I/O runs on them yet. The first time, that is
// after the tag set has been allocated: a controller that completes what
// nobody has submitted is not to meet a driver without one, and while it
// takes its time for the command it has plenty of that. Detach all doorbells
// before the controller is disabled, whatever the reason: reset, removal,
// suspend, shutdown, a command that timed out. I/O queues are quiesced there,
// and their interrupts have not been freed. Free the pages together with the
// queues, after the controller was disabled for good.
//
// Where configuring is the last step, nothing has to be done when the
// controller was disabled meanwhile: who does that because a command has
// timed out has made the controller's state "deleting" before, from where
// it does not become "live" any more.
//
// Switch them off with nvme.dbbuf=off.
//
// Files: drivers/nvme/host/pci.c
// Matches: queue 1
// Matches: connect 1
// Matches: unfreeze 1
// Matches: probe 0|1
// Matches: tagset as probe
// Matches: disabling 1
// Matches: remove as connect probe

@queue@
identifier nvmeq, qid, dev;
position p;
@@
 nvme_init_queue(struct nvme_queue *nvmeq, u16 qid)
 {
 	<...
+	nvme_dbbuf_init_sq(&dev->dbbuf, qid, &nvmeq->sq_dbbuf,
+			   &nvmeq->sq_lock, &nvmeq->sq_tail, nvmeq->q_db,
+			   nvmeq->q_depth,
+			   test_bit(NVMEQ_SQ_CMB, &nvmeq->flags));
+	nvme_dbbuf_init_cq(&dev->dbbuf, qid, &nvmeq->cq_dbbuf,
+			   &nvmeq->cq_poll_lock, &nvmeq->cq_head,
+			   nvmeq->q_db + dev->db_stride, nvmeq->q_depth,
+			   test_bit(NVMEQ_POLLED, &nvmeq->flags),
+			   pci_irq_vector(to_pci_dev(dev->dev),
+					  nvmeq->cq_vector));
 	dev->online_queues@p++;
 	...>
 }

@connect@
expression ret;
identifier dev, out;
position p;
@@
 nvme_reset_work(...)
 {
 	<...
+	nvme_dbbuf_prepare(&dev->dbbuf, &dev->ctrl, dev->dev,
+			   dev->nr_allocated_queues, dev->db_stride);
+
 	ret = nvme_setup_io_queues@p(dev);
 	if (ret)
 		goto out;
+
+	ret = nvme_dbbuf_configure(&dev->dbbuf, dev->online_queues);
+	if (ret)
+		goto out;
 	...>
 }

// Where there was no tag set before.
@unfreeze@
identifier dev;
position p;
@@
 nvme_reset_work(...)
 {
 	<...
+	nvme_dbbuf_configure(&dev->dbbuf, dev->online_queues);
 	nvme_unfreeze@p(&dev->ctrl);
 	...>
 }

// Kernels before 6.2 leave all of it to nvme_reset_work().
@probe@
identifier dev;
expression ret;
position p;
@@
 nvme_probe(...)
 {
 	<...
+	nvme_dbbuf_prepare(&dev->dbbuf, &dev->ctrl, dev->dev,
+			   dev->nr_allocated_queues, dev->db_stride);
+
 	ret = nvme_setup_io_queues@p(dev);
 	...>
 }

@tagset@
identifier dev;
position p;
@@
 nvme_probe(...)
 {
 	<...
 	nvme_alloc_io_tag_set@p(&dev->ctrl, ...);
+	nvme_dbbuf_configure(&dev->dbbuf, dev->online_queues);
 	...>
 }

@disabling@
identifier dev, dead;
position p;
@@
 nvme_dev_disable(struct nvme_dev *dev, ...)
 {
 	<...
+	nvme_dbbuf_detach(&dev->dbbuf);
 	if (!dead@p && dev->ctrl.queue_count > 0) { ... }
 	...>
 }

@remove@
identifier dev;
position p;
@@
+	nvme_dbbuf_free(&dev->dbbuf);
 	nvme_free_queues@p(dev, 0);
