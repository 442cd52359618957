# SPDX-License-Identifier: GPL-2.0
"""Lines of text over a connected stream socket.

Contract: read() returns one line without its end, or None when none came in
time or the peer has closed (`closed` tells which). write() adds the end, and
is silent when the peer is gone: the next read() shows it.
"""

import select


class Lines:
    def __init__(self, sock):
        self.sock = sock
        self.buffer = b''
        self.closed = False

    def fileno(self):
        return self.sock.fileno()

    def read(self, timeout=0.0):
        while b'\n' not in self.buffer:
            if self.closed or not select.select([self.sock], [], [], max(timeout, 0))[0]:
                return None
            try:
                data = self.sock.recv(65536)
            except ConnectionError:
                data = b''
            self.closed = not data
            self.buffer += data
        line, self.buffer = self.buffer.split(b'\n', 1)
        return line.decode(errors='replace').rstrip('\r')

    def write(self, line):
        try:
            self.sock.sendall(line.encode() + b'\n')
        except (BrokenPipeError, ConnectionError):
            pass
