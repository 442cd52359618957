# SPDX-License-Identifier: GPL-2.0
"""Hollow shared libraries, for a program of which only a part is wanted.

Debian's fio is linked with the libraries of all storage that it knows: ceph, glusterfs,
RDMA and some more, with all that those need, 90 MB in sixty libraries. The loader goes
through them at each start, which takes longer than many a test's I/O where each
instruction is emulated.

Contract: hollow(program, libraries, wanted, directory) makes libraries in `directory`
that take the place of those which `program` is linked with and whose names do not match
the regular expression `wanted`; `libraries` are the paths of all that it loads. They have
the symbols and versions that the program asks for; each of these is a function that ends
it (SIGILL). Returns {path of the library in the system: path of the hollow one}. Raises
OSError or CalledProcessError.
"""

import os
import re
import subprocess


def _said(*command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE,
                          env={**os.environ, 'LC_ALL': 'C'}).stdout


def _symbols(which, path):
    """[(name, version or '')] of the dynamic symbols of a file"""
    names = (line.split()[-1] for line in _said('nm', '-D', which, path).splitlines())
    return [(name, version.lstrip('@')) for name, _, version in
            (name.partition('@') for name in names)]


def _make(name, symbols, path):
    versions = {}
    for symbol, version in symbols:
        versions.setdefault(version, []).append(symbol)
    code = ''.join('void %s(void) { __builtin_trap(); }\n' % symbol for symbol, _ in symbols)
    script = ''.join('%s { global: %s; };\n' % (version, '; '.join(names))
                     for version, names in versions.items() if version)
    with open(path + '.map', 'w', encoding='ascii') as f:
        f.write(script)
    subprocess.run(['gcc', '-shared', '-nostdlib', '-fPIC', '-w', '-o', path,
                    '-Wl,-soname,' + name, '-x', 'c', '-',
                    *(['-Wl,--version-script,' + path + '.map'] if script else [])],
                   input=code, check=True, text=True)


def hollow(program, libraries, wanted, directory):
    needed = re.findall(r'\(NEEDED\).*\[(.*)\]', _said('readelf', '-d', program))
    where = {os.path.basename(path): path for path in libraries}
    asked = _symbols('--undefined-only', program)
    made = {}
    for name in needed:
        if re.match(wanted, name):
            continue
        if name not in where:
            raise OSError('%s needs %s, and it is not loaded' % (program, name))
        defined = {symbol for symbol, _ in _symbols('--defined-only', where[name])}
        path = os.path.join(directory, name)
        _make(name, [pair for pair in asked if pair[0] in defined], path)
        made[where[name]] = path
    return made
