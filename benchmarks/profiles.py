"""Where the time of a synthesis goes, by torch's profiler.

    python benchmarks/profiles.py [--pair ssim,mse] [--minmax min] [--side 256] [--iterations 50] [--device cpu]
        [--trace FILE]

Prints the operations that took most; ``--trace`` writes a file for chrome://tracing or https://ui.perfetto.dev.
"""

from __future__ import annotations

import argparse

import torch
from torch.profiler import ProfilerActivity, profile

import madcore


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pair", default="ssim,mse", help="optimized and held metric")
    parser.add_argument("--minmax", default="min", choices=["min", "max"])
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--iterations", type=int, default=50)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rows", type=int, default=25)
    parser.add_argument("--trace", metavar="FILE")
    options = parser.parse_args()
    torch.set_num_threads(1)
    image = madcore.read_image("dead_leaves", size=options.side)

    def synthesize(iterations):
        pair = options.pair.split(",")
        return madcore.synthesize(image, *pair, options.minmax, max_iter=iterations, device=options.device)

    synthesize(2)  # whatever is loaded or compiled once
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (options.device != "cpu")
    with profile(activities=activities) as profiled:
        result = synthesize(options.iterations)
    order = "self_cpu_time_total" if options.device == "cpu" else "self_cuda_time_total"
    print(profiled.key_averages().table(sort_by=order, row_limit=options.rows))
    print(f"{result.seconds:.3f} s under the profiler, {int(result.evaluations.sum())} evaluations")
    if options.trace:
        profiled.export_chrome_trace(options.trace)


if __name__ == "__main__":
    main()
