"""Any path that the system takes: what is asked for there is done there, and found again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from strangers.told import assert_refused, told

from problems import TINY

FOLDERS = [
    "a b [c]{d}(e) über/中文 🙂",
    "$HOME ${x} ${oc.env:HOME} 'a'\"b\"`c`",
    "-a=b,c:d;e&f|g",
    "~",
    "a\tb\nc %s{0}\\n#c *? [red]d[/red]\\",
    "x" * 255,
    "y" * 199 + "ü" * 28,
]
REFUSED = {"${": "runs_dir: expected a value or one reference", "\t": "where a space was meant"}
TABLE = ["dataset=table_csv", "dataset.task=where", "dataset.predict=y", "dataset.duplicates=keep"]
ASKED = [*TABLE, "strategy=shared_parameters", "controls=false", *TINY]


def table(folder: Path) -> None:
    """A table of three tasks, in a folder that is made."""
    folder.mkdir(parents=True)
    rows = [f"{k * 7 % 31},abc,{'abc'[k % 3]},{'no' if k % 2 else 'yes'}" for k in range(120)]
    (folder / "t.csv").write_text("\n".join(["x,z,where,y", *rows]) + "\n", encoding="utf-8")


@pytest.fixture(
    params=[FOLDERS[0], *(pytest.param(each, marks=pytest.mark.slow) for each in FOLDERS[1:])],
    ids=range(len(FOLDERS)),
)
def odd(request: pytest.FixtureRequest, here: Path) -> Path:
    """A folder that is oddly called; it is the working directory."""
    folder: Path = here / request.param
    table(folder / "in")
    os.chdir(folder)  # `here` goes back at the end
    return folder


def test_in_any_folder_all_is_made_and_found_again(
    odd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [*ASKED, "dataset.path=in/t.csv"]
    for words in (asked, [*asked, "-m", "seed=0,1"], asked):
        code, text = told(words, capsys)

        assert code == 0, text
    assert "found" in text
    run = min(Path("runs").rglob("run.json")).parent
    for command in (
        ["ls"], ["show", str(run)], ["report", "--html", "r.html", "--csv", "r.csv"],
        ["export", "--csv", "e.csv", "--json", "e.json"], ["doctor", "--verify"], ["clean"],
        ["predict", str(run), "in/t.csv", "-o", "out.csv"],
    ):  # fmt: skip
        code, text = told(command, capsys)

        assert code == 0, (command, text)
    made = {"in", "runs", "r.html", "r.csv", "e.csv", "e.json", "out.csv"}
    assert {path.name for path in Path().iterdir()} == made


def test_any_folder_can_be_named_whole(
    odd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """runs_dir and a data file somewhere else, as shells and Hydra have a word quoted."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    words = {"runs_dir": odd / "runs", "dataset.path": odd / "in" / "t.csv"}
    quoted = [f"{key}={quote(str(path))}" for key, path in words.items()]
    code, text = told([*ASKED, *quoted], capsys)

    if refusal := next((why for part, why in REFUSED.items() if part in str(odd)), None):
        assert_refused(code, text, refusal)  # what a command line cannot be asked for
        return
    assert code == 0, text
    assert list(Path().iterdir()) == []
    assert len(list((odd / "runs").rglob("run.json"))) == 1
    for command in ("ls", "doctor"):
        code, text = told([command, f"--runs-dir={odd / 'runs'}"], capsys)

        assert code == 0, text
        assert "1 " in text


def quote(text: str) -> str:
    r"""As Hydra's grammar reads it back: ' is \', and of \ before it there are two."""
    parts = text.split("'")
    closed = [part + "\\" * (len(part) - len(part.rstrip("\\"))) for part in parts]
    return "'" + "\\'".join(closed) + "'"
