/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fast path of shadow doorbells, for spin: one queue pair, the host's side as
 * in drivers/nvme/host/dbbuf.h, a controller of any habit, and memory that is as
 * weak as memory gets: each processor has a store buffer that empties in any
 * order, and loads whose value is needed late may be late. tests/model/run checks
 * it, and sees it fail without any one of the parts below.
 *
 * What is checked:
 *   lost wake-up     a deadlock: the host may always stop to submit, and wait
 *   entries          assert() at fetch_entry, commit_entry and commit_completion
 *   backwards        assert() at doorbell_register, where a controller copies the
 *                    value to the shadow doorbell, and at commit_tail: what several
 *                    processors publish gets visible in that order
 *   needless         assert() at doorbell_register, when nobody ever asks
 *   progress         ltl: a command that was submitted is completed
 *
 * Model                        Code in dbbuf.h, where [doorbell.pml: ...] names the place
 *   Submitter, Handler           what calls nvme_dbbuf_update_and_check_event():
 *                                with sq_lock held, and as the interrupt handler
 *   update                       nvme_dbbuf_update_and_check_event()
 *   barrier_a                    A: nvme_dbbuf_store_release()
 *   publish                      the store in it, then `db->last = value`
 *   barrier_b                    B: nvme_dbbuf_mb()
 *   need_event()                 nvme_dbbuf_need_event(); modulo 2^8, not 2^16
 *   sq_last, cq_last, last       db->last
 *   doorbell_register            the caller's writel(), with the guard still held
 *   barrier_a2, barrier_b2       A' and B' of the contract: the controller's
 *   NEVER                        ffffffffh, no position of any queue
 *   *_buffer, late_read          what A and B are about: stores that are not visible,
 *                                loads of completion entries that are not executed
 *
 * Defines for the twins: NO_A, WEAK_A (a write barrier), NO_B, NO_A2, NO_B2,
 * NO_LAST (the old position is read from the shared page), NO_BOUND (event indexes
 * beyond the queue are compared), NO_GUARD (the register is written after the
 * guard was released), NO_RELEASE (the guard is, before what was published is visible),
 * LATE_INDEX (event index read before B), OFF_BY_ONE, NO_LOOK (the controller does not
 * look again before it sleeps).
 * For smaller models: CONTROLLER (only one of them), PLAIN_CQ (completions are consumed and
 * told of at once).
 */
#ifndef DEPTH
#define DEPTH		3		/* or 2 */
#endif
#ifndef SUBMITTERS
#define SUBMITTERS	1
#endif
#define NEXT(position)	(((position) + 1) % DEPTH)
#define NONE		254
#define NEVER		255
#define SCRIBBLE	16

#ifdef NO_BOUND
#define in_queue(eventidx)	true
#else
#define in_queue(eventidx)	((eventidx) <= DEPTH - 1)
#endif
#ifdef OFF_BY_ONE
#define ONE	0
#else
#define ONE	1
#endif
#define need_event(eventidx, value, old) \
	(in_queue(eventidx) && \
	 (((value) - (eventidx) - ONE) & 255) < (((value) - (old)) & 255))

mtype = { POLL, PARK, COPY, SCRIBBLER };
mtype = { SUBMISSION_TAIL, COMPLETION_HEAD };
mtype controller;

/* Memory that both sides see. */
byte sq_shadow, cq_shadow;
byte sq_eventidx, cq_eventidx;
bool written[DEPTH];	/* submission entry: visible, and not fetched yet */
bit phase[DEPTH];	/* of a completion entry */
bool unread[DEPTH];	/* completion entry: visible, and the host has not read it */
bool rung;		/* a doorbell register was written, wakes the controller */

/* Store buffers: at most one store for each word; NONE: nothing. */
byte entry_buffer[SUBMITTERS] = NONE;
byte sq_buffer[SUBMITTERS] = NONE;
byte cq_buffer = NONE;
byte completion_buffer = NONE;
byte sq_eventidx_buffer = NONE;
byte cq_eventidx_buffer = NONE;
/* Loads of completion entries that the handler has issued, and that are late. */
bool late_read[DEPTH];
#define all_read	(!late_read[0] && !late_read[1] && !late_read[DEPTH - 1])

/* The host's own: what is guarded by sq_lock, and commands under way. */
byte sq_tail, sq_last;
byte cq_last;
byte under_way;
bool guard;
bool completed;
#if SUBMITTERS > 1
/* The how many-th tail was published last, modulo 4; in which buffer; visible. */
byte published, order[SUBMITTERS], visible;
#endif

inline commit_entry(cpu)
{
	/* Never over one that was not fetched. */
	assert(!written[entry_buffer[cpu]]);
	written[entry_buffer[cpu]] = true;
	entry_buffer[cpu] = NONE
}

inline commit_tail(cpu)
{
#if SUBMITTERS > 1
	assert(order[cpu] == (visible + 1) % 4);
	visible = order[cpu];
#endif
	sq_shadow = sq_buffer[cpu];
	sq_buffer[cpu] = NONE
}

inline commit_completion()
{
	/* Never over one that was not read. */
	assert(!unread[completion_buffer]);
	phase[completion_buffer] = 1 - phase[completion_buffer];
	unread[completion_buffer] = true;
	completion_buffer = NONE
}

active proctype HostMemory()
{
	do
	:: atomic { entry_buffer[0] != NONE ->
		printf("memory: submission entry %d gets visible\n", entry_buffer[0]);
		commit_entry(0) }
	:: atomic { sq_buffer[0] != NONE ->
		printf("memory: submission tail %d gets visible\n", sq_buffer[0]);
		commit_tail(0) }
#if SUBMITTERS > 1
	:: atomic { entry_buffer[1] != NONE ->
		printf("memory: submission entry %d gets visible\n", entry_buffer[1]);
		commit_entry(1) }
	:: atomic { sq_buffer[1] != NONE ->
		printf("memory: submission tail %d gets visible\n", sq_buffer[1]);
		commit_tail(1) }
#endif
	:: atomic { cq_buffer != NONE ->
		printf("memory: completion head %d gets visible\n", cq_buffer);
		cq_shadow = cq_buffer; cq_buffer = NONE }
	:: atomic { late_read[0] ->
		printf("memory: completion entry 0 is read\n");
		unread[0] = false; late_read[0] = false }
	:: atomic { late_read[1] ->
		printf("memory: completion entry 1 is read\n");
		unread[1] = false; late_read[1] = false }
#if DEPTH == 3
	:: atomic { late_read[2] ->
		printf("memory: completion entry 2 is read\n");
		unread[2] = false; late_read[2] = false }
#endif
	od
}

active proctype ControllerMemory()
{
	do
	:: atomic { completion_buffer != NONE ->
		printf("memory: completion entry %d gets visible\n", completion_buffer);
		commit_completion() }
	:: atomic { sq_eventidx_buffer != NONE ->
		printf("memory: submission event index %d gets visible\n", sq_eventidx_buffer);
		sq_eventidx = sq_eventidx_buffer; sq_eventidx_buffer = NONE }
	:: atomic { cq_eventidx_buffer != NONE ->
		printf("memory: completion event index %d gets visible\n", cq_eventidx_buffer);
		cq_eventidx = cq_eventidx_buffer; cq_eventidx_buffer = NONE }
	od
}

/* An exit: all stores are visible before the controller gets to see the value. */
inline doorbell_register(shadow, buffer, value)
{
	atomic {
		buffer == NONE;
		printf("host: writes a doorbell register: %d\n", value);
		assert(controller != POLL);
		if
		:: controller == COPY ->
			/* As several do, so no older value may come late. */
			assert(shadow == value);
			shadow = value
		:: else
		fi;
		rung = true
	}
}

/* Buffers: all that A has to order before the store of the shadow doorbell. */
inline update(what, shadow, eventidx, buffer, last, value, earlier_stores, earlier_loads, old, index)
{
	atomic {
		/* barrier_a */
#if defined(WEAK_A)
		earlier_stores;
#elif !defined(NO_A)
		(earlier_stores) && (earlier_loads);
#endif
		/* publish */
		buffer == NONE;
		/* last */
#ifdef NO_LAST
		old = shadow & (SCRIBBLE - 1);
#else
		old = last;
#endif
		printf("host: publishes %e %d (before: %d)\n", what, value, old);
		buffer = value;
		last = value
	}
#ifdef LATE_INDEX
	index = eventidx;
#endif
	atomic {
		/* barrier_b */
#ifndef NO_B
		(buffer == NONE) && (earlier_stores) && (earlier_loads);
#endif
#ifndef LATE_INDEX
		index = eventidx;
#endif
		printf("host: compares %e with event index %d\n", what, index)
	}
}

proctype Submitter(byte cpu)
{
	byte old, index, value;

	do
	:: true ->
		/* Take a tag; sq_lock. */
		atomic {
			under_way < DEPTH - 1 && !guard;
			under_way++;
			guard = true
		};
write_entry:
		atomic {
			entry_buffer[cpu] == NONE;
			printf("host: writes submission entry %d\n", sq_tail);
			entry_buffer[cpu] = sq_tail;
			sq_tail = NEXT(sq_tail)
		};
		if
		:: atomic { under_way < DEPTH - 1 -> under_way++ };
			goto write_entry	/* one doorbell for both */
		:: true
		fi;
		atomic {
			value = sq_tail;
#if SUBMITTERS > 1
			/* The last one of this processor is out of its buffer. */
			sq_buffer[cpu] == NONE;
			published = (published + 1) % 4;
			order[cpu] = published
#endif
		};
		update(SUBMISSION_TAIL, sq_shadow, sq_eventidx, sq_buffer[cpu], sq_last,
		       value, entry_buffer[cpu] == NONE, true, old, index);
#ifdef NO_GUARD
		atomic {
			sq_buffer[cpu] == NONE && entry_buffer[cpu] == NONE;
			printf("host: releases the guard, register not written\n");
			guard = false
		};
#endif
		if
		:: need_event(index, value, old) ->
			doorbell_register(sq_shadow, sq_buffer[cpu], value)
		:: else
		fi;
#ifndef NO_GUARD
		/* A release: what this processor has stored is visible. */
		atomic {
#ifndef NO_RELEASE
			sq_buffer[cpu] == NONE && entry_buffer[cpu] == NONE;
#endif
			guard = false;
			/* Forgotten, which makes states equal. */
			old = 0; index = 0; value = 0
		}
#endif
	:: true ->
		/* Nothing to submit until all is done. */
		under_way == 0
	od
}

active proctype Handler()
{
	byte head, old, index, read;
	bit lap = 1;

#ifdef PLAIN_CQ
	do
	:: atomic { phase[head] == lap ->
		unread[head] = false;
		head = NEXT(head);
		lap = (head == 0 -> 1 - lap : lap);
		under_way--;
#ifdef PROGRESS
		completed = true;
#endif
		cq_shadow = head };
#ifdef PROGRESS
		completed = false
#endif
	od
#else
	do
	:: phase[head] == lap ->
consume:
		atomic {
			printf("host: consumes completion entry %d\n", head);
			late_read[head] = true;
			head = NEXT(head);
			lap = (head == 0 -> 1 - lap : lap);
			read++
		};
		if
		:: atomic { phase[head] == lap };
			goto consume	/* one doorbell for both */
		:: true
		fi;
		/* Tags are free now, whatever is still to be read of the entry, */
		if
		:: atomic { true ->
			under_way = under_way - read; read = 0; completed = true };
			completed = false
		:: true
		fi;
		update(COMPLETION_HEAD, cq_shadow, cq_eventidx, cq_buffer, cq_last, head,
		       true, all_read, old, index);
		if
		:: need_event(index, head, old) ->
			doorbell_register(cq_shadow, cq_buffer, head)
		:: else
		fi;
		/* or now at the latest. */
		atomic {
			under_way = under_way - read;
			completed = (read > 0 -> true : completed);
			read = 0; old = 0; index = 0 };
		completed = false
	od
#endif
}

/* What the controller finds in a shadow doorbell, its own junk left out. */
#define told(shadow, mine)	((shadow) >= SCRIBBLE -> (mine) : (shadow))

active proctype Controller()
{
	byte fetched, posted, tail, head;
	bool entry;

	/* The page was clean before: 0 asks for the first doorbell. */
	if
#ifdef CONTROLLER
	:: atomic {
		controller = CONTROLLER;
		if
		:: controller == POLL -> sq_eventidx = NEVER; cq_eventidx = NEVER
		:: else
		fi }
#else
	:: atomic { controller = POLL; sq_eventidx = NEVER; cq_eventidx = NEVER }
	:: controller = PARK
	:: controller = COPY
	:: controller = SCRIBBLER
#endif
	fi;
#if SUBMITTERS > 1
	run Submitter(1);
#endif
	run Submitter(0);

	do
	:: true ->
#ifdef NO_A2
		/* No acquire: the load of the entry may come first. */
		entry = written[fetched];
#endif
		tail = told(sq_shadow, fetched);
		if
		:: tail == fetched		/* look again */
		:: tail == fetched && controller != POLL ->
			if
			:: atomic { controller == SCRIBBLER && sq_shadow == fetched ->
				printf("controller: leaves junk in the shadow doorbell\n");
				sq_shadow = SCRIBBLE + NEXT(fetched) }
			:: controller != SCRIBBLER || sq_shadow != fetched
			fi;
			atomic {
				sq_eventidx_buffer == NONE;
				printf("controller: asks for a doorbell past %d\n", fetched);
				sq_eventidx_buffer = fetched;
				tail = 0
			};
			atomic {
				/* barrier_b2 */
#ifndef NO_B2
				sq_eventidx_buffer == NONE;
#endif
				if
#ifndef NO_LOOK
				:: told(sq_shadow, fetched) != fetched -> goto awake
#endif
				:: told(sq_shadow, fetched) == fetched ->
					printf("controller: has found nothing new, and sleeps\n")
#ifdef NO_LOOK
				:: else
#endif
				fi
			};
			atomic {
				rung -> rung = false;
				printf("controller: wakes up\n")
			};
awake:			skip
		:: tail != fetched ->
			/* barrier_a2: the entry is loaded after that */
fetch_entry:
			atomic {
#ifndef NO_A2
				entry = written[fetched];
#endif
				printf("controller: fetches submission entry %d\n", fetched);
				/* Never one that is not there yet. */
				assert(entry);
				entry = false;
				written[fetched] = false;
				fetched = NEXT(fetched)
			};
			do
			:: NEXT(posted) != head -> break
			:: NEXT(posted) == head ->
				head = cq_shadow;
				if
				:: NEXT(posted) != head || controller == POLL
				:: NEXT(posted) == head && controller != POLL ->
					atomic {
						cq_eventidx_buffer == NONE;
						printf("controller: has no room, asks for a head past %d\n", head);
						cq_eventidx_buffer = head
					};
					atomic {
						/* barrier_b2 */
#ifndef NO_B2
						cq_eventidx_buffer == NONE;
#endif
						if
#ifndef NO_LOOK
						:: cq_shadow != head -> goto room
#endif
						:: cq_shadow == head ->
							printf("controller: sleeps until there is room\n")
#ifdef NO_LOOK
						:: else
#endif
						fi
					};
					atomic {
						rung -> rung = false;
						printf("controller: wakes up\n")
					};
room:					skip
				fi
			od;
			atomic {
				completion_buffer == NONE;
				printf("controller: writes completion entry %d\n", posted);
				completion_buffer = posted;
				posted = NEXT(posted)
			};
			if
			:: tail != fetched ->
#ifdef NO_A2
				entry = written[fetched];
#endif
				goto fetch_entry
			:: else -> tail = 0
			fi
		fi
	od
}

#ifdef PROGRESS
ltl progress { [] ((under_way > 0) -> <> completed) }
#endif
