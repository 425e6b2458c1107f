"""tl-run export: which runs, into which files, and what is left alone."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tlrun.api.run import RunResult, run
from tlrun.cli.export import FORMATS, USAGE, export
from tlrun.core.errors import UserError

from problems import TINY


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return run(*TINY, "strategy=parameter_transfer", runs_dir=tmp_path_factory.mktemp("runs"))


@pytest.fixture
def asked(done: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`tl-run export` in a folder of its own, of the runs of `done`."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: export([*words, "--runs-dir", str(done.run.path.parents[2])])


def runs_in(path: Path) -> set[str]:
    with open(path, encoding="utf-8", newline="") as file:
        return {row["run"] for row in csv.DictReader(file)}


def test_usage_fits_a_terminal_and_has_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert export(["--help"]) == 0

    assert capsys.readouterr().out == f"{USAGE}\n"
    assert max(map(len, USAGE.splitlines())) <= 80
    assert all(f"  {name} " in USAGE for name in FORMATS)


def test_all_runs_go_into_one_file_or_a_file_each(
    asked: Callable[..., int], done: RunResult, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {outcome.path.name for outcome in done.runs}
    assert asked("--csv", "one.csv", "--json=each", "--tensorboard", "boards") == 0

    assert runs_in(Path("one.csv")) == names
    assert {path.stem for path in Path("each").rglob("*.json")} == names
    assert {path.parent.name for path in Path("boards").rglob("*tfevents*")} == names
    lines = capsys.readouterr().out.splitlines()
    assert [line.endswith(f"{len(names)} files: each") for line in lines] == [False, True, False]
    assert lines[2].endswith("tensorboard --logdir boards")
    for outcome in done.runs:
        below = "/".join(outcome.path.parts[-3:])
        document = json.loads(Path("each", f"{below}.json").read_text(encoding="utf-8"))
        assert document["runs"][0]["headline"] == outcome.result["headline"]
        assert document["runs"][0]["config"]["seed"] == 0
        assert list(Path("boards", below).iterdir())


def test_runs_are_chosen_as_ls_and_show_choose_them(
    asked: Callable[..., int], done: RunResult
) -> None:
    this, scratch = done.run, done.controls["scratch"]
    for words, expected in (
        ([this.path.name], {this.path.name}),
        ([str(this.path), scratch.path.name[-12:]], {this.path.name, scratch.path.name}),
        (["strategy=parameter_transfer"], {this.path.name}),
        (["λ=1", "strategy=parameter_transfer"], {this.path.name}),
    ):
        assert asked("--csv", "few.csv", *words) == 0
        assert runs_in(Path("few.csv")) == expected, words


def test_where_no_run_fits_it_says_so_and_writes_nothing(
    asked: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked("--csv", "none.csv", "seed=7") == 0

    assert capsys.readouterr().out.startswith("no finished run with seed=7 in ")
    assert not Path("none.csv").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "export: expected one of --tensorboard, --csv, --json, --onnx, found none;"),
        (["--csv"], "--csv: expected a folder or file after it, found nothing"),
        (["--csv", "--json", "x"], "--csv: expected a folder or file after it, found nothing"),
        (["--cvs", "x"], "export: expected a format, found --cvs; did you mean --csv?"),
        (["--csv", "x", "stratgy=joint"], "found stratgy; did you mean strategy?"),
        (["--csv", "x", "nothing_like_it"], "expected a run, found none with nothing_like_it"),
    ],
)
def test_a_slip_is_told_in_a_line_and_nothing_is_written(
    asked: Callable[..., int], words: list[str], told: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as error:
        asked(*words)

    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FORMATS)
def test_what_it_has_not_made_is_not_written_over(
    asked: Callable[..., int], done: RunResult, name: str
) -> None:
    below = done.run.path.name
    assert asked(name, "place", below) == 0
    (made,) = (path for path in Path("place").rglob("*") if path.is_file())
    first = made.read_bytes()
    made.write_bytes(b"mine")

    with pytest.raises(UserError, match=f"{name}: expected a new place, found place/.* not made"):
        asked(name, "place", below)
    assert made.read_bytes() == b"mine"
    made.write_bytes(first + b"\n")  # an older export of ours
    assert asked(name, "place", below) == 0
    assert made.read_bytes() == first


def test_a_place_that_cannot_be_written_is_a_line(asked: Callable[..., int]) -> None:
    Path("file").write_text("")

    with pytest.raises(UserError, match="--json: expected a place that can be written, found "):
        asked("--json", "file/below")


def test_a_damaged_run_is_left_out_and_told_of_and_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run(*TINY, "strategy=parameter_transfer", runs_dir=tmp_path / "runs")
    spoilt = done.run.path
    (spoilt / "result.json").write_text("{", encoding="utf-8")
    assert export(["--csv", str(tmp_path / "a.csv"), "--runs-dir", str(tmp_path / "runs")]) == 0

    assert f"{spoilt}: left out" in capsys.readouterr().err
    assert runs_in(tmp_path / "a.csv") == {other.path.name for other in done.controls.values()}
    with pytest.raises(UserError, match="expected a finished run, found damaged"):
        export(["--csv", str(tmp_path / "b.csv"), str(spoilt)])


@pytest.mark.parametrize("name", ["metrics.jsonl", "config.yaml"])
def test_a_file_of_another_run_is_not_given_for_its_own(
    done: RunResult, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = shutil.copytree(done.run.path.parents[2], tmp_path / "runs")
    spoilt = home.joinpath(*done.run.path.parts[-3:])
    shutil.copy(done.controls["scratch"].path / name, spoilt / name)
    for words in ([], ["strategy=parameter_transfer"]):
        assert export(["--csv", str(tmp_path / "a.csv"), *words, "--runs-dir", str(home)]) == 0
        told = capsys.readouterr().err
        assert f"{spoilt}: left out: {name} is damaged" in told
        assert told.endswith("the same command makes it again\n")
    assert spoilt.name not in runs_in(tmp_path / "a.csv")
    with pytest.raises(UserError, match="expected a finished run, found damaged"):
        export(["--csv", str(tmp_path / "b.csv"), str(spoilt)])


@pytest.mark.parametrize("line", ["{", "[]", '{"stage": "s", "step": 1, "lam": 1e999}'])
def test_a_bad_line_leaves_out_its_run_alone(
    done: RunResult, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = shutil.copytree(done.run.path.parents[2], tmp_path / "runs")
    spoilt = home.joinpath(*done.run.path.parts[-3:])
    record = json.loads((spoilt / "run.json").read_text())
    for key in ("own digest", "run", "digests", "large"):  # as of an older tl-run
        del record[key]
    (spoilt / "run.json").write_text(json.dumps(record))
    with open(spoilt / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    assert export(["--csv", str(tmp_path / "a.csv"), "--runs-dir", str(home)]) == 0

    told = capsys.readouterr().err
    assert f"{spoilt}: left out: " in told
    assert told.endswith("; the same command makes it again\n")
    assert runs_in(tmp_path / "a.csv") == {other.path.name for other in done.controls.values()}
    with pytest.raises(UserError, match=r"a run that can be read, found .* makes it again"):
        export(["--csv", str(tmp_path / "b.csv"), str(spoilt)])
