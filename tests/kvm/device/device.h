/* SPDX-License-Identifier: GPL-2.0 */
/*
 * nvme-device: one NVMe controller, served over the vfio-user protocol, that can
 * behave like several real ones and have faults.
 *
 * One thread does everything, so nothing here has a lock: it takes messages from
 * the socket, then looks at the queues, then at the clock. The guest runs beside
 * it and writes to its memory at any time. Hence these rules:
 *
 * - what comes out of guest memory or out of a message is copied once, checked,
 *   and then used;
 * - guest memory is reached through dma_ptr() alone, while pci_is_master(), and no
 *   pointer is kept over the next message, which may unmap it;
 * - words that are shared with the guest (shadow doorbells, event indexes, the
 *   last word of a completion) are atomics.
 *
 * Numbers that end in _ns are CLOCK_MONOTONIC in nanoseconds.
 */
#ifndef NVME_DEVICE_H
#define NVME_DEVICE_H

#include <endian.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>
#include <nvme/types.h>

#define complain(format, ...) \
	fprintf(stderr, "nvme-device: " format "\n", ##__VA_ARGS__)
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

enum {
	EXIT_OK = 0,
	EXIT_USAGE = 2,
	EXIT_INFRASTRUCTURE = 69,

	PAGE = 4096,			/* CAP.MPSMIN and CAP.MPSMAX are 0 */
	BLOCK_SHIFT = 9,
	DOORBELLS = 0x1000,		/* where they start in BAR 0 */
	MAX_PAIRS = 1024,		/* queue pairs, the admin pair included */
	MAX_DSTRD = 10,
	HALF_WORD = 1 << 16,		/* the first number that 16 bits lack */
	MAX_TRANSFER_PAGES = 64,	/* power of two, see CTRL.MDTS */
	MAX_ASYNC_EVENTS = 4,
	MSIX_TABLE_BAR = 4,
};

/* --- wire formats that libnvme leaves to the kernel -------------------------- */

struct sq_entry {
	__u8	opcode;
	__u8	flags;
	__le16	cid;
	__le32	nsid;
	__le32	cdw2;
	__le32	cdw3;
	__le64	mptr;
	__le64	prp1;
	__le64	prp2;
	__le32	cdw10;
	__le32	cdw11;
	__le32	cdw12;
	__le32	cdw13;
	__le32	cdw14;
	__le32	cdw15;
};

struct cq_entry {
	__le32	dw0;
	__le32	dw1;
	__le32	queue;			/* head, identifier */
	__le32	state;			/* command, phase, status */
};

/* --- faults: 0 is off, see faults.c for what the numbers mean ----------------- */

struct faults {
	__u32	dbbuf_refuse;
	__u32	dbbuf_late;
	__u32	dbbuf_never;
	__u32	dbbuf_cqe;
	__u32	dbbuf_gone;
	__u32	stride;
	__u32	lose_sq;
	__u32	lose_cq;
	__u32	eventidx_frozen;
	__u32	eventidx_stale;
	__u32	eventidx_random;
	__u32	eventidx_range;
	__u32	eventidx_late;
	__u32	shadow_overwrite;
	__u32	irq_early;
	__u32	irq_spurious;
	__u32	irq_missing;
	__u32	bogus_cqe;
	__u32	duplicate_cqe;
	__u32	late_cqe;
	__u32	fatal;
	__u32	hang;
	__u32	gone;
	__u32	lose_write;
};

enum {
	NR_FAULTS = sizeof(struct faults) / sizeof(__u32),
};

/* --- what was counted, never reset while the program runs -------------------- */

struct doorbell_counts {
	__u64	doorbells;		/* register writes */
	__u64	doorbells_shadowed;	/* of these, while shadows were in use */
	__u64	shadow_news;		/* shadow reads that saw a new value */
	__u64	eventidx;		/* positions written as event indexes, not ~0 */
	__u64	invalid;		/* values that no such queue can have */
	__u64	lost;			/* doorbells thrown away by a fault */
	__u64	repeated;		/* values that were the register's, without news */
	__u64	overtaken;		/* positions that a shadow had told to be past */
	__u64	created;		/* how often there came to be this queue */
};

struct queue_counts {
	struct doorbell_counts	sq;
	struct doorbell_counts	cq;
	__u64	commands;
	__u64	completions;
	__u64	interrupts;
};

struct counts {
	__u64	register_reads;
	__u64	register_writes;	/* all but doorbells */
	__u64	enables;
	__u64	disables;
	__u64	invalid_accesses;
	__u64	invalid_doorbells;	/* of queues that never were */
	__u64	late_doorbells;		/* of queues that are gone */
	__u64	shutdown_doorbells;	/* of submission queues, after a shutdown */
	__u64	protocol_errors;
	__u64	dma_errors;
	__u64	dbbuf_accepted;
	__u64	dbbuf_refused;
	__u64	acted[NR_FAULTS];	/* how often each fault was acted out */
	__u64	armings;
	__u64	armings_refused;	/* for what stands in the file */
	__u64	admin[256];		/* by opcode */
	__u64	io[256];
	struct queue_counts	queues[MAX_PAIRS];
};

/* --- personalities ----------------------------------------------------------- */

enum eventidx_policy {
	EVENTIDX_UNTOUCHED,	/* never written */
	EVENTIDX_NEVER,		/* ffffffffh, once */
	EVENTIDX_BATCH,		/* the known position, after each batch */
	EVENTIDX_HEAD,		/* how far commands were taken, after each batch */
	EVENTIDX_IDLE,		/* the known position, when there is no work left */
	EVENTIDX_FULL,		/* the known position, when the queue is full */
	EVENTIDX_BEHIND,	/* the last completion, if it is not the only one */
};

/**
 * struct personality - how a device treats doorbells
 * @name: for --personality
 * @about: which device this is, and where its behaviour is documented
 * @oacs: OACS bits
 * @sq: when event indexes of submission queues are written
 * @cq: when those of completion queues are
 * @rereads: looks at the shadow after writing an event index, before sleeping
 * @barrier: full barrier between the two
 * @polls: looks at shadows all the time
 * @parks: stops that when idle, until a doorbell register is written
 * @adaptive: no interrupt while the host takes completions
 * @admin: the admin queue's shadows are in use, too
 * @copies: a doorbell register's value is copied to the shadow
 * @copies_admin: so it is, for the admin queue alone
 * @seeds: accepting the pages copies the known positions to the shadows
 * @zeroes: creating a queue zeroes its words
 * @strict_range: a position beyond the queue is fatal, else it is ignored
 * @strict_order: a submission doorbell's value that goes back is an error
 * @half_words: event indexes and copies are 16 bit stores
 * @once: a second 7Ch is refused
 * @null: has no storage
 */
struct personality {
	const char		*name;
	const char		*about;
	__u16			oacs;
	enum eventidx_policy	sq;
	enum eventidx_policy	cq;
	unsigned int		rereads;
	bool			barrier;
	bool			polls;
	bool			parks;
	bool			adaptive;
	bool			admin;
	bool			copies;
	bool			copies_admin;
	bool			seeds;
	bool			zeroes;
	bool			strict_range;
	bool			strict_order;
	bool			half_words;
	bool			once;
	bool			null;
};

const struct personality *personality_at(size_t index);
const struct personality *personality_find(const char *name);
void personality_list(FILE *out);

/* --- the device --------------------------------------------------------------- */

struct options {
	const char			*socket;
	const char			*json;
	const char			*backing;	/* null, memory or a path */
	const char			*serial;
	const char			*faults_file;	/* read at each arming */
	const struct personality	*personality;
	struct faults			faults;
	__u64				size;
	unsigned int			pairs;
	unsigned int			depth;
	unsigned int			dstrd;
	unsigned int			seed;
	unsigned int			idle_us;
	unsigned int			spin_us;
	bool				disarmed;
	bool				keep;
};

struct backing {
	int	fd;
	__u8	*mem;			/* NULL: null, when there is no fd */
	__u64	size;
};

/* What a doorbell register was written with last. */
struct last_write {
	bool	any;
	bool	due;		/* nothing has come of it so far */
	__u32	value;
	__u64	news;		/* of its shadow, until then */
};

/* What a shadow has held, and is not to be taken for news when it is seen once more. */
struct stale {
	bool	any;
	__u32	value;
};

struct sq {
	__u64	base;
	__u32	size;			/* 0: there is no such queue */
	__u32	head;
	__u32	tail;			/* as far as known */
	__u32	last_eventidx;
	__u16	id;
	__u16	cqid;
	bool	awake;			/* has to be looked at */
	struct stale		garbage;	/* of a fault, not of the host */
	struct stale		seen;		/* in the shadow, and not known */
	struct last_write	last_write;
};

struct cq {
	__u64	base;
	__u32	size;
	__u32	head;			/* as far as known */
	__u32	tail;
	__u32	head_seen;		/* at the last thought of an interrupt */
	__u32	last_eventidx;
	__u16	id;
	__u16	vector;
	bool	phase;
	bool	irq;
	bool	pending;		/* completions without interrupt so far */
	bool	rung;			/* a register, not a shadow, has told the head */
	struct stale		garbage;	/* of a fault, not of the host */
	struct stale		seen;		/* in the shadow, and not known */
	struct last_write	last_write;
};

struct dbbuf {
	bool	active;
	bool	configured;		/* since the controller was enabled */
	__u64	shadows;
	__u64	eventidxs;
};

struct dma_map {
	__u64	address;
	__u64	size;
	__u8	*mem;			/* NULL: there is no way to it */
	bool	writable;
};

struct device {
	struct options		options;
	struct backing		backing;
	struct counts		counts;

	/* config_space.c */
	__u8			config[PAGE];
	__u8			writable[PAGE];
	__u64			bar0_size;
	__u64			bar4_size;
	__u32			msix_pba;

	/* vfio_user.c */
	int			listener;
	int			client;
	bool			greeted;	/* the client has told its version */
	int			irqs[MAX_PAIRS];
	struct dma_map		*maps;
	unsigned int		nr_maps;
	unsigned int		last_map;

	/* nvme.c */
	__u64			cap;
	__u64			asq;
	__u64			acq;
	__u32			aqa;
	__u32			cc;
	__u32			csts;
	__u32			intms;
	unsigned int		dstrd;
	unsigned int		doorbells_dstrd;	/* when it was enabled last */
	bool			cap_read;	/* since it was enabled last */
	bool			running;	/* enabled, and able to do something */
	struct sq		sqs[MAX_PAIRS];
	struct cq		cqs[MAX_PAIRS];
	unsigned int		pairs_granted;

	/* admin.c */
	__u16			async_events[MAX_ASYNC_EVENTS];
	unsigned int		nr_async_events;
	bool			async_masked;
	__u32			features[256];
	__u16			thresholds[2];	/* of the temperature: over, under */
	bool			uncoalesced[MAX_PAIRS];	/* interrupt vectors */
	bool			dbbuf_due;
	struct sq_entry		dbbuf_command;
	__u64			dbbuf_due_ns;

	/* doorbell.c */
	struct dbbuf		dbbuf;
	__u64			news_ns;	/* when there was work last */

	/* faults.c */
	bool			armed;
	bool			vanished;
	bool			stuck;
	__u64			random;
	__u64			nth_sq;
	__u64			nth_cq;
	__u64			nth_io;
	__u64			nth_io_bogus;
	__u64			nth_io_duplicate;
	__u64			nth_irq;
	__u64			nth_write;
	__u64			spurious_ns;
	struct cq		ghosts[MAX_PAIRS];
	__u64			ghost_marks[MAX_PAIRS];
	__u64			ghosts_ns;
	bool			let_go;		/* since it was enabled last */
	unsigned int		dbbuf_cqes;
	__u64			dbbuf_cqe_ns;

	/* account.c */
	unsigned int		snapshots;
};

/* main.c */
__u64 now_ns(void);

/* vfio_user.c */
int vfio_user_listen(struct device *dev);
void vfio_user_accept(struct device *dev);
void vfio_user_input(struct device *dev);
void vfio_user_close(struct device *dev);
void *dma_ptr(struct device *dev, __u64 address, __u64 size, bool write);
void *dma_find(struct device *dev, __u64 address, __u64 size, bool write);
void irq_raise(struct device *dev, unsigned int vector);

/* config_space.c */
void pci_init(struct device *dev);
void pci_reset(struct device *dev);
bool pci_is_master(const struct device *dev);
void pci_config_read(struct device *dev, __u64 offset, void *data, __u32 count);
void pci_config_write(struct device *dev, __u64 offset, const void *data,
		      __u32 count);

/* nvme.c */
void nvme_init(struct device *dev);
void nvme_reset(struct device *dev);
void nvme_faults_changed(struct device *dev);
void nvme_fatal(struct device *dev);
void nvme_read(struct device *dev, __u64 offset, void *data, __u32 count);
void nvme_write(struct device *dev, __u64 offset, const void *data, __u32 count);
bool nvme_serve(struct device *dev);
bool nvme_shut_down(const struct device *dev);
void nvme_complete(struct device *dev, struct cq *cq, const struct sq *sq,
		   __u16 cid, __u16 status, __u32 result);
bool nvme_awake(const struct device *dev);
void nvme_interrupt(struct device *dev, struct cq *cq);
bool cq_is_full(const struct cq *cq);

/* admin.c: the status, or one of these */
enum {
	STATUS_LATER = 0x10000,		/* no completion now */
};

__u32 admin_command(struct device *dev, const struct sq_entry *command,
		    __u32 *result);
void admin_async_error(struct device *dev, __u8 information);
void admin_reset(struct device *dev);
void admin_timer(struct device *dev, __u64 now);
__u64 admin_next_ns(const struct device *dev);

/* io.c */
int backing_open(struct device *dev);
void backing_close(struct device *dev);
__u32 io_command(struct device *dev, const struct sq_entry *command);
__u32 io_copy(struct device *dev, const struct sq_entry *command, void *data,
	      __u32 size, bool to_guest);

/* doorbell.c */
void doorbell_write(struct device *dev, unsigned int qid, bool completion,
		    __u32 value);
void doorbell_catch_up(struct device *dev);
void doorbell_configure(struct device *dev, __u64 shadows, __u64 eventidxs);
void doorbell_forget(struct device *dev);
void doorbell_created(struct device *dev, unsigned int qid, bool completion);
bool doorbell_shadowed(const struct device *dev, unsigned int qid);
bool doorbell_look_sq(struct device *dev, struct sq *sq);
bool doorbell_look_cq(struct device *dev, struct cq *cq);
bool doorbell_cq_full(struct device *dev, struct cq *cq);
bool doorbell_sq_done(struct device *dev, struct sq *sq);
void doorbell_cq_posted(struct device *dev, struct cq *cq);

/* faults.c */
int fault_add(struct faults *faults, const char *text);
int faults_check(const struct options *options, const struct faults *faults);
void fault_list(FILE *out);
void fault_names(FILE *out, const struct faults *faults);
void fault_counts(FILE *out, const __u64 *counts);
__u32 fault(struct device *dev, __u32 value);
void fault_acted(struct device *dev, const __u32 *which);
bool fault_nth(struct device *dev, const __u32 *every, __u64 *nth);
__u32 fault_random(struct device *dev);
void fault_arm(struct device *dev, bool armed);
void fault_switch(struct device *dev);
void fault_disabled(struct device *dev);
void fault_queue_gone(struct device *dev, const struct cq *cq);
void fault_enabled(struct device *dev);
void fault_let_go(struct device *dev);
void fault_dbbuf(struct device *dev);
void fault_timer(struct device *dev, __u64 now);
__u64 fault_next_ns(const struct device *dev);
void fault_bogus_completion(struct device *dev, struct cq *cq);

/* account.c */
int account_write(struct device *dev);

#endif /* NVME_DEVICE_H */
