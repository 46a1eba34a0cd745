"""The global settings that a metric could change: read, compared and put back."""

from __future__ import annotations

import logging
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

__all__ = ["SETTINGS", "changed_settings", "preserved_settings"]


@dataclass(frozen=True)
class Setting:
    """A global setting: its name in a sentence, and how it is read and written."""

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]


def _set_environment(variables: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)


def _set_filters(filters: list[Any]) -> None:
    warnings.resetwarnings()
    for action, message, category, module, line in reversed(filters):
        warnings.filters.insert(0, (action, message, category, module, line))  # type: ignore[attr-defined]


def _set_logging(state: tuple[int, list[logging.Handler]]) -> None:
    logging.root.setLevel(state[0])
    logging.root.handlers[:] = state[1]


SETTINGS = (
    Setting("torch's generator", torch.get_rng_state, torch.set_rng_state),
    Setting("numpy's generator", np.random.get_state, np.random.set_state),
    Setting("Python's generator", random.getstate, random.setstate),
    Setting("grad mode", torch.is_grad_enabled, torch.set_grad_enabled),
    Setting("default dtype", torch.get_default_dtype, torch.set_default_dtype),
    Setting("default device", torch.get_default_device, lambda device: torch.set_default_device(device)),
    Setting("number of threads", torch.get_num_threads, torch.set_num_threads),
    Setting(
        "deterministic algorithms",
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
    ),
    Setting(
        "cuDNN's benchmark mode",
        lambda: torch.backends.cudnn.benchmark,
        lambda value: setattr(torch.backends.cudnn, "benchmark", value),
    ),
    Setting(
        "cuDNN's determinism",
        lambda: torch.backends.cudnn.deterministic,
        lambda value: setattr(torch.backends.cudnn, "deterministic", value),
    ),
    Setting("matmul precision", torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    Setting("anomaly detection", torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    Setting("numpy's error handling", np.geterr, lambda state: np.seterr(**state)),
    Setting("warning filters", lambda: list(warnings.filters), _set_filters),
    Setting("environment variables", lambda: dict(os.environ), _set_environment),
    Setting("working directory", os.getcwd, os.chdir),
    Setting("root logger", lambda: (logging.root.level, list(logging.root.handlers)), _set_logging),
    Setting("standard output", lambda: sys.stdout, lambda stream: setattr(sys, "stdout", stream)),
)


@contextmanager
def preserved_settings() -> Iterator[list[str]]:
    """Put every setting back at the end, and name in the list those that had been changed."""
    before = [(setting, setting.read()) for setting in SETTINGS]
    changed: list[str] = []
    try:
        yield changed
    finally:
        for setting, value in before:
            if not _equal(setting.read(), value):
                changed.append(setting.name)
                setting.write(value)


def changed_settings(use: Callable[[], object]) -> list[str]:
    """Name the settings that a call changes, and put them back."""
    with preserved_settings() as changed:
        use()
    return changed


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, tuple) and any(isinstance(part, np.ndarray) for part in one):
        return all(np.array_equal(*both) for both in zip(one, other, strict=True))
    return bool(one == other)
