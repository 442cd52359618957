# SPDX-License-Identifier: GPL-2.0
"""QEMU's machine protocol over a connected socket: commands, replies, events.

Contract: one command at a time, from one thread. Every failure, a closed
connection and a reply that does not come included, is a QmpError.
"""

import json
import time

from lines import Lines


class QmpError(Exception):
    """QEMU refused a command, or no longer answers."""


class Qmp:
    def __init__(self, sock, patience=60):
        self.lines = Lines(sock)
        self.patience = patience
        self.events = []
        self._next(lambda msg: 'QMP' in msg)
        self.execute('qmp_capabilities')

    def _next(self, wanted):
        """Returns the first message that is wanted; keeps events."""
        deadline = time.monotonic() + self.patience
        while True:
            line = self.lines.read(deadline - time.monotonic())
            if line is None:
                raise QmpError('QEMU closed its control connection'
                               if self.lines.closed else
                               'QEMU does not answer on its control connection')
            msg = json.loads(line)
            if 'event' in msg:
                self.events.append(msg)
            elif wanted(msg):
                return msg

    def request(self, msg):
        """Sends one request as it is and returns QEMU's whole answer."""
        self.lines.write(json.dumps(msg))
        return self._next(lambda reply: 'return' in reply or 'error' in reply)

    def take_events(self):
        """Returns what QEMU has announced since last time; does not wait."""
        while True:
            line = self.lines.read()
            if line is None:
                break
            msg = json.loads(line)
            if 'event' in msg:
                self.events.append(msg)
        events, self.events = self.events, []
        return events

    def execute(self, command, **arguments):
        """Runs one command; returns its result."""
        reply = self.request({'execute': command, 'arguments': arguments})
        if 'error' in reply:
            raise QmpError('%s: %s' % (command, reply['error'].get('desc')))
        return reply['return']
