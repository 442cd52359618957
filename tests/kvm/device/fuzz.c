// SPDX-License-Identifier: GPL-2.0
/*
 * A client made by libFuzzer: all of the device but its main loop, one connection
 * for each input. What it looks for are sanitizer reports; tests/kvm/device/fuzz
 * runs it and makes the inputs to start from.
 *
 * An input is a personality, a set of faults, and then records:
 *
 *	byte 0		index of the personality, modulo their number; bit 7: no storage
 *	bytes 1-4	bit N: the Nth fault of the list below, with a small number
 *	records		kind, 16 bits of length, so many bytes (as many as there are)
 *
 * The lower two bits of a record's kind say what it is:
 *
 *	0	bytes for the socket, as they are
 *	1	a message: command, flags, payload; its header is made right, and it
 *		brings as many descriptors as the next two bits say: of guest memory,
 *		or, with the bit after these, of an interrupt
 *	2	bytes for guest memory, from 64 times what its first two bytes say on
 *	3	so many turns of the main loop as the upper six bits say
 *
 * The device's clock stands still but for one millisecond with each look at it, so
 * that an input does the same each time. At the end stdout says what the personalities
 * are, in the order of their indexes, how many faults there are, and how many I/O commands
 * there were in how many runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "device.h"

enum {
	GUEST_SIZE = 1 << 18,
	MAX_MESSAGES = 64,		/* of one input */
	MESSAGE_MAX = 1 << 16,
	MESSAGE_FDS = 3,
	STEP_NS = 1000000,
};

struct message {
	__u16	id;
	__u16	command;
	__u32	size;
	__u32	flags;
	__u32	error;
	__u8	payload[MESSAGE_MAX];
};

/* All of them; eventidx-late sleeps for its number of microseconds. */
static const char * const faults[] = {
	"dbbuf-refuse=6", "dbbuf-late=3", "dbbuf-never", "dbbuf-cqe", "dbbuf-gone",
	"stride=2", "lose-sq=2", "lose-cq=2", "eventidx-frozen", "eventidx-stale",
	"eventidx-random", "eventidx-range", "shadow-overwrite", "irq-early",
	"irq-spurious=1", "irq-missing=2", "bogus-cqe=1", "duplicate-cqe=1",
	"late-cqe=2000", "fatal=3", "hang=3", "gone=3", "eventidx-late=1",
	"lose-write=2",
};

static struct device device;
static size_t nr_personalities;
static unsigned long long nr_commands, nr_runs;
static __u64 clock_ns;
static __u8 *guest;
static int guest_fd, event_fd;

__u64 now_ns(void)
{
	clock_ns += STEP_NS;
	return clock_ns;
}

static void prepare(struct device *dev, const __u8 *head)
{
	__u32 set;
	size_t i;

	memset(dev, 0, sizeof(*dev));
	memset(guest, 0, GUEST_SIZE);
	clock_ns = STEP_NS;
	dev->options = (struct options){
		.personality = personality_at((head[0] & 0x7f) % nr_personalities),
		.backing = head[0] & 0x80 ? "null" : "memory",
		.size = 1 << 16,
		.pairs = 5,
		.depth = 64,
		.serial = "fuzz",
		.seed = 1,
	};
	memcpy(&set, head + 1, sizeof(set));
	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		if (le32toh(set) >> i & 1 && fault_add(&dev->options.faults, faults[i]))
			abort();
	}
	dev->random = 1;
	dev->armed = true;
	for (i = 0; i < MAX_PAIRS; i++)
		dev->irqs[i] = -1;
	if (backing_open(dev))
		abort();
	pci_init(dev);
	nvme_init(dev);
}

/* A fault that this list lacks would never be met. */
static void check_faults(void)
{
	struct faults all = { };
	const __u32 *numbers = (const __u32 *)&all;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		if (fault_add(&all, faults[i]))
			abort();
	}
	for (i = 0; i < sizeof(all) / sizeof(*numbers); i++) {
		if (!numbers[i])
			abort();
	}
}

/* What the main loop does between two messages. */
static void turn(struct device *dev)
{
	__u64 now = now_ns();

	admin_timer(dev, now);
	fault_timer(dev, now);
	admin_next_ns(dev);
	fault_next_ns(dev);
	nvme_awake(dev);
	if (nvme_serve(dev))
		dev->news_ns = now;
}

/* Nobody reads the answers, and there must be room for the next one. */
static void drain(int client)
{
	static char answers[MESSAGE_MAX];

	while (read(client, answers, sizeof(answers)) > 0)
		;
}

static void take(struct device *dev, int client)
{
	struct pollfd fd = { .fd = dev->client, .events = POLLIN };

	while (dev->client >= 0 && poll(&fd, 1, 0) > 0) {
		vfio_user_input(dev);
		drain(client);
		turn(dev);
	}
}

static void give_message(int client, __u8 kind, const __u8 *data, size_t size)
{
	static struct message message;
	union {
		struct cmsghdr	align;
		char		data[CMSG_SPACE(MESSAGE_FDS * sizeof(int))];
	} control = { };
	struct iovec part = { .iov_base = &message };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	unsigned int i, count = kind >> 2 & 3;
	int fd = kind >> 4 & 1 ? event_fd : guest_fd;
	struct cmsghdr *cmsg;

	if (size < 2)
		return;
	message.command = data[0];
	message.flags = data[1];
	memcpy(message.payload, data + 2, size - 2);
	message.size = offsetof(struct message, payload) + size - 2;
	part.iov_len = message.size;
	if (count) {
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(count * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&header);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
		for (i = 0; i < count; i++)
			memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &fd, sizeof(int));
	}
	/* One that finds the connection closed is no news. */
	(void)!sendmsg(client, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void give_memory(const __u8 *data, size_t size)
{
	size_t at;

	if (size < 2)
		return;
	at = (data[0] | data[1] << 8) * 64 % GUEST_SIZE;
	size -= 2;
	if (size > GUEST_SIZE - at)
		size = GUEST_SIZE - at;
	memcpy(guest + at, data + 2, size);
}

static void play(struct device *dev, int client, const __u8 *data, size_t size)
{
	unsigned int i, records;

	for (records = 0; size >= 3 && records < MAX_MESSAGES; records++) {
		__u8 kind = data[0];
		size_t length = data[1] | data[2] << 8;

		data += 3;
		size -= 3;
		if (length > size)
			length = size;
		switch (kind & 3) {
		case 0:
			if (length)
				(void)!send(client, data, length,
					    MSG_NOSIGNAL | MSG_DONTWAIT);
			break;
		case 1:
			give_message(client, kind, data, length);
			break;
		case 2:
			give_memory(data, length);
			break;
		case 3:
			for (i = 0; i < kind >> 2; i++)
				turn(dev);
			break;
		}
		take(dev, client);
		data += length;
		size -= length;
	}
}

static void print_totals(void)
{
	size_t i;

	printf("personalities:");
	for (i = 0; i < nr_personalities; i++)
		printf(" %s", personality_at(i)->name);
	printf("\n%zu faults\n", ARRAY_SIZE(faults));
	printf("%llu I/O commands, %llu runs\n", nr_commands, nr_runs);
}

/* The Makefile gives both functions that libFuzzer calls the names it wants. */
int fuzz_initialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	check_faults();
	while (personality_at(nr_personalities))
		nr_personalities++;
	atexit(print_totals);
	guest_fd = memfd_create("guest", MFD_CLOEXEC);
	event_fd = eventfd(-1, 0);
	if (guest_fd < 0 || event_fd < 0 || ftruncate(guest_fd, GUEST_SIZE) < 0)
		abort();
	guest = mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, guest_fd, 0);
	if (guest == MAP_FAILED)
		abort();
	return 0;
}

int fuzz_one_input(const __u8 *data, size_t size)
{
	struct device *dev = &device;
	unsigned int i;
	int sockets[2];

	if (size < 5)
		return 0;
	prepare(dev, data);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		abort();
	fcntl(sockets[1], F_SETFL, O_NONBLOCK);
	dev->client = sockets[0];
	play(dev, sockets[1], data + 5, size - 5);
	close(sockets[1]);
	take(dev, -1);
	for (i = 1; i < dev->options.pairs; i++)
		nr_commands += dev->counts.queues[i].commands;
	nr_runs++;
	vfio_user_close(dev);
	backing_close(dev);
	free(dev->maps);
	return 0;
}
