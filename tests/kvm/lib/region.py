# SPDX-License-Identifier: GPL-2.0
"""Counts doorbells of a vfio-user device where QEMU sees them, in its trace events.

Contract: RegionCounter(qmp, path) counts between begin(dstrd) and end(), which
returns qemu_sq_queues and qemu_cq_queues, the doorbells of each I/O queue as
counter.py's by_queue() says it; 'na' where QEMU has no such event. The stride must
not change in between. QEMU writes its trace events to the file `path`. The event stands
for reads as well as for writes, but no driver reads a doorbell.
"""

import re

from counter import by_queue

EVENT = 'vfio_user_region_rw'
LINE = re.compile(EVENT.encode() + rb' +region (\d+) offset 0x([0-9a-f]+) count \d+')
BAR0, DOORBELLS = 0, 0x1000


class RegionCounter:
    def __init__(self, qmp, path):
        self.qmp = qmp
        self.path = path
        self.distance = self.start = 0
        states = qmp.execute('trace-event-get-state', name='vfio_user_*')
        self.known = any(event['name'] == EVENT and event['state'] != 'unavailable'
                         for event in states)

    def _switch(self, enable):
        if self.known:
            self.qmp.execute('trace-event-set-state', name=EVENT, enable=enable)

    def begin(self, dstrd):
        self.distance = 4 << dstrd
        with open(self.path, 'ab') as log:
            self.start = log.tell()
        self._switch(True)

    def end(self):
        self._switch(False)
        if not self.known:
            return {'qemu_sq_queues': 'na', 'qemu_cq_queues': 'na'}
        with open(self.path, 'rb') as log:
            log.seek(self.start)
            return self.tally(log.read())

    def tally(self, data):
        counts = {}, {}
        for region, offset in LINE.findall(data):
            number, rest = divmod(int(offset, 16) - DOORBELLS, self.distance)
            qid, completion = divmod(number, 2)
            if int(region) == BAR0 and qid > 0 and not rest:
                counts[completion][qid] = counts[completion].get(qid, 0) + 1
        return {'qemu_sq_queues': by_queue(counts[0]), 'qemu_cq_queues': by_queue(counts[1])}
