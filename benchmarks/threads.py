"""What several threads gain on one picture: SSIM and a step of the solver, beside plenoptic's SSIM.

    python benchmarks/threads.py [--sides 256 512 1024 2048] [--threads 1 2] [--rounds 7] [--json]

By default threads go from one to as many as torch takes, in powers of two.  Numbers of threads take turns, round by
round; every figure is a median of ratios within rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings

import plenoptic
import torch

import madcore
from madcore.problem import MADProblem, signs
from madcore.solvers import LevelSet

STEPS = 6


def seconds(call, at_least=0.1):
    """Time one call, repeated until `at_least` seconds have passed."""
    begun, count = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - begun) < at_least:
        call()
        count += 1
    return elapsed / count


def make_calls(side):
    """Return what is timed, for a picture of dead leaves: our SSIM, plenoptic's, and some steps of min SSIM."""
    leaves = madcore.read_image("dead_leaves")
    image = leaves.repeat(1, 1, *[-(-side // 256)] * 2)[..., :side, :side].contiguous()
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    other = (image + 0.1 * noise).clamp(0, 1)
    ssim = madcore.create_metric("ssim")
    problem = MADProblem.create(image, ssim, (madcore.create_metric("mse"),), signs("min", 1))
    prepared, solver = ssim.prepare(image), LevelSet()
    start = other.flatten(1)
    begun = solver.init(problem, start, problem.held_values(start))

    def peer():
        variable = other.clone().requires_grad_(True)
        (1 - plenoptic.metric.ssim(image, variable)).sum().backward()

    def step():
        state = begun
        for _ in range(STEPS):
            state = solver.step(problem, state)

    return {"ssim": lambda: prepared.value_and_gradient(other), "plenoptic": peer, "step": step}


def measure(side, threads, rounds):
    """Yield a row for each number of threads."""
    calls = make_calls(side)
    for call in calls.values():
        call()
    times = []
    for _ in range(rounds):
        taken = {}
        for count in threads:
            torch.set_num_threads(count)
            taken[count] = {name: seconds(call) for name, call in calls.items()}
        times.append(taken)
    for count in threads:
        gained = {name: statistics.median(each[1][name] / each[count][name] for each in times) for name in calls}
        ratio = statistics.median(each[count]["plenoptic"] / each[count]["ssim"] for each in times)
        yield {"side": side, "threads": count, **gained, "ratio": ratio}


def main():
    """Print the table."""
    most = torch.get_num_threads()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=[256, 512, 1024, 2048])
    parser.add_argument("--threads", type=int, nargs="+", default=[2**power for power in range(most.bit_length())])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    threads = sorted({1, *options.threads})
    rows = [row for side in options.sides for row in measure(side, threads, options.rounds)]
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    print("| picture | threads | SSIM | plenoptic's SSIM | step | plenoptic's SSIM / ours |\n|---|---|---|---|---|---|")
    for row in rows:
        gained = " | ".join(f"{row[name]:.2f}" for name in ("ssim", "plenoptic", "step"))
        print(f"| {row['side']} x {row['side']} | {row['threads']} | {gained} | {row['ratio']:.0f} |")


if __name__ == "__main__":
    main()
