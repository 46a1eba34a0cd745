"""How fast MAD images are made, against plenoptic's MADCompetition on the same picture in the same run.

    python benchmarks/synthesis.py [--side 256] [--iterations 150] [--json]

Four problems, SSIM and MSE each optimized both ways while the other is held.  The peer runs Adam at each of several
trade-off lambdas with its own metrics; of its images the best with a held error below 1 % counts, and ours is timed to
the moment when it has reached that value, its own error being below 1e-6.  Values are compared after both images were
moved to the level exactly, so that drifting off the level gains nothing.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings

import plenoptic
import torch
from plenoptic.metric import mse as peer_mse

import madcore
from madcore.images import read_image
from madcore.problem import MADProblem, signs
from madcore.solvers.levels import held_error, move_along_ray

LAMBDAS = (1e0, 1e2, 1e4, 1e6, 1e8)
PROBLEMS = (("ssim", "mse", "min"), ("ssim", "mse", "max"), ("mse", "ssim", "min"), ("mse", "ssim", "max"))


def peer_ssim(image, mad_image):
    return 1 - plenoptic.metric.ssim(image, mad_image)


PEER = {"ssim": peer_ssim, "mse": peer_mse}


def run_peer(image, optimized, held, minmax, iterations, problem, level):
    """Return the best value on the level among the lambdas, the seconds of that run, and its held error."""
    better = min if minmax == "min" else max
    runs = []
    for tradeoff in LAMBDAS:
        torch.manual_seed(0)
        mad = plenoptic.MADCompetition(image, PEER[optimized], PEER[held], minmax, metric_tradeoff_lambda=tradeoff)
        mad.setup(initial_noise=0.1)
        begun = time.perf_counter()
        mad.synthesize(max_iter=iterations, stop_criterion=0)
        seconds = time.perf_counter() - begun
        point = problem.clamp(mad.mad_image.detach().flatten(1))
        error = held_error(problem, problem.held_values(point), level).item()
        on_level = move_along_ray(problem, point, level, 1e-6)
        runs.append((problem.evaluate(on_level).optimized.item(), seconds, error, tradeoff))
    kept = [run for run in runs if run[2] < 0.01] or runs
    return better(kept, key=lambda run: run[0])


def run_ours(image, start, optimized, held, minmax, target):
    """Return the seconds of the shortest run that reaches the target value, and that value."""
    reached = (lambda value: value <= target) if minmax == "min" else (lambda value: value >= target)
    for iterations in (5, 7, 10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320):
        begun = time.perf_counter()
        result = madcore.synthesize(image, optimized, held, minmax, initial_image=start, max_iter=iterations)
        seconds = time.perf_counter() - begun
        if reached(result.optimized_value.item()):
            break
    return result, seconds


def compare(side, iterations):
    """Yield one row for each of the four problems."""
    image = read_image("camera", size=side) if side != 256 else read_image("camera")[..., 100:356, 128:384].contiguous()
    torch.manual_seed(0)
    start = (image + 0.1 * torch.randn_like(image)).clamp(0, 1)
    for optimized, held, minmax in PROBLEMS:
        metrics = madcore.create_metric(optimized), (madcore.create_metric(held),)
        problem = MADProblem.create(image, *metrics, signs(minmax, 1))
        level = problem.held_values(start.flatten(1))
        value, peer_seconds, error, tradeoff = run_peer(image, optimized, held, minmax, iterations, problem, level)
        result, seconds = run_ours(image, start, optimized, held, minmax, value)
        yield {
            "problem": f"{minmax} {optimized}, {held} held",
            "peer value": value,
            "peer lambda": tradeoff,
            "peer held error": error,
            "our value": result.optimized_value.item(),
            "our held error": result.held_error.item(),
            "evaluations": [iterations, int(result.evaluations[0])],
            "times fewer evaluations": iterations / int(result.evaluations[0]),
            "times faster": peer_seconds / seconds,
        }


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--iterations", type=int, default=150)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    rows = list(compare(options.side, options.iterations))
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    print("| problem | peer's best | its held error | ours | its held error | times fewer evaluations | times faster |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['problem']} | {row['peer value']:.5g} (lambda {row['peer lambda']:.0e}) "
            f"| {row['peer held error']:.1e} | {row['our value']:.5g} | {row['our held error']:.0e} "
            f"| {row['times fewer evaluations']:.1f} | {row['times faster']:.0f} |"
        )


if __name__ == "__main__":
    main()
