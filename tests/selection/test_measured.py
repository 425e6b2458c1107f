"""The statement has numbers of the procedure that was measured, and of no other."""

from __future__ import annotations

import pytest

from tlrun.selection import measured
from tlrun.selection.measured import UNMEASURED, statement
from tlrun.selection.stacking import PRIOR

FOUND = {"draws": 320, "problems": 9, "below": 1, "bound": 0.0148, "prior": 8.0, "folds": 5}


def test_it_says_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "measured", lambda: FOUND)

    said = statement("stack", 8, 5, 1, {"multiclass"})

    assert said.startswith("on 1 of 320 draws over 9 problems")
    assert "95 % bound 1.5 %" in said
    assert "no promise" in said
    assert "untouched source" in said


@pytest.mark.parametrize(
    ("method", "prior", "folds", "tasks", "kind"),
    [
        ("best", 8, 5, 1, "multiclass"),
        ("gate", 8, 5, 1, "multiclass"),
        ("stack", 5, 5, 1, "multiclass"),
        ("stack", 8, 10, 1, "multiclass"),
        ("stack", 8, 5, 2, "multiclass"),
        ("stack", 8, 5, 1, "regression"),
    ],
)
def test_another_procedure_borrows_no_number(
    method: str, prior: float, folds: int, tasks: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "measured", lambda: FOUND)

    assert statement(method, prior, folds, tasks, {kind}).startswith(UNMEASURED)


def test_without_a_measurement_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "measured", lambda: None)

    assert statement("stack", 8, 5, 1, {"binary"}).startswith(UNMEASURED)


def test_what_is_shipped_is_of_the_procedure_that_is_shipped() -> None:
    found = measured.measured()
    if found is None:
        pytest.skip("nothing is shipped")
    assert found["prior"] == PRIOR
    assert found["below"] <= found["draws"]
