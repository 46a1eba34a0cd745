"""Every figure in one table: what it is, how many times faster than what, and what was aimed at.

    python benchmarks/table.py [--quick] [--json]

Runs the other benchmarks one after the other, so that each has the machine to itself; every ratio is taken within one
of them, between runs that take turns.  ``--quick`` leaves out the large pictures and the whole syntheses.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import subprocess
import sys
from datetime import date
from pathlib import Path

HERE = Path(__file__).parent
METRIC_AIMS = {
    ("ssim", 1, "plenoptic"): 60,
    ("ssim", 1, "piq"): 60,
    ("ssim", 3, "plenoptic"): 60,
    ("ssim", 3, "piq"): 6,
    **{("ssim", channels, peer): 5 for channels in (1, 3) for peer in ("pytorch-msssim", "torchmetrics")},
    **{
        (name, channels, peer): 20
        for name in ("ms_ssim", "nlpd")
        for channels in (1, 3)
        for peer in ("plenoptic", "piq")
    },
}
PEERS = {"memory": "one pass over memory"}


def run(script, *options):
    """Return what another benchmark prints as JSON."""
    print(f"{script} {' '.join(options)}", file=sys.stderr, flush=True)
    command = [sys.executable, str(HERE / script), *options, "--json"]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def row(what, ours, against, times, aim=None):
    """Make a row: `times` is what `against` takes, divided by what ours takes."""
    return {"what": what, "ours": ours, "against": against, "times": times, "aim": aim}


def metrics(sizes):
    """Value and gradient of the metrics."""
    names = ("ssim", "ms_ssim", "nlpd")
    for each in run("metrics.py", "--sizes", *map(str, sizes), "--metrics", *names)["rows"]:
        colour = "grey" if each["channels"] == 1 else "RGB"
        for peer, times in each["ratios"].items():
            if peer == "torch":  # our own, without numba
                continue
            aim = METRIC_AIMS.get((each["metric"], each["channels"], peer))
            what = f"{each['metric']}, value and gradient, {each['side']} x {each['side']} {colour}"
            yield row(what, f"{each['ms']:.3g} ms", PEERS.get(peer, peer), times, aim)


def steps(sides):
    """Compare steps of the solver with the bare value and gradient of both metrics."""
    for each in run("scaling.py", "--sides", *map(str, sides), "--batches", "1"):
        if each["channels"] == 1:
            for phase in ("momentum", "L-BFGS"):
                what = f"{phase} step, {each['problem']}, {each['side']} x {each['side']}"
                ours = f"{each['floor ms'] * each[phase]:.3g} ms"
                yield row(what, ours, "the bare metrics", 1 / each[phase], 0.5)


def iterations():
    """One iteration of the classic class."""
    for each, aim in zip(run("competition.py"), (1, 1, 20), strict=True):
        yield row(f"MADCompetition, {each['what']}", f"{each['madcore']:.3g} ms", "plenoptic", each["ratio"], aim)


def syntheses():
    """Whole syntheses to the value that the peer reaches."""
    for each in run("synthesis.py"):
        what = f"{each['problem']}, 256 x 256, to plenoptic's best value"
        reached = "" if each["reached"] else " (not reached)"
        yield row(what, f"{each['evaluations'][1]} evaluations{reached}", "plenoptic", each["times faster"], 100)


def launcher():
    """Whole processes of the launcher."""
    found = run("startup.py")
    floor = found["python -c pass"]["median"]
    for name, each in found.items():
        if each["aim"]:
            limit = f" (at most {each['aim']} s is aimed at)"
            yield row(f"{name}{limit}", f"{each['median']:.3f} s", "python -c pass", floor / each["median"])


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    parts = [launcher(), metrics((128, 256) if options.quick else (128, 256, 512, 1024))]
    parts += [iterations(), steps((64, 256) if options.quick else (64, 256, 1024))]
    parts += [] if options.quick else [syntheses()]
    rows = [each for part in parts for each in part]
    versions = {name: importlib.metadata.version(name) for name in ("madcore", "torch", "plenoptic", "piq")}
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    if options.json:
        print(json.dumps({"date": str(date.today()), "machine": machine, "versions": versions, "rows": rows}, indent=1))
        return
    print(f"{date.today()}, {machine}, {', '.join(f'{name} {version}' for name, version in versions.items())}\n")
    print("| what | ours | against | times faster | aim |\n|---|---|---|---|---|")
    for each in rows:
        aim = "" if each["aim"] is None else each["aim"]
        print(f"| {each['what']} | {each['ours']} | {each['against']} | {each['times']:.3g} | {aim} |")


if __name__ == "__main__":
    main()
