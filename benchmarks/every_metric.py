"""Whether every registered metric can be optimised and held: the table of docs/metrics.md.

    python benchmarks/every_metric.py [PATTERN] [--side 64] [--steps 60]

Each metric of the core and of every installed plugin is played against the mean squared error on a small colour
picture: minimised and maximised while MSE is held, and held while MSE is minimised and maximised.  Metrics that need a
larger picture get the smallest that is enough.  Where the default weights are not on this machine, the untrained
network is used and the name says so.
"""

from __future__ import annotations

import argparse
import math
import warnings
from fnmatch import fnmatch

import torch

import madcore
from madcore.errors import MadcoreError
from madcore.images.dead_leaves import draw_dead_leaves
from madcore.testing import play_against
from madcore.wording import write_error

UNTRAINED = ",weights=none"
SMALLEST_SIDE = 64


def registered(pattern="*"):
    """Return all registered metrics by name, and for those that cannot be made the reason."""
    found = {}
    for name in filter(lambda name: fnmatch(name, pattern), madcore.list_metrics()):
        try:
            found[name] = madcore.create_metric(name)
        except MadcoreError as error:
            try:
                found[name + UNTRAINED] = madcore.create_metric(name + UNTRAINED)
            except MadcoreError:
                found[name] = str(error)
    return found


def picture(metric, side=SMALLEST_SIDE, channels=3):
    """Draw dead leaves, (1, channels, side, side), at least as large as the metric needs."""
    image = draw_dead_leaves(1, side=max(side, metric.min_side), color=channels == 3)
    return 0.1 + 0.8 * image


def main():
    """Print a row for every metric."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pattern", nargs="?", default="*")
    parser.add_argument("--side", type=int, default=SMALLEST_SIDE)
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print("| metric | side | minimised, MSE held | maximised, MSE held | held, MSE minimised | held, MSE maximised |")
    print("|---|---|---|---|---|---|")
    for name, metric in registered(options.pattern).items():
        if isinstance(metric, str):
            print(f"| `{name}` | | {reason(name, metric)} | | | |", flush=True)
            continue
        image = picture(metric, options.side)
        partner = "mae" if name == "mse" else "mse"
        cells = [cell(trial) for trial in play_against(metric, partner, image, max_iter=options.steps)]
        print(f"| `{name}` | {image.shape[-1]} | {' | '.join(cells)} |", flush=True)


def cell(trial):
    """Write factor, held error and status."""
    if math.isnan(trial.held_error):
        return trial.status
    return f"× {trial.value / trial.start:.3g}, {write_error(trial.held_error)}, {trial.status}"


def reason(name, error):
    """Write why a metric cannot be made, in few words where all that it needs are its weights."""
    fetch = f"`madcore fetch {name}`"
    return f"needs its weights: {fetch}" if fetch in error else error


if __name__ == "__main__":
    main()
