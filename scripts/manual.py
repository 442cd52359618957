# SPDX-License-Identifier: GPL-2.0
"""The --help of this project's Python tools, laid out like a manual page.

Parser is argparse's, with NAME, SYNOPSIS, DESCRIPTION, OPTIONS, EXIT STATUS and EXAMPLE
in its help. The name's line is the first sentence of `description`; `epilog` is
'Exit codes: ...'; `example` is a command. tests/gates/help holds all tools to this.
"""
import argparse
import os
import sys
import textwrap

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
WIDTH = 90


def fill(text):
    return textwrap.fill(' '.join(text.split()), WIDTH, initial_indent='  ',
                         subsequent_indent='  ', break_on_hyphens=False)


class Parser(argparse.ArgumentParser):
    def __init__(self, example, **options):
        self.example = example
        super().__init__(prog=os.path.relpath(os.path.realpath(sys.argv[0]), TOP),
                         formatter_class=lambda prog: argparse.HelpFormatter(
                             prog, max_help_position=30, width=WIDTH), **options)

    def format_help(self):
        summary = self.description.partition('. ')[0].rstrip('.')
        options = argparse.ArgumentParser(
            prog=self.prog, usage=argparse.SUPPRESS, add_help=False, parents=[self],
            conflict_handler='resolve', formatter_class=self.formatter_class).format_help()
        # argparse's own headings, of which one is another word in newer versions.
        options = '\n'.join(line for line in options.splitlines()
                            if line and not (line[0] != ' ' and line.endswith(':')))
        usage = self.format_usage().removeprefix('usage: ').rstrip()
        exits = self.epilog.partition(': ')[2]
        return '\n'.join((
            'NAME', fill('%s - %s' % (os.path.basename(self.prog), summary[0].lower() + summary[1:])),
            '', 'SYNOPSIS', textwrap.indent(textwrap.dedent(' ' * 7 + usage), '  '),
            '', 'DESCRIPTION', *(fill(part) + '\n' for part in self.description.split('\n\n')),
            'OPTIONS', options,
            '', 'EXIT STATUS', fill(exits), '', 'EXAMPLE', '  ' + self.example, ''))
