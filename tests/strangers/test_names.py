"""Names of others wherever they come out: no character takes over a terminal, a page or a sheet."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from strangers.told import told

from problems import TINY

RAW = "\x1b[31mred\x1b]0;owned\x07\u202e\x9b"
NAMES = [f"a{RAW}", f"[bold]b[/bold]{RAW}", f"=c|d`<script>{RAW}"]
ASKED = [
    "dataset=table_csv", "dataset.path=t.csv", "dataset.task=where", "dataset.predict=y",
    "dataset.duplicates=keep", "strategy=shared_parameters", *TINY,
]  # fmt: skip


@pytest.fixture
def study(here: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """A study in which every domain, class and file is so called, and all that it printed."""
    with open("t.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["x", "where", "y"])
        for k in range(120):
            writer.writerow([k * 7 % 31, NAMES[k % 3], f"{NAMES[k % 2]}class"])
    code, text = told(["-m", "seed=0,1", *ASKED], capsys)

    assert code == 0, text
    return text


def assert_clean(text: str) -> None:
    for line in text.splitlines():
        bad = {char for char in line if not char.isprintable()} - {"\t"}
        assert not bad, line


def test_no_name_reaches_a_terminal_as_it_is(
    here: Path, study: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "red" in study
    assert_clean(study)
    run = next(here.rglob("run.json")).parent
    (run / f"{RAW}.txt").write_text("a file")
    commands = (
        ["ls"], ["ls", "--all", "seed=0"], ["show", run.name[-12:]], ["report"], ["ls", "--sweeps"],
        ["report", "--wide"], ["ls", "--stages"], ["clean"], ["doctor"], ["--cfg=job", *ASKED],
        [*ASKED, "controls=false"], [*ASKED, "--dry-run", "seed=7"], [*ASKED, f"dataset.{RAW}=1"],
        ["show", RAW], ["ls", f"a={RAW}"], [RAW], [f"--{RAW}"], ["ls", f"--runs-dir={RAW}"],
    )  # fmt: skip
    for command in commands:
        _, text = told(command, capsys)

        assert text
        assert_clean(text)


def test_none_reaches_a_file_that_is_opened_elsewhere(
    here: Path, study: str, capsys: pytest.CaptureFixture[str]
) -> None:
    written = {"--html": "r.html", "--csv": "r.csv", "--markdown": "r.md"}
    for flag, name in written.items():
        code, text = told(["report", flag, name], capsys)

        assert code == 0, text
        assert_clean(Path(name).read_text(encoding="utf-8"))
    page = Path("r.html").read_text(encoding="utf-8")
    assert "<script>\x1b" not in page
    assert "&lt;script&gt;" in page or "red" not in page
    code, text = told(["export", "--csv", "c.csv", "--json", "c.json"], capsys)
    assert code == 0, text
    for name in ("c.csv", "r.csv"):
        with open(name, encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                assert not any(cell.startswith(("=", "@", "+")) for cell in row), row
    assert "\x1b" not in Path("c.json").read_text(encoding="utf-8")  # JSON escapes it
    json.loads(Path("c.json").read_text(encoding="utf-8"))


def test_none_leaves_with_what_is_delivered(
    here: Path, study: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = next(here.rglob("run.json")).parent
    rows = [line for k, line in enumerate(Path("t.csv").read_text().splitlines()) if k < 9]
    Path("new.csv").write_text("\n".join(rows) + "\n")
    code, text = told(["predict", run.name[-12:], "new.csv", "-o", "out.csv"], capsys)

    assert code == 0, text
    assert_clean(text)
