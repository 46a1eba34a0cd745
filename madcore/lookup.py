"""The stair between the floors: turn a name, or any callable, into a metric or penalty that keeps its contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from madcore.adhoc import find_code, hash_code, is_code
from madcore.building import build_entry, code_of, split_options
from madcore.errors import InputError, PluginError
from madcore.metric import Metric
from madcore.options import complete_options, plain, write_name
from madcore.penalties import Penalty
from madcore.registry import Entry, Registry, default_registry
from madcore.specs import MetricSpec, PenaltySpec
from madcore.weights import fetch_error, hash_file, weight_files

__all__ = ["create_metric", "create_penalty"]

Spec = TypeVar("Spec", MetricSpec, PenaltySpec)


def create_metric(
    metric: str | Metric | Callable[..., Any], *, registry: Registry | None = None, **options: object
) -> Metric:
    """Make a metric of a name, or of any callable of two images.

    Parameters
    ----------
    metric : str or callable
        ``"ssim"``, with options ``"ssim,window=uniform"``, of a plugin ``"piq.vif"``, or code that no plugin packages:
        ``"package.module:attribute"`` or ``"./file.py:attribute"``, where the attribute is a callable or a
        `torch.nn.Module` of two images, or a class or function whose parameters are options and that returns one.
        A callable is taken as it is.
    registry : Registry, optional
        Plugins to look in; by default those that are installed.
    **options
        Options of the metric, as Python objects or as text.

    Returns
    -------
    Metric
        A distance: 0 for identical images, larger for more different ones.

    Raises
    ------
    UnknownNameError
        If there is no such metric, plugin or option.
    InputError
        If an option is given twice or its value is not allowed.
    PluginError
        If the metric's plugin or its code does not work, or needs something that is not installed.

    Examples
    --------
    >>> import madcore
    >>> madcore.create_metric("ssim,window=uniform", size=7).name
    'ssim,window=uniform,size=7'
    """
    if not isinstance(metric, str):
        _refuse_options(metric, options)
        return metric if isinstance(metric, Metric) else Metric(metric)
    name, given = split_options(metric, options)
    if is_code(name):
        return _adhoc_metric(name, given)
    entry = (registry or default_registry()).metric(name)
    options = complete_options(entry.spec.build, given, name, entry.passed)
    return _declared_metric(_Builder(entry, options, write_name(entry.name, given)))


def create_penalty(
    penalty: str | Penalty | Callable[..., Any] | None, *, registry: Registry | None = None, **options: object
) -> Penalty:
    """Make a penalty of a name, or of any callable of one batch of images.

    Parameters
    ----------
    penalty : str, callable or None
        As for `create_metric`, with callables of one image; None is the penalty ``"none"``.
    registry : Registry, optional
        Plugins to look in; by default those that are installed.
    **options
        Options of the penalty.

    Raises
    ------
    UnknownNameError, InputError, PluginError
        As `create_metric` does.
    """
    if penalty is not None and not isinstance(penalty, str):
        _refuse_options(penalty, options)
        return penalty if isinstance(penalty, Penalty) else Penalty(penalty)
    name, given = split_options(penalty or "none", options)
    if is_code(name):
        code = find_code(name)
        function, chosen = code.make(given, images=1)
        return Penalty(function, write_name(name, given), code.identity("penalty", chosen))
    entry = (registry or default_registry()).penalty(name)
    builder = _Builder(entry, complete_options(entry.spec.build, given, name), write_name(name, given))
    return Penalty(builder(), builder.written, builder.identity("penalty"))


@dataclass(frozen=True)
class _Builder(Generic[Spec]):
    """Calls ``build`` with options that were checked, and says whose fault it is if that fails."""

    entry: Entry[Spec]
    options: Mapping[str, object]
    written: str

    def __call__(self, data_range: float | None = None) -> Callable[..., Any]:
        """Build for a pixel range of this width; None for a metric that does not ask for it."""
        extra = {} if data_range is None else {"data_range": data_range}
        try:
            built = build_entry(self.entry, {**self.options, **extra})
        except PluginError as error:
            told = fetch_error(self.written, error) if getattr(self.entry.spec, "weights", None) else None
            raise (error if told is None else PluginError(told)) from error.__cause__
        if not callable(built):
            kind = type(built).__name__
            raise PluginError(f"{self.entry.name} does not work: build returned {kind}, which cannot be called")
        return built

    def identity(self, kind: str) -> dict[str, Any]:
        """Everything that decides the values."""
        by = self.entry.plugin
        plugin = {"name": by.label, "distribution": by.distribution, "version": by.version}
        record = {kind: self.entry.name, "options": plain(self.options), "revision": self.entry.spec.revision}
        return {**record, "plugin": plugin}


def _declared_metric(builder: _Builder[MetricSpec]) -> Metric:
    spec = builder.entry.spec
    code = [hash_code(name) for name in code_of(builder.entry, builder.options)]  # before it runs
    function = builder(1.0) if spec.data_range else builder()
    hashes = list(dict.fromkeys(filter(None, [*code, *map(hash_file, weight_files(function))])))
    return Metric(
        function,
        builder.written,
        similarity=spec.higher_is_better,
        perfect=spec.perfect,
        channels=getattr(function, "channels", spec.channels),
        min_side=getattr(function, "min_side", spec.min_side),
        dtypes=getattr(function, "dtypes", spec.dtypes),
        identity={**builder.identity("metric"), **({"weights": hashes} if hashes else {})},
        rebuild=builder if spec.data_range else None,
    )


def _adhoc_metric(name: str, given: Mapping[str, object]) -> Metric:
    code = find_code(name)
    function, options = code.make(given, images=2)
    metric = function if isinstance(function, Metric) else Metric(function)
    return replace(metric, name=write_name(name, given), identity=code.identity("metric", options))


def _refuse_options(given: object, options: Mapping[str, object]) -> None:
    if options:
        raise InputError(f"options ({', '.join(options)}) go with the name of a metric or penalty, not with {given!r}")
