"""The plan that ``madcore init`` writes: small, commented, and playable as it is."""

from __future__ import annotations

from importlib.util import find_spec

__all__ = ["example_plan"]

PHOTOGRAPHS = 'pictures = ["camera", "coffee"]  # photographs that scikit-image ships'
DRAWN = 'pictures = ["dead_leaves:1", "dead_leaves_color:2"]  # drawn; pip install "madcore[images]" has photographs'
TEXT = """\
# A tournament: every metric is minimised and maximised while another is held constant.
#   madcore tournament {name} --dry-run          what would be played, and how long it takes
#   madcore tournament {name} -o results         play; run it again to go on after an interruption
#   madcore status results                          how far it is

# Names from `madcore metrics`, options as in `madcore show ssim`; also ./file.py:attribute.
metrics = [
  "ssim",
  "ssim,window=uniform",
  {{ name = "mse" }},                       # or as a table: {{ name = "ssim", window = "uniform" }}
]

# Files, patterns ("photos/*.png", relative to this file) and built-in names.
# One that is cut in its own way is a table: {{ path = "camera", crop = "256x256+100+128" }}
{pictures}
size = 96                                  # resize first: shorter side, or "HEIGHTxWIDTH"
# crop = 256                               # then cut out: side, "HEIGHTxWIDTH" or "HEIGHTxWIDTH+TOP+LEFT"
# gray = true                              # reduce colour to luma

# Where the other metric is held: at its value for noise of this standard deviation (pixels are in [0, 1]).
# Also "equivalent_noise:0.1", the mean over several noises, or a value for each metric: {{ ssim = 0.2, mse = 0.01 }}
levels = ["noise:0.1"]

# Which metrics compete: "all", a list [["ssim", "mse"]], or {{ newcomer = "mse" }} against all others.
pairs = "all"

seeds = [0]                                # a match for each; the seed is that of the noise
starts = 1                                 # start images tried for each MAD image; the best is kept
judges = "all"                             # metrics that score every image: "all" of the above, or names
# penalty = {{ name = "total_variation", weight = 0.001 }}
# observers = ["tensorboard,dir=runs"]     # needs madcore-tensorboard

[solver]
max_iter = 50                              # steps for each start; 200 is the default
# tolerance = 1e-6                         # largest relative error of the held metric
# dtype = "float64"

[output]
keep = ["png", "exact"]                    # "exact" are the floats: six times the space, and what is verified best
bits = 8                                   # of the PNGs, 8 or 16
"""


def example_plan(name: str = "plan.toml") -> str:
    """Write a plan with photographs where they are installed, and with drawn pictures where they are not.

    Parameters
    ----------
    name : str
        Of the file, for the commands in its comments.
    """
    return TEXT.format(name=name, pictures=PHOTOGRAPHS if find_spec("skimage") else DRAWN)
