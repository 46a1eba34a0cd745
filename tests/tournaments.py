"""What tests of tournaments share: small plans, and an engine that invents results without any metric."""

import hashlib
import time

from madcore.engine import Finished
from madcore.engines.local import Local
from madcore.plan import Picture, Plan
from madcore.tournament import Tournament
from madcore.tournament.outcomes import Done

IMAGES = ("a_min", "a_max", "b_min", "b_max")


def small_plan(metrics=("mse", "mae"), pictures=("camera",), levels=("noise:0.1",), **options):
    """A plan whose matches take a fraction of a second each."""
    cut = [Picture(name, size="32") for name in pictures]
    return Plan(**{"metrics": metrics, "pictures": cut, "levels": levels, "max_iter": 12, "judges": (), **options})


def play(plan, store, **options):
    """Play a plan here, without waiting for the disk."""
    options = {"engine": Local(("cpu",)), "durability": "fast", **options}
    return Tournament(plan).play(store, **options)


def contents(store, suffixes=(".png", ".safetensors")):
    """Hashes of the files of all matches by their path."""
    paths = sorted(path for path in (store / "matches").rglob("*") if path.suffix in suffixes)
    return {str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def invented(match):
    """A finished match that looks like a real one."""
    entry = {"exact": {"a": 0.1, "b": 0.2}, "png": {"a": 0.1, "b": 0.2, "held_error": 0.0}, "level": {"b": 0.2}}
    entry |= {"held_error": 0.0, "optimality": 0.0, "stopped": "settled", "evaluations": 1, "seconds": 0.0}
    made = {"names": {"a": "mse", "b": "mae"}, "picture": "camera", "summary": "", "started": "", "seconds": 0.0}
    record = {"schema": 1, "id": match.id, "key": match.key, "images": dict.fromkeys(IMAGES, entry), "made": made}
    record["start"] = {"exact": {"a": 0.1, "b": 0.2}}
    return Done(record, {f"{name}.png": match.id.encode() * 200 for name in IMAGES})


class Inventor:
    """An engine that needs no player; `pause` is the seconds that a match takes."""

    writes = "driver"

    def __init__(self, pause=0.0):
        self.pause = pause

    def run(self, batches, make_player, on_event, stop):
        for batch in batches:
            for task in batch.items:
                if stop.is_set():
                    return
                time.sleep(self.pause)
                on_event(Finished(task.id, invented(task.match), "inventor"))
