"""A step with two metrics of one network, which runs once for both, against one in which each runs it.

    python benchmarks/sharing.py [--side 128] [--steps 7] [--pairs PAIR ...] [--device cpu]

A pair is two names of metrics with a blank between them.  Both syntheses begin at the same image and take turns step by
step; milliseconds are medians, on a processor of the time that it worked.  The networks are untrained, which take as
long as trained ones.  Memory is what a process of its own (on Linux) held at most, less what it had before the steps;
glibc is told to give freed memory back.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch

import madcore
from madcore.problem import MADProblem, signs
from madcore.solvers import LevelSet

VGG = "models.features,model=torchvision:vgg16,weights=none"
PAIRS = (
    f"{VGG},layers=features.22 {VGG},layers=features.15,distance=normalized",
    f"{VGG},layers=features.29 {VGG},layers=features.3,distance=gram",
    "models.vgg_content,weights=none models.vgg_style,weights=none",
    "models.features,model=torchvision:alexnet,weights=none,layers=features.11 "
    "models.features,model=torchvision:alexnet,weights=none,layers=features.4,distance=gram",
    "lpips.lpips,net=vgg,weights=none lpips.lpips,net=vgg,weights=none,linear=false",
    "lpips.lpips,net=alex,weights=none lpips.lpips,net=alex,weights=none,linear=false",
)


@dataclass(frozen=True)
class Silent:
    """A metric that does not say what it looks at."""

    function: object

    def __call__(self, image, mad_image):
        """Compute the distances."""
        return self.function(image, mad_image)

    def prepare(self, image):
        """Return a plain function."""
        prepared = self.function.prepare(image)
        return lambda mad_image: prepared(mad_image)


def begin(pair, side, device, share):
    """Return a problem on a photograph and the solver's state at a noisy start."""
    image = madcore.read_image("astronaut", size=(side, side)).to(device)
    metrics = [madcore.create_metric(name) for name in pair.split()]
    if not share:
        metrics = [replace(metric, function=Silent(metric.function)) for metric in metrics]
    problem = MADProblem.create(image, metrics[0], tuple(metrics[1:]), signs("max", 1).to(device))
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0)).to(device)
    start = (image + 0.1 * noise).clamp(0, 1).flatten(1)
    return problem, LevelSet().init(problem, start, problem.held_values(start))


def time_steps(pair, side, steps, device):
    """Return milliseconds of a step for each way, apart and shared, and of an evaluation of both metrics."""
    ways = [begin(pair, side, device, share) for share in (False, True)]
    states, times = [state for _, state in ways], {"evaluation": ([], []), "step": ([], [])}
    wait = torch.cuda.synchronize if device == "cuda" else (lambda: None)
    clock = time.perf_counter if device == "cuda" else time.process_time
    for _ in range(steps):
        for way, (problem, _) in enumerate(ways):
            begun = clock()
            problem.evaluate(problem.reference)
            wait()
            middle = clock()
            states[way] = LevelSet().step(problem, states[way])
            wait()
            times["evaluation"][way].append(middle - begun)
            times["step"][way].append(clock() - middle)
    return {what: [1e3 * statistics.median(each) for each in both] for what, both in times.items()}


def measure_memory(pair, side, device, share):
    """Return the megabytes that two steps take beyond the metrics themselves."""
    problem, state = begin(pair, side, device, share)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the largest size so far is forgotten
    for _ in range(2):
        state = LevelSet().step(problem, state)
    return resident("VmHWM") - before


def resident(key):
    """Return the size of this process, in megabytes."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key)]
    return int(line.split()[1]) / 1024


def memory(*settings):
    """Measure memory in a process of its own."""
    command = [sys.executable, __file__, "--one", json.dumps(settings)]
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(1 << 14)}
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--pairs", nargs="+", default=PAIRS)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.one:
        print(json.dumps(measure_memory(*json.loads(options.one))))
        return
    print("| metrics | evaluation, ms | shared / apart | step, ms | shared / apart | memory, MB, apart | shared |")
    print("|---|---|---|---|---|---|---|")
    for pair in options.pairs:
        times = time_steps(pair, options.side, options.steps, options.device)
        cells = [cell for apart, shared in times.values() for cell in (f"{shared:.0f}", f"{shared / apart:.2f}")]
        held = [memory(pair, options.side, options.device, share) for share in (False, True)]
        name = " against ".join(each.replace(",weights=none", "") for each in pair.split())
        print(f"| {name} | {' | '.join(cells)} | {held[0]:.0f} | {held[1]:.0f} |", flush=True)


if __name__ == "__main__":
    main()
