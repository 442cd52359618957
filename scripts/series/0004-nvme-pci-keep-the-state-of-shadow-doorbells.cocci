// SPDX-License-Identifier: GPL-2.0
// Subject: nvme-pci: keep the state of shadow doorbells
//
// Give each controller and each doorbell a place for the state that dbbuf.c
// works on. Nothing is attached yet, so that all doorbells stay plain.
//
// The submission queue's doorbell lies beside the lock that guards it, the
// completion queue's beside the entries, on cache lines that the other side
// of the queue does not write to.
//
// Files: drivers/nvme/host/pci.c
// Matches: include 1
// Matches: controller 1
// Matches: submission 1
// Matches: completion 1
// Matches: initialized 1

@include@
@@
 #include "nvme.h"
+#include "dbbuf.h"

@controller@
position p;
@@
 struct nvme_dev {
 	...
 	struct nvme_ctrl ctrl@p;
+	struct nvme_dbbuf_ctrl dbbuf;
 	...
 };

@submission@
position p;
@@
 struct nvme_queue {
 	...
 	spinlock_t sq_lock@p;
+	struct nvme_dbbuf_db sq_dbbuf;
 	...
 };

@completion@
position p;
@@
 struct nvme_queue {
 	...
 	struct nvme_completion *cqes@p;
+	struct nvme_dbbuf_db cq_dbbuf;
 	...
 };

@initialized@
position p;
identifier dev;
@@
 mutex_init@p(&dev->shutdown_lock);
+nvme_dbbuf_init(&dev->dbbuf);
