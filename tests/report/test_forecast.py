from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tlrun.report.forecast import Forecast, forecast
from tlrun.runs.remembered import ProblemCache
from tlrun.sweeps.declaration import Asked, asked_studies
from tlrun.sweeps.estimate import Cost, estimate

from problems import Watcher, config, swept


def foreseen(tmp_path: Path, seeds: int, looks: tuple[int, ...] = ()) -> Forecast:
    configs = [config(tmp_path, controls=True, seed=seed) for seed in range(seeds)]
    plan = swept(configs, Watcher())
    left = estimate([each for _, each in plan.missing.values()], ProblemCache(), timing=False)
    known = {path: Cost(60.0, 1e6, "same") for path in left.costs}
    studies = asked_studies(plan, [[]] * seeds, Asked("", looks))
    return Forecast(plan, studies, replace(left, costs=known), 2, looks)


def text_of(what: Forecast, width: int = 80) -> str:
    console = Console(width=width, markup=False)
    with console.capture() as shown:
        console.print(forecast(what))
    return shown.get()


@pytest.mark.parametrize(("seeds", "possible"), [(4, False), (5, True)])
def test_it_says_whether_a_word_is_possible(seeds: int, possible: bool, tmp_path: Path) -> None:
    shown = " ".join(text_of(foreseen(tmp_path, seeds)).split())

    assert ("is possible" in shown) is possible
    assert ("it takes 5 seeds" in shown) is not possible
    assert f"{seeds} seeds, α 0.05, δ 0.01" in shown


def test_processes_divide_the_time(tmp_path: Path) -> None:
    what = foreseen(tmp_path, 2)
    runs = len(what.plan.runs)
    one, two = (" ".join(text_of(replace(what, processes=n)).split()) for n in (1, 2))

    assert f"about {runs} min (one run after another)" in one
    assert f"about {runs // 2} min ({runs} min of training, 2 processes at once)" in two
    launcher = " ".join(text_of(replace(what, processes=None)).split())
    assert "the launcher decides" in launcher


def test_what_is_unknown_is_said(tmp_path: Path) -> None:
    what = foreseen(tmp_path, 1)
    unknown = {path: Cost(None, None, "none") for path in what.left.costs}
    shown = text_of(replace(what, left=replace(what.left, costs=unknown)))

    assert "time: no basis" in shown
    assert "disk: no basis" in shown
    assert "?" in shown


def test_every_look_has_its_line(tmp_path: Path) -> None:
    shown = " ".join(text_of(foreseen(tmp_path, 2, (1, 2))).split())

    assert "look 1: 1 seeds, 5 runs in all, 5 to train" in shown
    assert "look 2: 2 seeds, 10 runs in all, 10 to train" in shown


def test_it_fits_a_narrow_terminal(tmp_path: Path) -> None:
    assert max(map(len, text_of(foreseen(tmp_path, 12)).splitlines())) <= 80
