"""Time whole processes of the launcher against ``python -c pass`` and, where it is installed, ``hatch --help``.

Run ``python benchmarks/startup.py``; the commands take turns, so that a busy machine is busy for all of them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

BIN = Path(sys.executable).parent
MADCORE = str(BIN / "madcore")
# Seconds that a quiet machine with two cores should not exceed.
AIMS = {"madcore --help": 0.1, "madcore metrics": 0.25, "madcore plugins": 0.25, "madcore show ssim": 0.25}


def commands():
    found = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "python -c 'import click'": [sys.executable, "-c", "import click"],
        **{name: [MADCORE, *name.split()[1:]] for name in AIMS},
    }
    hatch = shutil.which("hatch", path=BIN) or shutil.which("hatch")
    return {**found, "hatch --help": [hatch, "--help"]} if hatch else found


def seconds(command):
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rounds = arguments.rounds
    todo = commands()
    for command in todo.values():
        seconds(command)  # the first run compiles and fills the disk cache
    times = {name: [] for name in todo}
    for _ in range(rounds):
        for name, command in todo.items():
            times[name].append(seconds(command))
    floor = statistics.median(times["python -c pass"])
    if arguments.json:
        print(json.dumps({name: {"median": statistics.median(times[name]), "aim": AIMS.get(name)} for name in times}))
        return
    print(f"whole processes, {rounds} rounds, seconds")
    print(f"{'':<26} {'median':>7} {'fastest':>8} {'ratio':>7} {'aim':>6}")
    for name, values in times.items():
        median = statistics.median(values)
        print(f"{name:<26} {median:7.3f} {min(values):8.3f} {median / floor:7.1f} {AIMS.get(name, ''):>6}")
    if "hatch --help" not in todo:
        print("hatch is not installed here: pip install hatch, for the comparison")


if __name__ == "__main__":
    main()
