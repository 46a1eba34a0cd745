"""Time of `madcore.quartet` against four calls of `madcore.synthesize`: what one batch saves on small pictures.

    python benchmarks/quartets.py [--sides 48 64 96 128 256] [--max-iter 100] [--device cpu] [--json]

Both take turns; the smallest of three times each.
"""

from __future__ import annotations

import argparse
import json
import time

import torch

import madcore

PAIRS = (("ssim", "mse"), ("nlpd", "mae"), ("ms_ssim", "nlpd"))
NEEDS = {"ms_ssim": 161, "nlpd": 33}


def four_syntheses(image, metric_a, metric_b, **options):
    """Make the same four images one after the other."""
    for optimized, held in ((metric_a, metric_b), (metric_b, metric_a)):
        for minmax in ("min", "max"):
            madcore.synthesize(image, optimized, held, minmax, level="noise:0.1", **options)


def seconds(function, *arguments, **options):
    """Time one call."""
    begun = time.perf_counter()
    function(*arguments, **options)
    return time.perf_counter() - begun


def measure(side, pair, options):
    """Return seconds of both on a square picture."""
    image = madcore.read_image("dead_leaves", size=side)
    for function in (madcore.quartet, four_syntheses):
        function(image, *pair, **{**options, "max_iter": 2})
    times = [
        (seconds(madcore.quartet, image, *pair, **options), seconds(four_syntheses, image, *pair, **options))
        for _ in range(3)
    ]
    ours, theirs = (min(each) for each in zip(*times, strict=True))
    return {"side": side, "pair": " against ".join(pair), "quartet s": ours, "four s": theirs, "ratio": ours / theirs}


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=[48, 64, 96, 128, 256])
    parser.add_argument("--max-iter", type=int, default=100)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    given = {"max_iter": options.max_iter, "device": options.device}
    rows = [
        measure(side, pair, given)
        for side in options.sides
        for pair in PAIRS
        if side >= max(NEEDS.get(name, 0) for name in pair)
    ]
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    print("| picture | metrics | quartet | four syntheses | ratio |\n|---|---|---|---|---|")
    for each in rows:
        times = f"{each['quartet s']:.2f} s | {each['four s']:.2f} s | {each['ratio']:.2f}"
        print(f"| {each['side']} x {each['side']} | {each['pair']} | {times} |")


if __name__ == "__main__":
    main()
