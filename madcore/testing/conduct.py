"""Clauses about conduct: the same answer always, and nothing else of the program is changed."""

from __future__ import annotations

import contextlib
import io
import random
import subprocess
import sys
from functools import cache
from typing import Any

import numpy as np
import torch

from madcore.registry import Entry
from madcore.testing.settings import SETTINGS, changed_settings, preserved_settings
from madcore.testing.subject import Subject, compute, differentiate
from madcore.testing.values import difference, write_small
from madcore.testing.verdict import Broken, NotJudged, clause

__all__ = [
    "changed_settings",
    "check_declaration",
    "check_deterministic",
    "check_inputs",
    "check_output",
    "check_settings",
]

SAME = {torch.float64: 1e-10, torch.float32: 1e-5}
PROBE = """
import sys
from madcore.registry import Registry
Registry.discover().plugin(sys.argv[1])
print('torch' if 'torch' in sys.modules else 'no torch')
"""


@clause
def check_deterministic(subject: Subject) -> str:
    """Check that the answer depends on the images alone: not on chance, on earlier calls, or on when it was built."""
    image, mad_image = subject.pair(1)
    first = subject.value_and_gradient(image, mad_image)
    _disturb(subject)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(12345)
        again = subject.value_and_gradient(image, mad_image)
        anew = compute(subject.build(), image, mad_image).detach()
    apart = {
        "called again after other images": max(difference(*both) for both in zip(first, again, strict=True)),
        "built anew": difference(first[0], anew),
        "without gradients": difference(first[0], subject.value(image, mad_image)),
    }
    for when, change in apart.items():
        if change > SAME[subject.dtype]:
            raise Broken(f"another value when {when}: differs by {change:.1e}")
    return f"again, after other images and built anew: to {write_small(max(apart.values()))}"


def _disturb(subject: Subject) -> None:
    """Use the metric for images of another size, number of channels and type."""
    size = (subject.side + 6, subject.side + 3)
    for dtype in subject.dtypes:
        subject.value_and_gradient(*subject.pair(2, dtype=dtype, channels=min(subject.channels), size=size))


@clause
def check_inputs(subject: Subject) -> str:
    """Check that the images are left as they were."""
    image, mad_image = subject.pair(2)
    copies = image.clone(), mad_image.clone()
    subject.value(image, mad_image)
    subject.value_and_gradient(image, mad_image)
    variable = mad_image.clone().requires_grad_(True)
    differentiate(lambda other: compute(subject.thing, image, other), variable)
    for name, given, copy in (("image", image, copies[0]), ("mad_image", mad_image, copies[1])):
        if not torch.equal(given, copy):
            raise Broken(f"changes {name} by up to {float((given - copy).abs().max()):.3g}")
        if given.requires_grad:
            raise Broken(f"asks {name} for gradients")
    if not torch.equal(variable.detach(), copies[1]) or variable.grad is not None:
        raise Broken("changes mad_image when gradients are wanted")
    return "both as before"


@clause
def check_settings(subject: Subject) -> str:
    """Check that nothing global is changed: generators, torch's modes and defaults, environment, warnings, logging."""
    image, mad_image = subject.pair(1)

    def use() -> None:
        thing = subject.build()
        compute(thing, image, mad_image)
        differentiate(lambda other: compute(thing, image, other), mad_image)

    def use_without_gradients() -> None:
        with torch.no_grad():
            changed_inside.extend(changed_settings(lambda: compute(subject.thing, image, mad_image)))

    changed_inside: list[str] = []
    with preserved_settings():  # what is imported on first use may settle first
        use()
    # Generators that have just been seeded would hide that a metric seeds them.
    torch.rand(1), np.random.rand(), random.random()
    changed = changed_settings(use)
    changed += changed_settings(use_without_gradients) + changed_inside
    if changed:
        raise Broken(f"changes {', '.join(dict.fromkeys(changed))}")
    return f"{len(SETTINGS)} settings as before"


@clause
def check_output(subject: Subject) -> str:
    """Check that nothing is written to the standard output, which is for data."""
    image, mad_image = subject.pair(1)
    building, calling = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(building):
        thing = _built_openly(subject)
    with contextlib.redirect_stdout(calling):
        compute(thing, image, mad_image)
    for when, text in (("built", building.getvalue()), ("called", calling.getvalue())):
        if text:
            raise Broken(f"prints when {when}: {text.strip().splitlines()[0][:60]!r}")
    return "silent when built and when called"


def _built_openly(subject: Subject) -> Any:
    """Build without the launcher's redirection of what is printed, where the declaration allows it."""
    thing = subject.build()
    if isinstance(subject.entry, Entry):
        options = dict(thing.identity.get("options", {}))
        extra = {"data_range": 1.0} if getattr(subject.entry.spec, "data_range", False) else {}
        with contextlib.suppress(Exception):  # options that are objects are recorded as text
            subject.entry.spec.build(**options, **extra)
    return thing


@clause
def check_declaration(subject: Subject) -> str:
    """Check that declaring imports no torch, so that listings stay fast."""
    if subject.entry is None:
        raise NotJudged("is not declared by a plugin")
    plugin = subject.entry.plugin
    imports_torch = _imports_torch(plugin.name)
    if imports_torch is None:
        raise NotJudged(f"plugin {plugin.label} is not installed")
    if imports_torch:
        raise Broken(f"loading plugin {plugin.label} imports torch; import it inside build")
    return f"plugin {plugin.label} loads without torch"


@cache
def _imports_torch(plugin: str) -> bool | None:
    """Load a plugin alone in a process of its own; None if it cannot be loaded there."""
    done = subprocess.run([sys.executable, "-c", PROBE, plugin], capture_output=True, text=True, check=False)
    return {"torch": True, "no torch": False}.get(done.stdout.strip())
