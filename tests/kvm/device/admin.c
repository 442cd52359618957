// SPDX-License-Identifier: GPL-2.0
/*
 * Admin commands: those that Linux, SeaBIOS and nvme-cli use.
 *
 * NVMe Base Specification 1.4.
 */
#include <string.h>

#include "device.h"

enum {
	SPECIFIC = NVME_SCT_CMD_SPECIFIC << NVME_SCT_SHIFT,
	MAX_LOG = 4096,
	TEMPERATURE = 300,		/* kelvin */
	QUEUE_CONTIGUOUS = 1 << 0,
	FEATURE_SAVE = 1u << 31,
	COALESCING_DISABLED = 1 << 16,
	RETAIN_EVENT = 1 << 15,
	QUEUE_INTERRUPTS = 1 << 1,
	SQ_ENTRY_SHIFT = 6,		/* sizes of entries: there are no others */
	CQ_ENTRY_SHIFT = 4,
};

static const __u32 bad_field = NVME_SC_INVALID_FIELD | NVME_SC_DNR;

/* Identify strings are padded with blanks and have no end. */
static void pad(char *to, size_t size, const char *from)
{
	memset(to, ' ', size);
	memcpy(to, from, strlen(from));
}

/* What is announced, which is what is taken. */
static __u16 announced(struct device *dev)
{
	if (fault(dev, dev->options.faults.dbbuf_gone))
		return 0;
	return dev->options.personality->oacs;
}

/* Names that differ from those of a device with another serial number: FNV-1a of it. */
static __u64 unique(const struct device *dev)
{
	__u64 hash = 0xcbf29ce484222325ull;
	const char *at;

	for (at = dev->options.serial; *at; at++)
		hash = (hash ^ (__u8)*at) * 0x100000001b3ull;
	return hash;
}

static void identify_controller(struct device *dev, struct nvme_id_ctrl *id)
{
	const struct personality *personality = dev->options.personality;

	if (announced(dev) != personality->oacs)
		fault_acted(dev, &dev->options.faults.dbbuf_gone);
	memcpy(&id->vid, dev->config, sizeof(id->vid));
	memcpy(&id->ssvid, dev->config, sizeof(id->ssvid));
	pad(id->sn, sizeof(id->sn), dev->options.serial);
	pad(id->mn, sizeof(id->mn), "nvme-device");
	memcpy(id->mn + strlen("nvme-device "), personality->name,
	       strlen(personality->name));
	pad(id->fr, sizeof(id->fr), "1");
	while (1 << id->mdts < MAX_TRANSFER_PAGES)
		id->mdts++;
	id->ver = htole32(0x10400);
	id->cntrltype = 1;
	id->oacs = htole16(announced(dev));
	id->acl = 3;
	id->aerl = MAX_ASYNC_EVENTS - 1;
	id->frmw = 1 << 1 | 1;
	id->lpa = 1 << 1;
	id->sqes = SQ_ENTRY_SHIFT << 4 | SQ_ENTRY_SHIFT;
	id->cqes = CQ_ENTRY_SHIFT << 4 | CQ_ENTRY_SHIFT;
	id->nn = htole32(1);
	id->oncs = htole16(NVME_CTRL_ONCS_DSM | NVME_CTRL_ONCS_WRITE_ZEROES);
	snprintf(id->subnqn, sizeof(id->subnqn),
		 "nqn.2014-08.org.nvmexpress:uuid:6e766d65-6462-4275-%04x-%012llx",
		 (unsigned int)(unique(dev) >> 48), unique(dev) & 0xffffffffffff);
	id->psd[0].mp = htole16(100);
}

static void identify_namespace(struct device *dev, struct nvme_id_ns *id)
{
	__u64 eui64 = unique(dev);

	id->nsze = htole64(dev->backing.size >> BLOCK_SHIFT);
	id->ncap = id->nsze;
	id->nuse = id->nsze;
	id->dlfeat = 1;
	memcpy(id->eui64, &eui64, sizeof(eui64));
	id->lbaf[0].ds = BLOCK_SHIFT;
}

static void identify_descriptors(struct device *dev, struct nvme_ns_id_desc *id)
{
	__u64 eui64 = unique(dev);

	id->nidt = NVME_NIDT_EUI64;
	id->nidl = 8;
	memcpy(id->nid, &eui64, sizeof(eui64));
}

static __u32 identify(struct device *dev, const struct sq_entry *command)
{
	__u64 data[PAGE / 8] = { };
	__u32 nsid = le32toh(command->nsid);

	switch (le32toh(command->cdw10) & 0xff) {
	case NVME_IDENTIFY_CNS_CTRL:
		identify_controller(dev, (struct nvme_id_ctrl *)data);
		break;
	case NVME_IDENTIFY_CNS_NS:
		if (nsid != 1)
			return NVME_SC_INVALID_NS | NVME_SC_DNR;
		identify_namespace(dev, (struct nvme_id_ns *)data);
		break;
	case NVME_IDENTIFY_CNS_NS_ACTIVE_LIST:
		if (nsid >= 0xfffffffe)
			return NVME_SC_INVALID_NS | NVME_SC_DNR;
		if (!nsid)
			data[0] = htole64(1);
		break;
	case NVME_IDENTIFY_CNS_NS_DESC_LIST:
		if (nsid != 1)
			return NVME_SC_INVALID_NS | NVME_SC_DNR;
		identify_descriptors(dev, (struct nvme_ns_id_desc *)data);
		break;
	default:
		return bad_field;
	}
	return io_copy(dev, command, data, sizeof(data), true);
}

static void log_number(__u8 *at, __u64 value)
{
	value = htole64(value);
	memcpy(at, &value, sizeof(value));
}

static void log_smart(struct device *dev, struct nvme_smart_log *log)
{
	log->temperature[0] = TEMPERATURE & 0xff;
	log->temperature[1] = TEMPERATURE >> 8;
	log->avail_spare = 100;
	log->spare_thresh = 10;
	log_number(log->host_reads, dev->counts.io[nvme_cmd_read]);
	log_number(log->host_writes, dev->counts.io[nvme_cmd_write]);
	log_number(log->power_cycles, 1);
}

static void log_effects(struct device *dev, struct nvme_cmd_effects_log *log)
{
	static const __u8 admin[] = {
		nvme_admin_delete_sq, nvme_admin_create_sq, nvme_admin_get_log_page,
		nvme_admin_delete_cq, nvme_admin_create_cq, nvme_admin_identify,
		nvme_admin_abort_cmd, nvme_admin_set_features,
		nvme_admin_get_features, nvme_admin_async_event,
	};
	static const __u8 io[] = {
		nvme_cmd_flush, nvme_cmd_write, nvme_cmd_read, nvme_cmd_write_zeroes,
		nvme_cmd_dsm,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(admin); i++)
		log->acs[admin[i]] = htole32(1);
	if (announced(dev))
		log->acs[nvme_admin_dbbuf] = htole32(1);
	for (i = 0; i < ARRAY_SIZE(io); i++)
		log->iocs[io[i]] = htole32(1 | (io[i] != nvme_cmd_read &&
						io[i] != nvme_cmd_flush) << 1);
}

static __u32 get_log_page(struct device *dev, const struct sq_entry *command)
{
	__u64 data[MAX_LOG / 8] = { };
	__u32 cdw10 = le32toh(command->cdw10), cdw11 = le32toh(command->cdw11);
	__u64 count = ((__u64)(cdw11 & 0xffff) << 16 | cdw10 >> 16) + 1;
	__u64 offset = (__u64)le32toh(command->cdw13) << 32 | le32toh(command->cdw12);

	switch (cdw10 & 0xff) {
	case NVME_LOG_LID_ERROR:
		if (!(cdw10 & RETAIN_EVENT))
			dev->async_masked = false;
		break;
	case NVME_LOG_LID_CHANGED_NS:
		break;
	case NVME_LOG_LID_SMART:
		log_smart(dev, (struct nvme_smart_log *)data);
		break;
	case NVME_LOG_LID_FW_SLOT:
		((struct nvme_firmware_slot *)data)->afi = 1;
		pad(((struct nvme_firmware_slot *)data)->frs[0], 8, "1");
		break;
	case NVME_LOG_LID_CMD_EFFECTS:
		log_effects(dev, (struct nvme_cmd_effects_log *)data);
		break;
	default:
		return SPECIFIC | NVME_SC_INVALID_LOG_PAGE | NVME_SC_DNR;
	}
	count *= 4;
	if (offset % 4 || offset > sizeof(data) || count > sizeof(data) - offset)
		return bad_field;
	return io_copy(dev, command, (__u8 *)data + offset, count, true);
}

/* The temperature's upper or lower limit; of sensors, which it lacks, there is none. */
static __u16 *threshold(struct device *dev, __u32 cdw11)
{
	__u8 sensor = cdw11 >> 16 & 0xf, which = cdw11 >> 20 & 3;

	return sensor || which > 1 ? NULL : &dev->thresholds[which];
}

static __u32 get_features(struct device *dev, const struct sq_entry *command,
			  __u32 *result)
{
	__u32 cdw11 = le32toh(command->cdw11);
	__u8 id = le32toh(command->cdw10);
	__u16 vector = cdw11, *limit;

	switch (id) {
	case NVME_FEAT_FID_NUM_QUEUES:
		*result = (dev->pairs_granted - 2) * 0x10001;
		return NVME_SC_SUCCESS;
	case NVME_FEAT_FID_TEMP_THRESH:
		limit = threshold(dev, cdw11);
		if (!limit)
			return bad_field;
		*result = *limit;
		return NVME_SC_SUCCESS;
	case NVME_FEAT_FID_IRQ_CONFIG:
		if (vector >= dev->options.pairs)
			return bad_field;
		*result = vector | (dev->uncoalesced[vector] ? COALESCING_DISABLED : 0);
		return NVME_SC_SUCCESS;
	case NVME_FEAT_FID_ARBITRATION:
	case NVME_FEAT_FID_POWER_MGMT:
	case NVME_FEAT_FID_ERR_RECOVERY:
	case NVME_FEAT_FID_IRQ_COALESCE:
	case NVME_FEAT_FID_WRITE_ATOMIC:
	case NVME_FEAT_FID_ASYNC_EVENT:
		*result = dev->features[id];
		return NVME_SC_SUCCESS;
	}
	return bad_field;
}

static bool has_io_queues(const struct device *dev)
{
	unsigned int i;

	for (i = 1; i < dev->options.pairs; i++) {
		if (dev->cqs[i].size)
			return true;
	}
	return false;
}

static __u32 set_features(struct device *dev, const struct sq_entry *command,
			  __u32 *result)
{
	__u32 cdw11 = le32toh(command->cdw11), wanted;
	__u8 id = le32toh(command->cdw10);
	__u16 vector = cdw11, *limit;

	if (le32toh(command->cdw10) & FEATURE_SAVE)
		return SPECIFIC | NVME_SC_FEATURE_NOT_SAVEABLE | NVME_SC_DNR;
	switch (id) {
	case NVME_FEAT_FID_NUM_QUEUES:
		if (has_io_queues(dev))
			return NVME_SC_CMD_SEQ_ERROR | NVME_SC_DNR;
		if ((cdw11 & 0xffff) == 0xffff || cdw11 >> 16 == 0xffff)
			return bad_field;
		/* Pairs: what the smaller of the two asks for, and the admin's. */
		wanted = (cdw11 & 0xffff) < cdw11 >> 16 ? cdw11 & 0xffff : cdw11 >> 16;
		if (wanted + 2 < dev->options.pairs)
			dev->pairs_granted = wanted + 2;
		else
			dev->pairs_granted = dev->options.pairs;
		*result = (dev->pairs_granted - 2) * 0x10001;
		return NVME_SC_SUCCESS;
	case NVME_FEAT_FID_TEMP_THRESH:
		limit = threshold(dev, cdw11);
		if (!limit)
			return bad_field;
		*limit = cdw11;
		return NVME_SC_SUCCESS;
	case NVME_FEAT_FID_IRQ_CONFIG:
		if (vector >= dev->options.pairs)
			return bad_field;
		dev->uncoalesced[vector] = cdw11 & COALESCING_DISABLED;
		return NVME_SC_SUCCESS;
	case NVME_FEAT_FID_ARBITRATION:
	case NVME_FEAT_FID_POWER_MGMT:
	case NVME_FEAT_FID_ERR_RECOVERY:
	case NVME_FEAT_FID_IRQ_COALESCE:
	case NVME_FEAT_FID_WRITE_ATOMIC:
	case NVME_FEAT_FID_ASYNC_EVENT:
		dev->features[id] = cdw11;
		return NVME_SC_SUCCESS;
	}
	return bad_field;
}

static __u32 create_cq(struct device *dev, const struct sq_entry *command)
{
	__u32 cdw10 = le32toh(command->cdw10), cdw11 = le32toh(command->cdw11);
	__u16 id = cdw10;
	__u32 size = (cdw10 >> 16) + 1;
	__u64 base = le64toh(command->prp1);

	if (!id || id >= dev->pairs_granted || dev->cqs[id].size)
		return SPECIFIC | NVME_SC_QID_INVALID | NVME_SC_DNR;
	/* This is the answer, too, to a host that has not said how large entries are. */
	if (NVME_CC_IOCQES(dev->cc) != CQ_ENTRY_SHIFT ||
	    size < 2 || size > dev->options.depth)
		return SPECIFIC | NVME_SC_QUEUE_SIZE | NVME_SC_DNR;
	if (cdw11 >> 16 >= dev->options.pairs)
		return SPECIFIC | NVME_SC_INVALID_VECTOR | NVME_SC_DNR;
	if (base % PAGE)
		return NVME_SC_PRP_INVALID_OFFSET | NVME_SC_DNR;
	if (!(cdw11 & QUEUE_CONTIGUOUS) ||
	    !dma_ptr(dev, base, size * sizeof(struct cq_entry), true))
		return bad_field;
	dev->cqs[id] = (struct cq){
		.base = base,
		.size = size,
		.id = id,
		.vector = cdw11 >> 16,
		.phase = true,
		.irq = cdw11 & QUEUE_INTERRUPTS,
	};
	doorbell_created(dev, id, true);
	return NVME_SC_SUCCESS;
}

static __u32 create_sq(struct device *dev, const struct sq_entry *command)
{
	__u32 cdw10 = le32toh(command->cdw10), cdw11 = le32toh(command->cdw11);
	__u16 id = cdw10, cqid = cdw11 >> 16;
	__u32 size = (cdw10 >> 16) + 1;
	__u64 base = le64toh(command->prp1);

	if (!id || id >= dev->pairs_granted || dev->sqs[id].size)
		return SPECIFIC | NVME_SC_QID_INVALID | NVME_SC_DNR;
	if (!cqid || cqid >= dev->pairs_granted || !dev->cqs[cqid].size)
		return SPECIFIC | NVME_SC_CQ_INVALID | NVME_SC_DNR;
	if (NVME_CC_IOSQES(dev->cc) != SQ_ENTRY_SHIFT ||
	    size < 2 || size > dev->options.depth)
		return SPECIFIC | NVME_SC_QUEUE_SIZE | NVME_SC_DNR;
	if (base % PAGE)
		return NVME_SC_PRP_INVALID_OFFSET | NVME_SC_DNR;
	if (!(cdw11 & QUEUE_CONTIGUOUS) ||
	    !dma_ptr(dev, base, size * sizeof(struct sq_entry), false))
		return bad_field;
	dev->sqs[id] = (struct sq){
		.base = base,
		.size = size,
		.id = id,
		.cqid = cqid,
	};
	doorbell_created(dev, id, false);
	return NVME_SC_SUCCESS;
}

static __u32 delete_sq(struct device *dev, const struct sq_entry *command)
{
	__u16 id = le32toh(command->cdw10);

	if (!id || id >= dev->options.pairs || !dev->sqs[id].size)
		return SPECIFIC | NVME_SC_QID_INVALID | NVME_SC_DNR;
	memset(&dev->sqs[id], 0, sizeof(dev->sqs[id]));
	return NVME_SC_SUCCESS;
}

static __u32 delete_cq(struct device *dev, const struct sq_entry *command)
{
	__u16 id = le32toh(command->cdw10);
	unsigned int i;

	if (!id || id >= dev->options.pairs || !dev->cqs[id].size)
		return SPECIFIC | NVME_SC_QID_INVALID | NVME_SC_DNR;
	for (i = 0; i < dev->options.pairs; i++) {
		if (dev->sqs[i].size && dev->sqs[i].cqid == id)
			return SPECIFIC | NVME_SC_INVALID_QUEUE | NVME_SC_DNR;
	}
	fault_queue_gone(dev, &dev->cqs[id]);
	memset(&dev->cqs[id], 0, sizeof(dev->cqs[id]));
	return NVME_SC_SUCCESS;
}

static __u32 dbbuf_configure(struct device *dev, const struct sq_entry *command)
{
	__u64 shadows = le64toh(command->prp1), eventidxs = le64toh(command->prp2);

	if (dev->options.personality->once && dev->dbbuf.configured)
		return bad_field;
	if (shadows == eventidxs || shadows % PAGE || eventidxs % PAGE ||
	    command->flags >> 6 ||
	    !dma_ptr(dev, shadows, PAGE, true) ||
	    !dma_ptr(dev, eventidxs, PAGE, true))
		return bad_field;
	doorbell_configure(dev, shadows, eventidxs);
	return NVME_SC_SUCCESS;
}

static __u32 dbbuf_answer(struct device *dev, const struct sq_entry *command)
{
	__u32 status = fault(dev, dev->options.faults.dbbuf_refuse);

	if (status)
		fault_acted(dev, &dev->options.faults.dbbuf_refuse);
	else
		status = dbbuf_configure(dev, command);
	if (status)
		dev->counts.dbbuf_refused++;
	else
		dev->counts.dbbuf_accepted++;
	return status;
}

static __u32 dbbuf_command(struct device *dev, const struct sq_entry *command)
{
	const struct faults *faults = &dev->options.faults;
	__u32 late = fault(dev, faults->dbbuf_late);

	if (!announced(dev)) {
		dev->counts.dbbuf_refused++;
		return NVME_SC_INVALID_OPCODE | NVME_SC_DNR;
	}
	/* There is no room to put off another one. */
	if (dev->dbbuf_due) {
		dev->counts.dbbuf_refused++;
		return NVME_SC_CMD_SEQ_ERROR;
	}
	fault_dbbuf(dev);
	if (fault(dev, faults->dbbuf_never)) {
		fault_acted(dev, &faults->dbbuf_never);
		return STATUS_LATER;
	}
	if (late) {
		fault_acted(dev, &faults->dbbuf_late);
		dev->dbbuf_due = true;
		dev->dbbuf_command = *command;
		dev->dbbuf_due_ns = now_ns() + late * 1000000ull;
		return STATUS_LATER;
	}
	return dbbuf_answer(dev, command);
}

/* The answer to a 7Ch that was put off. */
void admin_timer(struct device *dev, __u64 now)
{
	struct cq *cq = &dev->cqs[0];

	if (!dev->dbbuf_due || now < dev->dbbuf_due_ns || !dev->running ||
	    !pci_is_master(dev) ||
	    (cq_is_full(cq) && (doorbell_cq_full(dev, cq) || cq_is_full(cq))))
		return;
	dev->dbbuf_due = false;
	nvme_complete(dev, cq, &dev->sqs[0], le16toh(dev->dbbuf_command.cid),
		      dbbuf_answer(dev, &dev->dbbuf_command), 0);
	nvme_interrupt(dev, cq);
}

/* When admin_timer() wants to be called, 0: not at all, or when there was a message. */
__u64 admin_next_ns(const struct device *dev)
{
	if (!dev->dbbuf_due || !dev->running || !pci_is_master(dev) ||
	    cq_is_full(&dev->cqs[0]))
		return 0;
	return dev->dbbuf_due_ns;
}

/* An error for which there is no command; once, until the host has read the log. */
void admin_async_error(struct device *dev, __u8 information)
{
	struct cq *cq = &dev->cqs[0];

	if (!dev->running || !pci_is_master(dev) || nvme_shut_down(dev) ||
	    !dev->nr_async_events || dev->async_masked || cq_is_full(cq))
		return;
	dev->async_masked = true;
	nvme_complete(dev, cq, &dev->sqs[0], dev->async_events[--dev->nr_async_events],
		      NVME_SC_SUCCESS, (__u32)information << 8 | NVME_LOG_LID_ERROR << 16);
	nvme_interrupt(dev, cq);
}

void admin_reset(struct device *dev)
{
	dev->nr_async_events = 0;
	dev->async_masked = false;
	dev->dbbuf_due = false;
	memset(dev->features, 0, sizeof(dev->features));
	dev->thresholds[0] = 0xffff;
	dev->thresholds[1] = 0;
	memset(dev->uncoalesced, 0, sizeof(dev->uncoalesced));
}

__u32 admin_command(struct device *dev, const struct sq_entry *command, __u32 *result)
{
	switch (command->opcode) {
	case nvme_admin_delete_sq:
		return delete_sq(dev, command);
	case nvme_admin_create_sq:
		return create_sq(dev, command);
	case nvme_admin_get_log_page:
		return get_log_page(dev, command);
	case nvme_admin_delete_cq:
		return delete_cq(dev, command);
	case nvme_admin_create_cq:
		return create_cq(dev, command);
	case nvme_admin_identify:
		return identify(dev, command);
	case nvme_admin_abort_cmd:
		/* Abort is best effort; this controller aborts nothing. */
		*result = 1;
		return NVME_SC_SUCCESS;
	case nvme_admin_set_features:
		return set_features(dev, command, result);
	case nvme_admin_get_features:
		return get_features(dev, command, result);
	case nvme_admin_async_event:
		if (dev->nr_async_events == MAX_ASYNC_EVENTS)
			return SPECIFIC | NVME_SC_ASYNC_LIMIT | NVME_SC_DNR;
		dev->async_events[dev->nr_async_events++] = le16toh(command->cid);
		return STATUS_LATER;
	case nvme_admin_dbbuf:
		return dbbuf_command(dev, command);
	}
	return NVME_SC_INVALID_OPCODE | NVME_SC_DNR;
}
