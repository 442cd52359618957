/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Recovery from lost doorbells, for spin: one queue pair, the work that looks after
 * it, the parking of its submission queue, the distrust that ends it all, and a
 * controller that is good, but slow, or loses doorbells, or dies. Memory is strong
 * here: doorbell.pml is about what is weak. Time has no length: any look at the queue
 * may be late, but not in the middle of what takes no time. tests/model/run checks it,
 * and sees it fail without any one of the rules.
 *
 * What is checked, by assert():
 *   nothing is left      at rest: when nothing moves any more, no command lies
 *   left alone           at rest: and no work is queued
 *   no false alarm       at alarm: a good controller has passed the event index only where
 *                        it has found that by looking again
 *   register             at doorbell_register: the present position, and news
 *   all written          at published: with a controller that is not trusted, no doorbell
 *                        is suppressed, but one that was under way
 *
 * Model                        Code in drivers/nvme/host/dbbuf.c, [recovery.pml: ...] there
 *   Submitter, Handler           what calls nvme_dbbuf_update_and_check_event(): with
 *                                sq_lock held, and as the interrupt handler
 *   unpark                       nvme_dbbuf_update_slow(), a parked submission queue
 *   always_ring                  nvme_dbbuf_update_slow(), not trusted
 *   Watch                        nvme_dbbuf_watch(), nvme_dbbuf_watch_queue()
 *   park                         nvme_dbbuf_park()
 *   passed                       nvme_dbbuf_passed()
 *   probe                        nvme_dbbuf_ring_queue() by nvme_dbbuf_watch_queue(); that it
 *                                has helped may be chance, with any controller
 *   distrust                     nvme_dbbuf_distrust()
 *   ring                         nvme_dbbuf_ring()
 *   moved                        nvme_dbbuf_stands(): not
 *   not_beside                   disable_irq() in nvme_dbbuf_ring_queue()
 *   Administrator: trust         nvme_dbbuf_trust()
 *   looks                        how late it is: 1 NVME_DBBUF_LATE, 2 _VERY_LATE
 *   news                         published != told in struct nvme_dbbuf_db
 *   again                        a controller that asks for a doorbell, and finds by looking
 *                                again that it has moved already: nobody can tell that from
 *                                a lost doorbell until it has been told
 *   lock, queued                 dbbuf->lock, and that the work is queued
 *
 * CONTROLLER is GOOD, FORGETFUL (may sleep without looking again), SILENT (never asks, and
 * sleeps) or DEAD (dies some time). Defines for the twins: NO_START (a parked queue is not
 * watched again), PARK_BUSY, PARK_UNLOCKED, NO_PARK, NO_PASSED, UNLOCKED (whether it has
 * passed is judged without the queue's lock), NO_PROBE, BY_POSITION (a register is written
 * when the position is another one), NO_RECOVER (distrust does not ring), KEEP_SHADOW
 * (distrust leaves the shadow doorbells), RING_SAME (what was written is written again),
 * BESIDE (the handler is not kept away), NO_LAST_RUNG (the fast path does not note what it
 * writes), NO_SYNC (distrust does not wait for the handler).
 */
#ifndef CONTROLLER
#define CONTROLLER	GOOD
#endif
#ifndef DEPTH
#define DEPTH		2		/* or 3 */
#endif
#ifdef SUBMISSIONS			/* at most, where there are too many states */
byte submitted;
#define more		(submitted < SUBMISSIONS)
#define count		submitted++;
#else
#define more		true
#define count
#endif
#define HELPED		2
#define NEVER		255
#define NEXT(position)	(((position) + 1) % DEPTH)

#define need_event(eventidx, value, old) \
	((eventidx) <= DEPTH - 1 && \
	 (((value) - (eventidx) - 1) & 255) < (((value) - (old)) & 255))

mtype = { GOOD, FORGETFUL, SILENT, DEAD };

/* Memory that both sides see. */
byte sq_shadow, cq_shadow;
byte sq_eventidx, cq_eventidx;
byte posted;		/* completion queue tail */
bool sq_rung, cq_rung;	/* a doorbell register was written, wakes the controller */
byte fetched;		/* its submission queue head */
bool dead;
bool sq_again;

/* The host's own. */
byte sq_last, sq_last_rung;
byte cq_head, cq_last, cq_last_rung;
bool sq_attached, cq_attached = true;	/* else the doorbell has no shadow */
bool sq_lock, lock;
bool handler, irq_off;
bool distrusted, queued;
byte under_way;
bool sq_news, cq_news;	/* published since the register was written */

/* struct nvme_dbbuf_queue */
bool watched, passed, probed, probed_passed;
bool moved;		/* the completion head, since the last look */
byte helped, looks;

inline take(which)
{
	atomic { !which -> which = true }
}

inline doorbell_register(name, value, last, news, rung)
{
	atomic {
		printf("host: writes the %e doorbell register: %d\n", name, value);
		assert(value == last && news);
		news = false;
		rung = true
	}
}

mtype = { SUBMISSION, COMPLETION };

inline publish(name, value, shadow, last, news, old)
{
	atomic {
		printf("host: publishes %e %d (before: %d)\n", name, value, last);
		old = last;
		shadow = value;
		last = value;
		news = true
	}
}

inline compare(value, eventidx, old, last_rung, rings)
{
	atomic {
		rings = need_event(eventidx, value, old);
#ifndef NO_LAST_RUNG
		last_rung = (rings -> value : last_rung)
#endif
	}
}

active proctype Submitter()
{
	byte old, tail;
	bool rings, doubted;

	do
	:: atomic { under_way < DEPTH - 1 && !sq_lock && more ->
		under_way++;
		count
		sq_lock = true;
		tail = NEXT(sq_last);
		doubted = distrusted && !lock;
		if
		:: !sq_attached && !distrusted ->
			/* unpark */
			sq_attached = true;
#ifndef NO_START
			queued = true;
#endif
			printf("host: the submission queue is not parked any more\n")
		:: else
		fi };
		if
		:: sq_attached ->
			publish(SUBMISSION, tail, sq_shadow, sq_last, sq_news, old);
			compare(tail, sq_eventidx, old, sq_last_rung, rings)
		:: else ->
			/* always_ring */
			atomic {
				publish(SUBMISSION, tail, sq_shadow, sq_last, sq_news, old);
				rings = true;
				sq_last_rung = tail
			}
		fi;
		if
		:: rings -> doorbell_register(SUBMISSION, tail, sq_last, sq_news, sq_rung)
		:: else ->
			/* published */
			assert(!doubted)
		fi;
		atomic { sq_lock = false; old = 0; tail = 0; rings = false; doubted = false }
	:: break	/* nothing to submit any more */
	od
}

active proctype Handler()
{
#ifdef PLAIN_CQ
	do
	:: atomic { posted != cq_head ->
		cq_head = NEXT(cq_head);
		under_way--;
		moved = true;
		cq_shadow = cq_head;
		cq_last = cq_head;
		cq_last_rung = cq_head }
	od
#else
	byte old;
	bool rings, attached;

	do
	:: atomic { posted != cq_head && !irq_off ->
		handler = true;
		printf("host: consumes completion entry %d\n", cq_head);
		cq_head = NEXT(cq_head);
		under_way--;
		moved = true;
		attached = cq_attached };
		atomic { moved = true; publish(COMPLETION, cq_head, cq_shadow, cq_last, cq_news, old) };
		if
		:: attached -> compare(cq_head, cq_eventidx, old, cq_last_rung, rings)
		:: else -> atomic { rings = true; cq_last_rung = cq_head }
		fi;
		if
		:: rings -> doorbell_register(COMPLETION, cq_head, cq_last, cq_news, cq_rung)
		:: else
		fi;
		atomic { handler = false; old = 0; rings = false; attached = false }
	od
#endif
}

#if defined(RING_SAME)
#define tells(last, last_rung, news)	true
#elif defined(BY_POSITION)
#define tells(last, last_rung, news)	((last) != (last_rung))
#else
#define tells(last, last_rung, news)	(news)
#endif

inline ring(name, last, last_rung, news, rung)
{
	if
	:: tells(last, last_rung, news) ->
		value = last;
		printf("watch: rings\n");
		rang = true;
		last_rung = value;
		doorbell_register(name, value, last, news, rung)
	:: else
	fi
}

inline ring_queue()
{
	atomic {
		!sq_lock;
		rang = false;
		ring(SUBMISSION, sq_last, sq_last_rung, sq_news, sq_rung)
	};
	if
	:: tells(cq_last, cq_last_rung, cq_news) ->
		/* not_beside */
#ifndef BESIDE
		atomic { !handler -> irq_off = true };
#endif
		ring(COMPLETION, cq_last, cq_last_rung, cq_news, cq_rung);
		irq_off = false
	:: else
	fi;
	value = 0
}

inline distrust()
{
	atomic { distrusted = true; printf("watch: the controller is not trusted any more\n") };
#ifndef KEEP_SHADOW
	atomic { !sq_lock -> sq_attached = false };
	cq_attached = false;
#endif
	/* synchronize_irq() */
#ifndef NO_SYNC
	!handler;
#endif
#ifndef NO_RECOVER
	ring_queue();
#endif
	atomic { watched = false; helped = 0 }
}

#define sq_passed	need_event(sq_eventidx, sq_last, sq_last_rung)
#ifdef NO_PASSED
#define judged(loss)	false
#else
#define judged(loss)	loss
#endif
#ifdef NO_PROBE
#define probes		false
#else
#define probes		(tells(sq_last, sq_last_rung, sq_news) || \
			 tells(cq_last, cq_last_rung, cq_news))
#endif
/* A look that finds nothing to do is left out, it comes again. */
#define something_new	(distrusted || !sq_attached || idle || !watched || moved)
#define late		(watched && posted == cq_head && !handler && !sq_lock && \
			 (looks < 2 || judged(sq_passed) || probes))
#if defined(NO_PARK)
#define idle		false
#elif defined(PARK_BUSY)
#define idle		true
#else
#define idle		(sq_last == cq_head)
#endif

active proctype Watch()
{
	byte value;
	bool parks, rang, loss, excuse;

	do
	:: atomic {
		queued && !lock && (something_new || late);
		lock = true;
		queued = false;
		if
		:: something_new
		:: !something_new -> looks = (looks < 2 -> looks + 1 : 2)
		fi;
		printf("watch: looks, head %d, late %d\n", cq_head, looks);
		if
		:: distrusted -> goto out
		:: !distrusted && watched && probed && moved ->
			/* Soon after that, or not. */
			if
			:: helped = 0
			:: helped = (probed_passed -> HELPED : helped + 1)
			fi
		:: else
		fi };
		if
		:: helped == HELPED -> distrust(); goto out
		:: else
		fi;
		/* park */
		atomic {
#ifndef PARK_UNLOCKED
			!sq_lock;
#endif
			if
			:: !sq_attached -> goto forget
			:: else
			fi;
			parks = idle;
#ifdef PARK_UNLOCKED
		};
		atomic {
#endif
			if
			:: parks ->
				sq_attached = false;
				printf("watch: parks the submission queue\n")
			:: else
			fi
		};
		atomic {
			if
			:: parks -> goto forget
			:: !parks && (!watched || moved) ->
				watched = true;
				probed = false;
				probed_passed = false;
				moved = false;
				looks = 0
			:: else
			fi
		};
		/* passed */
		atomic {
#ifndef UNLOCKED
			!sq_lock;
#endif
			loss = judged(sq_passed);
			excuse = sq_again
		};
		/* alarm */
		assert(!loss || excuse || CONTROLLER != GOOD);
		if
		:: (loss && passed) || (looks == 2 && probes) ->
			/* probe */
			ring_queue();
			if
			:: atomic { rang && looks > 0 -> probed = true; probed_passed = loss && passed }
			:: else
			fi
		:: else
		fi;
		atomic { passed = loss; queued = true; goto out };
forget:
		atomic { watched = false; looks = 0; moved = false; passed = false; probed = false;
			probed_passed = false };
out:
		atomic { parks = false; rang = false; loss = false; excuse = false; lock = false }
	od
}

#ifdef TRUST
/* Once, after any time. */
active proctype Administrator()
{
	atomic { distrusted && !lock -> lock = true };
	/* trust */
	atomic {
		printf("administrator: trusts the controller\n");
		distrusted = false;
		cq_attached = true;
		lock = false
	}
}
#endif

inline sleep_unless(news, eventidx, position, submission, rung)
{
	atomic {
		printf("controller: asks for a doorbell past %d\n", position);
		sq_again = sq_again || submission;
		eventidx = (CONTROLLER == SILENT -> NEVER : position)
	};
	if
	:: news			/* and nobody knows until it asks or sleeps again */
	:: atomic { !(news) || CONTROLLER == FORGETFUL ->
		sq_again = sq_again && !submission;
		printf("controller: sleeps\n") };
		atomic {
			rung -> rung = false;
			printf("controller: wakes up\n")
		}
	fi
}

/* Fetches. */
active proctype Controller()
{
	if
	:: CONTROLLER == SILENT -> atomic { sq_eventidx = NEVER; cq_eventidx = NEVER }
	:: else
	fi;
	do
	:: atomic { sq_shadow != fetched && !dead ->
		printf("controller: fetches submission entry %d\n", fetched);
		fetched = NEXT(fetched) }
	:: sq_shadow == fetched && !dead ->
		sleep_unless(sq_shadow != fetched, sq_eventidx, fetched, true, sq_rung)
	:: atomic { CONTROLLER == DEAD -> printf("controller: dies\n"); dead = true }; break
	od
}

/* Completes, as late as it likes. */
active proctype Completions()
{
	byte head;

	do
	:: posted != fetched && !dead ->
#ifndef PLAIN_CQ
		do
		:: NEXT(posted) != head -> break
		:: NEXT(posted) == head && cq_shadow != head -> head = cq_shadow
		:: NEXT(posted) == head && cq_shadow == head ->
			sleep_unless(cq_shadow != head, cq_eventidx, head, false, cq_rung)
		od;
#endif
		atomic {
			printf("controller: writes completion entry %d\n", posted);
			posted = NEXT(posted)
		}
	od
}

/* When nobody can do anything any more. */
active proctype Rest()
{
	timeout;
	/* rest */
	assert(!lock && !sq_lock && !handler);
	assert(under_way == 0 || CONTROLLER == DEAD);
	assert(!queued || under_way > 0)
}
