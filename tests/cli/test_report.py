import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tlrun.cli.report import FORMATS, report
from tlrun.core.errors import UserError
from tlrun.report.study.build import build_report

from made_reports import axis_report, hostile_report, sentences_of
from made_runs import put_study


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    put_study(tmp_path / "runs")
    return tmp_path / "runs"


def values(node: Any) -> Iterator[Any]:
    """Every value of JSON, all the way down."""
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    yield node
    for child in children:
        yield from values(child)


def refuse(constant: str) -> None:
    raise ValueError(constant)


@pytest.mark.parametrize("make", [axis_report, hostile_report])
def test_json_is_strict_and_has_the_sentences_of_the_report(
    make: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = make(tmp_path)
    assert report(["--json", "-", str(tmp_path)]) == 0
    content = json.loads(capsys.readouterr().out, parse_constant=refuse)

    texts = {value for value in values(content) if isinstance(value, str)}
    assert set(sentences_of(found)) <= texts
    assert content["runs"] == found.runs
    for study, said in zip(found.studies, content["studies"], strict=True):
        assert [arm["word"] for arm in said["arms"]] == [arm.word for arm in study.arms]


def test_a_terminal_has_the_verdict_and_the_way_to_a_page(
    runs_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(["--runs-dir", str(runs_dir)]) == 0
    text = capsys.readouterr().out

    assert "Yes: parameter transfer (λ=1) helps" in text
    assert "tl-run report --html report.html" in text


def test_files_hold_what_standard_output_would(
    runs_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("csv", "markdown"):
        file = tmp_path / f"out.{name}"
        assert report([str(runs_dir), f"--{name}={file}"]) == 0
        assert capsys.readouterr().out == f"{name}: {file}\n"
        report([str(runs_dir), f"--{name}", "-"])
        assert file.read_text(encoding="utf-8") == capsys.readouterr().out


def test_several_formats_go_to_several_files(runs_dir: Path, tmp_path: Path) -> None:
    asked = ["--csv", str(tmp_path / "a"), "--json", str(tmp_path / "b")]

    assert report([*asked, str(runs_dir)]) == 0
    assert (tmp_path / "a").read_text().startswith("study,")
    assert json.loads((tmp_path / "b").read_text())["runs"] == 24


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--htlm", "x.html"], r"report: no flag --htlm; did you mean --html\?"),
        (["--html"], "--html: expected a file after it, or - for standard output, found nothing"),
        (["--csv="], "--csv: expected a file after it"),
        (["--csv", "--json", "a"], "--csv: expected a file after it"),
        (["--csv", "a", "--csv", "b"], "--csv: expected one file, found two"),
        (["--csv", "a", "--json", "a"], "a: expected a place for each format"),
        (["--csv", "a", "--json", "./x/../a"], "a: expected a place for each format"),
        (["--csv", "-", "--json", "-"], "-: expected a place for each format"),
        (["nowhere"], "report: expected a folder of runs, found none at nowhere"),
        (
            ["runs/made/scratch/scratch_seed=0/run.json"],
            "report: expected a folder of runs, found none at runs/",
        ),
        (["empty"], "report: expected a folder with runs, found none in empty"),
        (
            ["--json", "a", "--csv", "no/where"],
            "--csv: expected a file in a folder that is",
        ),
        (
            ["--json", "a", "--csv", "empty"],
            "--csv: expected a file to write to, found the folder empty",
        ),
        (["--runs-dir"], "--runs-dir: expected a folder after it, found nothing"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    runs_dir: Path, asked: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = runs_dir.parent
    (home / "empty").mkdir()
    (home / "x").mkdir()
    monkeypatch.chdir(home)
    before = sorted(home.rglob("*"))

    with pytest.raises(UserError, match=said) as error:
        report(asked)
    assert error.value.exit_code == 2
    assert len(error.value.lines) == 1
    assert sorted(home.rglob("*")) == before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_a_mistake(runs_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)

    with pytest.raises(UserError, match="a folder that cannot be written"):
        report(["--csv", str(tmp_path / "closed" / "a"), str(runs_dir)])


def test_a_disk_that_is_full_is_a_mistake(
    runs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tlrun.cli.new_file.write_whole", full)
    with pytest.raises(UserError, match=r"found .*a: No space left on device"):
        report(["--csv", str(tmp_path / "a"), str(runs_dir)])


def test_help_names_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(["--help"]) == 0
    text = capsys.readouterr().out

    assert all(name in text for name in FORMATS)


def test_no_torch_is_imported(runs_dir: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from tlrun.cli.report import report\n"
        f"report([{str(runs_dir)!r}])\n"
        f"report([{str(runs_dir)!r}, '--json', {str(tmp_path / 'a')!r}])\n"
        "sys.exit(', '.join({'torch', 'sklearn', 'pyarrow', 'hydra'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stderr == "\n"
    assert "Yes: parameter transfer" in done.stdout


def test_the_report_is_of_the_folders_that_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        put_study(tmp_path / name, seeds=1)
    report([str(tmp_path / "a"), str(tmp_path / "b"), "--json", "-"])
    content = json.loads(capsys.readouterr().out)

    assert len(content["studies"]) == len(build_report([tmp_path / "a"]).studies) * 2


def test_wide_has_what_the_short_form_leaves_to_it(
    runs_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = []
    for flags in ([], ["--wide"]):
        assert report(["--runs-dir", str(runs_dir), *flags]) == 0
        shown.append(capsys.readouterr().out)
    short, wide = shown

    assert "All that is known: tl-run report --wide" in short
    assert "HELPS: better than every control" not in short
    assert "HELPS: better than every control" in wide
    assert "Intervals are over" in wide
    assert len(wide) > len(short)


def test_a_file_has_all_and_is_not_asked_for_wide(runs_dir: Path) -> None:
    with pytest.raises(UserError, match="--wide: expected the terminal alone"):
        report(["--runs-dir", str(runs_dir), "--wide", "--json", "-"])
    with pytest.raises(UserError, match="did you mean --wide"):
        report(["--runs-dir", str(runs_dir), "--wid"])
