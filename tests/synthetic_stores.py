"""Stores of invented matches: small pictures, and values that are those of known noises, so that answers are known."""

import io
from itertools import combinations, product

import numpy as np
from PIL import Image

from madcore.store import Store, match_id

SIDE = 24
DEVIATIONS = [float(each) for each in np.geomspace(0.001, 1, 16)]
STRENGTH = {"min": 0.25, "max": 4.0}  # equivalent noise of the extremes over that of the level


def png(pixels):
    stream = io.BytesIO()
    Image.fromarray((np.clip(pixels, 0, 1) * 255).round().astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def value(metric, noise):
    """Metrics are powers of noise: the unit that they share is then known exactly."""
    return noise ** (1 + len(metric) % 3)


def picture(name):
    generator = np.random.default_rng(sum(map(ord, name)))
    return generator.uniform(0.2, 0.8, (SIDE, SIDE, 3)).round(2)


def draw_images(pixels, noise, seed):
    generator = np.random.default_rng(seed)
    scales = {"start": 1, "a_min": 0.25, "a_max": 1.5, "b_min": 0.5, "b_max": 2}
    return {
        f"{name}.png": png(pixels + scale * noise * generator.standard_normal(pixels.shape))
        for name, scale in scales.items()
    }


def add_match(store, a, b, name, level="0.1", seed=0, judges=(), images=True):
    pixels, noise = picture(name), float(level)
    key = {"schema": 1, "size": [SIDE, SIDE, 3], "level": {"kind": "noise", "value": level}, "seed": seed}
    key |= {"a": {"metric": a, "options": {}, "revision": 1}, "b": {"metric": b, "options": {}, "revision": 1}}
    key |= {"image": "sha256:" + name.encode().hex().ljust(64, "0")}
    key |= {"solver": {"name": "level_set", "revision": 1, "options": {"max_iter": 200, "tolerance": 1e-6}}}
    names = {"a": a, "b": b}
    record = {"schema": 1, "id": match_id(key), "key": key, "images": {}}
    for letter, minmax in product("ab", ("min", "max")):
        held = "ba"["ab".index(letter)]
        values = {letter: value(names[letter], noise * STRENGTH[minmax]), held: value(names[held], noise)}
        record["images"][f"{letter}_{minmax}"] = {
            **{"exact": values, "png": {**values, "held_error": 1e-5}, "level": {held: values[held]}},
            **{"held_error": 1e-8, "optimality": 0.01, "stopped": "settled", "evaluations": 40, "seconds": 0.5},
        }
    record["start"] = {"exact": {letter: value(names[letter], noise) for letter in "ab"}}
    made = {"names": names, "picture": name, "summary": name, "started": "2026-01-02T03:04:05Z", "seconds": 2.0}
    record["made"] = {**made, "device": "cpu", "batch": 1, "versions": {"madcore": "0.1.0"}}
    files = draw_images(pixels, noise, seed) if images else {}
    store.put(record, files, durability="fast")
    store.put_reference(key["image"], {"png": png(pixels)})
    if judges:
        said = {each: {judge: value(judge, noise) for judge in judges} for each in ("start", *record["images"])}
        for judge in judges:  # every judge believes metric a, and is blind to what b does
            for minmax in ("min", "max"):
                said[f"a_{minmax}"][judge] = value(judge, noise * STRENGTH[minmax])
        scores = {image: {"exact": values, "png": values} for image, values in said.items()}
        store.put_scores(record["id"], {"schema": 1, "id": record["id"], "judges": {}, "values": scores})
    return record


def add_curve(store, metric, name, deviations=DEVIATIONS):
    store.put_curve(
        {
            **{"schema": 1, "metric": metric, "identity": {"metric": metric}, "picture": name},
            **{"image": "sha256:" + name.encode().hex().ljust(64, "0"), "size": [SIDE, SIDE, 3], "seeds": [0, 1, 2]},
            **{"standard_deviations": deviations, "values": [[value(metric, each)] * 3 for each in deviations]},
        }
    )


def make_store(path, metrics=("mse", "ssim", "nlpd"), pictures=("camera", "coffee"), levels=("0.1",), **options):
    """Every pair on every picture at every level, judged by all, with noise curves."""
    store = Store.create(path)
    for (a, b), name, level in product(combinations(sorted(metrics), 2), pictures, levels):
        judges = [metric for metric in metrics if metric not in (a, b)]
        add_match(store, a, b, name, level, judges=judges, **options)
    for metric, name in product(metrics, pictures):
        add_curve(store, metric, name)
    return store
