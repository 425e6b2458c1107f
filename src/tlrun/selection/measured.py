"""What was measured of the safe stack: how often it was below scratch, over draws and problems."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

UNMEASURED = "how often such a stack is below scratch was not measured"


def measured() -> dict[str, Any] | None:
    """What benchmarks/safe_stack.py --write has written; None where it has written nothing.

    draws, problems: how many. below: in how many draws it was more than a point below scratch.
    bound: the one-sided 95 % bound of that share. prior, folds: of the procedure.
    """
    file = files("tlrun.selection") / "measured.json"
    if not file.is_file():
        return None
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def statement(method: str, prior: float, folds: int, tasks: int, kinds: set[str]) -> str:
    """What can be said of a delivered stack beforehand, in a sentence.

    It is of the procedure that was measured: another gets none of its numbers. tasks: how many.
    kinds: of which.
    """
    found = measured()
    same = found is not None and (prior, folds) == (found["prior"], found["folds"])
    if not same or found is None or method != "stack" or tasks > 1 or "regression" in kinds:
        return f"{UNMEASURED} (method={method}, prior={prior:g}, folds={folds}); no promise"
    bound = f"95 % bound {100 * found['bound']:.1f} %, this mix only"
    return (
        f"on {found['below']} of {found['draws']} draws over {found['problems']} problems this "
        f"procedure was more than one point of accuracy below scratch ({bound}); no promise for "
        "these data, nor against the untouched source"
    )
