"""`MADCompetition`, the classic object: one mad image, found by gradient descent on a penalised objective.

The same words, defaults, numbers and random draws as plenoptic 2.1's class, so that scripts for it run unchanged.  The
one object of madcore with a life; what it accepts, how it steps, what it remembers and how it is saved are modules of
their own.
"""

from __future__ import annotations

import sys
import warnings
from abc import ABCMeta
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from madcore.competition import checks, file
from madcore.competition.arguments import Arguments, MetricFunction, PenaltyFunction
from madcore.competition.descent import Descent, Saved, classes_to_name, resume_descent, start_descent
from madcore.competition.history import History, nearest_stored, resolve_iteration
from madcore.competition.level_set import LevelSetDescent, allowed_range
from madcore.competition.objective import Objective, Terms
from madcore.errors import InputError
from madcore.penalties import penalize_range

__all__ = ["MADCompetition"]


class MADCompetition:
    r"""Synthesize one image on which two metrics disagree as much as possible.

    Noise is added to a reference image; then its pixels are changed so that `optimized_metric` becomes as small or as
    large as possible while `reference_metric` keeps its value.  A full competition has four such images.

    Metrics must be distances: 0 for identical images, larger for more different ones.

    Parameters
    ----------
    image : Tensor
        The reference image, floating-point, (N, C, H, W) as a rule, values in [0, 1] as a rule.
    optimized_metric : str or torch.nn.Module or callable
        Metric that is minimised or maximised: takes two tensors like `image`, returns a tensor with one element.  A
        string is the name of a metric with options, as for `madcore.create_metric`.
    reference_metric : str or torch.nn.Module or callable
        Metric whose value is kept.
    minmax : {"min", "max"}
        Whether to minimise or maximise `optimized_metric`.
    metric_tradeoff_lambda : float, optional
        Weight of the squared change of `reference_metric`.  If None, the power of ten that gives both metrics about
        the same magnitude on noise.  If ``math.inf``, the limit: `reference_metric` is held exactly by the level-set
        solver, pixels stay in the penalty's allowed range or in [0, 1], the loss is that of the other terms, and
        `gradient_norm` is that of the Lagrangian; there is no optimizer then.
    penalty_function : str or torch.nn.Module or callable
        Takes a tensor like `image` and returns what is to be small too; by default the sum of the squared distances of
        the pixels from [0, 1].
    penalty_lambda : float
        Weight of the penalty, 0 or more.

    Raises
    ------
    InputError
        If an argument is not as described.
    ContractError
        If a metric or penalty does not return one number, or a metric is negative or not 0 for identical images.

    Notes
    -----
    The constructor and `setup` draw from torch's global random generator, as plenoptic 2.1 does.

    References
    ----------
    Wang, Z., & Simoncelli, E. P. (2008). Maximum differentiation (MAD) competition: A methodology for comparing
    computational models of perceptual quantities. Journal of Vision, 8(12):8. doi:10.1167/8.12.8

    Examples
    --------
    >>> import torch, madcore
    >>> image = torch.linspace(0.2, 0.8, 32 * 32).reshape(1, 1, 32, 32)
    >>> def mse(image, mad_image):
    ...     return (image - mad_image).square().mean()
    >>> def mae(image, mad_image):
    ...     return (image - mad_image).abs().mean()
    >>> competition = madcore.MADCompetition(image, mse, mae, "max", metric_tradeoff_lambda=10.0)
    >>> competition.synthesize(max_iter=5)
    >>> competition.losses.shape
    torch.Size([6])
    """

    def __init__(
        self,
        image: Tensor,
        optimized_metric: str | MetricFunction,
        reference_metric: str | MetricFunction,
        minmax: Literal["min", "max"],
        metric_tradeoff_lambda: float | None = None,
        penalty_function: str | PenaltyFunction = penalize_range,
        penalty_lambda: float = 0.1,
    ) -> None:
        self._arguments = Arguments.checked(
            image,
            optimized_metric,
            reference_metric,
            minmax,
            metric_tradeoff_lambda,
            penalty_function,
            penalty_lambda,
        )
        self._mad_image: Tensor | None = None
        self._initial_image: Tensor | None = None
        self._level: float | None = None
        self._stepper: Descent | LevelSetDescent | None = None
        self._saved_stepper: Saved | None = None
        self._store_progress: bool | int | None = None
        self._history = History()
        self._current: tuple[float, float, float, float] | None = None
        self._bound: Objective | None = None
        _register_with_plenoptic()

    def setup(
        self,
        initial_noise: float | None = None,
        optimizer: Callable[..., torch.optim.Optimizer] | None = None,
        optimizer_kwargs: dict[str, Any] | None = None,
        scheduler: Callable[..., Any] | None = None,
        scheduler_kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Make the mad image, the optimizer and the scheduler; at most once, before `synthesize`.

        Parameters
        ----------
        initial_noise : float, optional
            Standard deviation of the Gaussian noise that is added to `image`; 0.1 if None.  Must be None after `load`.
        optimizer : class of torch.optim, optional
            Called with the mad image and `optimizer_kwargs`; Adam with ``amsgrad`` if None.
        optimizer_kwargs : dict, optional
            Arguments of the optimizer; ``lr`` is 0.01 unless it is given.  Must be None after `load`.
        scheduler : class of torch.optim.lr_scheduler, optional
            Called with the optimizer and `scheduler_kwargs`; none if None.
        scheduler_kwargs : dict, optional
            Arguments of the scheduler.  Must be None after `load`.

        Raises
        ------
        InputError
            If it was called before, or after `load` with other than the saved classes.
        """
        if self._saved_stepper is not None:
            self._resume(initial_noise, optimizer, optimizer_kwargs, scheduler, scheduler_kwargs)
            return
        if self._mad_image is not None:
            raise InputError("setup can be called once, before synthesize: make a new MADCompetition to start again")
        noise = 0.1 if initial_noise is None else initial_noise
        mad_image = self.image + noise * torch.randn_like(self.image)
        if self._arguments.is_held:
            checks.refuse_optimizer(optimizer, optimizer_kwargs, scheduler, scheduler_kwargs)
            mad_image = mad_image.clamp(*allowed_range(self.penalty_function))
        initial_image = mad_image.clone()
        mad_image.requires_grad_()
        if self._arguments.is_held:
            self._stepper = LevelSetDescent(allowed_range(self.penalty_function))
        else:
            self._stepper = start_descent(mad_image, optimizer, optimizer_kwargs, scheduler, scheduler_kwargs)
        self._level = self.reference_metric(self.image, mad_image).item()
        self._mad_image, self._initial_image = mad_image, initial_image

    def _resume(
        self, initial_noise: object, optimizer: Any, optimizer_kwargs: object, scheduler: Any, rest: object
    ) -> None:
        if initial_noise is not None or optimizer_kwargs is not None or rest is not None:
            names = "initial_noise, optimizer_kwargs and scheduler_kwargs"
            raise InputError(f"{names} must be None after load: they come from the file")
        assert self._saved_stepper is not None
        assert self._mad_image is not None
        if self._arguments.is_held:
            checks.refuse_optimizer(optimizer, None, scheduler, None)
            bounds = allowed_range(self.penalty_function)
            self._stepper = LevelSetDescent(bounds, self._saved_stepper["level_set"])
        else:
            self._stepper = resume_descent(self._saved_stepper, self._mad_image, optimizer, scheduler)
        self._saved_stepper = None

    def synthesize(
        self,
        max_iter: int = 100,
        store_progress: bool | int = False,
        stop_criterion: float = 1e-4,
        stop_iters_to_check: int = 50,
    ) -> None:
        """Change the mad image for up to `max_iter` iterations; call again to go on.

        Parameters
        ----------
        max_iter : int
            Largest number of iterations of this call.
        store_progress : bool or int
            Keep the mad image every so many iterations; True is 1, False is 0: never.  The same in every call.
        stop_criterion : float
            Stop if the loss changed by less than this ...
        stop_iters_to_check : int
            ... over so many iterations.

        Raises
        ------
        ContractError
            If the loss is NaN or infinite, or a metric has no gradient.
        InputError
            If `store_progress` differs from that of an earlier call.

        Warns
        -----
        UserWarning
            If the loss has converged before `max_iter`.
        """
        if self._stepper is None:
            self.setup()
        assert self._stepper is not None
        assert self._mad_image is not None
        self.store_progress = store_progress
        self._current = None
        objective = self._objective()
        for _ in range(max_iter):
            self._history.record(self._stepper.step(objective, self._mad_image), self._store_progress)
            if self._history.has_converged(stop_criterion, stop_iters_to_check):
                count = len(self._history.losses)
                change = f"it changed by less than {stop_criterion:g} over {stop_iters_to_check} iterations"
                warnings.warn(f"Loss has converged: {change}; stopped after {count}", stacklevel=2)
                break
        self._stepper.finish(objective, self._mad_image)
        self._current = self._evaluate()

    def objective_function(self, mad_image: Tensor | None = None, image: Tensor | None = None) -> Tensor:
        r"""Compute the loss that is minimised, with one element; empty before `setup`.

        .. math::

            t f(x, \hat x) + \lambda_1 [g(x, x_0) - g(x, \hat x)]^2 + \lambda_2 B(\hat x)

        with t = 1 for "min" and -1 for "max", f `optimized_metric`, g `reference_metric`, B `penalty_function`, x
        `image`, :math:`x_0` `initial_image`, :math:`\hat x` `mad_image`, :math:`\lambda_1` `metric_tradeoff_lambda`
        and :math:`\lambda_2` `penalty_lambda`.

        Parameters
        ----------
        mad_image : Tensor, optional
            In place of `mad_image`.
        image : Tensor, optional
            In place of `image`.
        """
        if self._mad_image is None:
            return torch.empty(0)
        return self._objective(image)(self._mad_image if mad_image is None else mad_image).loss

    def _objective(self, image: Tensor | None = None) -> Objective:
        assert self._level is not None
        if image is not None:
            return self._arguments.objective(self._level, image)
        if self._bound is None:
            self._bound = self._arguments.objective(self._level)
        return self._bound

    def _evaluate(self) -> tuple[float, float, float, float]:
        assert self._mad_image is not None
        with torch.no_grad():
            terms: Terms = self._objective()(self._mad_image)
        return terms.numbers()

    def get_progress(
        self, iteration: int | None, iteration_selection: Literal["floor", "ceiling", "round"] = "round"
    ) -> dict[str, Any]:
        """Return what is known of one iteration.

        Parameters
        ----------
        iteration : int, optional
            Number of the iteration, negative from the end; None is the most recent.
        iteration_selection : {"floor", "ceiling", "round"}
            Which kept image to return if that of `iteration` was not kept.

        Returns
        -------
        dict
            ``iteration``, ``losses``, ``penalties``, ``reference_metric_loss``, ``optimized_metric_loss``,
            ``pixel_change_norm`` and ``gradient_norm`` (None for the most recent iteration); with `store_progress` also
            ``saved_mad_image`` and ``store_progress_iteration``, the iteration which that image is from.

        Raises
        ------
        IndexError
            If there is no such iteration.

        Warns
        -----
        UserWarning
            If the image is of another iteration.
        """
        losses = self.losses
        resolved = resolve_iteration(iteration, len(losses))
        latest = resolved == len(losses) - 1
        progress: dict[str, Any] = {"losses": losses[resolved], "iteration": resolved}
        progress["penalties"] = self.penalties[resolved]
        for name in ("pixel_change_norm", "gradient_norm"):
            progress[name] = None if latest else getattr(self, name)[resolved]
        for name in ("reference_metric_loss", "optimized_metric_loss"):
            progress[name] = getattr(self, name)[resolved]
        if self._store_progress:
            index, stored = -1, resolved
            if iteration is not None:
                index, stored = nearest_stored(resolved, self._store_progress, len(losses), iteration_selection)
            progress |= {"saved_mad_image": self.saved_mad_image[index], "store_progress_iteration": stored}
        return progress

    def save(self, file_path: Any) -> None:
        """Save everything that a later `load` needs to go on: tensors and plain values, no code.

        Parameters
        ----------
        file_path : str or path
            File to write; with `store_progress` it can be large.

        Raises
        ------
        InputError
            Before `setup`, if the state of the scheduler holds functions, or if the file cannot be written; this is
            also an OSError then.
        """
        if self._mad_image is None:
            raise InputError("there is nothing to save yet: call setup or synthesize first")
        stepper = self._saved_stepper if self._stepper is None else self._stepper.state()
        names = ("mad_image", "initial_image", "level", "store_progress")
        contents = {
            "arguments": {"image": self.image, **self._arguments.plain()},
            "callables": self._arguments.describe_functions(self._mad_image),
            "steps": stepper,
            "state": {name: getattr(self, f"_{name}") for name in names},
            "history": asdict(self._history),
        }
        file.write_competition(file_path, contents)

    def load(
        self,
        file_path: Any,
        map_location: Any = None,
        raise_on_checks: bool = True,
        tensor_equality_atol: float = 1e-8,
        tensor_equality_rtol: float = 1e-5,
        **pickle_load_args: Any,
    ) -> None:
        """Go on from a file that `save` wrote; in place, on an object made with the same arguments.

        Parameters
        ----------
        file_path : str or path
            File to read.
        map_location : str, optional
            Device that the file is loaded to, which must be that of `image`; it need not be given.
        raise_on_checks : bool
            Whether a difference between this object and the saved one is an error.  Otherwise it is a
            `madcore.LoadWarning`, and saved values replace those of this object; its metrics and penalty stay.  Another
            device or dtype is always an error.
        tensor_equality_atol, tensor_equality_rtol : float
            Tolerances for the comparison of tensors.
        **pickle_load_args
            Passed to `torch.load`.

        Raises
        ------
        InputError
            If this object is not new, the file is not of a competition, or a check fails; also if the file cannot be
            read, and is an OSError then, a FileNotFoundError if there is none.

        Warns
        -----
        UserWarning
            If `setup` must be called to name the class of optimizer or scheduler.
        """
        if self._mad_image is not None:
            raise InputError("load needs a new object: make a MADCompetition with the same arguments, then load")
        contents = file.read_competition(file_path, map_location, **pickle_load_args)
        images = {**contents["arguments"], **contents["state"]}
        image, mad_image, initial_image = (
            images[name] if map_location is not None else images[name].to(self.image.device)
            for name in ("image", "mad_image", "initial_image")
        )
        check = file.Checks(raise_on_checks, tensor_equality_atol, tensor_equality_rtol)
        self._arguments.compare(contents, image, mad_image, check)
        self._restore(contents, image, mad_image, initial_image)

    def _restore(self, contents: dict[str, Any], image: Tensor, mad_image: Tensor, initial_image: Tensor) -> None:
        arguments, state = contents["arguments"], contents["state"]
        plain = {name: arguments[name] for name in self._arguments.plain()}
        self._arguments = replace(self._arguments, image=image, **plain)
        self._initial_image, self._mad_image = initial_image, mad_image.requires_grad_()
        self._level, self._store_progress = state["level"], state["store_progress"]
        self._history = History(**contents["history"])
        self._history.saved_mad_image = [kept.cpu() for kept in self._history.saved_mad_image]
        self._saved_stepper = contents["steps"]
        unknown = [] if self._arguments.is_held else classes_to_name(self._saved_stepper)
        if unknown:
            warnings.warn(
                f"call setup with {' and '.join(unknown)} before synthesize: only names were saved", stacklevel=3
            )

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move or cast images, metrics and penalty in place, the state of the optimizer with them; return the object.

        Takes what `torch.nn.Module.to` takes.  Kept images stay on the CPU.
        """
        holder: Any = nn.Module()
        tensors = {"image": self.image, "initial_image": self._initial_image, "mad_image": self._mad_image}
        for name, tensor in tensors.items():
            holder.register_buffer(name, None if tensor is None else tensor.detach())
        holder.to(*args, **kwargs)
        self._arguments = replace(self._arguments, image=holder.image)
        self._initial_image = holder.initial_image
        if self._mad_image is not None:
            # the same tensor, because the optimizer holds it
            self._mad_image.grad = None
            self._mad_image.data = holder.mad_image
        kept = self._history.saved_mad_image
        self._history.saved_mad_image = [tensor.to(self.image.dtype) for tensor in kept]
        self._arguments.move_functions(*args, **kwargs)
        if self._stepper is not None and self._mad_image is not None:
            self._stepper.follow(self._mad_image)
        self._bound = None
        return self

    def __repr__(self) -> str:
        """Return the arguments, one a line."""
        values = {each.name: getattr(self._arguments, each.name) for each in fields(self._arguments)}
        lines = [f"  {name} = {_brief(value)},\n" for name, value in values.items()]
        return f"{type(self).__name__}(\n{''.join(lines)})"

    def _series(self, recorded: list[float], position: int) -> Tensor:
        if self._mad_image is None:
            return torch.empty(0)
        current = self._evaluate() if self._current is None else self._current
        return torch.tensor([*recorded, current[position]], dtype=self.image.dtype)

    @property
    def image(self) -> Tensor:
        """The reference image."""
        return self._arguments.image

    @property
    def mad_image(self) -> Tensor:
        """The image that is changed; requires a gradient; empty before `setup`."""
        return torch.empty(0) if self._mad_image is None else self._mad_image

    @property
    def initial_image(self) -> Tensor | None:
        """The image that synthesis started from: `image` with noise; None before `setup`."""
        return self._initial_image

    @property
    def optimized_metric(self) -> MetricFunction:
        """The metric that is minimised or maximised."""
        return self._arguments.optimized_metric

    @property
    def reference_metric(self) -> MetricFunction:
        """The metric whose value is kept."""
        return self._arguments.reference_metric

    @property
    def minmax(self) -> Literal["min", "max"]:
        """Whether `optimized_metric` is minimised or maximised."""
        return self._arguments.minmax

    @property
    def metric_tradeoff_lambda(self) -> float:
        """Weight of the squared change of `reference_metric` in the loss."""
        return self._arguments.metric_tradeoff_lambda

    @property
    def penalty_function(self) -> PenaltyFunction:
        """The function of the mad image that is to be small too."""
        return self._arguments.penalty_function

    @property
    def penalty_lambda(self) -> float:
        """Weight of the penalty in the loss."""
        return self._arguments.penalty_lambda

    @property
    def optimizer(self) -> torch.optim.Optimizer | None:
        """The torch optimizer that changes the mad image; None before `setup`."""
        return None if self._stepper is None else self._stepper.optimizer

    @property
    def scheduler(self) -> Any:
        """The scheduler of the learning rate, or None."""
        return None if self._stepper is None else self._stepper.scheduler

    @property
    def store_progress(self) -> bool | int | None:
        """How many iterations lie between kept images; False or 0 if none are kept, None before `synthesize`."""
        return self._store_progress

    @store_progress.setter
    def store_progress(self, store_progress: bool | int) -> None:
        checks.check_store_progress(store_progress)
        interval = 1 if store_progress is True else store_progress
        if self._store_progress is not None and interval != self._store_progress:
            raise InputError(
                f"store_progress was {self._store_progress} in an earlier synthesize; got {store_progress}"
            )
        self._store_progress = interval

    @property
    def losses(self) -> Tensor:
        """Loss before each iteration and now, (iterations + 1,), on the CPU; empty before `setup`."""
        return self._series(self._history.losses, 0)

    @property
    def optimized_metric_loss(self) -> Tensor:
        """Value of `optimized_metric` before each iteration and now, (iterations + 1,), on the CPU."""
        return self._series(self._history.optimized_metric_loss, 1)

    @property
    def reference_metric_loss(self) -> Tensor:
        """Value of `reference_metric` before each iteration and now, (iterations + 1,), on the CPU."""
        return self._series(self._history.reference_metric_loss, 2)

    @property
    def penalties(self) -> Tensor:
        """Value of `penalty_function` before each iteration and now, (iterations + 1,), on the CPU."""
        return self._series(self._history.penalties, 3)

    @property
    def gradient_norm(self) -> Tensor:
        """L2 norm of the gradient of the loss in each iteration, (iterations,), on the CPU."""
        return torch.tensor(self._history.gradient_norm, dtype=self.image.dtype)

    @property
    def pixel_change_norm(self) -> Tensor:
        """L2 norm of the change of the mad image in each iteration, (iterations,), on the CPU."""
        return torch.tensor(self._history.pixel_change_norm, dtype=self.image.dtype)

    @property
    def saved_mad_image(self) -> Tensor:
        """Kept mad images and the current one, stacked on the CPU along a new first dimension; empty before `setup`."""
        if self._mad_image is None:
            return torch.empty(0)
        return torch.stack([*self._history.saved_mad_image, self._mad_image.detach().cpu()])


def _register_with_plenoptic() -> None:
    # plenoptic's plot functions ask for an instance of its own class, which is an abstract base class
    theirs = getattr(sys.modules.get("plenoptic"), "MADCompetition", None)
    if isinstance(theirs, ABCMeta):
        theirs.register(MADCompetition)


def _brief(value: object) -> str:
    if isinstance(value, Tensor):
        return f"{value.shape} ({value.dtype})"
    return checks.name_of(value) if callable(value) else repr(value)
