"""Figures of syntheses, quartets and tournaments, drawn by matplotlib: ``pip install "madcore[plot]"``.

Functions of one set of axes take ``ax=`` and return it; those that lay out several return a figure.  Nothing here opens
a window or changes a setting of matplotlib: save a figure with ``figure.savefig``, or let a notebook show it.
"""

from __future__ import annotations

try:
    import matplotlib as _matplotlib  # noqa: F401
except ImportError as error:
    from madcore.errors import InputError

    raise InputError('madcore.plot needs matplotlib: pip install "madcore[plot]"') from error

from madcore.plot.animation import Movie, synthesis_animate
from madcore.plot.comparisons import difference, difference_spectrum, ssim_map
from madcore.plot.matrices import disagreement_matrix, transfer
from madcore.plot.pictures import imshow
from madcore.plot.quartets import mad_imshow_all, mad_loss_all, quartet, quartet_loss
from madcore.plot.status import synthesis_status
from madcore.plot.stored import save_figures, stored_match
from madcore.plot.syntheses import synthesis_histogram, synthesis_imshow, synthesis_loss
from madcore.plot.tournaments import envelope, noise_curves, rankings
from madcore.plot.trajectories import trajectory

__all__ = [
    "Movie",
    "difference",
    "difference_spectrum",
    "disagreement_matrix",
    "envelope",
    "imshow",
    "mad_imshow_all",
    "mad_loss_all",
    "noise_curves",
    "quartet",
    "quartet_loss",
    "rankings",
    "save_figures",
    "ssim_map",
    "stored_match",
    "synthesis_animate",
    "synthesis_histogram",
    "synthesis_imshow",
    "synthesis_loss",
    "synthesis_status",
    "trajectory",
    "transfer",
]
