"""Records of matches that nobody played, for tests of what is done with records."""

from madcore.store import match_id

VALUES = {"a": 0.25, "b": 0.01}
IMAGES = ("a_min", "a_max", "b_min", "b_max")


def made_record(number=0, names=("ssim", "mse"), picture="camera", **changes):
    """The record of a match that differs from others by its seed."""
    key = {
        "schema": 1,
        "a": {"metric": names[0], "options": {}, "revision": 1},
        "b": {"metric": names[1], "options": {}, "revision": 1},
        "image": "sha256:" + "0" * 64,
        "size": [64, 48, 3],
        "level": {"kind": "noise", "value": "0.1"},
        "seed": number,
        "solver": {"name": "level_set", "revision": 1, "options": {"tolerance": 1e-6}},
    } | changes
    return {
        "schema": 1,
        "id": match_id(key),
        "key": key,
        "images": {name: entry(name, number) for name in IMAGES},
        "made": {
            "names": dict(zip("ab", names, strict=True)),
            "picture": picture,
            "started": "2026-01-01T00:00:00Z",
            "seconds": 4.0,
        },
        "start": {"exact": VALUES},
    }


def entry(image, number):
    held = "b" if image[0] == "a" else "a"
    return {
        "png": {**VALUES, "held_error": 2e-5, "tolerance": 1e-4, "bits": 8},
        "exact": {**VALUES, image[0]: VALUES[image[0]] * (2.0 if image.endswith("max") else 0.5)},
        "level": {held: VALUES[held]},
        "held_error": 1e-9 * (number + 1),
        "optimality": 1e-3,
        "stopped": "converged",
        "evaluations": 40,
        "seconds": 1.0,
    }


def made_files(number=0):
    """Contents that can be recomputed from the number."""
    return {f"{name}.png": f"{name} {number} ".encode() * 100 for name in IMAGES}
