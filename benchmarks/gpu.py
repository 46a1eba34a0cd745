"""A batch on a GPU: images per second against plenoptic's MADCompetition there, and how busy the device is.

    python benchmarks/gpu.py [--side 256] [--batch 64] [--pictures 4] [--iterations 200] [--device cuda] [--json]

SSIM and MSE on RGB pictures, each optimized both ways while the other is held.  The peer makes one image at a time: of
its runs at five trade-off lambdas the best with a held error below 1 % counts, for each of a few pictures.  Ours is the
shortest run after which each image of a batch of those pictures, repeated, has reached the peer's value from the same
start; start, finish and certificate are included.  Busy is the time in which at least one kernel ran, of the time of
the steps alone, by torch's profiler; on the processor there is none.  ``--device cpu`` serves to try it.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
import warnings

import plenoptic
import torch
from peer import best_run, run_peer
from synthesis import LAMBDAS, PROBLEMS, fewest

import madcore
from madcore.problem import MADProblem, signs
from madcore.solvers import LevelSet

STEPS = 40
PEER = {
    "ssim": lambda image, mad_image: 1 - plenoptic.metric.ssim(image, mad_image).mean(),
    "mse": lambda image, mad_image: plenoptic.metric.mse(image, mad_image).mean(),
}


def make_pictures(count, side, device):
    """Return RGB pictures of dead leaves (count, 3, side, side), and each with noise, cut to the pixel range."""
    images = torch.cat([madcore.read_image(f"dead_leaves_color:{seed}", size=(side, side)) for seed in range(count)])
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return images.to(device), (images + 0.1 * noise).clamp(0, 1).to(device)


def peer_values(images, starts, optimized, held, minmax, iterations):
    """Return the peer's best value for each picture, (count,), and its seconds for one."""
    best = []
    for image, start in zip(images.split(1), starts.split(1), strict=True):
        metrics = madcore.create_metric(optimized), (madcore.create_metric(held),)
        problem = MADProblem.create(image, *metrics, signs(minmax, 1).to(image.device))
        peers = PEER[optimized], PEER[held]
        runs = [run_peer(problem, start, peers, minmax, tradeoff, iterations) for tradeoff in LAMBDAS]
        best.append(best_run(runs, minmax, 0.01) or best_run(runs, minmax, float("inf")))
    return torch.tensor([run.value for run in best]), statistics.mean(run.seconds for run in best)


def run_ours(images, starts, optimized, held, minmax, targets):
    """Return the result of the shortest run of a batch that reaches all targets, and its seconds, median of three."""

    def run(iterations):
        begun = time.perf_counter()
        result = madcore.synthesize(images, optimized, held, minmax, initial_image=starts, max_iter=iterations)
        reached = result.optimized_value.cpu()  # waits
        seconds = time.perf_counter() - begun
        return result, seconds, bool((reached <= targets if minmax == "min" else reached >= targets).all())

    enough = fewest(lambda iterations: run(iterations)[2])
    runs = [run(enough) for _ in range(3)]
    return runs[0][0], statistics.median(seconds for _, seconds, _ in runs), runs[0][2]


def busy(images, starts, optimized, held, minmax):
    """Return the share of the time of some steps in which a kernel ran; NaN without a GPU."""
    if images.device.type != "cuda":
        return float("nan")
    metrics = madcore.create_metric(optimized), (madcore.create_metric(held),)
    problem = MADProblem.create(images, *metrics, signs(minmax, len(images)).to(images.device))
    start = starts.flatten(1)
    state = LevelSet().init(problem, start, problem.held_values(start))
    for _ in range(3):
        state = LevelSet().step(problem, state)
    torch.cuda.synchronize()
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profiled:
        for _ in range(STEPS):
            state = LevelSet().step(problem, state)
        torch.cuda.synchronize()
    kernels = sorted(
        (each.time_range.start, each.time_range.end)
        for each in profiled.events()
        if each.device_type == torch.autograd.DeviceType.CUDA
    )
    return union(kernels) / (kernels[-1][1] - kernels[0][0])


def union(intervals):
    """Return the length of the union of intervals that are sorted by their beginning."""
    total, reached = 0.0, float("-inf")
    for begin, end in intervals:
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total


def compare(options):
    """Yield one row for each of the four problems."""
    images, starts = make_pictures(options.pictures, options.side, options.device)
    times = -(-options.batch // options.pictures)
    batch, begin = (each.repeat(times, 1, 1, 1)[: options.batch] for each in (images, starts))
    for optimized, held, minmax in PROBLEMS:
        values, peer_seconds = peer_values(images, starts, optimized, held, minmax, options.iterations)
        targets = values.repeat(times)[: options.batch].to(torch.float64)
        result, seconds, reached = run_ours(batch, begin, optimized, held, minmax, targets)
        yield {
            "problem": f"{minmax} {optimized}, {held} held",
            "pictures": f"{options.batch} x 3 x {options.side} x {options.side}",
            "peer images a second": 1 / peer_seconds,
            "images a second": options.batch / seconds,
            "held error": result.held_error.max().item(),
            "evaluations": int(result.evaluations.max()),
            "reached": reached,
            "times faster": peer_seconds * options.batch / seconds,
            "busy": busy(batch, begin, optimized, held, minmax),
        }


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--pictures", type=int, default=4, help="that the peer makes; the batch repeats them")
    parser.add_argument("--iterations", type=int, default=200, help="Adam steps of the peer")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("no CUDA device on this machine; --device cpu with a small --side and --batch tries it without")
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    rows = list(compare(options))
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    print("| problem | pictures | plenoptic, images/s | ours, images/s | times faster | worst held error | busy |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['problem']} | {row['pictures']} | {row['peer images a second']:.3g} "
            f"| {row['images a second']:.3g} | {row['times faster']:.0f}{'' if row['reached'] else ' (not reached)'} "
            f"| {row['held error']:.0e} | {'' if math.isnan(row['busy']) else format(row['busy'], '.0%')} |"
        )


if __name__ == "__main__":
    main()
