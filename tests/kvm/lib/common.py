# SPDX-License-Identifier: GPL-2.0
"""What the harness' Python programs share: places, messages, exit codes."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager

PASS, FAIL, USAGE, SKIP, LOST = 0, 1, 2, 4, 69
ENDS = signal.SIGTERM, signal.SIGHUP, signal.SIGINT

KVM_DIR = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
TOP = os.path.dirname(os.path.dirname(KVM_DIR))
sys.path.insert(1, os.path.join(TOP, 'scripts'))    # for manual.py
CACHE = os.path.join(os.environ.get('XDG_CACHE_HOME') or
                     os.path.expanduser('~/.cache'), 'nvme-dbbuf')
DEFAULT_KERNEL = '6.12'
# What a series is made from.
PARTS = 'Documentation', 'MAINTAINERS', 'drivers', 'include', 'scripts'
PROGRAM = os.path.basename(sys.argv[0])


def note(message):
    print('%s: %s' % (PROGRAM, message), file=sys.stderr, flush=True)


def die(code, message):
    note(message)
    sys.exit(code)


def exit_on_signals():
    """From now on what ends this program does so by an exception: it clears up."""
    for number in ENDS:
        signal.signal(number, lambda number, frame: sys.exit(128 + number))


def replace_once(code, text, instead, where):
    """The code with another text; one that is not there just once is of other code"""
    if code.count(text) != 1:
        die(FAIL, '%s: "%s" is there %d times, not once' % (where, text, code.count(text)))
    return code.replace(text, instead)


def cache_dir(name):
    path = os.path.join(CACHE, name)
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        die(LOST, 'cannot create the cache: %s' % error)
    return path


def temporary_directory(name):
    """A directory for the time of a `with`. One that a killed program leaves
    behind is in the cache, where scripts/lib.sh clears old ones away."""
    return tempfile.TemporaryDirectory(prefix=name + '.',
                                       dir=os.environ.get('TMPDIR') or cache_dir('tmp'))


def shell_tool(argv):
    """Runs one of the project's tools; returns the last line that it printed.

    Its own words on stderr are the explanation when it fails.
    """
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        die(USAGE if done.returncode == USAGE else LOST,
            '%s failed (%d)' % (os.path.relpath(argv[0], TOP), done.returncode))
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ''


@contextmanager
def signals_held():
    """No signal ends this program in a `with`: one between a child's start and the time that
    it is known would leave it alone. The child is to call what this gives, before its exec."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)

    def release():
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    try:
        yield release
    finally:
        release()


def run_child(argv):
    """(exit code, stdout, stderr) of a program of its own group, which is told to end,
    and waited for, when this one is on its way out: subprocess.run() would kill it, with
    no time to clear up."""
    child = None
    try:
        with signals_held() as release:
            child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     text=True, start_new_session=True, preexec_fn=release)
        out, err = child.communicate()
    except BaseException:
        if child:
            child.terminate()
            child.communicate()
        raise
    return child.returncode, out, err


def default_build(config='kunit', kernel=DEFAULT_KERNEL):
    """Linux with the series, as a newcomer gets it: output of tests/kvm/build."""
    note('building Linux %s with the series (--build takes one that exists)' % kernel)
    tree = shell_tool([os.path.join(TOP, 'scripts', 'getkernel'), kernel])
    lib('need_series_tools')
    return shell_tool([os.path.join(KVM_DIR, 'build'), '--config', config,
                       '--series', default_series(tree), tree])


def default_series(tree):
    """The series for TREE, one of scripts/getkernel's, made once for all runs."""
    key = hashlib.sha256(tree.encode())
    files = [os.path.join(TOP, name) for name in ('MAINTAINERS', 'README.md')]
    for name in 'scripts', 'drivers', 'include', 'Documentation':
        for path, _, names in os.walk(os.path.join(TOP, name)):
            files += [os.path.join(path, n) for n in names]
    for path in sorted([*files, shutil.which('spatch')]):
        with open(path, 'rb') as f:
            key.update(os.path.relpath(path, TOP).encode() + hashlib.sha256(f.read()).digest())
    series = os.path.join(cache_dir('series'), key.hexdigest()[:20])
    if not os.path.isdir(series):
        with tempfile.TemporaryDirectory(dir=cache_dir('series')) as directory:
            made = os.path.join(directory, 'series')
            shell_tool([os.path.join(TOP, 'scripts', 'mkseries'), '-q', '-o', made,
                        '--signoff', 'Guest Test <guest@example.org>', tree])
            try:
                os.rename(made, series)
            except OSError:
                if not os.path.isdir(series):   # another run was not faster
                    raise
    return series


def copy_project(directory, edits=()):
    """What makes the series, as the package has it, to `directory`; edits: (file, text,
    what stands there instead)."""
    for part in PARTS:
        source, target = os.path.join(TOP, part), os.path.join(directory, part)
        if os.path.isdir(source):
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy(source, target)
    for name, text, instead in edits:
        path = os.path.join(directory, name)
        with open(path, encoding='utf-8') as f:
            code = replace_once(f.read(), text, instead, name)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(code)


def lib(*command):
    """Runs one of the functions of scripts/lib.sh, which explains its failure."""
    path = os.path.join(TOP, 'scripts', 'lib.sh')
    done = subprocess.run(['bash', '-c', '. "$1"; shift; "$@"', PROGRAM, path, *command],
                          stdout=sys.stderr)
    if done.returncode:
        sys.exit(LOST)


def need_packages(*packages):
    lib('need_packages', *packages)
