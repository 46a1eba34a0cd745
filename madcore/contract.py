"""What metrics have to be like at the start images so that a run can begin."""

from __future__ import annotations

import torch

from madcore.errors import ContractError, LevelError
from madcore.metric import NEGATIVE_TOLERANCE, Metric
from madcore.problem import Evaluation, MADProblem

__all__ = ["check_contract"]


def check_contract(problem: MADProblem, evaluation: Evaluation) -> None:
    """Refuse metrics that cannot be used at the start: non-finite, negative, or at zero with nothing to hold.

    Raises
    ------
    ContractError
        If values or gradients are not finite, or a distance is negative.
    LevelError
        If a metric has no gradient there to optimise or to hold it by.
    """
    held = [
        (metric, evaluation.held[:, index], evaluation.jacobian[:, index])
        for index, metric in enumerate(problem.reference_metrics)
    ]
    named = [(problem.optimized_metric, evaluation.optimized, evaluation.gradient), *held]
    for metric, values, gradient in named:
        if not bool(torch.isfinite(values).all()):
            raise ContractError(
                f"{metric.name} is not finite at the start image ({values.tolist()}): try another start or level"
            )
        if not bool(torch.isfinite(gradient).all()):
            raise ContractError(
                f"the gradient of {metric.name} is not finite at the start image: try another start or level"
            )
        if isinstance(metric, Metric) and bool((values < -NEGATIVE_TOLERANCE.get(values.dtype, 1e-5)).any()):
            raise ContractError(
                f"{metric.name} is negative at the start image ({values.min():.3g}): a metric must be a distance, "
                "0 or more; for a similarity use Metric.from_similarity or declare higher_is_better"
            )
    if bool((evaluation.gradient.abs().amax(1) == 0).any()):
        raise LevelError(
            f"{problem.optimized_metric.name} has no gradient at the start image, with nothing to optimise it by: "
            "start elsewhere (more noise or another level)"
        )
    for metric, values, gradient in held:
        if isinstance(metric, Metric) and bool(((values <= 0) | (gradient.abs().amax(1) == 0)).any()):
            raise LevelError(
                f"{metric.name} is {values.min():.3g} at the start image, with nothing to hold it by: start farther "
                "from the reference image (more noise or a higher level)"
            )
