# SPDX-License-Identifier: GPL-2.0
"""A Debian system for a test: a copy of its files, an image of them, a boot of it.

Contract: System(directory, suite, packages, later) is a copy of what
tests/kvm/debian-root makes, in `directory`, which is the caller's to remove. chroot()
runs commands in it. image() makes a file system image of it, without loop devices;
boot() boots a machine that has such an image for its only NVMe disk, and judges as
tests/kvm/run does. read_file() takes a file out of an image.
"""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
from collections import namedtuple

import klog
from common import FAIL, KVM_DIR, LOST, PASS, SKIP, TOP, cache_dir, die, note
from machine import Machine, escape

INIT = '/nvme-dbbuf/init'
Boot = namedtuple('Boot', 'code word reason outcome')


class System:
    def __init__(self, directory, suite, packages, later=()):
        self.root = os.path.join(directory, 'root')
        done = subprocess.run([os.path.join(KVM_DIR, 'debian-root'),
                               *[word for name in later for word in ('--later', name)],
                               suite, *packages],
                              stdout=subprocess.PIPE, text=True)
        if done.returncode:
            die(SKIP if done.returncode == SKIP else LOST, 'no Debian %s to boot' % suite)
        subprocess.run(['cp', '-a', '--reflink=auto', done.stdout.strip(), self.root],
                       check=True)

    def path(self, name):
        return os.path.join(self.root, name.lstrip('/'))

    def chroot(self, *command, timeout=1800):
        """(exit code, output) of a command run in the system."""
        # With a /proc of its own, which bash and dkms want, and no way to leave
        # processes or mounts behind.
        done = subprocess.run(
            ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc='
             + self.path('proc'), 'chroot', self.root, 'env', '-i', 'LC_ALL=C', 'HOME=/root',
             'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
             'DEBIAN_FRONTEND=noninteractive', *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors='replace', timeout=timeout)
        return done.returncode, done.stdout

    def kernel(self):
        """The name of the one kernel that is installed."""
        names = [name[8:] for name in os.listdir(self.path('/boot'))
                 if name.startswith('vmlinuz-')]
        if len(names) != 1:
            die(LOST, '%d kernels are installed in %s, not one' % (len(names), self.root))
        return names[0]

    def add(self, source, target, mode=0o755):
        target = self.path(target)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(source, target)
        os.chmod(target, mode)

    def prepare(self, test, env=None):
        """Have PID 1 run the script `test`; tests find guest.sh beside it."""
        lib = os.path.join(KVM_DIR, 'lib')
        self.add(os.path.join(lib, 'debian-init'), INIT)
        self.add(os.path.join(lib, 'guest.sh'), '/nvme-dbbuf/guest.sh', 0o644)
        self.add(test, '/nvme-dbbuf/run')
        with open(self.path('/nvme-dbbuf/env'), 'w', encoding='utf-8') as f:
            for name, value in (env or {}).items():
                f.write('export %s=%s\n' % (name, shlex.quote(value)))

    def image(self, path, spare=600):
        """An ext4 image of the system with so many megabytes to spare."""
        used = int(subprocess.run(['du', '-sm', self.root], check=True, text=True,
                                  stdout=subprocess.PIPE).stdout.split()[0])
        with open(path, 'wb') as f:
            f.truncate((used * 11 // 10 + spare) << 20)
        done = subprocess.run(['/sbin/mke2fs', '-q', '-F', '-t', 'ext4', '-d', self.root, path],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            die(LOST, 'mke2fs: ' + done.stdout.strip())
        return path


def read_file(image, name, target):
    # debugfs succeeds when there is no such file.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(target)
    subprocess.run(['/sbin/debugfs', '-R', 'dump %s %s' % (name, target), image], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not os.path.exists(target) or not os.path.getsize(target):
        die(LOST, 'no %s in the image' % name)
    return target


def consistent(image):
    """What e2fsck finds wrong with an image that was unmounted; None when nothing."""
    done = subprocess.run(['/sbin/e2fsck', '-f', '-n', image], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return None if done.returncode == 0 else done.stdout.strip().splitlines()[-1]


def boot(image, kernel, initrd, log, *, timeout=600, **options):
    """Boots the image to its verdict, an NVMe disk being all that there is."""
    devices = ['-drive', drive('root', image), '-device', 'pcie-root-port,id=root-port',
               '-device', 'nvme,id=nvme,bus=root-port,drive=root,serial=nvme-dbbuf']
    return _boot(kernel, initrd, log, '/dev/nvme0n1', devices, timeout, **options)


def boot_beside(image, disk, kernel, initrd, log, *, metadata=0, timeout=600, **options):
    """The same on a virtio disk, with `disk` for the NVMe disk, which has so many bytes of
    metadata for each block: what becomes of that is for the test in the guest to say, and
    of the kernel log only splats count."""
    devices = ['-drive', drive('root', image), '-device', 'virtio-blk-pci,drive=root',
               '-drive', drive('disk', disk), '-device', 'pcie-root-port,id=root-port']
    controller = 'nvme,id=nvme,bus=root-port,serial=nvme-dbbuf'
    if metadata:
        devices += ['-device', controller,
                    '-device', 'nvme-ns,bus=nvme,drive=disk,shared=off,ms=%d' % metadata]
    else:
        devices += ['-device', controller + ',drive=disk']
    return _boot(kernel, initrd, log, '/dev/vda', devices, timeout, splats_only=True, **options)


def drive(name, path):
    return 'if=none,id=%s,format=raw,cache=unsafe,file=%s' % (name, escape(path))


def _boot(kernel, initrd, log, root, devices, timeout, *, qemu='qemu-system-x86_64',
          accel='tcg', allow=(), append=(), splats_only=False):
    allow = [re.compile(rx) for rx in allow]
    # Debian's kernels rewrite their own code.  With a thread for each CPU, QEMU runs code
    # that another CPU has just changed back: Oops: int3, and no int3 there.
    if accel == 'tcg':
        accel += ',thread=single'
    outcome = Machine(qemu, accel, kernel, initrd, log, log + '.out', smp=2, memory=2048,
                      append=['root=' + root, 'rw', 'init=' + INIT, *append], devices=devices,
                      timeout=timeout, boot_timeout=120, allow=allow).run()
    with open(log, errors='replace') as f:
        findings = klog.judge(f.read(), allow)
    if splats_only:
        findings = [finding for finding in findings if finding.splat]
    return Boot(*judge(outcome, findings), outcome)


def judge(outcome, findings):
    """(exit code, word, reason)"""
    if outcome.lost:
        return LOST, 'lost', outcome.lost
    verdict, reason = outcome.verdict or ('fail', 'the machine ended without a verdict')
    if outcome.ended:
        verdict, reason = 'fail', outcome.ended + ': ' + reason
    if findings:
        verdict, reason = 'fail', 'kernel log line %d, %s: %s; the guest says: %s' % (
            findings[0].number, findings[0].kind, findings[0].text, reason)
    return {'pass': PASS, 'fail': FAIL, 'skip': SKIP}[verdict], verdict, reason


def keep(log, name):
    """Keeps a failed boot's logs, and says where."""
    kept = os.path.join(cache_dir('logs'), name + '.log')
    for suffix in ('', '.out'):
        if os.path.exists(log + suffix):
            shutil.copy(log + suffix, kept + suffix)
            with open(log + suffix, errors='replace') as f:
                lines = f.read().splitlines()[-12:]
            note('the end of %s:' % (kept + suffix))
            for line in lines:
                note('    ' + line)


def depends():
    """What the package depends on, as its control file says; the first of alternatives."""
    with open(os.path.join(TOP, 'scripts', 'dkms', 'control'), encoding='utf-8') as f:
        line = re.search(r'(?m)^Depends: (.*)$', f.read()).group(1)
    return [name.split('|')[0].strip() for name in line.split(',')]


def make_package(directory, later=False):
    """The package nvme-dbbuf-dkms of this checkout; `later`: one commit later."""
    top = TOP
    if later:
        top = os.path.join(directory, 'later')
        subprocess.run(['git', 'clone', '--quiet', TOP, top], check=True)
        subprocess.run(['git', '-C', top, '-c', 'user.name=Test', '-c',
                        'user.email=test@example.org', '-c', 'commit.gpgsign=false', 'commit',
                        '--quiet', '--allow-empty', '--message=later'], check=True)
    done = subprocess.run([os.path.join(top, 'scripts', 'mkdkms'), '-o', directory],
                          stdout=subprocess.PIPE, text=True)
    if done.returncode:
        die(LOST, 'scripts/mkdkms failed')
    return done.stdout.strip()
