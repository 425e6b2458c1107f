import io
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tlrun.report.closing import closing, deliver_command, how_far
from tlrun.report.study.build import build_report
from tlrun.store.studydir import StudyPlan
from tlrun.sweeps.stopped import Progress

from made_runs import put_arm, put_study
from made_studies import planned


def closed(path: Path, *studies: StudyPlan) -> str:
    console = Console(file=io.StringIO(), width=200, markup=False)
    console.print(closing(path, studies, console))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_a_sweep_ends_with_the_verdict_of_its_own_study_and_a_page_of_it(tmp_path: Path) -> None:
    put_study(tmp_path)
    put_arm(tmp_path, "fused", 0.9)
    mine = planned(tmp_path, {"parameter_transfer": ["parameter_transfer λ=1"]})
    planned(tmp_path, {"fused": ["fused"]})
    shown = closed(tmp_path, mine)
    page = (tmp_path / ".studies" / f"{mine.id}.html").read_text()
    (study,) = build_report([tmp_path], [mine.id]).studies

    assert study.verdict in " ".join(shown.split())
    assert "Parameter transfer" not in study.verdict
    assert "parameter transfer (λ=1) helps" in page
    assert "Fused" not in shown
    assert str(tmp_path / ".studies" / f"{mine.id}.html") in shown.replace("\n", "")


def test_several_studies_have_one_page(tmp_path: Path) -> None:
    put_study(tmp_path)
    one = planned(tmp_path, {"parameter_transfer": ["parameter_transfer λ=1"]})
    other = planned(tmp_path, {"feature_transfer": ["feature_transfer λ=1"]})
    shown = closed(tmp_path, one, other)

    assert shown.count("Does transferring help") == 2
    assert [path.name for path in (tmp_path / ".studies").glob("*.html")] == [f"{one.id}.html"]


def test_a_page_that_cannot_be_written_takes_no_answer_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    put_study(tmp_path)
    mine = planned(tmp_path, {"parameter_transfer": ["parameter_transfer λ=1"]})
    monkeypatch.setattr("tlrun.report.closing.write_whole", full)
    shown = " ".join(closed(tmp_path, mine).split())

    assert "parameter transfer (λ=1) helps" in shown
    assert "No page: " in shown
    assert "No space left on device" in shown


@pytest.mark.parametrize(
    ("whole", "said"),
    [
        ((0, 1, 2, 3), "24 of 60 runs are finished: seeds 0-3 of 10 are whole."),
        ((3,), "24 of 60 runs are finished: seed 3 of 10 is whole."),
        ((), "24 of 60 runs are finished: no seed is whole."),
    ],
)
def test_of_a_stopped_sweep_the_seeds_are_told_that_are_whole(
    whole: tuple[int, ...], said: str
) -> None:
    assert how_far(Progress(24, 60, tuple(range(10)), whole, ())) == said


def test_the_command_that_takes_the_winner_home_finds_its_study(tmp_path: Path) -> None:
    put_study(tmp_path)
    mine = planned(tmp_path, {"parameter_transfer": ["parameter_transfer λ=1"]})
    folds = replace(mine, command=f"{mine.command} dataset.test_folds=5")

    said = closed(tmp_path, mine)

    words = shlex.split(said[said.index("tl-run deliver") :].splitlines()[0])
    assert words == ["tl-run", "deliver", mine.id, "--runs-dir", str(tmp_path)]
    assert deliver_command(Path("runs"), [mine]) == f"tl-run deliver {mine.id}"
    assert "tl-run deliver" not in closed(tmp_path, folds)


def test_in_short_the_way_to_the_rest_is_told(tmp_path: Path) -> None:
    put_study(tmp_path)
    mine = planned(tmp_path, {"parameter_transfer": ["parameter_transfer λ=1"]})
    console = Console(file=io.StringIO(), width=200, markup=False)
    console.print(closing(tmp_path, [mine], console, wide=True))
    whole = console.file.getvalue()  # type: ignore[attr-defined]

    assert "the rest here: tl-run report --wide" in closed(tmp_path, mine)
    assert "--wide" not in whole
    assert "labels: " in whole
    assert "labels: " not in closed(tmp_path, mine)
