# SPDX-License-Identifier: GPL-2.0
"""How tests/kvm/matrix' scenarios may end with each fault, and why.

Contract: FAULTS has what the device does and what has to come of it; applies() tells
whether a device can have a fault at all; DEFECTS is what the kernel's own version is
known to do wrong. Whoever knows a better end changes it here.
"""

from collections import namedtuple

SCENARIOS = ('boot', 'fio', 'reset', 'rebind', 'queues')
COMPLETES, RECOVERS, LATE, RESETS, REMOVED = 'completes', 'recovers', 'late', 'resets', 'removed'
CORRUPT, HANGS = 'corrupt', 'hangs'
# Of a reset that a command's time limit has begun, or that fails, in Linux 6.12: the guest
# looks at which locks they are.
FREEZES = {RESETS, REMOVED}
# Those of which the guest has counts to tell: not of a machine that broke, or was lost.
OUTCOMES = (COMPLETES, RECOVERS, LATE, RESETS, REMOVED, CORRUPT, HANGS)

# What a personality has that a fault can strike: shadows, event indexes that it
# writes, a sleep that it writes them for, doorbell registers that count.
PERSONALITIES = {
    'plain': {'sq', 'cq'},
    'qemu': {'shadows', 'eventidx', 'sq', 'cq', 'sleeps', 'writes'},
    'spdk-poll': {'shadows'},
    'spdk-intr': {'shadows', 'eventidx', 'sq', 'sleeps'},
    'openvmm': {'shadows', 'eventidx', 'sq', 'sleeps'},
    'propolis': {'shadows', 'eventidx', 'sq', 'cq', 'sleeps'},
    'femu': {'shadows', 'eventidx', 'sq'},
    'mdev': {'shadows', 'eventidx', 'sq', 'sleeps'},
    'vendor': {'shadows'},
}
# A driver has to be told that bit 7 means shadow doorbells. The kernel's own cannot be.
OUR_PARAMS = {'vendor': ['--param', 'dbbuf=bit7']}
OWN = {**PERSONALITIES, 'vendor': set()}

# What our driver says of itself. In two of these states it must not have sent 0x7C.
ACTIVE, DISTRUSTED, REFUSED = 'active', 'distrusted', 'refused'
UNSUPPORTED, TOO_LARGE = 'unsupported', 'too-large'
NOT_TO_SEND = {UNSUPPORTED: '0x7C sent (%d times), which is not announced',
               TOO_LARGE: '0x7C sent (%d times) for more than a page'}

# What the device does (options: its faults; fewer: the same for `boot`, where there is less
# I/O), what it strikes, why it has to end so, how it may end; what our driver's state is with
# it, if there is a controller; how, see tests/kvm/guest/matrix, which is told f of whatever may
# end with a reset or removed, too; short: whether what is expected takes the driver's time
# limit, which may be short then; more resets or attempts to bind, if it is a matter of chance;
# scenarios in which it need not happen; other ends of single scenarios.
Fault = namedtuple('Fault', 'name options fewer strikes why ends state how short more idle others')


def fault(name, strikes, why, *ends, option=None, fewer=None, state=ACTIVE, how='', short=False,
          more=0, idle=(), **others):
    option = option or name
    return Fault(name, option.split(), (fewer or option).split(), strikes, why, ends, state, how,
                 short, more, idle, others)


FAULTS = (
    fault('none', None, 'nothing is wrong', COMPLETES, idle=SCENARIOS),
    fault('dbbuf-refuse', 'shadows', 'a refusal leaves plain doorbells', COMPLETES,
          state=REFUSED, how='s'),
    fault('dbbuf-late', 'shadows', 'an answer within the time limit is one', COMPLETES, how='s'),
    fault('dbbuf-cqe', 'shadows', 'completions of no command are dropped; a doorbell may be '
          'written too often, as they take room in one of two queues', COMPLETES, RECOVERS,
          how='s'),
    fault('refuse-cqe', 'shadows', 'completions that come between a refusal and its cleanup '
          'find plain doorbells', COMPLETES, RECOVERS, option='dbbuf-refuse dbbuf-cqe',
          state=REFUSED, more=20, how='s'),
    fault('dbbuf-gone', 'shadows', 'without the support bit doorbells are plain, and 0x7C is '
          'not sent', COMPLETES, state=UNSUPPORTED, how='s'),
    fault('stride', None, 'the stride is read after each reset', COMPLETES,
          option='stride=1', how='s'),
    # Too many queues for a page, by what each of them takes: this guest cannot have the 512
    # that it would be at the usual stride.
    fault('stride-large', None, 'doorbells whose words would not fit the page are plain, and '
          '0x7C is not sent: by the stride the page bound is exceeded by queue count, as the '
          'guest cannot have 512 of them', COMPLETES, option='stride=8', state=TOO_LARGE,
          how='s'),
    fault('lose-cq', 'cq', 'the next head makes up for it', COMPLETES, option='lose-cq=5',
          fewer='lose-cq=2', how='r', idle=('boot',)),
    fault('eventidx-frozen', 'eventidx', 'a doorbell that was not asked for is tried when '
          'nothing moves', COMPLETES, RECOVERS),
    fault('eventidx-stale', 'eventidx', 'so it is', COMPLETES, RECOVERS),
    fault('eventidx-random', 'eventidx', 'so it is', COMPLETES, RECOVERS),
    fault('eventidx-range', 'eventidx', 'no position means never; and so it is',
          COMPLETES, RECOVERS),
    fault('eventidx-late', 'sleeps', 'the event index is behind what was published: the '
          'doorbell was lost, and is written', COMPLETES, RECOVERS),
    fault('shadow-overwrite', 'sleeps', 'what was published is known from elsewhere',
          COMPLETES),
    fault('irq-early', None, 'an interrupt without completions is nothing', COMPLETES),
    fault('irq-spurious', None, 'so it is', COMPLETES),
    fault('irq-storm', None, 'so are thousands of them each second', COMPLETES,
          option='irq-spurious=200'),
    fault('irq-missing', None, 'the next interrupt finds the completions, or the time limit',
          COMPLETES, RECOVERS, LATE, option='irq-missing=20', fewer='irq-missing=5', short=True,
          how='r'),
    fault('bogus-cqe', None, 'completions of no command are dropped; a doorbell may be written '
          'too often, as they take room in one of two queues', COMPLETES, RECOVERS,
          option='bogus-cqe=20', fewer='bogus-cqe=5'),
    fault('duplicate-cqe', None, 'so are those of commands that have ended', COMPLETES,
          RECOVERS, option='duplicate-cqe=20', fewer='duplicate-cqe=5'),
    # It takes what the memory was used for last, and a processor at the right time.
    fault('late-cqe', None, 'nobody looks at a queue that is no more', COMPLETES, how='u', more=6,
          idle=SCENARIOS),
    # Of the test: that it would see the like of a command that was never carried out, over
    # what an earlier fio has left there.
    fault('lose-write', 'writes', 'a device that does not store what was written is found out',
          CORRUPT, option='lose-write=20', boot=(COMPLETES,), idle=('boot',)),
    # The rest leaves queues frozen, after which a machine sees less: see tests/kvm/guest/matrix.
    fault('fatal', None, 'a controller that has failed is reset, and its commands are '
          'repeated', RESETS, option='fatal=100', fewer='fatal=10', short=True,
          reset=(COMPLETES, RESETS), queues=(COMPLETES, RESETS)),
    fault('hang', None, 'so is one that does not answer', RESETS, option='hang=100',
          fewer='hang=10', short=True, reset=(COMPLETES, RESETS), queues=(COMPLETES, RESETS)),
    fault('lose-sq', 'sq', 'a register write that the device drops looks like a slow '
          'command: the next one makes up for it, or the time limit; while a reset waits for '
          'queues to get empty, a controller that meets that is given up, with any doorbells',
          COMPLETES, RECOVERS, LATE, RESETS, option='lose-sq=11', fewer='lose-sq=5',
          short=True, how='r', idle=('fio', 'rebind'),
          reset=(COMPLETES, RECOVERS, LATE, RESETS, REMOVED),
          queues=(COMPLETES, RECOVERS, LATE, RESETS, REMOVED)),
    fault('dbbuf-never', 'shadows', 'a controller without an answer to an admin command is '
          'given up while it is set up', REMOVED, how='s', short=True),
    # A late completion takes a queue that has had others: those of dbbuf-cqe.
    fault('never-late', 'shadows', 'nor does a completion that is written to a queue of the '
          'controller that was given up help it', REMOVED, how='s', short=True,
          option='dbbuf-never dbbuf-cqe late-cqe', more=8),
    fault('gone', None, 'a controller that is not there any more is given up, and its '
          'commands fail; what it had answered is on the disk', REMOVED, option='gone=100',
          fewer='gone=10', how='d', short=True),
    # Of the test, as lose-write.
    fault('gone-lose', 'writes', 'a disk on which that is not is found out', CORRUPT,
          option='gone=100 lose-write=1', fewer='gone=10', how='df', short=True,
          boot=(REMOVED,)),
)

# These sleep when there is nothing to do, and go by doorbells alone then: an event index
# that never asks costs a doorbell. One that polls reads its shadows without any, so none is
# missed; but one that an event index has asked for is written, half a second late.
DEAF = {'qemu', 'spdk-intr', 'openvmm', 'propolis'}
NEVER = {'eventidx-frozen', 'eventidx-range'}
POLLS = {'femu'}
LOST_ON_SLEEPERS = NEVER | {'lose-sq'}
# These never ask for a doorbell.
SILENT = {name for name, has in PERSONALITIES.items() if has == {'shadows'}}
# With these the driver is given completions of no command, and says so.
STRANGE = {'dbbuf-cqe', 'bogus-cqe', 'duplicate-cqe', 'late-cqe'}

# How long a read or write may take at most, in milliseconds, without what resets by hand
# took; in terms of the time limit for commands where that is what ends the wait. Of ours:
# a lost doorbell costs two seconds at most. On a debug kernel under TCG all is slower.
SLOW = {COMPLETES: 1000, RECOVERS: 1000, LATE: 2000, RESETS: 3000}


# From when the fault is there until a controller was given up: in terms of the time limit
# for commands, and in milliseconds.
GIVEN_UP, GIVEN_UP_MS, GIVEN_UP_DEBUG_MS = 3, 10000, 15000


def removal_limit(seconds, attempts, debug):
    """In milliseconds, of so many attempts to bind"""
    return attempts * (GIVEN_UP * 1000 * seconds + GIVEN_UP_MS + debug * GIVEN_UP_DEBUG_MS)


def stall_limit(outcome, seconds, debug):
    """In milliseconds; None: however long. A controller that hangs is found by the time limit,
    then by that of Abort, then by that of the deletion of its queues, before it is reset; the
    kernel rounds each of them up to a second."""
    limits = {COMPLETES: 2000, RECOVERS: 2500, LATE: 1000 * seconds + 2000,
              RESETS: 3000 * (seconds + 1) + 1000}
    if outcome not in limits:
        return None
    return limits[outcome] + (SLOW[outcome] if debug else 0)


# What the version of the kernel itself is known to do wrong: its number, in what faults
# and scenarios it is looked for, what has to be found in one of them, whether only a debug
# kernel can tell, and whether it is a matter of chance: on all devices together it has to
# be seen then, not on each.
Defect = namedtuple('Defect', 'number fault scenarios sign debug chance')
STRAY = r'KASAN: .* in nvme_'
AFTER = ('reset', 'rebind', 'queues')
DEFECTS = (
    Defect(1, 'never-late', SCENARIOS, STRAY, True, True),
    Defect(2, 'refuse-cqe', SCENARIOS, STRAY, True, True),
    Defect(3, 'dbbuf-gone', AFTER, '0x7C sent .*not announced', False, False),
    Defect(4, 'stride', AFTER, 'DMA-API.*different size', True, False),
    Defect(5, 'stride-large', SCENARIOS, '0x7C sent .*more than a page', False, False),
)

# The default: in a minute or two, one of each kind of end.
SHORT = (('qemu', 'eventidx-stale'), ('qemu', 'lose-write'), ('openvmm', 'fatal'),
         ('spdk-poll', 'gone'))


def ends_of(personality, fault_, scenario):
    """How a cell may end: what the fault says, but for a device that can only do better,
    or one that has to be woken up"""
    ends = fault_.others.get(scenario, fault_.ends)
    if personality in DEAF and fault_.name in NEVER and scenario in ('boot', 'fio'):
        return (RECOVERS,)
    if personality in POLLS and fault_.name in LOST_ON_SLEEPERS:
        return (COMPLETES,)
    # Nothing but a time limit makes up for the last doorbell there, and its reset waits, too.
    if personality == 'plain' and fault_.name == 'lose-sq' and REMOVED not in ends:
        ends += (REMOVED,)
    # Without a barrier it may lose a doorbell at any time, while it has shadows.
    if personality == 'propolis' and COMPLETES in ends and RECOVERS not in ends and \
            fault_.state == ACTIVE:
        ends += (RECOVERS,)
    return ends


def may_freeze(personality, fault_, scenario):
    """Whether queues may stay frozen"""
    return 'f' in fault_.how or FREEZES & set(ends_of(personality, fault_, scenario))


def applies(personality, fault_, has=None):
    return fault_.strikes is None or fault_.strikes in (has or PERSONALITIES)[personality]
