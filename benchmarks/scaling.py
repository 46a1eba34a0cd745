"""Time and memory of a synthesis against the size of the picture and of the batch, as ratios to a floor.

    python benchmarks/scaling.py [--sides 64 128 256 512 1024 2048] [--batches 1 4 16] [--pairs ssim,mse] [--device cpu]
        [--json] [--plot FILE]

The floor is the bare value and gradient of both metrics at the start image.  A step of the solver costs that and its
own work; both are medians over steps that take turns with the floor.  Memory is the most that a process of its own
holds meanwhile, less what it held before the picture was made, in units of the image (four bytes a sample): what a run
holds at once, for which glibc is told to give freed memory back, since otherwise it keeps up to twice that for later.
On a CUDA device it is what torch had allocated at most; NaN where the system does not tell.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time

import torch

import madcore
from madcore.problem import MADProblem, signs
from madcore.solvers import LevelSet
from madcore.tournament.gauges import gauge_of

STEPS = {"momentum": (4, 20), "L-BFGS": (40, 56)}


def make_problem(side, batch, channels, optimized, held, minmax, device):
    """Return a problem on pictures of dead leaves, cut or repeated to the size, and its start images."""
    leaves = madcore.read_image("dead_leaves_color" if channels == 3 else "dead_leaves")
    times = -(-side // min(leaves.shape[-2:]))
    image = leaves.repeat(batch, 1, times, times)[..., :side, :side].contiguous().to(device)
    metrics = madcore.create_metric(optimized), (madcore.create_metric(held),)
    problem = MADProblem.create(image, *metrics, signs(minmax, batch).to(device))
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0)).to(device)
    return problem, problem.bounds.clamp((image + 0.1 * noise).flatten(1))


def measure(side, batch, channels, optimized, held, minmax, device):
    """Return milliseconds of the floor and of the steps of both phases, and the memory in images."""
    torch.set_num_threads(1)
    small, begin = make_problem(64, 1, channels, optimized, held, minmax, device)
    LevelSet().init(small, begin, small.held_values(begin))  # whatever is loaded or compiled once
    gauge = gauge_of(torch.device(device))
    floors, steps = [], {phase: [] for phase in STEPS}

    def run():
        problem, start = make_problem(side, batch, channels, optimized, held, minmax, device)
        take_steps(problem, start, floors, steps)

    if gauge is None:
        used = math.nan
        run()
    else:
        before = gauge.held()
        used = gauge.highest(run) - before
    floor = statistics.median(floors)
    return {
        "side": side,
        "batch": batch,
        "channels": channels,
        "problem": f"{minmax} {optimized}, {held} held",
        "floor ms": 1e3 * floor,
        **{phase: statistics.median(times) / floor for phase, times in steps.items()},
        "microseconds a pixel": 1e6 * statistics.median(steps["L-BFGS"]) / (side * side * batch),
        "memory": used / (side * side * batch * channels * 4),
    }


def take_steps(problem, start, floors, steps):
    """Append the seconds of bare evaluations and of the steps of both phases."""
    wait = torch.cuda.synchronize if start.is_cuda else (lambda: None)
    solver = LevelSet(slow=1e9)  # L-BFGS takes over as soon as it may
    state = solver.init(problem, start, problem.held_values(start))
    for index in range(max(last for _, last in STEPS.values())):
        begun = time.perf_counter()
        problem.evaluate(start)
        wait()
        middle = time.perf_counter()
        state = solver.step(problem, state)
        wait()
        floors.append(middle - begun)
        for phase, (first, last) in STEPS.items():
            if first <= index < last:
                steps[phase].append(time.perf_counter() - middle)


def in_a_process(*settings):
    """Measure time and memory in processes of their own: what is given back at once costs time."""
    command = [sys.executable, __file__, "--one", json.dumps(settings)]
    timed, lean = (
        json.loads(subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | more).stdout)
        for more in ({}, {"MALLOC_MMAP_THRESHOLD_": str(1 << 14)})
    )
    return timed | {"memory": lean["memory"]}


def draw(rows, path):
    """Draw time and memory of single grey pictures against the number of pixels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    single = [row for row in rows if row["batch"] == 1 and row["channels"] == 1]
    for problem in dict.fromkeys(row["problem"] for row in single):
        mine = [row for row in single if row["problem"] == problem]
        pixels = [row["side"] ** 2 for row in mine]
        left.loglog(pixels, [row["floor ms"] * row["L-BFGS"] for row in mine], "o-", label=f"step: {problem}")
        right.loglog(pixels, [row["memory"] * 4e-6 * count for row, count in zip(mine, pixels, strict=True)], "o-")
    floors = [row for row in single if row["problem"] == single[0]["problem"]]
    counts = [row["side"] ** 2 for row in floors]
    left.loglog(counts, [row["floor ms"] for row in floors], "k.:", label="both metrics alone")
    left.set(xlabel="pixels", ylabel="milliseconds")
    right.set(xlabel="pixels", ylabel="megabytes at most")
    left.legend(fontsize=8)
    figure.savefig(path, dpi=110)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 128, 256, 512, 1024, 2048])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--pairs", nargs="+", default=["ssim,mse", "mse,ssim"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--plot", metavar="FILE")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(*json.loads(options.one))))
        return
    rows = []
    for pair in options.pairs:
        optimized, _, held = pair.rpartition(",")  # options of the first have commas, too
        minmax = "min" if optimized == "ssim" else "max"
        sizes = [(side, 1) for side in options.sides] + [(64, batch) for batch in options.batches if batch > 1]
        for side, batch in sizes:
            for channels in (1, 3) if side == 256 else (1,):
                rows.append(in_a_process(side, batch, channels, optimized, held, minmax, options.device))
    if options.plot:
        draw(rows, options.plot)
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    print(
        "| problem | pictures | floor, ms | momentum step / floor | L-BFGS step / floor | us a pixel | memory, images |"
    )
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        size = f"{row['batch']} x {row['channels']} x {row['side']} x {row['side']}"
        print(
            f"| {row['problem']} | {size} | {row['floor ms']:.2f} | {row['momentum']:.1f} | {row['L-BFGS']:.1f} "
            f"| {row['microseconds a pixel']:.3f} | {row['memory']:.0f} |"
        )


if __name__ == "__main__":
    main()
