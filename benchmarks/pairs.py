"""Whether every pair of metrics is held, with values at least as extreme as the peer's.

    python benchmarks/pairs.py [--metrics mse,mae,lp,ssim,ms_ssim,nlpd] [--pictures camera,coffee] [--evaluations 200]

All ordered pairs, min and max, at 176 x 176 pixels.  The peer is plenoptic's MADCompetition with our metrics, at each
of seven trade-off lambdas; of its images those with a held error below 1e-3 count, moved to the level exactly.  A case
counts as won if our value is at least as extreme, to one per cent of the range from the start to the best.  MSE and lp,
which is its root, leave no range: there values that agree to 1e-5 count as won.
"""

from __future__ import annotations

import argparse
import itertools
import warnings

import torch
from peer import best_run, noisy, run_peer

import madcore
from madcore.images import read_image
from madcore.problem import MADProblem, signs

LARGEST_DRIFT = 1e-3
LAMBDAS = (1e-2, 1e0, 1e2, 1e4, 1e6, 1e8, 1e10)


def play(image, optimized, held, minmax, evaluations):
    """Return our result, the peer's best value for one problem, and the least that it drifted."""
    metrics = madcore.create_metric(optimized), madcore.create_metric(held)
    problem = MADProblem.create(image, metrics[0], (metrics[1],), signs(minmax, 1))
    start = noisy(image)
    result = madcore.synthesize(image, *metrics, minmax, initial_image=start, max_iter=evaluations)
    runs = [run_peer(problem, start, metrics, minmax, tradeoff, evaluations) for tradeoff in LAMBDAS]
    best = best_run(runs, minmax, LARGEST_DRIFT)
    return result, None if best is None else best.value, min(run.drift for run in runs if run is not None)


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
                result, peer, drift = play(image, first, second, minmax, options.evaluations)
                value, error = result.optimized_value.item(), result.held_error.item()
                count += 1
                held += error <= 1e-5
                best = value if peer is None else (min if minmax == "min" else max)(value, peer)
                behind = abs(value - best) / max(abs(best - result.initial_value.item()), 1e-3 * abs(best))
                won += behind <= 0.01
                other = f"none held (least error {drift:.0e})" if peer is None else f"{peer:.5g}"
                note = f" (behind by {100 * behind:.0f} %)" if behind > 0.01 else ""
                print(
                    f"| {name} | {minmax} {first}, {second} held | {value:.5g} | {error:.0e} | {result.status[0]} "
                    f"| {other}{note} |",
                    flush=True,
                )
    print(f"\nheld to 1e-5: {held} of {count}; at least as extreme as the peer: {won} of {count}")


if __name__ == "__main__":
    main()
