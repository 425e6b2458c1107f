import csv
import io

import numpy as np
import pytest

from tlrun.core.task import Task
from tlrun.inference.predictor import Answers
from tlrun.report.export.answers import OURS, as_csv, as_lines, head_of

KINDS = Answers(Task("kind", "multiclass", ("=1+1", "-1", "a,b")), np.eye(3)[[0, 1, 2, 2]])
SIZES = Answers(Task("size", "regression"), np.array([0.1, -2.0, 1e300, 1 / 3]))


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode())))


def test_no_name_is_a_formula_and_a_number_stays_one() -> None:
    head, *body = rows(as_csv({"kind": KINDS}))

    assert head == ["row", "prediction", "p(=1+1)", "p(-1)", "p(a,b)"]
    assert [row[1] for row in body] == ["'=1+1", "-1", "a,b", "a,b"]
    assert body[0] == ["1", "'=1+1", "1.0", "0.0", "0.0"]


def test_numbers_have_every_digit() -> None:
    head, *body = rows(as_csv({"size": SIZES}))
    assert head == ["row", "prediction"]
    assert [float(row[1]) for row in body] == SIZES.values.tolist()


def test_several_tasks_stand_side_by_side_and_files_are_named() -> None:
    head, first, *_ = rows(as_csv({"kind": KINDS, "size": SIZES}, ("@a.png", "b", "c", "d")))
    assert head[:3] == ["row", "file", "kind: prediction"]
    assert head[-1] == "size: prediction"
    assert (first[1], first[-1]) == ("'@a.png", "0.1")


@pytest.mark.parametrize("files", [(), ("a", "b", "c", "d")])
def test_a_file_of_ours_is_known_by_its_first_line(files: tuple[str, ...]) -> None:
    for answers in ({"kind": KINDS}, {"size": SIZES}, {"kind": KINDS, "size": SIZES}):
        first = as_csv(answers, files).decode().splitlines()[0]
        assert OURS.match(first)
    for other in ("row,value", "id,prediction", "rows,prediction", "row,predictions", ""):
        assert not OURS.match(other)


def test_a_terminal_sees_short_columns() -> None:
    long = Answers(Task("t", "multiclass", ("x" * 99, "\x1b[2J")), np.array([[0.25, 0.75]] * 3))
    lines = list(as_lines({"t": long}, (), 2))
    assert len(lines) == 3
    assert len(set(map(len, lines))) == 1
    assert all(line.isprintable() for line in lines)
    assert lines[1].split()[-2:] == ["0.25", "0.75"]
    assert head_of({"t": long}, files=False)[1] == "prediction"
    many = Answers(Task("t", "multiclass", tuple("abcdefgh")), np.eye(8)[[3, 7]] * 0.5)
    head, first, second = (line.split() for line in as_lines({"t": many}, (), 10))
    assert head == ["row", "prediction", "p(prediction)"]
    assert (first, second) == (["1", "d", "0.5"], ["2", "h", "0.5"])
