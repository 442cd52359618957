# SPDX-License-Identifier: GPL-2.0
"""Judges a kernel log as it came over the serial console.

Contract: judge(text, allow) returns the findings in order; each is a Finding
(kind, line number, text). A line that matches one of the `allow` expressions
is never a finding. `splat` findings mean that the kernel itself is broken and
count wherever they stand; the others speak of the nvme driver and its I/O.
"""

import re
from collections import namedtuple

Finding = namedtuple('Finding', 'kind number text splat')

# The order matters: the first kind that matches names the line.
SPLATS = (
    ('panic', r'Kernel panic - not syncing'),
    ('KASAN', r'BUG: K(A|C|M|FE)\w*SAN|BUG: KFENCE'),
    ('soft lockup', r'BUG: soft lockup|NMI watchdog: .*hard LOCKUP'),
    ('BUG', r'\bBUG:? |kernel BUG at'),
    ('oops', r'\bOops: |\bOops\b.*\[#\d+\]|general protection fault, '
             r'|Unable to handle kernel|divide error: \d|invalid opcode: \d'),
    ('lockdep', r'WARNING: (possible|inconsistent|suspicious|bad unlock|held lock)'
                r'|INFO: possible (recursive|circular)'
                r'|INFO: trying to register non-static key|MAX_LOCK\w+ too low'),
    ('WARN', r'\bWARNING: '),
    ('hung task', r'INFO: task .* blocked (for more than|in I/O wait for more than)'),
    ('RCU stall', r'rcu.*(detected stalls|self-detected stall|kthread starved)'),
    ('debug objects', r'ODEBUG: '),
    ('UBSAN', r'UBSAN: '),
    ('DMA fault', r'DMAR: .*\bfault\b'),
    ('memory', r'(list_(add|del)\w* corruption|refcount_t: |Bad page state'
               r'|kmemleak: \d+ new|DMA-API: .*(device driver|cacheline|debugging out))'),
)

DRIVER = (
    ('I/O timeout', r'nvme\d*\b.*\btimeout\b'),
    ('controller error', r'nvme\d*\b.*(Device not ready|IO queues (lost|not created)'
                         r'|invalid id \d+ completed|request 0x\w+ genctr mismatch'
                         r'|persistent internal error|unable to (set|allocate).*dbbuf'
                         r'|probe failed|failed with error)'),
    ('abort', r'nvme\d*\b.*(Abort status|aborting|Aborting|abort )'),
    ('controller reset', r'nvme\d*\b.*(reset controller|resetting controller'
                         r'|controller is down|Device shutdown incomplete'
                         r'|Disabling device|disabling controller'
                         r'|after probe failure|after reset failure)'),
    ('I/O error', r'I/O [Ee]rror|nvme\d*.*\b(DNR|MORE)\b|blk_update_request: '
                  r'|Buffer I/O error|critical \w+ error, dev'),
)

KINDS = tuple((name, re.compile(rx), True) for name, rx in SPLATS) + \
        tuple((name, re.compile(rx), False) for name, rx in DRIVER)


def judge(text, allow=()):
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        for kind, rx, splat in KINDS:
            if rx.search(line):
                if not any(a.search(line) for a in allow):
                    found.append(Finding(kind, number, line.strip(), splat))
                break
    return found
