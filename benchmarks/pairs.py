"""Whether every pair of metrics is held, with values at least as extreme as the peer's.

    python benchmarks/pairs.py [--metrics mse,mae,lp,ssim,ms_ssim,nlpd] [--pictures camera,coffee] [--evaluations 200]

All ordered pairs, min and max, at 176 x 176 pixels.  The peer is plenoptic's MADCompetition with our metrics, at each
of seven trade-off lambdas; of its images those with a held error below 1e-3 count, moved to the level exactly.  A case
counts as won if our value is at least as extreme, to one per cent of the range from the start to the best.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import warnings

import plenoptic
import torch

import madcore
from madcore.images import read_image
from madcore.problem import MADProblem, signs
from madcore.solvers.levels import held_error, move_along_ray

LAMBDAS = (1e-2, 1e0, 1e2, 1e4, 1e6, 1e8, 1e10)


def peer_best(problem, start, level, optimized, held, minmax, evaluations):
    """Return the peer's best value on the level, or None if no lambda held it to 1e-3."""
    values = []
    for tradeoff in LAMBDAS:
        torch.manual_seed(0)
        with contextlib.redirect_stderr(io.StringIO()):
            mad = plenoptic.MADCompetition(problem.image, optimized, held, minmax, metric_tradeoff_lambda=tradeoff)
            mad.setup(initial_noise=0.1)
            try:
                mad.synthesize(max_iter=evaluations, stop_criterion=0)
            except ValueError:
                continue
        point = problem.clamp(mad.mad_image.detach().flatten(1))
        if held_error(problem, problem.held_values(point), level).item() < 1e-3:
            on_level = move_along_ray(problem, point, level, 1e-6)
            values.append(problem.evaluate(on_level).optimized.item())
    if not values:
        return None
    return min(values) if minmax == "min" else max(values)


def play(image, optimized, held, minmax, evaluations):
    """Return our result and the peer's best value for one problem."""
    metrics = madcore.create_metric(optimized), madcore.create_metric(held)
    problem = MADProblem.create(image, metrics[0], (metrics[1],), signs(minmax, 1))
    torch.manual_seed(0)
    start = (image + 0.1 * torch.randn_like(image)).clamp(0, 1)
    level = problem.held_values(start.flatten(1))
    result = madcore.synthesize(image, *metrics, minmax, initial_image=start, max_iter=evaluations)
    return result, peer_best(problem, start, level, *metrics, minmax, evaluations)


def main():
    """Print a row for each problem and the two shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metrics", default="mse,mae,lp,ssim,ms_ssim,nlpd")
    parser.add_argument("--pictures", default="camera,coffee")
    parser.add_argument("--evaluations", type=int, default=200)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    held, won, count = 0, 0, 0
    print("| picture | problem | ours | held error | status | peer's best of 7 lambdas |")
    print("|---|---|---|---|---|---|")
    for name in options.pictures.split(","):
        image = read_image(name, size=176, gray=True)[..., :176, :176].contiguous()
        for first, second in itertools.permutations(options.metrics.split(","), 2):
            for minmax in ("min", "max"):
                result, peer = play(image, first, second, minmax, options.evaluations)
                value, error = result.optimized_value.item(), result.held_error.item()
                count += 1
                held += error <= 1e-5
                best = value if peer is None else (min if minmax == "min" else max)(value, peer)
                behind = abs(value - best) / max(abs(best - result.initial_value.item()), 1e-12)
                won += behind <= 0.01
                other = "none held" if peer is None else f"{peer:.5g}"
                note = f" (behind by {100 * behind:.0f} %)" if behind > 0.01 else ""
                print(
                    f"| {name} | {minmax} {first}, {second} held | {value:.5g} | {error:.0e} | {result.status[0]} "
                    f"| {other}{note} |",
                    flush=True,
                )
    print(f"\nheld to 1e-5: {held} of {count}; at least as extreme as the peer: {won} of {count}")


if __name__ == "__main__":
    main()
