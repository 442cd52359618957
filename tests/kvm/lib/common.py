# SPDX-License-Identifier: GPL-2.0
"""What the harness' Python programs share: places, messages, exit codes."""

import os
import subprocess
import sys
import tempfile

PASS, FAIL, USAGE, SKIP, LOST = 0, 1, 2, 4, 69

KVM_DIR = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
TOP = os.path.dirname(os.path.dirname(KVM_DIR))
sys.path.insert(1, os.path.join(TOP, 'scripts'))    # for manual.py
CACHE = os.path.join(os.environ.get('XDG_CACHE_HOME') or
                     os.path.expanduser('~/.cache'), 'nvme-dbbuf')
DEFAULT_KERNEL = '6.12'
PROGRAM = os.path.basename(sys.argv[0])


def note(message):
    print('%s: %s' % (PROGRAM, message), file=sys.stderr, flush=True)


def die(code, message):
    note(message)
    sys.exit(code)


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


def default_build(config='kunit'):
    """Linux with the series, as a newcomer gets it: output of tests/kvm/build."""
    note('building Linux %s with the series (--build takes one that exists)' % DEFAULT_KERNEL)
    tree = shell_tool([os.path.join(TOP, 'scripts', 'getkernel'), DEFAULT_KERNEL])
    lib('need_series_tools')
    with temporary_directory('series') as series:
        shell_tool([os.path.join(TOP, 'scripts', 'mkseries'), '-q', '-o', series,
                    '--signoff', 'Guest Test <guest@example.org>', tree])
        return shell_tool([os.path.join(KVM_DIR, 'build'), '--config', config,
                           '--series', series, tree])


def lib(*command):
    """Runs one of the functions of scripts/lib.sh, which explains its failure."""
    path = os.path.join(TOP, 'scripts', 'lib.sh')
    done = subprocess.run(['bash', '-c', '. "$1"; shift; "$@"', PROGRAM, path, *command],
                          stdout=sys.stderr)
    if done.returncode:
        sys.exit(LOST)


def need_packages(*packages):
    lib('need_packages', *packages)
