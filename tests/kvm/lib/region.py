# SPDX-License-Identifier: GPL-2.0
"""Counts doorbells of a vfio-user device where QEMU sees them, in its trace events.

Contract: RegionCounter(qmp, path, dstrd) counts between begin() and end(), which
returns {'qemu_sq_mmio': N, 'qemu_cq_mmio': N}, of I/O queues alone; 'na' where QEMU
has no such event. QEMU writes its trace events to the file `path`. The event
stands for reads as well as for writes, but no driver reads a doorbell.
"""

import re

EVENT = 'vfio_user_region_rw'
LINE = re.compile(EVENT.encode() + rb' +region (\d+) offset 0x([0-9a-f]+) count \d+')
BAR0, DOORBELLS = 0, 0x1000


class RegionCounter:
    def __init__(self, qmp, path, dstrd):
        self.qmp = qmp
        self.path = path
        self.distance = 4 << dstrd
        self.start = 0
        states = qmp.execute('trace-event-get-state', name='vfio_user_*')
        self.known = any(event['name'] == EVENT and event['state'] != 'unavailable'
                         for event in states)

    def _switch(self, enable):
        if self.known:
            self.qmp.execute('trace-event-set-state', name=EVENT, enable=enable)

    def begin(self):
        with open(self.path, 'ab') as log:
            self.start = log.tell()
        self._switch(True)

    def end(self):
        self._switch(False)
        if not self.known:
            return {'qemu_sq_mmio': 'na', 'qemu_cq_mmio': 'na'}
        with open(self.path, 'rb') as log:
            log.seek(self.start)
            return self.tally(log.read())

    def tally(self, data):
        counts = [0, 0]
        for region, offset in LINE.findall(data):
            number, rest = divmod(int(offset, 16) - DOORBELLS, self.distance)
            # 0 and 1 are the admin queue's.
            if int(region) == BAR0 and number > 1 and not rest:
                counts[number % 2] += 1
        return {'qemu_sq_mmio': counts[0], 'qemu_cq_mmio': counts[1]}
