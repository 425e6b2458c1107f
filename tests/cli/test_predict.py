"""tl-run predict: answers as a file and on the screen, and mistakes in one line."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from answering import cells, columns_of, csv_of, on_table, without

import tlrun
from tlrun.cli.main import run
from tlrun.cli.predict import USAGE
from tlrun.core.errors import UserError

from problems import sign

ROWS = cells()


@pytest.fixture(scope="module")
def ill(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return on_table(tmp_path_factory.mktemp("ill"))


@pytest.fixture
def new(tmp_path: Path) -> Path:
    (tmp_path / "new.csv").write_text(csv_of(ROWS[4:16]))
    return tmp_path / "new.csv"


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_all_answers_are_written(
    ill: Path, new: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.csv"
    assert run(["predict", str(ill), str(new), "-o", str(out)]) == 0
    said = capsys.readouterr().out.splitlines()
    rows = read(out)
    p = tlrun.load(ill).predict_proba(without(columns_of(ROWS[4:16]), "ill", "site"))

    assert said[0].endswith("out.csv")
    assert said[1].startswith("ill: 12 rows: ")
    assert "note: columns that are not used: site, ill" in said
    assert [row["row"] for row in rows] == [str(k) for k in range(1, 13)]
    written = [[float(row["p(no)"]), float(row["p(yes)"])] for row in rows]
    assert np.array_equal(written, p)
    assert [row["prediction"] for row in rows] == [("no", "yes")[k] for k in p.argmax(axis=1)]
    assert run(["predict", str(ill), str(new), f"--out={out}"]) == 0  # it is ours


def test_the_first_are_printed_where_no_file_is_named(
    ill: Path, new: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", str(ill), str(new)]) == 0
    said = capsys.readouterr().out
    assert "row  prediction" in said
    assert said.splitlines()[-3].split()[0] == "10"
    assert said.endswith("2 rows more; -o FILE.csv writes all\n")


def test_a_file_that_is_not_ours_is_not_written_over(ill: Path, new: Path, tmp_path: Path) -> None:
    before = new.read_bytes()
    for place, what in (
        (new, "which tl-run predict has not made"),
        (tmp_path, "found the folder"),
        (tmp_path / "no" / "out.csv", "found no folder"),
    ):
        with pytest.raises(UserError, match=what):
            run(["predict", str(ill), str(new), "-o", str(place)])
    assert new.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], "predict: expected a run and new rows, found 0 words"),
        (["RUN", "NEW", "more"], "found 3 words"),
        (["RUN", "NEW", "--file", "x"], "of -o, --out, --domain, --task, found --file"),
        (["RUN", "NEW", "-o"], "-o: expected a value after it, found nothing"),
        (["RUN", "NEW", "--task", "sick"], "task: sick is none"),
        (["RUN", "NEW", "--domain", "x"], "domain: x is none"),
        (["RUN", "nowhere.csv"], "new rows: expected a CSV file, found nothing at"),
        (["nothing", "NEW"], "predict: expected a run, found none with nothing in its name"),
    ],
)
def test_a_mistake_is_one_line(
    words: list[str], found: str, ill: Path, new: Path, tmp_path: Path
) -> None:
    meant = {"RUN": str(ill), "NEW": str(new)}
    words = [*(meant.get(word, word) for word in words), f"--runs-dir={tmp_path}"]
    with pytest.raises(UserError) as raised:
        run(["predict", *words])
    (line,) = raised.value.lines
    assert found in line


def test_a_run_is_found_by_a_part_of_its_name(
    ill: Path, new: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs_dir = ill.parents[2]
    assert run(["predict", ill.name[-12:], str(new), "--runs-dir", str(runs_dir)]) == 0
    assert "ill: 12 rows" in capsys.readouterr().out


def test_numbers_are_in_their_unit(
    tmp_path: Path, new: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = on_table(tmp_path / "w", predict="weight")
    out = tmp_path / "out.csv"
    assert run(["predict", str(folder), str(new), "-o", str(out), "--task", "weight"]) == 0
    assert " to " in capsys.readouterr().out.splitlines()[1]
    answers = [float(row["prediction"]) for row in read(out)]
    new_rows = without(columns_of(ROWS[4:16]), "weight", "site")
    assert np.array_equal(answers, tlrun.load(folder).predict(new_rows))
    assert list(read(out)[0]) == ["row", "prediction"]


def test_help_fits_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", "--help"]) == 0
    assert capsys.readouterr().out == f"{USAGE}\n"
    assert max(map(len, USAGE.splitlines())) <= 80


def test_a_run_that_has_diverged_is_told_once(
    ill: Path, new: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(ill, tmp_path / ill.name))
    sign(folder, diverged={"task": "table/ill", "loss": 3e30, "constant": 0.7})
    assert run(["predict", str(folder), str(new)]) == 0

    said = capsys.readouterr().out
    assert said.count("has diverged: test loss 3e+30 of table/ill") == 1
