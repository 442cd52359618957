# SPDX-License-Identifier: GPL-2.0
"""One boot of a virtual machine under QEMU, from its start to its last word.

Contract: Machine(...).run() starts QEMU, serves the guest's requests over the
control port until QEMU ends, and returns an Outcome. A machine that goes to
sleep is woken up. Whatever happens, a signal to this program included, no QEMU
is left behind.

What the guest may say, one line each; the ones marked * are answered with one
line (`ok`, `counts NAME=VALUE...`, QEMU's answer as JSON, or `error WHY`):
    hello TEXT                  the machine has booted; each of its kernels says it
    note TEXT                   progress
    result NAME JSON            a figure
    count begin NAME *          start counting the device's trace events
    count end NAME *
    cpu begin|end *             the time that machine and device use in between, and the
                                guest's instructions, where they are counted
    qmp JSON *                  a request to QEMU as it is
    device arm [FAULT...] *     the programmable NVMe device's faults: these, each as
                                after its --fault, or those that it was started with
    device disarm *
    verdict pass|fail|skip WHY  the last line
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import time

import klog
from common import note, temporary_directory
from counter import Counter
from lines import Lines
from qmp import Qmp, QmpError
from threads import Threads

BOOT_SIGN = b'Linux version '
# What a machine may still do after the kernel itself broke, and after the
# verdict: enough to get the rest of the log out.
GRACE_AFTER_SPLAT = 20
GRACE_AFTER_VERDICT = 30
PR_SET_PDEATHSIG = 1


class DeviceError(Exception):
    """The programmable NVMe device has ended, or does not do as it is told."""


class Outcome:
    """lost: why the machine was lost (None: it was not). ended: why it ended
    without the guest's own doing (timeout...). verdict: (word, reason) or None.
    account: what the programmable NVMe device has counted, when there was one;
    device_wrong: how it ended, if not as it should; device_windows: what it held against
    its driver, from each arming to the next."""

    def __init__(self):
        self.lost = None
        self.ended = None
        self.booted = False
        self.boots = 0
        self.verdict = None
        self.broken = []
        self.results = []
        self.counts = []
        self.qemu = ''
        self.account = self.device_wrong = None
        self.device_windows = []
        self.seconds = 0.0


def die_with_parent():
    """Runs in the child: the kernel ends it should this program be killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def escape(value):
    """A value inside one of QEMU's comma separated options."""
    return value.replace(',', ',,')


class Machine:
    def __init__(self, qemu, accel, kernel, initrd, log, output, *, smp=2, memory=512,
                 append=(), devices=(), timeout=120, boot_timeout=120, allow=(),
                 quiet=False, iommu=False, boots=1, nvme_device=None, silence=None,
                 instructions=None):
        self.log, self.output = log, output
        self.timeout, self.boot_timeout = timeout, boot_timeout
        self.silence, self.heard = silence, None
        self.allow, self.quiet = allow, quiet
        self.boots = boots
        self.outcome = Outcome()
        self.process = self.qmp = self.port = self.counter = self.threads = None
        self.nvme_device = nvme_device
        self.instructions, self.executed = instructions, 0
        self.scanned = 0
        self.deaf = False
        self.trace_log = None
        cmdline = ['console=ttyS0,115200', 'earlycon=uart8250,io,0x3f8,115200',
                   'loglevel=8', 'ignore_loglevel', 'printk.devkmsg=on',
                   'log_buf_len=1M', 'panic=-1', 'oops=panic', 'reboot=t',
                   'hung_task_panic=0', 'sysctl.kernel.hung_task_timeout_secs=45',
                   *append]
        machine, memory_backend = 'q35', []
        if nvme_device:
            # It serves the queues from the guest's memory.
            machine += ',memory-backend=mem'
            memory_backend = ['-object', 'memory-backend-memfd,id=mem,share=on,size=%dM' % memory]
            devices = [*devices, *nvme_device.qemu_options()]
        if instructions:
            devices = [*devices, *instructions.options()]
        self.argv = [
            qemu, '-name', 'guest,debug-threads=on', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot',
            # Not pc: each activation of a PCI device makes the guest interpret
            # that machine's interrupt routing table, a program of its firmware,
            # which takes half a minute in a debug kernel under TCG.
            *memory_backend, '-machine', machine, '-accel', accel,
            # QEMU 5.2 resets at the start of trixie's kernel when that finds BMI2.
            '-cpu', 'host' if accel == 'kvm' else 'max,-bmi2',
            '-smp', str(smp), '-m', str(memory),
            # Before the devices that are to be behind it.
            *(('-device', 'intel-iommu') if iommu else ()),
            '-kernel', kernel, '-initrd', initrd, '-append', ' '.join(cmdline),
            '-chardev', 'file,id=console,path=' + escape(log),
            '-serial', 'chardev:console',
            '-device', 'virtio-serial-pci',
            '-device', 'virtserialport,chardev=control,name=control',
            '-chardev', 'file,id=output,path=' + escape(output),
            '-device', 'virtserialport,chardev=output,name=output',
            *devices]

    def run(self):
        start = time.monotonic()
        with temporary_directory('qemu') as directory:
            self.trace_log = os.path.join(directory, 'trace')
            try:
                self._start(directory)
                if not self.outcome.lost:
                    self._serve()
            finally:
                self._kill()
        self.outcome.seconds = time.monotonic() - start
        return self.outcome

    def _start(self, directory):
        qmp, qmp_child = socket.socketpair()
        port, port_child = socket.socketpair()
        argv = self.argv + Counter.options(self.trace_log) + [
            '-chardev', 'socket,id=qmp,fd=%d' % qmp_child.fileno(),
            '-mon', 'chardev=qmp,mode=control',
            '-chardev', 'socket,id=control,fd=%d' % port_child.fileno()]
        # An earlier run's log must not be taken for this one's.
        open(self.log, 'wb').close()
        self.errors = os.path.join(directory, 'stderr')
        try:
            with open(self.errors, 'wb') as errors:
                self.process = subprocess.Popen(
                    argv, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                    pass_fds=(qmp_child.fileno(), port_child.fileno()),
                    start_new_session=True, preexec_fn=die_with_parent)
        except OSError as error:
            self.outcome.lost = 'QEMU cannot be started: %s' % error
            return
        finally:
            qmp_child.close()
            port_child.close()
        self.port = Lines(port)
        try:
            self.qmp = Qmp(qmp)
            version = self.qmp.execute('query-version')['qemu']
            self.outcome.qemu = '%(major)d.%(minor)d.%(micro)d' % version
            if self.nvme_device:
                self.nvme_device.attach(self.qmp, self.trace_log)
            self.counter = self.nvme_device or Counter(self.qmp, self.trace_log)
        except QmpError as error:
            self._lose(str(error))
        except DeviceError as error:
            self.outcome.ended = str(error)

    def _lose(self, why):
        """The machine is gone: say how QEMU ended and what it said."""
        try:
            status = self.process.wait(5)
        except subprocess.TimeoutExpired:
            status = None
        if status is not None and (status < 0 or status > 128):
            why = 'QEMU was killed by signal %d' % (-status if status < 0 else status - 128)
        elif status:
            why = 'QEMU ended with status %d' % status
        elif status == 0 and self.outcome.booted:
            return      # the guest ended the machine in the midst of a request
        with open(self.errors, errors='replace') as errors:
            said = errors.read().strip().splitlines()
        if said:
            why += ' (it said: %s)' % said[-1]
        self.outcome.lost = why

    def _serve(self):
        now = time.monotonic()
        deadline, boot_deadline = now + self.timeout, now + self.boot_timeout
        limit = 'no verdict within %d seconds' % self.timeout
        while True:
            self._listen(0.2)
            self._read_log()
            self._wake()
            if self.outcome.lost or self.outcome.ended:
                return
            # Only after looking whether it runs is what was heard complete.
            if self.process.poll() is not None:
                self._listen(0)
                self._read_log()
                if self.process.returncode:
                    self._lose('')
                elif not self.outcome.booted:
                    self.outcome.lost = 'the kernel showed no sign of life and the machine ended'
                return
            now = time.monotonic()
            if self.outcome.verdict and now + GRACE_AFTER_VERDICT < deadline:
                deadline = now + GRACE_AFTER_VERDICT
                limit = 'the machine did not end after the verdict'
            elif self.outcome.broken and now + GRACE_AFTER_SPLAT < deadline:
                deadline = now + GRACE_AFTER_SPLAT
                limit = 'no verdict after the kernel broke'
            if not self.outcome.booted and now > boot_deadline:
                self.outcome.lost = 'the kernel showed no sign of life within %d seconds' \
                    % self.boot_timeout
                return
            if self.silence and now - (self.heard or now) > self.silence:
                self.outcome.ended = 'the guest has said nothing for %d seconds' % self.silence
                return
            if now > deadline:
                self.outcome.ended = limit
                return

    def _wake(self):
        """Wakes the machine up when it has gone to sleep."""
        try:
            for event in self.qmp.take_events():
                if event['event'] == 'SUSPEND':
                    self.qmp.execute('system_wakeup')
        except QmpError as error:
            self._lose(str(error))

    def _listen(self, timeout):
        """Handles what the guest has said, waiting at most `timeout` for more."""
        end = time.monotonic() + timeout
        while not self.outcome.lost and not self.outcome.ended:
            line = self.port.read(end - time.monotonic())
            if line is None:
                if self.port.closed and timeout:
                    time.sleep(0.02)    # QEMU is on its way out
                return
            self._handle(line)

    def _read_log(self):
        """Looks through what came over the console since last time."""
        with open(self.log, 'rb') as log:
            log.seek(self.scanned)
            data = log.read()
        whole = data.rfind(b'\n') + 1
        self.scanned += whole
        if not self.outcome.booted and BOOT_SIGN in data[:whole]:
            self.outcome.booted = True
        text = data[:whole].decode(errors='replace')
        self.outcome.broken += [f for f in klog.judge(text, self.allow) if f.splat]

    def _handle(self, line):
        word, _, rest = line.partition(' ')
        self.heard = time.monotonic()
        if self.deaf:
            return
        if self.outcome.verdict:
            self._refuse('the guest spoke after its verdict: ' + line)
        elif word == 'hello':
            self.outcome.booted = True
            self.outcome.boots += 1
            if self.outcome.boots > self.boots:
                self._refuse('the machine has booted once more')
        elif word == 'note':
            if not self.quiet:
                note(rest)
        elif word == 'result':
            self._result(rest)
        elif word in ('count', 'cpu', 'qmp', 'device'):
            try:
                answer = {'count': self._count, 'cpu': self._cpu, 'qmp': self._qmp,
                          'device': self._device}[word](rest)
            except QmpError as error:
                self._lose(str(error))
            except DeviceError as error:
                # No machine can go on without it.
                self.outcome.ended = str(error)
            else:
                self.port.write(answer)
        elif word == 'verdict':
            verdict, _, reason = rest.partition(' ')
            if verdict not in ('pass', 'fail', 'skip'):
                self._refuse('the guest gave an unknown verdict: ' + rest)
            elif verdict == 'pass' and self.outcome.boots != self.boots:
                self._refuse('passed after %d boots, not %d' % (self.outcome.boots, self.boots))
            else:
                self.outcome.verdict = (verdict, reason)
        else:
            self._refuse('the guest said something unknown: ' + line)

    def _refuse(self, why):
        """The guest broke the protocol: that is the verdict, whatever follows."""
        self.outcome.verdict = ('fail', why)
        self.deaf = True

    def _result(self, rest):
        name, _, text = rest.partition(' ')
        try:
            self.outcome.results.append((name, json.loads(text)))
        except ValueError as error:
            self._refuse('result %s is not JSON: %s' % (name, error))

    def _count(self, rest):
        action, _, name = rest.partition(' ')
        if action == 'begin' and self.counter.name is None:
            self.counter.begin(name)
            return 'ok'
        if action == 'end' and self.counter.name == name:
            counts = self.counter.end()
            self.outcome.counts.append((name, counts))
            return 'counts ' + ' '.join('%s=%s' % item for item in counts.items())
        return 'error count %s while the window is %s' % (rest, self.counter.name)

    def _cpu(self, rest):
        if rest == 'begin':
            device = self.nvme_device.process.pid if self.nvme_device else None
            self.threads = Threads([self.process.pid, device])
            self.threads.begin()
            if self.instructions:
                self.executed = self.instructions.total()
            return 'ok'
        if rest == 'end' and self.threads:
            spent = self.threads.end()
            if self.instructions:
                spent['instructions'] = self.instructions.total() - self.executed
            return 'counts ' + ' '.join('%s=%d' % item for item in spent.items())
        return 'error cpu %s' % rest

    def _qmp(self, rest):
        try:
            request = json.loads(rest)
        except ValueError as error:
            return 'error not JSON: %s' % error
        return json.dumps(self.qmp.request(request))

    def _device(self, rest):
        if not self.nvme_device:
            return 'error this machine has no programmable NVMe device'
        action, *faults = rest.split()
        if action not in ('arm', 'disarm') or (faults and action == 'disarm'):
            return 'error device arm [FAULT...] or disarm, not ' + rest
        self.nvme_device.arm(action == 'arm', faults)
        return 'ok'

    def _kill(self):
        """Ends QEMU and whatever wrapper stands before it."""
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
