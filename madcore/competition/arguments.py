"""What a competition is made of: a reference image, two metrics, a penalty, a direction and two weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from madcore.competition import checks
from madcore.competition.file import Checks
from madcore.competition.objective import Objective, bind, bind_penalty
from madcore.lookup import create_metric, create_penalty

__all__ = ["Arguments", "MetricFunction", "PenaltyFunction"]

MetricFunction = nn.Module | Callable[[Tensor, Tensor], Tensor]
PenaltyFunction = nn.Module | Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Arguments:
    """The arguments of `MADCompetition`, complete and found to be allowed."""

    image: Tensor
    optimized_metric: MetricFunction
    reference_metric: MetricFunction
    minmax: Literal["min", "max"]
    metric_tradeoff_lambda: float
    penalty_function: PenaltyFunction
    penalty_lambda: float

    @classmethod
    def checked(
        cls,
        image: Tensor,
        optimized_metric: str | MetricFunction,
        reference_metric: str | MetricFunction,
        minmax: Literal["min", "max"],
        metric_tradeoff_lambda: float | None,
        penalty_function: str | PenaltyFunction,
        penalty_lambda: float,
    ) -> Self:
        """Find what is named, check everything, and balance the metrics if no trade-off is given.

        Raises
        ------
        InputError, ContractError
            As `MADCompetition` does.
        """
        checks.check_arguments(minmax, metric_tradeoff_lambda, penalty_lambda)
        checks.check_image(image)
        image = image.detach()
        optimized_metric, reference_metric = (
            create_metric(metric) if isinstance(metric, str) else metric
            for metric in (optimized_metric, reference_metric)
        )
        penalty = create_penalty(penalty_function) if isinstance(penalty_function, str) else penalty_function
        checks.check_metric(optimized_metric, image)
        checks.check_metric(reference_metric, image)
        checks.check_penalty(bind_penalty(penalty, image), image)
        if metric_tradeoff_lambda is None:
            metric_tradeoff_lambda = checks.balanced_lambda(image, optimized_metric, reference_metric)
        return cls(image, optimized_metric, reference_metric, minmax, metric_tradeoff_lambda, penalty, penalty_lambda)

    @property
    def is_held(self) -> bool:
        """Whether the reference metric is held exactly."""
        return math.isinf(self.metric_tradeoff_lambda)

    def objective(self, level: float, image: Tensor | None = None) -> Objective:
        """Make the objective that keeps the reference metric at `level`; `image` stands in for the reference image."""
        reference = self.image if image is None else image
        return Objective(
            bind(self.optimized_metric, reference),
            bind(self.reference_metric, reference),
            bind_penalty(self.penalty_function, reference),
            1 if self.minmax == "min" else -1,
            self.metric_tradeoff_lambda,
            self.penalty_lambda,
            level,
            reference,
        )

    def move_functions(self, *args: Any, **kwargs: Any) -> None:
        """Move or cast metrics and penalty in place, where they have a method `to`, which gets the arguments."""
        for function in (self.optimized_metric, self.reference_metric, self.penalty_function):
            if hasattr(function, "to"):
                function.to(*args, **kwargs)

    def plain(self) -> dict[str, Any]:
        """Return what can be saved whole besides the image."""
        names = ("minmax", "metric_tradeoff_lambda", "penalty_lambda")
        return {name: getattr(self, name) for name in names}

    def describe_functions(self, mad_image: Tensor) -> dict[str, dict[str, Any]]:
        """Return what is saved of metrics and penalty: their names, and their values of the images."""
        with torch.no_grad():
            return {
                role: {"name": checks.name_of(function), "value": function(*inputs)}
                for role, (function, inputs) in self._functions(self.image, mad_image).items()
            }

    def compare(self, saved: Mapping[str, Any], image: Tensor, mad_image: Tensor, check: Checks) -> None:
        """Compare with saved arguments and functions, of which `image` and `mad_image` are the images.

        Raises
        ------
        InputError
            As `Checks` does.
        """
        check.same("image", image, self.image)
        for name, value in self.plain().items():
            check.same(name, saved["arguments"][name], value)
        for role, (function, inputs) in self._functions(image, mad_image).items():
            check.same_callable(role, saved["callables"][role], function, *inputs)

    def _functions(
        self, image: Tensor, mad_image: Tensor
    ) -> dict[str, tuple[Callable[..., Tensor], tuple[Tensor, ...]]]:
        return {
            "optimized_metric": (self.optimized_metric, (image, mad_image)),
            "reference_metric": (self.reference_metric, (image, mad_image)),
            "penalty_function": (bind_penalty(self.penalty_function, image), (mad_image,)),
        }
