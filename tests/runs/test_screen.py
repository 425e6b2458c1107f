"""A long computation shows how far it has come; a short one shows nothing."""

from collections.abc import Iterator, Mapping

import pytest

from tlrun.core.notes import Note, StrategyWarning
from tlrun.runs import screen as module
from tlrun.runs.screen import Once, shown
from tlrun.strategies.base import Stage

from problems import Watcher


class Told:
    """A screen that remembers, in words, what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, note: Note, runs: int = 1) -> None:
        raise AssertionError(note)

    def begin(self, run: str, stage: Stage) -> None:
        self.lines.append(f"{run}: {stage.name} of {stage.steps} {stage.domains}")

    def step(self, step: int, terms: Mapping[str, float]) -> None:
        assert not terms
        self.lines.append(str(step))

    def end(self) -> None:
        self.lines.append("end")


def parts() -> Iterator[slice]:
    return iter([slice(0, 4), slice(4, 8), slice(8, 12)])


@pytest.mark.parametrize("slow", [-1.0, 1e9])
def test_every_part_is_handed_on_and_shown_where_it_takes_long(
    slow: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLOW", slow)
    told = Told()

    assert list(shown(parts(), told, "scratch", "testing on a", 10)) == list(parts())
    expected = ["scratch: testing on a of 10 ()", "0", "4", "8", "10", "end"]
    assert told.lines == (expected if slow < 0 else [])


def test_nothing_to_go_through_shows_nothing() -> None:
    told = Told()

    assert list(shown(iter(()), told, "scratch", "testing on a", 0)) == []
    assert not told.lines


def test_a_computation_that_stops_half_way_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLOW", -1.0)
    told = Told()
    watched = shown(parts(), told, "scratch", "testing on a", 10)
    next(watched)
    next(watched)
    watched.close()  # type: ignore[attr-defined]  # a generator

    assert told.lines[-1] == "end"


def test_what_a_run_and_its_controls_say_alike_is_told_once() -> None:
    watcher = Watcher()
    once = Once(watcher)
    for text in ("one", "two", "one", "two", "one"):
        once.note(StrategyWarning(text=text))

    assert watcher.notes == ["one", "two"]
