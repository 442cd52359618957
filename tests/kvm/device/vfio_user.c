// SPDX-License-Identifier: GPL-2.0
/*
 * The server's side of the vfio-user protocol, for one client at a time: version,
 * guest memory, interrupts, and access to configuration space and BARs.
 *
 * A message is taken in as it comes, first its header and then just as many bytes
 * as that announces: file descriptors arrive with the first byte of the message
 * that they belong to, and must not be taken for those of another one. Whatever
 * is wrong inside of a message is answered with an error; a message that has no
 * possible end closes the connection.
 *
 * BAR 0 is not offered for mapping, so that each doorbell is a message.
 *
 * QEMU: docs/interop/vfio-user.rst.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/vfio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include "device.h"

enum {
	CMD_VERSION = 1,
	CMD_DMA_MAP,
	CMD_DMA_UNMAP,
	CMD_GET_INFO,
	CMD_GET_REGION_INFO,
	CMD_GET_REGION_IO_FDS,
	CMD_GET_IRQ_INFO,
	CMD_SET_IRQS,
	CMD_REGION_READ,
	CMD_REGION_WRITE,
	CMD_DMA_READ,
	CMD_DMA_WRITE,
	CMD_RESET,
	CMD_WRITE_MULTI = 15,

	TYPE_MASK = 0xf,
	TYPE_COMMAND = 0,
	TYPE_REPLY = 1,
	FLAG_NO_REPLY = 1 << 4,
	FLAG_ERROR = 1 << 5,

	MAP_READ = 1 << 0,
	MAP_WRITE = 1 << 1,

	VERSION_MAJOR = 0,
	VERSION_MINOR = 1,

	MAX_FDS = 16,
	MAX_DATA = 65536,
	MAX_PAYLOAD = MAX_DATA + 64,
	MAX_MAPS = 4096,
	SEND_SECONDS = 5,
};

struct header {
	__u16	id;
	__u16	command;
	__u32	size;
	__u32	flags;
	__u32	error;
};

struct version {
	__u16	major;
	__u16	minor;
	char	data[];
};

struct map_request {
	__u32	argsz;
	__u32	flags;
	__u64	offset;
	__u64	address;
	__u64	size;
};

struct unmap_request {
	__u32	argsz;
	__u32	flags;
	__u64	address;
	__u64	size;
};

struct region_access {
	__u64	offset;
	__u32	region;
	__u32	count;
	__u8	data[];
};

struct multi_write {
	__u64	offset;
	__u32	region;
	__u32	count;
	__u8	data[8];
};

struct multi_request {
	__u64			count;
	struct multi_write	writes[];
};

/* The message that is coming in; there is one client. */
static struct {
	struct header	header;
	size_t		have;
	int		fds[MAX_FDS];
	unsigned int	nr_fds;
	union {
		__u8			bytes[MAX_PAYLOAD + 1];
		struct version		version;
		struct map_request	map;
		struct unmap_request	unmap;
		struct vfio_device_info	info;
		struct vfio_region_info	region;
		struct vfio_irq_info	irq;
		struct vfio_irq_set	irqs;
		struct region_access	access;
		struct multi_request	multi;
	} payload;
} in;

/* --- memory and interrupts of the guest --------------------------------------- */

static void unmap(struct device *dev, unsigned int index)
{
	struct dma_map *map = &dev->maps[index];

	if (map->mem)
		munmap(map->mem, map->size);
	*map = dev->maps[--dev->nr_maps];
	dev->last_map = 0;
}

/**
 * dma_find() - where in this process guest memory is
 * @dev: the device
 * @address: as the guest has it
 * @size: in bytes
 * @write: the guest must have let it be written to
 *
 * For what is not used now, and for a fault that does what it has no right to; else
 * there is dma_ptr().
 *
 * Return: a pointer, or NULL when the guest may not expect the device to reach all of it.
 */
void *dma_find(struct device *dev, __u64 address, __u64 size, bool write)
{
	unsigned int i, index;

	for (i = 0; i < dev->nr_maps; i++) {
		struct dma_map *map;

		/* The one that was right last time first. */
		index = dev->last_map + i;
		if (index >= dev->nr_maps)
			index -= dev->nr_maps;
		map = &dev->maps[index];
		if (address < map->address || size > map->size ||
		    address - map->address > map->size - size)
			continue;
		if (!map->mem || (write && !map->writable))
			break;
		dev->last_map = index;
		return map->mem + (address - map->address);
	}
	dev->counts.dma_errors++;
	return NULL;
}

/**
 * dma_ptr() - guest memory, for use until the next message
 * @dev: the device
 * @address: as the guest has it
 * @size: in bytes
 * @write: it may be written to
 *
 * Return: as dma_find(), and NULL while the device is not pci_is_master().
 */
void *dma_ptr(struct device *dev, __u64 address, __u64 size, bool write)
{
	if (pci_is_master(dev))
		return dma_find(dev, address, size, write);
	dev->counts.dma_errors++;
	return NULL;
}

static int dma_map(struct device *dev, const struct map_request *request)
{
	struct dma_map *maps, *map;
	void *mem = NULL;
	struct stat info;
	unsigned int i;

	/* What is aligned for the guest has to be so here. */
	if (!request->size ||
	    (request->address | request->offset | request->size) % PAGE ||
	    request->address + request->size < request->address ||
	    request->offset + request->size < request->offset ||
	    request->offset + request->size > (__u64)INT64_MAX ||
	    request->flags & ~(MAP_READ | MAP_WRITE) || in.nr_fds > 1)
		return -EINVAL;
	for (i = 0; i < dev->nr_maps; i++) {
		map = &dev->maps[i];
		if (request->address < map->address + map->size &&
		    map->address < request->address + request->size)
			return -EEXIST;
	}
	if (dev->nr_maps == MAX_MAPS)
		return -ENOSPC;
	maps = realloc(dev->maps, (dev->nr_maps + 1) * sizeof(*maps));
	if (!maps)
		return -ENOMEM;
	dev->maps = maps;

	if (in.nr_fds && request->flags & MAP_READ) {
		/* Beyond the end of a file there is a signal instead of memory. */
		if (fstat(in.fds[0], &info) < 0)
			return -errno;
		if (!S_ISREG(info.st_mode) ||
		    request->offset + request->size > (__u64)info.st_size)
			return -EINVAL;
		mem = mmap(NULL, request->size, PROT_READ |
			   (request->flags & MAP_WRITE ? PROT_WRITE : 0),
			   MAP_SHARED, in.fds[0], request->offset);
		if (mem == MAP_FAILED)
			return -errno;
	}
	dev->maps[dev->nr_maps++] = (struct dma_map){
		.address = request->address,
		.size = request->size,
		.mem = mem,
		.writable = request->flags & MAP_WRITE,
	};
	return 0;
}

static int dma_unmap(struct device *dev, const struct unmap_request *request)
{
	unsigned int i;

	if (request->flags == VFIO_DMA_UNMAP_FLAG_ALL) {
		if (request->address || request->size)
			return -EINVAL;
		while (dev->nr_maps)
			unmap(dev, 0);
		return 0;
	}
	if (request->flags)
		return -EINVAL;
	for (i = 0; i < dev->nr_maps; i++) {
		if (dev->maps[i].address == request->address &&
		    dev->maps[i].size == request->size) {
			unmap(dev, i);
			return 0;
		}
	}
	return -ENOENT;
}

void irq_raise(struct device *dev, unsigned int vector)
{
	__u64 one = 1;

	if (vector >= MAX_PAIRS || dev->irqs[vector] < 0)
		return;
	/* It can only fail when its counter is full, and then it is raised. */
	if (write(dev->irqs[vector], &one, sizeof(one)) < 0 && errno != EAGAIN)
		complain("cannot raise interrupt %u: %m", vector);
}

/*
 * Whether that is an eventfd, which is made not to block: a full pipe, for example,
 * would stop the device.
 */
static bool is_eventfd(int fd)
{
	static const char eventfd[] = "anon_inode:[eventfd]";
	char path[64], name[sizeof(eventfd)];
	int flags = fcntl(fd, F_GETFL);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, name, sizeof(name)) == sizeof(eventfd) - 1 &&
	       !memcmp(name, eventfd, sizeof(eventfd) - 1) &&
	       flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) >= 0;
}

static void irq_set(struct device *dev, unsigned int vector, int fd)
{
	if (dev->irqs[vector] >= 0)
		close(dev->irqs[vector]);
	dev->irqs[vector] = fd;
}

static int set_irqs(struct device *dev, const struct vfio_irq_set *set,
		    size_t size)
{
	__u32 data = set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	__u32 action = set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	__u32 i;

	if (set->index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	/* No others are announced; their being disabled costs nothing. */
	if (set->index != VFIO_PCI_MSIX_IRQ_INDEX)
		return set->count || in.nr_fds ? -EINVAL : 0;
	if (set->start > dev->options.pairs ||
	    set->count > dev->options.pairs - set->start)
		return -EINVAL;
	if (action != VFIO_IRQ_SET_ACTION_TRIGGER)
		return -EINVAL;

	switch (data) {
	case VFIO_IRQ_SET_DATA_NONE:
		if (!set->count) {
			for (i = 0; i < dev->options.pairs; i++)
				irq_set(dev, i, -1);
			return 0;
		}
		for (i = 0; i < set->count; i++)
			irq_raise(dev, set->start + i);
		return 0;
	case VFIO_IRQ_SET_DATA_BOOL:
		if (size - sizeof(*set) < set->count)
			return -EINVAL;
		for (i = 0; i < set->count; i++) {
			if (set->data[i])
				irq_raise(dev, set->start + i);
		}
		return 0;
	case VFIO_IRQ_SET_DATA_EVENTFD:
		if (in.nr_fds && in.nr_fds != set->count)
			return -EINVAL;
		for (i = 0; i < in.nr_fds; i++) {
			if (!is_eventfd(in.fds[i]))
				return -EINVAL;
		}
		for (i = 0; i < set->count; i++) {
			irq_set(dev, set->start + i, in.nr_fds ? in.fds[i] : -1);
			if (in.nr_fds)
				in.fds[i] = -1;
		}
		return 0;
	}
	return -EINVAL;
}

/* --- answers ------------------------------------------------------------------ */

static void drop_fds(void)
{
	while (in.nr_fds) {
		in.nr_fds--;
		if (in.fds[in.nr_fds] >= 0)
			close(in.fds[in.nr_fds]);
	}
}

void vfio_user_close(struct device *dev)
{
	unsigned int i;

	if (dev->client < 0)
		return;
	close(dev->client);
	dev->client = -1;
	drop_fds();
	in.have = 0;
	pci_reset(dev);
	/* The next client's memory has nothing to do with this one's. */
	fault_enabled(dev);
	dev->vanished = false;
	dev->greeted = false;
	while (dev->nr_maps)
		unmap(dev, 0);
	for (i = 0; i < MAX_PAIRS; i++)
		irq_set(dev, i, -1);
}

static void protocol_error(struct device *dev, const char *what)
{
	complain("closing the connection: %s", what);
	dev->counts.protocol_errors++;
	vfio_user_close(dev);
}

static void answer(struct device *dev, const void *data, size_t size, int error)
{
	static struct {
		struct header	header;
		__u8		data[MAX_PAYLOAD];
	} out;
	size_t total = sizeof(out.header) + size, done = 0;
	ssize_t sent;

	if (error)
		dev->counts.protocol_errors++;
	if (in.header.flags & FLAG_NO_REPLY)
		return;
	out.header = (struct header){
		.id = in.header.id,
		.command = in.header.command,
		.size = total,
		.flags = TYPE_REPLY | (error ? FLAG_ERROR : 0),
		.error = -error,
	};
	if (size)
		memcpy(out.data, data, size);
	/* Blocking, and with a time limit: a client that does not read is gone. */
	while (done < total) {
		sent = send(dev->client, (__u8 *)&out + done, total - done,
			    MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) {
			vfio_user_close(dev);
			return;
		}
		done += sent;
	}
}

/* Does that JSON text have @name with the value true? It is flat enough for this. */
static bool offers(const char *text, const char *name)
{
	text = strstr(text, name);
	if (!text)
		return false;
	text += strlen(name);
	text += strspn(text, " \t\r\n:");
	return !strncmp(text, "true", 4);
}

static void answer_version(struct device *dev, size_t size)
{
	static union {
		struct version	version;
		char		bytes[sizeof(struct version) + 256];
	} reply;
	bool multi = false;
	int length;

	if (in.payload.version.major != VERSION_MAJOR) {
		protocol_error(dev, "another major version of vfio-user");
		return;
	}
	/* A byte for the end was kept free; only what is offered may be used. */
	in.payload.bytes[size] = 0;
	if (size > sizeof(struct version))
		multi = offers(in.payload.version.data, "\"write_multiple\"");
	dev->greeted = true;
	reply.version.major = VERSION_MAJOR;
	reply.version.minor = in.payload.version.minor < VERSION_MINOR ?
			      in.payload.version.minor : VERSION_MINOR;
	length = snprintf(reply.version.data, sizeof(reply) - sizeof(reply.version),
			  "{\"capabilities\":{%s:%d,%s:%d,%s:%d%s}}",
			  "\"max_msg_fds\"", MAX_FDS, "\"max_data_xfer_size\"", MAX_DATA,
			  "\"max_dma_maps\"", MAX_MAPS, multi ? ",\"write_multiple\":true" : "");
	answer(dev, &reply, sizeof(reply.version) + length + 1, 0);
}

static __u64 region_size(const struct device *dev, __u32 region)
{
	switch (region) {
	case VFIO_PCI_BAR0_REGION_INDEX:
		return dev->bar0_size;
	case VFIO_PCI_BAR0_REGION_INDEX + MSIX_TABLE_BAR:
		return dev->bar4_size;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		return sizeof(dev->config);
	}
	return 0;
}

static void answer_region_info(struct device *dev)
{
	__u32 index = in.payload.region.index;
	struct vfio_region_info info = {
		.argsz = sizeof(info),
		.index = index,
		.size = region_size(dev, index),
	};

	if (index >= VFIO_PCI_NUM_REGIONS) {
		answer(dev, NULL, 0, -EINVAL);
		return;
	}
	if (info.size)
		info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	answer(dev, &info, sizeof(info), 0);
}

static void answer_irq_info(struct device *dev)
{
	__u32 index = in.payload.irq.index;
	struct vfio_irq_info info = {
		.argsz = sizeof(info),
		.index = index,
	};

	if (index >= VFIO_PCI_NUM_IRQS) {
		answer(dev, NULL, 0, -EINVAL);
		return;
	}
	if (index == VFIO_PCI_MSIX_IRQ_INDEX) {
		info.flags = VFIO_IRQ_INFO_EVENTFD;
		info.count = dev->options.pairs;
	}
	answer(dev, &info, sizeof(info), 0);
}

static bool region_valid(const struct device *dev, __u32 region, __u64 offset,
			 __u32 count)
{
	__u64 size = region_size(dev, region);

	return count && count <= MAX_DATA && count <= size && offset <= size - count;
}

static void region_write(struct device *dev, __u32 region, __u64 offset,
			 const void *data, __u32 count)
{
	switch (region) {
	case VFIO_PCI_BAR0_REGION_INDEX:
		nvme_write(dev, offset, data, count);
		break;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		pci_config_write(dev, offset, data, count);
		break;
	default:
		/* The client keeps the MSI-X table. */
		break;
	}
}

static void answer_read(struct device *dev)
{
	static __u8 reply[sizeof(struct region_access) + MAX_DATA];
	const struct region_access access = in.payload.access;
	struct region_access *head = (struct region_access *)reply;

	if (!region_valid(dev, access.region, access.offset, access.count)) {
		answer(dev, NULL, 0, -EINVAL);
		return;
	}
	*head = access;
	memset(head->data, 0, access.count);
	switch (access.region) {
	case VFIO_PCI_BAR0_REGION_INDEX:
		nvme_read(dev, access.offset, head->data, access.count);
		break;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		pci_config_read(dev, access.offset, head->data, access.count);
		break;
	}
	answer(dev, reply, sizeof(*head) + access.count, 0);
}

static void answer_write(struct device *dev, size_t size)
{
	const struct region_access access = in.payload.access;

	if (!region_valid(dev, access.region, access.offset, access.count) ||
	    access.count > size - sizeof(access)) {
		answer(dev, NULL, 0, -EINVAL);
		return;
	}
	region_write(dev, access.region, access.offset, in.payload.access.data,
		     access.count);
	answer(dev, &access, sizeof(access), 0);
}

static void answer_write_multi(struct device *dev, size_t size)
{
	__u64 i, count = in.payload.multi.count;
	const struct multi_write *write;

	size -= sizeof(in.payload.multi);
	if (count > size / sizeof(*write)) {
		answer(dev, NULL, 0, -EINVAL);
		return;
	}
	for (i = 0; i < count; i++) {
		write = &in.payload.multi.writes[i];
		if (write->count > sizeof(write->data) ||
		    !region_valid(dev, write->region, write->offset, write->count)) {
			answer(dev, NULL, 0, -EINVAL);
			return;
		}
		region_write(dev, write->region, write->offset, write->data,
			     write->count);
	}
	answer(dev, &count, sizeof(count), 0);
}

/* --- messages ------------------------------------------------------------------ */

static size_t payload_least(__u16 command)
{
	switch (command) {
	case CMD_VERSION:
		return sizeof(struct version);
	case CMD_DMA_MAP:
		return sizeof(struct map_request);
	case CMD_DMA_UNMAP:
		return sizeof(struct unmap_request);
	case CMD_GET_INFO:
		return offsetof(struct vfio_device_info, cap_offset);
	case CMD_GET_REGION_INFO:
		return sizeof(struct vfio_region_info);
	case CMD_GET_IRQ_INFO:
		return sizeof(struct vfio_irq_info);
	case CMD_SET_IRQS:
		return sizeof(struct vfio_irq_set);
	case CMD_REGION_READ:
	case CMD_REGION_WRITE:
		return sizeof(struct region_access);
	case CMD_WRITE_MULTI:
		return sizeof(struct multi_request);
	}
	return 0;
}

static void handle(struct device *dev, size_t size)
{
	const struct vfio_device_info info = {
		.argsz = offsetof(struct vfio_device_info, cap_offset),
		.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET,
		.num_regions = VFIO_PCI_NUM_REGIONS,
		.num_irqs = VFIO_PCI_NUM_IRQS,
	};
	int error;

	if (!dev->greeted && in.header.command != CMD_VERSION) {
		protocol_error(dev, "a command before the version");
		return;
	}
	if (size < payload_least(in.header.command)) {
		answer(dev, NULL, 0, -EINVAL);
		return;
	}
	switch (in.header.command) {
	case CMD_VERSION:
		answer_version(dev, size);
		break;
	case CMD_DMA_MAP:
		answer(dev, NULL, 0, dma_map(dev, &in.payload.map));
		break;
	case CMD_DMA_UNMAP:
		error = dma_unmap(dev, &in.payload.unmap);
		answer(dev, &in.payload.unmap,
		       error ? 0 : sizeof(in.payload.unmap), error);
		break;
	case CMD_GET_INFO:
		answer(dev, &info, info.argsz, 0);
		break;
	case CMD_GET_REGION_INFO:
		answer_region_info(dev);
		break;
	case CMD_GET_IRQ_INFO:
		answer_irq_info(dev);
		break;
	case CMD_SET_IRQS:
		answer(dev, NULL, 0, set_irqs(dev, &in.payload.irqs, size));
		break;
	case CMD_REGION_READ:
		answer_read(dev);
		break;
	case CMD_REGION_WRITE:
		answer_write(dev, size);
		break;
	case CMD_WRITE_MULTI:
		answer_write_multi(dev, size);
		break;
	case CMD_RESET:
		pci_reset(dev);
		answer(dev, NULL, 0, 0);
		break;
	default:
		/* Migration and others: optional, the client does without. */
		answer(dev, NULL, 0, -ENOTSUP);
		break;
	}
}

/* Takes in what has come of the current part; 0: all of it is here. */
static int receive(struct device *dev, void *data, size_t size, size_t have)
{
	char control[CMSG_SPACE(MAX_FDS * sizeof(int))];
	struct iovec part = { (__u8 *)data + have, size - have };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	unsigned int i, count;
	ssize_t got;
	int fd;

	got = recvmsg(dev->client, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (!got)
		return -EPIPE;
	for (cmsg = CMSG_FIRSTHDR(&message); cmsg; cmsg = CMSG_NXTHDR(&message, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < count; i++) {
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
			if (in.nr_fds < MAX_FDS)
				in.fds[in.nr_fds++] = fd;
			else
				close(fd);
		}
	}
	in.have += got;
	return have + got < size ? -EAGAIN : 0;
}

/* Handles at most one message, so that the queues are served in between. */
void vfio_user_input(struct device *dev)
{
	size_t size;
	int error = 0;

	if (in.have < sizeof(in.header))
		error = receive(dev, &in.header, sizeof(in.header), in.have);
	if (!error) {
		size = in.header.size;
		if (size < sizeof(in.header) ||
		    size > sizeof(in.header) + MAX_PAYLOAD) {
			protocol_error(dev, "a message of impossible size");
			return;
		}
		size -= sizeof(in.header);
		if (in.have < sizeof(in.header) + size)
			error = receive(dev, in.payload.bytes, size,
					in.have - sizeof(in.header));
	}
	if (error == -EAGAIN)
		return;
	if (error) {
		/* The end between two messages is how a client leaves. */
		if (in.have || (error != -EPIPE && error != -ECONNRESET))
			protocol_error(dev, strerror(-error));
		else
			vfio_user_close(dev);
		return;
	}
	in.have = 0;
	/* Nothing is ever asked of the client, so there is no reply to expect. */
	if ((in.header.flags & TYPE_MASK) == TYPE_COMMAND)
		handle(dev, size);
	else
		protocol_error(dev, "a reply to nothing");
	drop_fds();
}

void vfio_user_accept(struct device *dev)
{
	const struct timeval limit = { .tv_sec = SEND_SECONDS };
	int client;

	client = accept4(dev->listener, NULL, NULL, SOCK_CLOEXEC);
	if (client < 0)
		return;
	setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	dev->client = client;
}

int vfio_user_listen(struct device *dev)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = dev->options.socket;
	unsigned int i;

	dev->client = -1;
	for (i = 0; i < MAX_PAIRS; i++)
		dev->irqs[i] = -1;
	if (strlen(path) >= sizeof(address.sun_path)) {
		complain("%s: too long for the path of a socket", path);
		return EXIT_USAGE;
	}
	memcpy(address.sun_path, path, strlen(path));
	dev->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (dev->listener < 0 ||
	    bind(dev->listener, (struct sockaddr *)&address, sizeof(address)) < 0) {
		complain("%s: %m%s", path, errno == EADDRINUSE ?
			 " (remove it if no device serves it any more)" : "");
		return EXIT_INFRASTRUCTURE;
	}
	if (listen(dev->listener, 1) < 0) {
		complain("%s: %m", path);
		unlink(path);
		return EXIT_INFRASTRUCTURE;
	}
	return EXIT_OK;
}
