"""Maximum differentiation (MAD) competition: images on which two perceptual metrics disagree as much as possible.

The public names below are imported when first used, so that ``import madcore`` is free of torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HOMES = {
    "ContractError": "errors",
    "InputError": "errors",
    "LevelError": "errors",
    "LoadWarning": "errors",
    "MadcoreError": "errors",
    "PlanError": "errors",
    "PluginError": "errors",
    "UnknownNameError": "errors",
    "EngineSpec": "specs",
    "MetricSpec": "specs",
    "Picture": "plan",
    "Plan": "plan",
    "ObserverSpec": "specs",
    "PenaltySpec": "specs",
    "hookimpl": "hookspecs",
    "MADCompetition": "competition",
    "Metric": "metric",
    "require_range": "accepted_images",
    "LevelSet": "solvers",
    "PenaltyMethod": "solvers",
    "Progress": "synthesis",
    "Quartet": "results",
    "Result": "results",
    "Status": "results",
    "Tournament": "tournament",
    "Store": "store",
    "Quantized": "quantization",
    "quantize": "quantization",
    "quartet": "api",
    "synthesize": "api",
    "list_metrics": "registry",
    "open_results": "store",
    "create_engine": "building",
    "create_observer": "building",
    "create_penalty": "lookup",
    "examine": "competition",
    "create_metric": "lookup",
    "read_image": "images",
    "write_image": "images",
}

_MODULES = ("engine", "plot", "testing")  # public modules

__all__ = ["__version__", *sorted(_HOMES)]

if TYPE_CHECKING:
    from madcore.accepted_images import require_range as require_range
    from madcore.api import quartet as quartet
    from madcore.api import synthesize as synthesize
    from madcore.building import create_engine as create_engine
    from madcore.building import create_observer as create_observer
    from madcore.competition import MADCompetition as MADCompetition
    from madcore.competition import examine as examine
    from madcore.errors import ContractError as ContractError
    from madcore.errors import InputError as InputError
    from madcore.errors import LevelError as LevelError
    from madcore.errors import LoadWarning as LoadWarning
    from madcore.errors import MadcoreError as MadcoreError
    from madcore.errors import PlanError as PlanError
    from madcore.errors import PluginError as PluginError
    from madcore.errors import UnknownNameError as UnknownNameError
    from madcore.hookspecs import hookimpl as hookimpl
    from madcore.images import read_image as read_image
    from madcore.images import write_image as write_image
    from madcore.lookup import create_metric as create_metric
    from madcore.lookup import create_penalty as create_penalty
    from madcore.metric import Metric as Metric
    from madcore.plan import Picture as Picture
    from madcore.plan import Plan as Plan
    from madcore.quantization import Quantized as Quantized
    from madcore.quantization import quantize as quantize
    from madcore.registry import list_metrics as list_metrics
    from madcore.results import Quartet as Quartet
    from madcore.results import Result as Result
    from madcore.results import Status as Status
    from madcore.solvers import LevelSet as LevelSet
    from madcore.solvers import PenaltyMethod as PenaltyMethod
    from madcore.specs import EngineSpec as EngineSpec
    from madcore.specs import MetricSpec as MetricSpec
    from madcore.specs import ObserverSpec as ObserverSpec
    from madcore.specs import PenaltySpec as PenaltySpec
    from madcore.store import Store as Store
    from madcore.store import open_results as open_results
    from madcore.synthesis import Progress as Progress
    from madcore.tournament import Tournament as Tournament


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"madcore.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'madcore' has no attribute {name!r}")
    value = getattr(import_module(f"madcore.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
