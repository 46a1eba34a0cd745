"""Time one iteration of MADCompetition against plenoptic's: same callables, then metrics by name.

Run ``python benchmarks/competition.py``; every ratio comes from one run, in which the two classes take turns.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import statistics
import time
import warnings

import plenoptic
import torch

import madcore


def dissimilarity(image, mad_image):
    return 1 - plenoptic.metric.ssim(image, mad_image)


def seconds(competition, iterations):
    start = time.perf_counter()
    with contextlib.redirect_stderr(io.StringIO()):
        competition.synthesize(iterations, stop_criterion=0.0)
    if competition.image.is_cuda:
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / iterations


def compare(label, image, their_metrics, our_metrics, iterations, rounds):
    """Return milliseconds an iteration of both classes and their ratio, medians over rounds in turns."""
    theirs = plenoptic.MADCompetition(image, *their_metrics, "max", 10.0)
    ours = madcore.MADCompetition(image, *our_metrics, "max", 10.0)
    for competition in (theirs, ours):
        seconds(competition, 3)
    times = [(seconds(theirs, iterations), seconds(ours, iterations)) for _ in range(rounds)]
    theirs_ms, ours_ms = (1e3 * statistics.median(column) for column in zip(*times, strict=True))
    ratio = statistics.median(first / second for first, second in times)
    return {"what": label, "plenoptic": theirs_ms, "madcore": ours_ms, "ratio": ratio}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=256, help="pixels a side")
    parser.add_argument("--iterations", type=int, default=10, help="iterations a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    image = plenoptic.data.einstein()[..., : arguments.size, : arguments.size].to(arguments.device)
    mse = plenoptic.metric.mse
    repeat = (arguments.iterations, arguments.rounds)
    rows = [
        compare("same callables: MSE, MSE", image, (mse, mse), (mse, mse), *repeat),
        compare("same callables: plenoptic's SSIM, MSE", image, (dissimilarity, mse), (dissimilarity, mse), *repeat),
        compare("own metrics by name: SSIM, MSE", image, (dissimilarity, mse), ("ssim", "mse"), *repeat),
    ]
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    print(f"{image.shape[-2]} x {image.shape[-1]} grey, {arguments.device}; milliseconds an iteration")
    print(f"{'':<44} {'plenoptic':>9} {'madcore':>9} {'ratio':>8}")
    for row in rows:
        print(f"{row['what']:<44} {row['plenoptic']:9.2f} {row['madcore']:9.2f} {row['ratio']:8.2f}")


if __name__ == "__main__":
    main()
