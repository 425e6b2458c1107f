"""What the JSON of a run is to look like: whoever shows it reads keys of it without asking first.

A shape is a type; None; several shapes, of which one fits, as a tuple; [shape], a list of such;
{...: shape}, names with such values; or {"key": shape}, with these keys, those that end in ? where
they are there. float is any number below LARGEST, and no shape takes true for a number.
"""

from __future__ import annotations

from typing import Any

LARGEST = 1e100  # of a number: more than any score or loss of float32, whose squares are finite
NUMBER, COUNTS = (float, None), {...: int}
# run.json, of a run of any status.
RECORD = {
    "status?": str, "host?": str, "started?": str, "ended?": str, "reason?": str, "engine?": str,
    "data?": str, "strategy?": str, "problem?": str, "setting?": str, "family?": str,
    "lam_label?": str, "test_examples?": str, "pid?": int, "seed?": int, "test_opened?": int,
    "seconds?": float, "lam?": (float, "inf", None), "files?": [str], "controls?": {...: str},
    "fingerprint?": {...: (str, int, float, bool, None)},
    "optimizer?": {"name?": str, "lr?": float},
    "stages?": [{"name": str, "key": (str, None), "seconds": float, "found": bool}],
}  # fmt: skip
# result.json, of a finished one.
RESULT = {
    "headline": {
        "name": str, "val": NUMBER, "test": NUMBER, "tasks?": {...: str}, "val_loss?": NUMBER,
    },
    "metrics": {"val": {...: {...: NUMBER}}, "test": {...: {...: NUMBER}}},
    "tested": {...: {"labels?": int, "classes?": COUNTS}},
    "labels": COUNTS,
    "steps": int,
    "examples": int,
    "size": (None, {"parameters": int, "nonzeros": int, "flops": int}),
    "folds?": int,
    "disagreement?": float,
    "relation?": (None, {"name": str, "meaning": str, "tasks": [str], "matrix": [[float]]}),
}  # fmt: skip
# sweep.json.
SWEEP = {"status?": str, "jobs?": [{"runs": {...: str}}]}


def fits(value: object, shape: Any) -> bool:  # one line a form
    """Whether a value of JSON has a shape."""
    if isinstance(shape, tuple):
        return any(fits(value, each) for each in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(each, shape[0]) for each in value)
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(_key_fits(value, key, shape[key]) for key in shape)
    if shape is float:
        return type(value) in (int, float) and abs(value) < LARGEST  # type: ignore[arg-type]  # one of them
    return type(value) is shape if isinstance(shape, type) else value == shape


def _key_fits(value: dict[str, Any], key: object, shape: Any) -> bool:
    if key is ...:
        return all(fits(each, shape) for each in value.values())
    name = str(key).removesuffix("?")
    return fits(value[name], shape) if name in value else name != key


def checked(value: dict[str, Any], shape: Any, name: str) -> dict[str, Any]:
    """`value`, where it has that shape. Raises ValueError, with the key at fault, where it has not.

    name: of the file that it is from.
    """
    for key, of_key in shape.items():
        if not _key_fits(value, key, of_key):
            raise ValueError(f"{name} does not hold what it should under {str(key).strip('?')}")
    return value


def fitting(value: dict[str, Any], shape: Any) -> dict[str, Any]:
    """`value` without the keys that do not fit the shape, as though they were not there."""
    kept = dict(value)
    for key, of_key in shape.items():
        name = str(key).removesuffix("?")
        if name in kept and not fits(kept[name], of_key):
            del kept[name]
    return kept
