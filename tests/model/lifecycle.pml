/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The life cycle of shadow doorbells, for spin: one queue pair, the work that
 * connects the controller, whoever disables it meanwhile, the interrupt handler, who
 * submits, the work that looks after the queue, an administrator, and a controller
 * that answers the command when and how it likes. Submissions and completions come at
 * any time, while the command is under way and amid a reset as well, which is more than
 * the driver allows. tests/model/run checks it, and sees it fail without any one of the
 * rules.
 *
 * What is checked, by assert():
 *   no use after free	at use_pages, look and controller_writes, and when the work starts
 *   accepted only	at use_pages: a doorbell goes to the shadow page only while
 *			the controller, ready, has these pages, and they were seeded
 *   all of it seen	at use_pages: an interrupt handler that finds the doorbell attached
 *			has started after what it then looks at was written
 *   looked after	at look: only what is attached, and so has a register
 *   all detached	at detached: nothing is attached, and nobody is at work in the
 *			pages, when detach returns, and until the next accepted command
 *   all or nothing     deadlock: everybody comes to an end
 *
 * Model                        Code in drivers/nvme/host/dbbuf.c, [lifecycle.pml: ...] there
 *   Connect: prepare           nvme_dbbuf_prepare()
 *   Connect: configure, attach nvme_dbbuf_configure(), with nvme_dbbuf_seed(),
 *                              nvme_dbbuf_submit() and nvme_dbbuf_attach_queue()
 *   Connect: setup_io_queues   nvme_setup_io_queues() in pci.c, between the two: gives up
 *                              when shutdown_lock is held or the state has changed, in
 *                              all kernels from 5.10 on
 *   Disable                    nvme_dev_disable() in pci.c, from a timeout handler or
 *                              from removal, with nvme_dbbuf_detach()
 *   Disable: free_pages        nvme_dbbuf_free(), only on removal
 *   Handler                    interrupt handler: nvme_dbbuf_update_and_check_event()
 *                              and nvme_dbbuf_update_slow()
 *   Submitter                  with sq_lock held: the same two, and unpark
 *   Watch                      nvme_dbbuf_watch(): park, ring, distrust
 *   Administrator              nvme_dbbuf_trust()
 *   lock                       dbbuf->lock
 *   cq_shadow, cq_slot         db->shadow and db->slot, attached or not; of the submission
 *   sq_shadow, sq_slot         queue, parked with the slot alone
 *   aimed, stale               nvme_dbbuf_aim(): a handler that has started before its end
 *                              may have read some of what it writes too early
 *   in_handler                 what synchronize_irq() waits for
 *   state                      dbbuf->state
 *
 * Defines for the twins: EARLY_ATTACH (before the controller has accepted), EARLY_FREE
 * (by whom 0x7C fails), NO_DETACH, DETACH_ONLINE (as many queues as are online, which
 * are none then), LATE_DETACH (after the controller was disabled), NO_SYNC (detach does
 * not wait for the handler), NO_SYNC_ATTACH (nor does attach), NO_STATE (attach whatever
 * happened meanwhile), NO_LOCK (state looked at and changed without the lock), FREE_FIRST
 * (before the controller is disabled), NO_SEED (words are written after the command),
 * KEEP_SLOT (detach leaves the slot), NO_TRYLOCK (setup_io_queues does not give up, which
 * nvme_dbbuf_prepare() relies on: it may come after a detach that belongs to the same
 * disabling), NO_CLEAR_LOCK (detach clears the submission doorbell without the queue's
 * lock), NO_WATCH_LOCK and NO_TRUST_LOCK (the work, and the administrator, without the
 * lock), NO_CANCEL (free leaves the work).
 */
#ifndef RESETS
#define RESETS	2
#endif

mtype = { IDLE, PREPARED, CONFIGURING, REFUSED, ACTIVE };
mtype state = IDLE;

mtype = { NOTHING, SENT, ACCEPTED, DENIED, CANCELLED };
mtype command = NOTHING;

/* The host's. */
bool lock, sq_lock;
bool allocated, freed, seeded;
bool cq_shadow, cq_slot, sq_shadow, sq_slot;
bool aimed;
bool distrusted;
bool queued, watching;	/* the work; it is at work */
byte attached;		/* number of queues, 0 or 1 */
byte online;		/* queues that the driver counts as online */
byte in_handler;	/* handlers at work; one processor's, so 0 or 1 */
bool stale;		/* that one has started before what is attached was aimed */
bool io;		/* completions can come in */
bool connecting;	/* Connect is at work, and holds what serializes resets */
bool removing;		/* no more resets */
bool doomed;		/* its state has changed, or shutdown_lock is held */
byte resets;

/* The controller's. */
bool ready;
bool has_pages;		/* knows their addresses, and may write to them */

inline take()
{
#ifdef NO_LOCK
	skip
#else
	atomic { !lock -> lock = true }
#endif
}

inline drop()
{
#ifdef NO_LOCK
	skip
#else
	lock = false
#endif
}

inline take_sq()
{
	atomic { !sq_lock -> sq_lock = true }
}

/* Interrupt handlers that are at work have come to their end. */
inline synchronize()
{
	!in_handler
}

inline attach()
{
	aimed = true;
	take_sq();
	atomic { sq_slot = true; printf("connect: attaches the submission queue, parked\n") };
	sq_lock = false;
#ifndef NO_SYNC_ATTACH
	synchronize();
#endif
	atomic { cq_slot = true; printf("connect: attaches the slot\n") };
	if
	:: distrusted
	:: atomic { !distrusted -> cq_shadow = true;
		printf("connect: attaches the shadow doorbell\n") }
	fi;
	attached = 1
}

inline detach()
{
	take();
	if
#ifdef DETACH_ONLINE
	:: online && attached ->
#else
	:: attached ->
#endif
#ifdef NO_CLEAR_LOCK
		atomic { sq_slot = false; sq_shadow = false };
#else
		atomic { !sq_lock -> sq_slot = false; sq_shadow = false };
#endif
#ifndef KEEP_SLOT
		atomic { cq_slot = false; printf("disable: clears the slot\n") };
#endif
		atomic { cq_shadow = false; printf("disable: clears the shadow doorbell\n") };
#ifndef NO_SYNC
		synchronize()
#endif
	:: else
	fi;
	atomic {
		attached = 0;
		aimed = false;
		state = IDLE;
		printf("disable: detached, idle\n");
		/* detached */
		assert(!cq_shadow && !cq_slot && !sq_shadow && !sq_slot)
	};
	drop()
}

inline use_pages()
{
	atomic {
		printf("host: publishes in the shadow page\n");
		assert(allocated && !freed);
		/* Else a suppressed doorbell would be a lost one. */
		assert(ready && has_pages && seeded)
	}
}

/* At an event index, and perhaps the register written. */
inline look()
{
	assert(attached && allocated && !freed)
}

/* nvme_reset_work() and nvme_probe(). */
active proctype Connect()
{
	mtype mine;

	do
	:: atomic { !removing && resets < RESETS && !ready && state == IDLE && !io ->
		resets++;
		connecting = true;
		doomed = false;
		printf("connect: enables the controller\n");
		ready = true };

		/* prepare; the pages stay where they are until the end */
		take();
		atomic {
			allocated = true;
			seeded = false;
			state = PREPARED;
			printf("connect: prepared\n")
		};
		drop();
		/* setup_io_queues; from now on completions can come in, by plain doorbells. */
		if
#ifndef NO_TRYLOCK
		:: atomic { doomed -> goto out }
		:: atomic { !doomed -> online = 1; io = true }
#else
		:: atomic { true -> online = 1; io = true }
#endif
		fi;

		/* configure */
		take();
		atomic {
			mine = state;
			if
			:: mine == PREPARED ->
				/* seed */
#ifndef NO_SEED
				seeded = true;
#endif
				state = CONFIGURING;
				mine = CONFIGURING
			:: else
			fi
		};
		drop();
		if
		:: mine == CONFIGURING ->
#ifdef EARLY_ATTACH
			take();
			attach();
			drop();
#endif
			if
			:: atomic { ready -> command = SENT;
				printf("connect: sends 0x7C\n") };
				/* Answered, or cancelled by who disables the controller. */
				command != SENT
			:: atomic { !ready -> command = CANCELLED }
			fi;
#ifdef NO_SEED
			seeded = true;
#endif
#ifdef EARLY_FREE
			if
			:: command != ACCEPTED -> atomic { freed = true;
				printf("connect: refused, frees the pages\n") }
			:: else
			fi;
#endif
			/* attach */
			take();
			mine = state;
			if
#ifdef NO_STATE
			:: command == ACCEPTED ->
#else
			:: mine == CONFIGURING && command == ACCEPTED ->
#endif
#ifndef EARLY_ATTACH
				attach();
#endif
				state = ACTIVE
			:: mine == CONFIGURING && command != ACCEPTED ->
#ifdef EARLY_ATTACH
				cq_shadow = false;
				cq_slot = false;
				sq_shadow = false;
				sq_slot = false;
				aimed = false;
				attached = 0;
#endif
				state = REFUSED
			:: else
			fi;
			drop()
		:: else
		fi;
out:
		atomic { mine = 0; command = NOTHING; connecting = false }
	:: atomic { removing || resets == RESETS -> break }
	od
}

/*
 * nvme_dev_disable(), with shutdown_lock held, by a timeout handler, by a reset, or at
 * last by removal, which waits for the end of resets.
 */
active proctype Disable()
{
	bool last;

	do
	:: atomic { !last && ready ->
		doomed = true;
		printf("disable: a timeout or a reset\n") };
again:
#if !defined(NO_DETACH) && !defined(LATE_DETACH) && !defined(DETACH_ONLINE)
		detach();
#endif
#ifdef FREE_FIRST
		if
		:: last -> freed = true
		:: else
		fi;
#endif
		/* The driver counts no queue as online any more. */
		online = 0;
#ifdef DETACH_ONLINE
		detach();
#endif
		atomic {
			ready = false;
			has_pages = false;
			printf("disable: the controller is disabled\n");
			if
			:: command == SENT -> command = CANCELLED
			:: else
			fi
		};
#ifdef LATE_DETACH
		detach();
#endif
#ifdef NO_DETACH
		state = IDLE;
#endif
		/* Its interrupts are freed, which waits for handlers; what is left is reaped. */
		atomic { !in_handler -> in_handler = 1 };
		if
		:: cq_shadow -> use_pages()
		:: else
		fi;
		atomic { in_handler = 0; io = false };
		if
		:: last -> break
		:: else
		fi
	:: atomic { !last && !connecting && !lock ->
		removing = true;
		doomed = true;
		last = true;
		printf("disable: removal\n") };
		goto again
	od;
	/* free_pages */
#ifndef NO_CANCEL
	atomic { !watching -> queued = false };
#endif
	atomic {
		assert(!ready && !has_pages);
		freed = true;
		printf("disable: frees the pages\n")
	}
}

/* Any number of completions, also of commands that were there before a reset. */
active proctype Handler()
{
end:
	do
	:: atomic { io && !in_handler -> in_handler = 1; stale = !aimed };
		if
		:: atomic { cq_shadow ->
			printf("handler: has read the shadow doorbell's address\n");
			assert(!stale) };
			use_pages()
		:: atomic { !cq_shadow -> skip };
			if
			:: atomic { cq_slot ->
				printf("handler: has read the slot's address\n");
				assert(!stale) };
				use_pages()
			:: atomic { !cq_slot -> skip }
			fi
		fi;
		atomic { in_handler = 0; stale = false }
	od
}

active proctype Submitter()
{
end:
	do
	:: atomic { io && !sq_lock -> sq_lock = true };
		if
		:: sq_shadow -> use_pages()
		:: atomic { !sq_shadow -> skip };
			if
			:: atomic { sq_slot ->
				printf("submitter: has read the slot's address\n") };
				if
				:: distrusted
				:: atomic { !distrusted -> sq_shadow = true;
					printf("submitter: the queue is not parked any more\n") };
					queued = true
				fi;
				use_pages()
			:: atomic { !sq_slot -> skip }
			fi
		fi;
		sq_lock = false
	od
}

active proctype Watch()
{
end:
	do
	:: atomic { queued -> queued = false; watching = true;
		printf("watch: looks\n");
		assert(!freed) };
#ifndef NO_WATCH_LOCK
		take();
#endif
		if
		:: attached && !distrusted ->
			/* Parked, or looked at. */
			if
			:: atomic { !sq_lock -> sq_shadow = false;
				printf("watch: parks the submission queue\n") }
			:: atomic { !sq_lock -> look() };
				queued = true
			:: atomic { !sq_lock -> look() };
				atomic { distrusted = true;
					printf("watch: the controller is not trusted any more\n") };
				atomic { !sq_lock -> sq_shadow = false };
				cq_shadow = false;
				synchronize();
				look()
			fi
		:: else
		fi;
#ifndef NO_WATCH_LOCK
		drop();
#endif
		watching = false
	od
}

active proctype Administrator()
{
end:
	do
	:: distrusted && !removing ->
#ifndef NO_TRUST_LOCK
		take();
#endif
		distrusted = false;
		if
		:: attached ->
			atomic { cq_shadow = true; printf("administrator: trusts the controller\n") }
		:: else
		fi;
#ifndef NO_TRUST_LOCK
		drop()
#endif
	od
}

active proctype Controller()
{
end:
	do
	:: atomic { command == SENT && ready ->
		has_pages = true;
		command = ACCEPTED;
		printf("controller: accepts the pages\n");
		/* It may read them at once. */
		assert(seeded) }
	:: atomic { command == SENT && ready ->
		command = DENIED;
		printf("controller: refuses\n") }
	/* Takes the pages, and answers late or never: until the command times out. */
	:: atomic { command == SENT && ready && !has_pages ->
		has_pages = true;
		printf("controller: takes the pages, does not answer yet\n") }
	/* controller_writes */
	:: atomic { has_pages ->
		assert(allocated && !freed) }
	od
}
