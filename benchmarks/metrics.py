"""Time value and gradient of the core's metrics against those of other libraries, as ratios taken in one run.

Run ``python benchmarks/metrics.py``; ``--json`` prints the same as JSON.  Each library gets its own best call: ours is
prepared for the reference image, theirs are differentiated by autograd.  They take turns, round by round, and a ratio
is the median over rounds of their time divided by ours, so that a busy machine slows all of them alike.

"memory" is what no metric can go below: one pass that reads both pictures and writes a gradient.  "torch" is our metric
by tiled matrix products, without numba; ``--compile`` adds our formula through torch.compile, which takes minutes.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import json
import platform
import statistics
import time
import warnings

import piq
import plenoptic
import pytorch_msssim
import torch
import torchmetrics.functional.image as torchmetrics

from madcore import compiled
from madcore.measures.ms_ssim import MsSsim
from madcore.measures.nlpd import Nlpd
from madcore.measures.pixelwise import Lp, Mae, Mse
from madcore.measures.ssim import Ssim

OURS = {
    "mse": Mse(),
    "mae": Mae(),
    "lp": Lp(4.0),
    "ssim": Ssim(),
    "ssim information": Ssim(window="uniform", size=8, weights="information"),
    "ms_ssim": MsSsim(),
    "nlpd": Nlpd(),
}
THEIRS = {
    "mse": {"autograd": lambda image, mad_image: (image - mad_image).square().mean((1, 2, 3))},
    "ssim": {
        "plenoptic": lambda image, mad_image: 1 - plenoptic.metric.ssim(image, mad_image),
        "piq": lambda image, mad_image: 1 - piq.ssim(mad_image, image, downsample=False, reduction="none"),
        "pytorch-msssim": lambda image, mad_image: 1 - pytorch_msssim.ssim(mad_image, image, 1, size_average=False),
        "torchmetrics": lambda image, mad_image: (
            1 - torchmetrics.structural_similarity_index_measure(mad_image, image, data_range=1.0, reduction="none")
        ),
    },
    "ssim information": {
        "plenoptic": lambda image, mad_image: 1 - plenoptic.metric.ssim(image, mad_image, weighted=True)
    },
    "ms_ssim": {
        "plenoptic": lambda image, mad_image: 1 - plenoptic.metric.ms_ssim(image, mad_image),
        "piq": lambda image, mad_image: 1 - piq.multi_scale_ssim(mad_image, image, reduction="none"),
        "pytorch-msssim": lambda image, mad_image: 1 - pytorch_msssim.ms_ssim(mad_image, image, 1, size_average=False),
    },
    "nlpd": {"plenoptic": plenoptic.metric.nlpd},
}
COMPILED = ("ssim", "ms_ssim", "nlpd")  # by numba, where it is installed
LIBRARIES = ("torch", "plenoptic", "piq", "pytorch-msssim", "torchmetrics")
MIN_SIDE = {"ms_ssim": 176}


def by_autograd(function, image, mad_image):
    variable = mad_image.detach().requires_grad_(True)
    return torch.autograd.grad(function(image, variable).sum(), variable)


def seconds(call, at_least, synchronize):
    """Time one call, repeated until `at_least` seconds have passed."""
    count, start = 0, time.perf_counter()
    while True:
        call()
        count += 1
        synchronize()
        if (elapsed := time.perf_counter() - start) >= at_least:
            return elapsed / count


def prepared(name, image, numba):
    """Prepare our metric with or without compiled loops."""
    at_hand, compiled.at_hand = compiled.at_hand, compiled.at_hand if numba else lambda images: False
    try:
        return OURS[name].prepare(image)
    finally:
        compiled.at_hand = at_hand


def compare(name, image, mad_image, rounds, synchronize, with_compile):
    """Return our milliseconds and, for each peer, the median ratio of its time to ours."""
    calls = {"madcore": functools.partial(prepared(name, image, True).value_and_gradient, mad_image)}
    calls["memory"] = functools.partial(torch.sub, mad_image, image, out=torch.empty_like(image))
    if name in COMPILED and compiled.at_hand(image):
        calls["torch"] = functools.partial(prepared(name, image, False).value_and_gradient, mad_image)
    functions = dict(THEIRS.get(name, {}))
    if with_compile:
        functions["torch.compile"] = torch.compile(OURS[name].compose, dynamic=False)
    for peer, function in functions.items():
        calls[peer] = functools.partial(by_autograd, function, image, mad_image)
    for call in calls.values():
        seconds(call, 0.05, synchronize)
    times = [{who: seconds(call, 0.05, synchronize) for who, call in calls.items()} for _ in range(rounds)]
    ratios = {
        who: statistics.median(each[who] / each["madcore"] for each in times) for who in calls if who != "madcore"
    }
    return {"ms": 1e3 * statistics.median(each["madcore"] for each in times), "ratios": ratios}


def measure(arguments):
    synchronize = torch.cuda.synchronize if arguments.device == "cuda" else lambda: None
    generator = torch.Generator().manual_seed(0)
    for channels in arguments.channels:
        for side in arguments.sizes:
            image = torch.rand(arguments.batch, channels, side, side, generator=generator)
            noise = 0.05 * torch.randn(image.shape, generator=generator)
            pair = [each.to(arguments.device) for each in (image, (image + noise).clamp(0, 1))]
            for name in arguments.metrics:
                if side >= MIN_SIDE.get(name, 1):
                    row = compare(name, *pair, arguments.rounds, synchronize, arguments.compile)
                    yield {"metric": name, "channels": channels, "side": side, **row}


def table(rows):
    """Write rows as a markdown table: one line for each metric, colour and peer, one column for each size."""
    sides = sorted({row["side"] for row in rows})
    found = {(row["metric"], row["channels"], row["side"]): row for row in rows}
    lines = ["| metric | channels | time of | " + " | ".join(map(str, sides)) + " |"]
    lines.append("|---" * (3 + len(sides)) + "|")
    for name, channels in dict.fromkeys((row["metric"], row["channels"]) for row in rows):
        given = [found.get((name, channels, side)) for side in sides]
        cells = [f"{row['ms']:.3g} ms" if row else "" for row in given]
        lines.append(f"| {name} | {channels} | madcore | " + " | ".join(cells) + " |")
        for peer in dict.fromkeys(peer for row in given if row for peer in row["ratios"]):
            cells = [f"x {row['ratios'][peer]:.3g}" if row else "" for row in given]
            lines.append(f"| | | {peer} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256, 512, 1024], help="pixels a side")
    parser.add_argument("--channels", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--metrics", nargs="+", default=list(OURS), choices=list(OURS))
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--compile", action="store_true", help="also our formula through torch.compile")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(arguments.threads)
    rows = list(measure(arguments))
    if arguments.json:
        versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
        print(json.dumps({"machine": platform.machine(), "versions": versions, "rows": rows}, indent=1))
    else:
        print(table(rows))


if __name__ == "__main__":
    main()
