# SPDX-License-Identifier: GPL-2.0
"""Judges a kernel log as it came over the serial console.

Contract: judge(text, allow) returns the findings in order; each is a Finding
(kind, line number, text). A line that matches one of the `allow` expressions
is never a finding. `splat` findings mean that the kernel itself is broken and
count wherever they stand; the others speak of the nvme driver and its I/O.

reports(text) returns what the kernel reports of itself, each as a Report with a
key that is the same wherever the same thing is reported: headline without numbers,
and the functions that it names and that called them. The key of one that names no
function is None, for it cannot be told from another.
"""

import re
from collections import namedtuple

Finding = namedtuple('Finding', 'kind number text splat')
Report = namedtuple('Report', 'number text key')

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
    ('interrupt', r'irq \d+: nobody cared|Disabling IRQ #'),
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


STAMP = re.compile(r'^\[ *\d+\.\d+\](\[ *[CT]\d+\])?')
FUNCTION = re.compile(r'(\? )?\b([A-Za-z_][\w.]*)\+0x[0-9a-f]+/0x[0-9a-f]+')
# What stands on top of a trace, whatever it is about.
EVERYWHERE = re.compile(r'(dump_stack|show_stack|sched_show_task|print_|kasan_|report_bug|__warn'
                        r'|handle_bug|exc_|asm_exc_)|((__|io_)?schedule(_\w+)?$)')
# How many functions make it the same report, and how many lines it has at most.
DEPTH, LINES = 5, 150


def reports(text):
    found = []      # [number, headline, functions]
    last = None     # the one that goes on
    for number, line in enumerate(text.splitlines(), 1):
        line = STAMP.sub('', line).strip()
        if last and number > last[0] + LINES:
            last = None
        # An oops has several headlines, and then the functions.
        if (not last or last[2]) and any(splat and rx.search(line) for _, rx, splat in KINDS):
            last = [number, line, []]
            found.append(last)
        if last:
            last[2] += [name for unsure, name in FUNCTION.findall(line)
                        if not unsure and not EVERYWHERE.match(name)]
            if '---[ end trace' in line:
                last = None
    return [Report(number, line, (re.sub(r'0x[0-9a-f]+|\d+', 'N', line), *functions[:DEPTH])
                   if functions else None) for number, line, functions in found]
