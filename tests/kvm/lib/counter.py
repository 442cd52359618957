# SPDX-License-Identifier: GPL-2.0
"""Counts what QEMU's nvme device sees, from QEMU's own trace events.

Contract: Counter(qmp, path) counts between begin() and end(); end() returns
a dictionary of the COUNTS below. A count whose event this QEMU does not have
is 'na', never 0. The events are off outside of a window, so that they cost
nothing there. QEMU must have been started with Counter.options(path), which
opens the log and makes QEMU write trace events into it.
"""

import re

# An event that every QEMU with this device has and that is rare: naming one
# at the start is what makes QEMU's "log" trace backend write at all.
ALWAYS_ON = 'pci_nvme_mmio_start_success'

# count: (trace event, group that must match in its line)
COUNTS = {
    'sq_mmio': ('pci_nvme_mmio_doorbell_sq', 'io'),
    'cq_mmio': ('pci_nvme_mmio_doorbell_cq', 'io'),
    'admin_sq_mmio': ('pci_nvme_mmio_doorbell_sq', 'admin'),
    'admin_cq_mmio': ('pci_nvme_mmio_doorbell_cq', 'admin'),
    'reads': ('pci_nvme_read', None),
    'writes': ('pci_nvme_write', None),
    'opc_7c': ('pci_nvme_admin_cmd', '7c'),
    'dbbuf_config': ('pci_nvme_dbbuf_config', None),
    'sq_shadow': ('pci_nvme_shadow_doorbell_sq', None),
    'cq_shadow': ('pci_nvme_shadow_doorbell_cq', None),
    'sq_eventidx': ('pci_nvme_eventidx_sq', None),
    'cq_eventidx': ('pci_nvme_eventidx_cq', None),
}
EVENTS = sorted({event for event, _ in COUNTS.values()})

# "name arguments", with "pid@time:" before it in some versions of QEMU
LINE = re.compile(rb'^(?:\d+@[\d.]+:)?(pci_nvme_\w+) (.*)$', re.M)
ADMIN_QUEUE = re.compile(rb'\b[sc]qid 0\b')
DBBUF_OPCODE = re.compile(rb'\bopc 0x7c\b')


def group(event, rest):
    if event == b'pci_nvme_admin_cmd':
        return '7c' if DBBUF_OPCODE.search(rest) else None
    return 'admin' if ADMIN_QUEUE.search(rest) else 'io'


class Counter:
    @staticmethod
    def options(path):
        return ['-d', 'guest_errors,trace:' + ALWAYS_ON, '-D', path]

    def __init__(self, qmp, path):
        self.qmp = qmp
        self.path = path
        self.name = None
        self.start = 0
        known = qmp.execute('trace-event-get-state', name='pci_nvme_*')
        states = {event['name']: event['state'] for event in known}
        self.events = [e for e in EVENTS if states.get(e, 'unavailable') != 'unavailable']

    def _switch(self, enable):
        for event in self.events:
            self.qmp.execute('trace-event-set-state', name=event, enable=enable)

    def begin(self, name):
        self.name = name
        with open(self.path, 'ab') as log:
            self.start = log.tell()
        self._switch(True)

    def end(self):
        self._switch(False)
        self.name = None
        with open(self.path, 'rb') as log:
            log.seek(self.start)
            return self.tally(log.read())

    def tally(self, data):
        wanted = {}
        for count, (event, part) in COUNTS.items():
            wanted.setdefault(event.encode(), []).append((count, part))
        counts = {count: 0 if event in self.events else 'na'
                  for count, (event, _) in COUNTS.items()}
        for event, rest in LINE.findall(data):
            for count, part in wanted.get(event, ()):
                if part is None or part == group(event, rest):
                    counts[count] += 1
        return counts
