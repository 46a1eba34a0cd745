"""Group MAD: aggressiveness and resistance of many models, from what observers say about their attacks.

Observers are people, or here the other metrics, each with one vote on which of two images is nearer to the reference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madcore.analysis.transfer import Verdict

__all__ = ["aggressiveness", "resistance", "scale_counts", "vote"]

Array = NDArray[np.float64]
RIDGE = 1e-3


def aggressiveness(votes: Array, weights: Array | None = None) -> Array:
    """Return how far each attacker's view is confirmed against each defender: a_ij = sum_k p_jk s_ijk.

    Parameters
    ----------
    votes : array (I, I, K)
        s_ijk in [-100, 100]: the observers' mean for attacker i on defender j at level k, 100 where all agree with
        the attacker; NaN where it was not played.
    weights : array (I, K), optional
        p_jk: share of j's images in level k; by default all levels that were played count alike.

    Returns
    -------
    array (I, I)
        NaN where nothing was played.

    Source: Ma et al. (2020), Group maximum differentiation competition, doi:10.1109/TPAMI.2018.2889948.
    """
    return _weighted(votes, weights, axis=1)


def resistance(votes: Array, weights: Array | None = None) -> Array:
    """Return how well each defender i withstands each attacker j: r_ij = sum_k p_ik (100 - |s_jik|).

    A confident vote against the attacker, too, counts against the defender, since it says that the images differ.
    Parameters and source as for `aggressiveness`.
    """
    return _weighted(100 - np.abs(np.swapaxes(votes, 0, 1)), weights, axis=0)


def _weighted(values: Array, weights: Array | None, axis: int) -> Array:
    """Average over levels with the weights of the metrics on `axis`, levels without a value left out."""
    shared = np.ones((values.shape[axis], values.shape[2])) if weights is None else weights
    shared = np.broadcast_to(np.expand_dims(shared, 1 - axis), values.shape)
    known = np.where(np.isnan(values), 0.0, shared)
    total = known.sum(2)
    summed = (known * np.nan_to_num(values)).sum(2)
    return np.where(total > 0, summed / np.where(total > 0, total, 1), np.nan)


def scale_counts(counts: Array) -> Array:
    """Scale a matrix of wins, row over column, by maximum likelihood: one number each, their mean 0.

    Parameters
    ----------
    counts : array (I, I)
        How often, or how strongly, each row won against each column; NaN counts as 0.

    Returns
    -------
    array (I,)
        Logits: a difference of 1 means odds of e to 1.  A small ridge keeps them finite where one always won.

    Source: Bradley & Terry (1952), doi:10.2307/2334029.  The authors of group MAD scale by Thurstone's case V.
    """
    wins = np.nan_to_num(counts) * (1 - np.eye(len(counts)))
    # in units of whole comparisons, so that the ridge means the same whatever the counts' unit
    wins = wins / max(wins.max(), 1.0)
    games = wins + wins.T
    scale = np.zeros(len(wins))
    for _ in range(100):
        chance = 1 / (1 + np.exp(scale[None, :] - scale[:, None]))
        slope = wins.sum(1) - (games * chance).sum(1) - RIDGE * scale
        bend = games * chance * (1 - chance)
        step = np.linalg.solve(np.diag(bend.sum(1) + RIDGE) - bend, slope)
        scale = scale + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-10:
            break
    return scale - scale.mean()


def vote(verdicts: Iterable[Verdict], metrics: Sequence[str], levels: Sequence[str]) -> Array:
    """Make votes s_ijk of the judges' verdicts: 100 (2p - 1), p the share that finds the minimised image nearer.

    Returns
    -------
    array (I, I, K)
        NaN where nobody judged.
    """
    shares: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for each in verdicts:
        shares[each.attack.optimized, each.attack.held, each.attack.level].append(each.agreement)
    votes = np.full((len(metrics), len(metrics), len(levels)), np.nan)
    for (optimized, held, level), agreements in shares.items():
        if optimized in metrics and held in metrics:
            place = metrics.index(optimized), metrics.index(held), levels.index(level)
            votes[place] = 100 * (2 * float(np.mean(agreements)) - 1)
    return votes
