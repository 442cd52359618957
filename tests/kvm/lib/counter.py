# SPDX-License-Identifier: GPL-2.0
"""Counts what QEMU's nvme device sees, from QEMU's own trace events.

Contract: Counter(qmp, path) counts between begin() and end(); end() returns
a dictionary of the COUNTS below, and of sq_queues and cq_queues: the doorbells of
each I/O queue, see by_queue(). A count whose event this QEMU does not have is 'na',
never 0. The events are off outside of a window, so that they cost nothing there.
QEMU must have been started with Counter.options(path), which opens the log and
makes QEMU write trace events into it.
"""

import re

# An event that every QEMU with this device has and that is rare: naming one
# at the start is what makes QEMU's "log" trace backend write at all.
ALWAYS_ON = 'pci_nvme_mmio_start_success'

IO = re.compile(rb'\b[sc]qid [1-9]')
ADMIN = re.compile(rb'\b[sc]qid 0\b')
ANY = re.compile(rb'')
QID = re.compile(rb'\b[sc]qid (\d+)')

# count: {trace event: what its line must hold}. An event has other names in
# other versions of QEMU; a version has one of them, or none.
COUNTS = {
    'sq_mmio': {'pci_nvme_mmio_doorbell_sq': IO},
    'cq_mmio': {'pci_nvme_mmio_doorbell_cq': IO},
    'admin_sq_mmio': {'pci_nvme_mmio_doorbell_sq': ADMIN},
    'admin_cq_mmio': {'pci_nvme_mmio_doorbell_cq': ADMIN},
    'reads': {'pci_nvme_read': ANY, 'pci_nvme_rw': re.compile(rb"opname '\w*read", re.I)},
    'writes': {'pci_nvme_write': ANY, 'pci_nvme_rw': re.compile(rb"opname '\w*write", re.I)},
    # the command as it comes, whatever its end
    'opc_7c': {'pci_nvme_admin_cmd': re.compile(rb'\bopc 0x7c\b')},
    'dbbuf_config': {'pci_nvme_dbbuf_config': ANY},
    # the device reads a shadow doorbell, writes an event index
    'sq_shadow': {'pci_nvme_shadow_doorbell_sq': ANY, 'pci_nvme_update_sq_tail': ANY},
    'cq_shadow': {'pci_nvme_shadow_doorbell_cq': ANY, 'pci_nvme_update_cq_head': ANY},
    'sq_eventidx': {'pci_nvme_eventidx_sq': ANY, 'pci_nvme_update_sq_eventidx': ANY},
    'cq_eventidx': {'pci_nvme_eventidx_cq': ANY, 'pci_nvme_update_cq_eventidx': ANY},
}

# "name arguments", with "pid@time:" before it in some versions of QEMU
LINE = re.compile(rb'^(?:\d+@[\d.]+:)?(pci_nvme_\w+) (.*)$', re.M)


def by_queue(counts):
    """{qid: count} as a guest test can compare it: '1:5,2:7', without those of 0; '-': none.
    What is counted may have names in place of queues."""
    return ','.join('%s:%d' % item for item in sorted(counts.items()) if item[1]) or '-'


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
        wanted = {event for events in COUNTS.values() for event in events}
        self.events = sorted(event for event in wanted
                             if states.get(event, 'unavailable') != 'unavailable')

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
        counts, wanted = {}, {}
        queues = {'sq_mmio': {}, 'cq_mmio': {}}
        for count, events in COUNTS.items():
            known = [event for event in events if event in self.events]
            counts[count] = 0 if known else 'na'
            for event in known:
                wanted.setdefault(event.encode(), []).append((count, events[event]))
        for event, rest in LINE.findall(data):
            for count, part in wanted.get(event, ()):
                if part.search(rest):
                    counts[count] += 1
                    if count in queues:
                        qid = int(QID.search(rest).group(1))
                        queues[count][qid] = queues[count].get(qid, 0) + 1
        for kind in 'sq', 'cq':
            known = counts[kind + '_mmio'] != 'na'
            counts[kind + '_queues'] = by_queue(queues[kind + '_mmio']) if known else 'na'
        return counts
