"""What a tournament costs over bare `synthesize` calls, and what batches and workers gain.

    python benchmarks/tournament.py [--metrics mse,ssim] [--seeds 4]

Every match is a quartet on each of three photographs; one thread for each process, everything synced to the disk.
"Bare calls" are `synthesize` alone.  "plenoptic" is its class in a loop, with its own SSIM, 150 Adam steps an image at
one trade-off lambda: without a search for it, and whatever the held error.  "Written" is a tournament without judges,
which also repairs the level in 8-bit PNGs and stores them; "judged" lets each metric score every image and makes the
noise curves, two of the things that bare calls do not give.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import plenoptic
import torch

import madcore
from madcore.engines.local import Local
from madcore.engines.procs import Procs
from madcore.plan import Picture, Plan
from madcore.tournament import Tournament

PICTURES = ("camera", "coins", "moon")


def bare(plan, matches):
    """Synthesise the same images one after the other, and keep nothing; return the seconds."""
    metrics = {name: madcore.create_metric(name) for name in plan.metrics}
    images = {name: madcore.read_image(name, size=64, crop=64) for name in PICTURES}
    begun = time.perf_counter()
    for match in matches:
        request = match.request
        first, second = (metrics[name] for name in request.metrics)
        for optimized, held in ((first, second), (second, first)):
            for minmax in ("min", "max"):
                madcore.synthesize(
                    images[request.picture], optimized, held, minmax, level="noise:0.1", seed=request.seed
                )
    return time.perf_counter() - begun


def peer(matches):
    """Synthesise an image for each problem of the first match as plenoptic does; return the seconds for all matches."""
    torch.manual_seed(0)
    image = madcore.read_image(matches[0].request.picture, size=64, crop=64)
    mse = plenoptic.metric.mse

    def ssim(image, mad_image):
        return 1 - plenoptic.metric.ssim(image, mad_image)

    seconds = 0.0
    for optimized, held, minmax in ((ssim, mse, "min"), (ssim, mse, "max"), (mse, ssim, "min"), (mse, ssim, "max")):
        with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            begun = time.perf_counter()
            mad = plenoptic.MADCompetition(image, optimized, held, minmax, metric_tradeoff_lambda=1e4)
            mad.setup(initial_noise=0.1)
            mad.synthesize(max_iter=150, stop_criterion=0)
            seconds += time.perf_counter() - begun
    return seconds * len(matches)


def tournament(plan, engine, batch):
    """Play the plan into a new store; return the seconds and what is in it."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        Tournament(plan).play(Path(folder, "store"), engine=engine, batch=batch)
        seconds = time.perf_counter() - begun
        return seconds, madcore.Store(Path(folder, "store")).query()


def main():
    """Print a row for each way to play."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metrics", default="mse,ssim")
    parser.add_argument("--seeds", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    pictures = [Picture(name, size="64", crop="64") for name in PICTURES]
    common = {"metrics": options.metrics.split(","), "pictures": pictures, "seeds": tuple(range(options.seeds))}
    plain, judged = Plan(**common, judges=()), Plan(**common)
    matches = Tournament(plain).matches()
    images = 4 * len(matches)
    bare(plain, matches[:1])
    base = bare(plain, matches)
    print(f"{len(matches)} matches, {images} images of 64 x 64 pixels, {options.metrics}\n")
    print("| | seconds | images per minute | of bare calls |\n|---|---|---|---|")
    print(f"| bare calls | {base:.1f} | {60 * images / base:.0f} | 1 |")
    theirs = peer(matches)
    print(f"| plenoptic | {theirs:.1f} | {60 * images / theirs:.0f} | {theirs / base:.2f} |")
    ways = {
        "written, one by one": (plain, lambda: Local(("cpu",)), 1),
        "judged, one by one": (judged, lambda: Local(("cpu",)), 1),
        "judged, batches": (judged, lambda: Local(("cpu",)), None),
        "judged, one worker": (judged, lambda: Procs(("cpu",), workers=1, threads=1), 4),
        "judged, two workers": (judged, lambda: Procs(("cpu",), workers=2, threads=1), 4),
    }
    for name, (plan, engine, batch) in ways.items():
        seconds, rows = tournament(plan, engine(), batch)
        print(f"| {name} | {seconds:.1f} | {60 * images / seconds:.0f} | {seconds / base:.2f} |", flush=True)
    steps = sorted(row["evaluations"] for row in rows)
    print(f"\nevaluations: median {steps[len(steps) // 2]}, mean {sum(steps) / len(steps):.0f}")
    print(f"ended: {dict(Counter(row['stopped'] for row in rows))}")


if __name__ == "__main__":
    main()
