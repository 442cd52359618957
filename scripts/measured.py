# SPDX-License-Identifier: GPL-2.0
"""What scripts/report and scripts/report-polled share: the measurements of a run of
'tests/kvm/run --json RUN measure', their medians, and gnuplot."""
import json
import os
import shutil
import statistics
import subprocess
import sys

TITLES = {"plain": "plain MMIO", "kernel": "kernel's own", "series": "this series"}
COLORS = {"plain": "#888888", "kernel": "#d95f02", "series": "#1b6ca8"}


def die(code, message):
    print(f"{os.path.basename(sys.argv[0])}: {message}", file=sys.stderr)
    sys.exit(code)


class Figures:
    """What the rounds of one driver with one load say."""

    def __init__(self, rounds):
        self.iops = statistics.median(r["iops"] for r in rounds)
        self.iops_range = (min(r["iops"] for r in rounds), max(r["iops"] for r in rounds))
        self.sq = statistics.median(r["sq_mmio"] / r["reads"] for r in rounds)
        self.cq = statistics.median(r["cq_mmio"] / r["reads"] for r in rounds)


def load(path):
    """(run, its measurements) of the file at PATH; raises OSError, ValueError, KeyError
    or TypeError when it is something else."""
    with open(path, encoding="utf-8") as file:
        run = json.load(file)
    return run, [r["value"] for r in run["results"] if r["name"] == "measure"]


def draw(path, size, script):
    """Have gnuplot write an SVG of that size ("760,420") to PATH."""
    if not shutil.which("gnuplot"):
        die(69, "gnuplot is missing: install Debian's package 'gnuplot-nox'")
    script = f"""set terminal svg size {size} background '#ffffff' font 'sans-serif,13'
set output '{path}'
set yrange [0:*]
set grid ytics linecolor rgb '#dddddd'
set border 3
set tics nomirror
set key outside below horizontal
{script}"""
    result = subprocess.run(["gnuplot"], input=script, text=True, capture_output=True,
                            check=False)
    if result.returncode or not os.path.getsize(path):
        die(69, f"gnuplot: {result.stderr.strip()}")
