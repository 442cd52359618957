# SPDX-License-Identifier: GPL-2.0
"""CPU time of a running machine, by what its threads are for.

Contract: Threads([pids]) looks at these processes in /proc; begin() ... end() returns
microseconds that were spent in between: `cpu_guest` by virtual processors, `cpu_qemu`
by QEMU's other threads, `cpu_device` by the processes that are not QEMU (the first is).
"""

import glob
import os
import re

TICK_US = 1000000 // os.sysconf('SC_CLK_TCK')
# QEMU's names with debug-threads=on.
VIRTUAL_PROCESSOR = re.compile(r'CPU \d+/')


class Threads:
    def __init__(self, pids):
        self.pids = [pid for pid in pids if pid]
        self.before = None

    def begin(self):
        self.before = self._snapshot()

    def end(self):
        spent = {'cpu_guest': 0, 'cpu_qemu': 0, 'cpu_device': 0}
        for thread, (kind, ticks) in self._snapshot().items():
            spent[kind] += (ticks - self.before.get(thread, (kind, 0))[1]) * TICK_US
        return spent

    def _snapshot(self):
        threads = {}
        for pid in self.pids:
            for path in glob.glob('/proc/%d/task/*/stat' % pid):
                try:
                    with open(path, encoding='utf-8', errors='replace') as f:
                        name, _, rest = f.read().partition('(')[2].rpartition(')')
                except OSError:     # it has just ended
                    continue
                fields = rest.split()
                kind = 'cpu_device' if pid != self.pids[0] else \
                    'cpu_guest' if VIRTUAL_PROCESSOR.match(name) else 'cpu_qemu'
                threads[path] = kind, int(fields[11]) + int(fields[12])
        return threads
