/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of shadow doorbells (NVMe Doorbell Buffer Config), in the events
 * directory nvme_dbbuf. The PCI driver's struct nvme_dbbuf_ctrl and struct
 * nvme_dbbuf_slot have to be known where this is included.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM nvme_dbbuf

#if !defined(_NVME_HOST_DBBUF_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _NVME_HOST_DBBUF_TRACE_H

#include <linux/tracepoint.h>

#include "nvme.h"
#include "dbbuf.h"

/* 0x7C has ended; status is 0, a negative errno or an NVMe status. */
TRACE_EVENT(nvme_dbbuf_configure,
	    TP_PROTO(const struct nvme_dbbuf_ctrl *dbbuf, unsigned int queues,
		     int status),
	    TP_ARGS(dbbuf, queues, status),
	    TP_STRUCT__entry(__field(int, ctrl)
			     __field(unsigned int, queues)
			     __field(unsigned int, stride)
			     __field(int, status)
	    ),
	    TP_fast_assign(__entry->ctrl = dbbuf->ctrl->instance;
			   __entry->queues = queues;
			   __entry->stride = dbbuf->stride * sizeof(__le32);
			   __entry->status = status;
	    ),
	    TP_printk("nvme%d: queues=%u stride=%u status=%d", __entry->ctrl,
		      __entry->queues, __entry->stride, __entry->status)
);

DECLARE_EVENT_CLASS(nvme_dbbuf_queue,
		    TP_PROTO(const struct nvme_dbbuf_slot *sq),
		    TP_ARGS(sq),
		    TP_STRUCT__entry(__field(int, ctrl)
				     __field(u16, qid)
		    ),
		    TP_fast_assign(__entry->ctrl = sq->dbbuf->ctrl->instance;
				   __entry->qid = sq->qid;
		    ),
		    TP_printk("nvme%d: qid=%u", __entry->ctrl, __entry->qid)
);

/* Both doorbells of a queue pair start to be published, or end. */
DEFINE_EVENT(nvme_dbbuf_queue, nvme_dbbuf_attach,
	     TP_PROTO(const struct nvme_dbbuf_slot *sq),
	     TP_ARGS(sq)
);

DEFINE_EVENT(nvme_dbbuf_queue, nvme_dbbuf_detach,
	     TP_PROTO(const struct nvme_dbbuf_slot *sq),
	     TP_ARGS(sq)
);

/* A position was published; is the doorbell register written as well? */
TRACE_EVENT(nvme_dbbuf_doorbell,
	    TP_PROTO(const struct nvme_dbbuf_slot *slot, u16 value,
		     u32 eventidx, bool ring),
	    TP_ARGS(slot, value, eventidx, ring),
	    TP_STRUCT__entry(__field(int, ctrl)
			     __field(u16, qid)
			     __field(u16, value)
			     __field(u32, eventidx)
			     __field(bool, completion)
			     __field(bool, ring)
	    ),
	    TP_fast_assign(__entry->ctrl = slot->dbbuf->ctrl->instance;
			   __entry->qid = slot->qid;
			   __entry->value = value;
			   __entry->eventidx = eventidx;
			   __entry->completion = slot->completion;
			   __entry->ring = ring;
	    ),
	    TP_printk("nvme%d: qid=%u %s value=%u eventidx=%u %s",
		      __entry->ctrl, __entry->qid,
		      __entry->completion ? "cq" : "sq", __entry->value,
		      __entry->eventidx, __entry->ring ? "ring" : "suppress")
);

/* The doorbell register gets written because an earlier doorbell seems lost. */
TRACE_EVENT(nvme_dbbuf_recover,
	    TP_PROTO(const struct nvme_dbbuf_slot *slot, u32 eventidx),
	    TP_ARGS(slot, eventidx),
	    TP_STRUCT__entry(__field(int, ctrl)
			     __field(u16, qid)
			     __field(u16, last)
			     __field(u16, last_rung)
			     __field(u32, eventidx)
			     __field(bool, completion)
	    ),
	    TP_fast_assign(__entry->ctrl = slot->dbbuf->ctrl->instance;
			   __entry->qid = slot->qid;
			   __entry->last = slot->db->last;
			   __entry->last_rung = slot->db->last_rung;
			   __entry->eventidx = eventidx;
			   __entry->completion = slot->completion;
	    ),
	    TP_printk("nvme%d: qid=%u %s published=%u written=%u eventidx=%u",
		      __entry->ctrl, __entry->qid,
		      __entry->completion ? "cq" : "sq", __entry->last,
		      __entry->last_rung, __entry->eventidx)
);

#endif /* _NVME_HOST_DBBUF_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE dbbuf_trace

/* This part must be outside protection */
#include <trace/define_trace.h>
