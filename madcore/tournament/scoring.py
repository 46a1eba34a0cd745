"""Judges asked after the fact: scores and noise curves that the matches of a store lack."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Event as Flag
from typing import Any

import torch
from safetensors.torch import load
from torch import Tensor

from madcore.errors import InputError, MadcoreError
from madcore.images import decode_image
from madcore.metric import Metric
from madcore.registry import Registry
from madcore.store import Store
from madcore.tournament.judging import merge_scores, noise_curve, score_images
from madcore.tournament.metrics import make_metric

__all__ = ["Scorer"]

EXACT = "exact.safetensors"
Identity = Mapping[str, Any]


@dataclass
class Scorer:
    """Lets judges score what they have not; a judge is built when the first score of it is missing.

    Parameters
    ----------
    store : Store
        Which is read and written.
    judges : mapping
        Identities of the judges, by name as written.
    registry : Registry
        Plugins to look in.
    device : str
        Where to compute.
    folder : str
        Where files with code are looked for.
    broken : dict
        Judges that could not be built, and why.
    silent : dict
        Judges that do not take the pictures, or some of them, and why.
    """

    store: Store
    judges: Mapping[str, Identity]
    registry: Registry
    device: str = "cpu"
    folder: str = ""
    broken: dict[str, str] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Keep what was built."""
        self._create = lru_cache(None)(lambda name: make_metric(name, self.registry, self.folder))
        self._curves: set[str] = set()  # reference images whose curves are complete

    def score(self, matches: Iterable[str], stop: Flag, tell: Callable[[int], None] | None = None) -> int:
        """Score matches; return how many lacked anything.

        Parameters
        ----------
        matches : iterable of str
            Ids; those that the store does not hold are passed over.
        stop : threading.Event
            Set it to end after the match at hand.
        tell : callable, optional
            Told how many were scored so far.
        """
        count = 0
        for match in matches:
            if stop.is_set():
                break
            if match in self.store and self._score(match):
                count += 1
                if tell is not None:
                    tell(count)
        return count

    def _score(self, match: str) -> bool:
        known = self.store.scores(match)
        said = {} if known is None else known["judges"]
        lacking = [name for name, identity in self.judges.items() if said.get(name) != identity]
        record = self.store.record(match)
        image_hash = record["key"]["image"]
        curves = [] if image_hash in self._curves else self._missing_curves(image_hash)
        self._curves.add(image_hash)
        judges, curve_judges = self._build(lacking), self._build(curves)
        if not judges and not curve_judges:
            return False
        image = self._reference(image_hash)
        self._note_silent(judges, image)
        for name, metric in curve_judges.items():
            self.store.put_curve(noise_curve(name, metric, image, record["made"]["picture"], image_hash))
        if judges:
            names = ["start", *record["images"]]
            exact = _tensors(self.store.read(match, EXACT))
            written = {name: decode_image(self.store.read(match, f"{name}.png"), f"{name}.png") for name in names}
            values = score_images(judges, image, {name: exact[name] for name in names}, written)
            self.store.put_scores(match, merge_scores(match, known, judges, values))
        return True

    def _note_silent(self, judges: Mapping[str, Metric], image: Tensor) -> None:
        for name, metric in judges.items():
            try:
                metric.check_image(image)
            except InputError as error:
                self.silent.setdefault(name, str(error))

    def _missing_curves(self, image_hash: str) -> list[str]:
        return [name for name, identity in self.judges.items() if self.store.curve(identity, image_hash) is None]

    def _build(self, names: Iterable[str]) -> dict[str, Metric]:
        built = {}
        for name in names:
            if name in self.broken:
                continue
            try:
                built[name] = self._create(name)
            except MadcoreError as error:
                self.broken[name] = str(error)
        return built

    def _reference(self, image_hash: str) -> Tensor:
        content = self.store.reference(image_hash, "safetensors")
        if content is None:
            raise InputError(f"{self.store.path} lacks the reference image {image_hash}; it cannot be scored")
        return _tensors(content)["image"].to(torch.device(self.device))


def _tensors(content: bytes) -> dict[str, Tensor]:
    return {name: tensor.permute(2, 0, 1)[None] for name, tensor in load(content).items()}
