# SPDX-License-Identifier: GPL-2.0
"""Instructions of a guest, counted by QEMU where it translates them.

Contract: Instructions(directory) builds the plugin tests/kvm/plugin/ there;
options() are QEMU's; total() is how many instructions all virtual processors have
executed up to now.
"""

import os
import struct
import subprocess

from common import KVM_DIR, LOST, die

# As the plugin has it.
CPUS, LINE = 64, 64


class Instructions:
    def __init__(self, directory):
        self.plugin = os.path.join(directory, 'instructions.so')
        self.counts = os.path.join(directory, 'instructions')
        with open(self.counts, 'wb') as file:
            file.truncate(CPUS * LINE)
        done = subprocess.run(
            ['cc', '-O2', '-Wall', '-Wextra', '-fvisibility=hidden', '-fPIC', '-shared', '-o',
             self.plugin, os.path.join(KVM_DIR, 'plugin', 'instructions.c')],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            die(LOST, 'tests/kvm/plugin cannot be built: ' + done.stdout)

    def options(self):
        return ['-plugin', '%s,counts=%s' % (self.plugin, self.counts)]

    def total(self):
        with open(self.counts, 'rb') as file:
            counts = file.read()
        return sum(struct.unpack_from('=Q', counts, cpu * LINE)[0] for cpu in range(CPUS))
