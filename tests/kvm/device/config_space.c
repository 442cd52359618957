// SPDX-License-Identifier: GPL-2.0
/*
 * PCI configuration space of the controller: one PCI Express endpoint with BAR 0
 * (registers and doorbells), BAR 4 (MSI-X table and pending bits) and three
 * capabilities. QEMU does the work behind BARs and MSI-X; all that is left to do
 * here is to remember what was written, and the function level reset.
 *
 * PCI Express Base Specification, NVMe over PCIe Transport Specification.
 */
#include <string.h>
#include <linux/pci_regs.h>

#include "device.h"

enum {
	/* For tests only: neither vendor nor device is assigned to anybody. */
	VENDOR = 0x1234,
	DEVICE = 0x4e44,
	CLASS_NVME = 0x010802,

	PM = 0x40,
	MSIX = 0x50,
	EXPRESS = 0x60,
	EXPRESS_SIZE = 0x3c,		/* version 2, endpoint */
};

static void put16(__u8 *at, __u16 value)
{
	value = htole16(value);
	memcpy(at, &value, sizeof(value));
}

static void put32(__u8 *at, __u32 value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof(value));
}

static __u64 power_of_two(__u64 size)
{
	__u64 result = PAGE;

	while (result < size)
		result <<= 1;
	return result;
}

static void pci_init_bar(struct device *dev, int offset, __u64 size)
{
	put32(dev->config + offset, PCI_BASE_ADDRESS_SPACE_MEMORY |
	      PCI_BASE_ADDRESS_MEM_TYPE_64);
	put32(dev->writable + offset, ~(__u32)(size - 1));
	put32(dev->writable + offset + 4, ~0u);
}

static void pci_init_express(struct device *dev)
{
	__u8 *cap = dev->config + EXPRESS;
	__u8 *writable = dev->writable + EXPRESS;

	cap[PCI_CAP_LIST_ID] = PCI_CAP_ID_EXP;
	put16(cap + PCI_EXP_FLAGS, 2 | PCI_EXP_TYPE_ENDPOINT << 4);
	put32(cap + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR);
	put32(cap + PCI_EXP_LNKCAP, PCI_EXP_LNKCAP_SLS_2_5GB | 1 << 4);
	put16(cap + PCI_EXP_LNKSTA, PCI_EXP_LNKSTA_CLS_2_5GB |
	      PCI_EXP_LNKSTA_NLW_X1);
	put16(writable + PCI_EXP_DEVCTL, (__u16)~PCI_EXP_DEVCTL_BCR_FLR);
	put16(writable + PCI_EXP_LNKCTL, 0x0fff);
	put16(writable + PCI_EXP_DEVCTL2, 0xffff);
}

void pci_init(struct device *dev)
{
	unsigned int vectors = dev->options.pairs;
	unsigned int dstrd = dev->options.dstrd;
	__u32 table = vectors * PCI_MSIX_ENTRY_SIZE;

	/* Room for what there may come to be. */
	if (dev->options.faults_file)
		dstrd = MAX_DSTRD;
	else if (dev->options.faults.stride > dstrd)
		dstrd = dev->options.faults.stride;
	dev->bar0_size = power_of_two(DOORBELLS +
				      ((__u64)dev->options.pairs * 8 << dstrd));
	dev->msix_pba = power_of_two(table);
	dev->bar4_size = power_of_two(dev->msix_pba + PAGE);

	put16(dev->config + PCI_VENDOR_ID, VENDOR);
	put16(dev->config + PCI_DEVICE_ID, DEVICE);
	put16(dev->config + PCI_STATUS, PCI_STATUS_CAP_LIST);
	put32(dev->config + PCI_CLASS_REVISION, CLASS_NVME << 8);
	put16(dev->config + PCI_SUBSYSTEM_VENDOR_ID, VENDOR);
	put16(dev->config + PCI_SUBSYSTEM_ID, DEVICE);
	dev->config[PCI_CAPABILITY_LIST] = PM;
	put16(dev->writable + PCI_COMMAND, PCI_COMMAND_MEMORY |
	      PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
	dev->writable[PCI_INTERRUPT_LINE] = 0xff;
	dev->writable[PCI_CACHE_LINE_SIZE] = 0xff;
	pci_init_bar(dev, PCI_BASE_ADDRESS_0, dev->bar0_size);
	pci_init_bar(dev, PCI_BASE_ADDRESS_0 + 4 * MSIX_TABLE_BAR, dev->bar4_size);

	dev->config[PM] = PCI_CAP_ID_PM;
	dev->config[PM + PCI_CAP_LIST_NEXT] = MSIX;
	put16(dev->config + PM + PCI_PM_PMC, 3);
	put16(dev->config + PM + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET);
	put16(dev->writable + PM + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);

	dev->config[MSIX] = PCI_CAP_ID_MSIX;
	dev->config[MSIX + PCI_CAP_LIST_NEXT] = EXPRESS;
	put16(dev->config + MSIX + PCI_MSIX_FLAGS, vectors - 1);
	put32(dev->config + MSIX + PCI_MSIX_TABLE, MSIX_TABLE_BAR);
	put32(dev->config + MSIX + PCI_MSIX_PBA, dev->msix_pba | MSIX_TABLE_BAR);
	put16(dev->writable + MSIX + PCI_MSIX_FLAGS,
	      PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);

	pci_init_express(dev);
}

/**
 * pci_is_master() - whether the host lets the device at its memory
 * @dev: the device
 *
 * While it does not, nothing is read or written there; nor is there an interrupt, which
 * is a write, too. What there is to do waits.
 *
 * Return: the Bus Master Enable bit.
 */
bool pci_is_master(const struct device *dev)
{
	return dev->config[PCI_COMMAND] & PCI_COMMAND_MASTER;
}

/* What the host has written goes; what is the device's own stays. */
void pci_reset(struct device *dev)
{
	size_t i;

	for (i = 0; i < sizeof(dev->config); i++)
		dev->config[i] &= ~dev->writable[i];
	nvme_reset(dev);
}

/* The caller has checked offset and count against the region's size. */
void pci_config_read(struct device *dev, __u64 offset, void *data, __u32 count)
{
	if (dev->vanished)
		memset(data, 0xff, count);
	else
		memcpy(data, dev->config + offset, count);
}

void pci_config_write(struct device *dev, __u64 offset, const void *data,
		      __u32 count)
{
	bool was_master = pci_is_master(dev);
	const __u8 *bytes = data;
	bool reset = false;
	__u32 i;

	if (dev->vanished)
		return;
	for (i = 0; i < count; i++) {
		__u8 mask = dev->writable[offset + i];

		dev->config[offset + i] &= ~mask;
		dev->config[offset + i] |= bytes[i] & mask;
		if (offset + i == EXPRESS + PCI_EXP_DEVCTL + 1 &&
		    bytes[i] & (PCI_EXP_DEVCTL_BCR_FLR >> 8))
			reset = true;
	}
	if (reset)
		pci_reset(dev);
	if (was_master && !pci_is_master(dev))
		fault_let_go(dev);
	if (!was_master && pci_is_master(dev))
		doorbell_catch_up(dev);
}
