# SPDX-License-Identifier: GPL-2.0
"""The programmable NVMe device (tests/kvm/device) beside one virtual machine.

Contract: NvmeDevice(directory, options) starts it, with its socket ready on
return; qemu_options() is how QEMU gets at it. It counts as Counter does, from the
device's own account, so that a guest test need not know which of them it has; once
attached to that QEMU, it has QEMU's own count of doorbells, too.
arm() takes other faults each time, unless `options` have some. It raises DeviceError,
as do the counts, when the device has gone or does not do what it is told.
stop() ends it and returns (what is wrong with how it ended or None, its account);
`windows` says what the device held against its driver from each arming to the next.
"""

import fcntl
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

from common import (KVM_DIR, LOST, TOP, USAGE, cache_dir, die, need_packages, note,
                    replace_once, shell_tool)
from counter import by_queue
from machine import DeviceError, die_with_parent
from region import RegionCounter

SOURCE = os.path.join(KVM_DIR, 'device')
# vfio-user-pci came with it.
QEMU_NEEDED = (10, 1)
QEMU_SUITE = 'trixie-backports'
SOCKET_PATH_MAX = 107
PATIENCE = 10


def source_key():
    """Stands for the device's sources: checkouts share the cache, not the program."""
    key = hashlib.sha256()
    for name in sorted(os.listdir(SOURCE)):
        if name == 'Makefile' or name.endswith(('.c', '.h')):
            with open(os.path.join(SOURCE, name), 'rb') as source:
                key.update(('%s %d\n' % (name, os.fstat(source.fileno()).st_size)).encode())
                key.update(source.read())
    return key.hexdigest()[:16]


def build(sanitized=False):
    """Path of the program, built in the cache; with the address and undefined behaviour
    sanitizers if that is wanted."""
    need_packages('gcc', 'make', 'libc6-dev', 'libnvme-dev')
    directory = cache_dir(os.path.join('device-sanitized' if sanitized else 'device', source_key()))
    # Runs beside this one want it, too.
    with open(os.path.join(directory, 'lock'), 'w', encoding='utf-8') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(os.path.join(directory, 'log'), 'w', encoding='utf-8') as log:
            done = subprocess.run(['make', '-C', SOURCE, 'O=' + directory,
                                   *(['SAN=1'] if sanitized else [])],
                                  stdout=log, stderr=log, check=False)
        if done.returncode:
            with open(os.path.join(directory, 'log'), encoding='utf-8') as log:
                sys.stderr.write(log.read())
            die(LOST, 'the NVMe device cannot be built')
    return os.path.join(directory, 'nvme-device')


def twin(directory, name, text, instead):
    """A copy of its sources with one edit"""
    shutil.copytree(SOURCE, directory)
    path = os.path.join(directory, name)
    with open(path, encoding='utf-8') as file:
        code = replace_once(file.read(), text, instead, name)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(code)


def find_qemu(name):
    """A QEMU that knows vfio-user: the host's, or one of a newer Debian."""
    path = shutil.which(name)
    if path:
        said = subprocess.run([path, '--version'], stdout=subprocess.PIPE, text=True,
                              check=False).stdout
        version = re.search(r'version (\d+)\.(\d+)', said)
        if version and tuple(int(part) for part in version.groups()) >= QEMU_NEEDED:
            return path
    root = shell_tool([os.path.join(TOP, 'scripts', 'getroot'), '--bin', name,
                       QEMU_SUITE, 'qemu-system-x86'])
    return os.path.join(root, 'run', name)


def read_account(path):
    """What a device has written last"""
    try:
        with open(path, encoding='utf-8') as account:
            return json.load(account)
    except FileNotFoundError:
        return {'snapshot': 0}


def next_account(process, path):
    """What the device in this process has counted up to now; None: it does not answer"""
    last = read_account(path)['snapshot']
    process.send_signal(signal.SIGUSR1)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        account = read_account(path)
        if account['snapshot'] > last:
            return account
        time.sleep(0.005)
    return None


class NvmeDevice:
    def __init__(self, directory, options, sanitized=False):
        self.name = None
        self.program = build(sanitized)
        self.json = os.path.join(directory, 'device.json')
        self.log = os.path.join(directory, 'device.log')
        self.socket = os.path.join(directory, 'nvme.sock')
        if len(self.socket.encode()) > SOCKET_PATH_MAX:
            die(LOST, 'TMPDIR or XDG_CACHE_HOME is too long for the path of a socket')
        self.process = self.region = None
        self.before = self.since = None
        self.windows = []
        words = shlex.split(options)
        self.faults_file = None
        if not any(word.startswith('--fault') for word in words):
            self.faults_file = os.path.join(directory, 'faults')
            words += ['--faults-file', self.faults_file]
            if '--disarmed' not in words:
                words += ['--disarmed']
            self._choose(())
        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen(
                [self.program, '--json', self.json, *words, self.socket],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                preexec_fn=die_with_parent)
        if self.process.stdout.readline() != b'ready\n':
            code = self.process.wait()
            die(USAGE if code == USAGE else LOST,
                'the NVMe device does not start (%d): %s' % (code, self.said()))

    def attach(self, qmp, trace_log):
        self.region = RegionCounter(qmp, trace_log)

    def said(self):
        with open(self.log, errors='replace', encoding='utf-8') as log:
            return log.read().strip()

    def qemu_options(self):
        # Its doorbells wait for the device, as a VM exit does: posted ones arrive
        # late, and several devices copy their values.
        return ['-device', json.dumps({
            'driver': 'vfio-user-pci', 'id': 'nvme', 'bus': 'root-port',
            'x-no-posted-writes': True,
            'socket': {'type': 'unix', 'path': self.socket}})]

    def account(self):
        """What it has counted up to now"""
        account = next_account(self.process, self.json)
        if not account:
            raise DeviceError(self.ended() or 'the NVMe device does not answer')
        return account

    def ended(self):
        """How it has ended, and its last words, if it has"""
        status = self.process.poll()
        if status is None:
            return None
        return 'the NVMe device has ended with status %d: %s' % (
            status, ' / '.join(self.said().splitlines()[-4:]) or 'it said nothing')

    def _choose(self, faults):
        with open(self.faults_file + '.new', 'w', encoding='ascii') as file:
            file.write(''.join(fault + '\n' for fault in faults))
        os.rename(self.faults_file + '.new', self.faults_file)

    def arm(self, armed, faults=()):
        """Switches its faults; those given here, or those it was started with."""
        if faults and not self.faults_file:
            raise DeviceError('the NVMe device was started with faults, and takes no others')
        account = self.account()
        if armed and self.faults_file:
            if account['armed']:
                raise DeviceError('the NVMe device is armed: first disarm it')
            self._choose(faults)
        if armed:
            self._close_window(account)
        before = account
        if account['armed'] != armed:
            self.process.send_signal(signal.SIGUSR2)
        # Two signals may be taken in another order than they were sent.
        end = time.monotonic() + PATIENCE
        while account['armed'] != armed and time.monotonic() < end:
            if account['armings_refused'] != before['armings_refused']:
                raise DeviceError('the NVMe device refuses these faults: %s'
                                  % self.said().splitlines()[-1])
            account = self.account()
        if account['armed'] != armed:
            raise DeviceError('the NVMe device cannot be %sarmed' % ('' if armed else 'dis'))

    def _close_window(self, account):
        """What was there before the first arming is a window, too."""
        self.windows.append(complaint(account, self.since))
        self.since = account

    # --- what Counter does ---------------------------------------------------------

    def begin(self, name):
        self.name = name
        self.before = self.account()
        if self.region:
            self.region.begin(self.before['dstrd'])

    def end(self):
        seen = self.region.end() if self.region else {}
        account = self.account()
        before, after = tally(self.before), tally(account)
        counts = {count: after[count] - before[count] for count in after}
        for name, of in (('sq_queues', lambda seen: rung(seen, 'sq')),
                         ('cq_queues', lambda seen: rung(seen, 'cq')),
                         ('acted', lambda seen: seen['acted'])):
            before, after = of(self.before), of(account)
            counts[name] = by_queue({key: after[key] - before.get(key, 0) for key in after})
        self.name = None
        # The stride of now, in bytes, is no difference.
        return {**counts, 'stride': 4 << account['dstrd'], **seen}

    # --------------------------------------------------------------------------------

    def stop(self):
        """It leaves by itself when QEMU does."""
        wrong = None
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                wrong = 'the NVMe device does not end'
                self.process.kill()
                self.process.wait()
        said = self.said()
        for line in said.splitlines()[-10:]:
            note(line)
        if not wrong and self.process.returncode:
            wrong = self.ended()
        elif not wrong and ('Sanitizer' in said or 'runtime error' in said):
            wrong = 'a sanitizer has stopped the NVMe device: ' + said.splitlines()[0]
        elif not wrong and os.path.exists(self.socket):
            wrong = 'the NVMe device has left its socket behind'
        account = read_account(self.json)
        self._close_window(account)
        return wrong or next(filter(None, self.windows), None), account


def complaint(account, since=None):
    """What the device holds against its driver, or None; with `since`, an earlier account,
    what has come since then. Late doorbells, of queues that are gone, are not: Linux takes
    what was completed before it disabled the controller, and rings. One that a shadow has
    overtaken is, as register writes are not posted here."""
    if not account['snapshot']:
        return 'the NVMe device has left no account'
    wrong = offences(account)
    for name, count in offences(since or {}).items():
        wrong[name] -= count
    said = ', '.join('%s: %d' % (name, count) for name, count in wrong.items() if count)
    return 'the NVMe device has seen what should not be: ' + said if said else None


def offences(account):
    """What should not be, by name: its count"""
    wrong = {name: account.get(name, 0) for name in (
        'protocol_errors', 'dma_errors', 'invalid_accesses', 'invalid_doorbells',
        'shutdown_doorbells')}
    for queue in account.get('queues', ()):
        for kind in 'sq', 'cq':
            for what in 'invalid', 'repeated', 'overtaken':
                wrong['%s %s%d doorbells' % (what, kind, queue['qid'])] = queue[kind][what]
    return wrong


def rung(account, kind):
    """{qid: doorbells} of I/O queues, out of an account"""
    return {queue['qid']: queue[kind]['doorbells'] for queue in account['queues']
            if queue['qid']}


def tally(account):
    """The counts of Counter, out of an account."""
    admin, io, queues = account['admin'], account['io'], account['queues']

    def total(doorbell, key, some):
        return sum(queue[doorbell][key] for queue in queues if some(queue['qid']))

    counts = {}
    for kind in 'sq', 'cq':
        counts[kind + '_mmio'] = total(kind, 'doorbells', bool)
        counts['admin_%s_mmio' % kind] = total(kind, 'doorbells', lambda qid: not qid)
        counts[kind + '_shadow'] = total(kind, 'shadow_news', lambda qid: True)
        counts[kind + '_eventidx'] = total(kind, 'eventidx', lambda qid: True)
    counts['interrupts'] = sum(queue['interrupts'] for queue in queues if queue['qid'])
    counts['reads'] = io.get('02', 0)
    counts['writes'] = io.get('01', 0)
    counts['opc_7c'] = admin.get('7c', 0)
    counts['dbbuf_config'] = account['dbbuf_accepted'] + account['dbbuf_refused']
    counts['enables'] = account['enables']
    counts['faults'] = account['faults_acted']
    return counts
