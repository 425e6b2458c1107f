import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from tlrun.core.errors import UserError
from tlrun.core.task import TaskKey
from tlrun.strategies.terms import task_graph
from tlrun.strategies.terms.task_graph import Table, adjacency, connected, read_graph

NAMES = {TaskKey("d", name): name for name in ("odd", "prime", "big")}
# a task's tie to itself counts nothing
NUMBERS: Table = ((5.0, 1.0, 0.5), (1.0, 0.0, 2.0), (0.5, 2.0, 0.0))
A = [[0.0, 1.0, 0.5], [1.0, 0.0, 2.0], [0.5, 2.0, 0.0]]


@st.composite
def graphs(draw: st.DrawFn) -> list[list[float]]:
    """Symmetric, with many zeros."""
    n = draw(st.integers(1, 7))
    weights = st.one_of(st.just(0.0), st.just(0.0), st.floats(1e-6, 1e6))
    upper = np.triu(
        np.array(draw(st.lists(weights, min_size=n * n, max_size=n * n))).reshape(n, n), 1
    )
    found: list[list[float]] = (upper + upper.T).tolist()
    return found


@given(graphs())
def test_connected_is_one_component(graph: list[list[float]]) -> None:
    assert connected(graph) == (connected_components(np.array(graph), directed=False)[0] == 1)


@given(graphs(), st.randoms(use_true_random=False), st.booleans())
def test_a_named_table_may_stand_in_any_order(
    graph: list[list[float]], random: object, whole: bool
) -> None:
    """By short names or by whole ones; the tasks' own order comes out."""
    names = {TaskKey("d", f"t{k}"): f"t{k}" for k in range(len(graph))}
    order = list(range(len(graph)))
    random.shuffle(order)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    label = list(map(str, names)) if whole else list(names.values())
    rows: list[tuple[float | str, ...]] = [("", *(label[k] for k in order))]
    rows += [(label[s], *(graph[s][t] for t in order)) for s in order]

    assert adjacency(tuple(rows), names) == graph
    assert adjacency(tuple(map(tuple, graph)), names) == graph


def test_a_table_of_numbers_is_in_the_order_of_the_tasks() -> None:
    assert adjacency(NUMBERS, NAMES) == A


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (
            ((0.0, 1.0), (1.0, 0.0)),
            "expected 3 rows of 3 numbers (odd, prime, big), found 2 rows of 2",
        ),
        (((0.0,), (1.0,), (2.0,)), "found 3 rows of 1"),
        (((0.0, 1.0, 2.0), (1.0, 0.0), (2.0, 0.0, 0.0)), "found 3 rows of 2 to 3"),
        ((), "found 0 rows of no"),
        (
            ((0.0, 1.0, 2.0), (1.5, 0.0, 0.0), (2.0, 0.0, 0.0)),
            "found 1.5 from prime to odd and 1 back",
        ),
        (
            ((0.0, -1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
            "expected numbers of 0 or more, found -1.0",
        ),
        (
            ((0.0, float("nan"), 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
            "expected numbers of 0 or more, found nan",
        ),
        (
            ((0.0, float("inf"), 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
            "expected numbers of 0 or more, found inf",
        ),
        (
            ((0.0, "x", 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
            "expected numbers of 0 or more, found 'x'",
        ),
        (
            (
                ("", "odd", "prime", "big"),
                ("odd", 0.0, 1.0, 0.0),
                ("big", 0.0, 0.0, 0.0),
                ("prime", 1.0, 0.0, 0.0),
            ),
            "expected the same names above and before",
        ),
        (
            (
                ("", "odd", "prime", "bog"),
                ("odd", 0.0, 0.0, 0.0),
                ("prime", 0.0, 0.0, 0.0),
                ("bog", 0.0, 0.0, 0.0),
            ),
            "expected the task big, found none of that name; did you mean bog?",
        ),
        (
            (
                ("", "odd", "prime", "big"),
                ("odd", 0.0, 1.0),
                ("prime", 1.0, 0.0),
                ("big", 0.0, 0.0),
            ),
            "expected 3 rows of 3 numbers (odd, prime, big), found 3 rows of 2",
        ),
    ],
)
def test_a_table_that_is_not_one_of_these_tasks_is_refused(table: Table, told: str) -> None:
    with pytest.raises(UserError) as error:
        adjacency(table, NAMES)
    assert str(error.value).startswith("strategy.graph: expected")
    assert told in str(error.value)


def test_one_way_ties_are_sent_where_they_belong() -> None:
    with pytest.raises(UserError, match="what one task teaches another is strategy=task_transfer"):
        adjacency(((0.0, 1.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)), NAMES)


def written(folder: Path, text: str, encoding: str = "utf-8") -> str:
    (folder / "tasks.csv").write_text(text, encoding=encoding)
    return str(folder / "tasks.csv")


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("text", ["{0}A{0}B\nA{0}0{0}1\nB{0}1{0}0\n", "0{0}1\n1{0}0\n"])
def test_a_file_with_another_separator_says_so(tmp_path: Path, separator: str, text: str) -> None:
    with pytest.raises(UserError, match=r"strategy.graph: expected commas between the cells of"):
        read_graph(written(tmp_path, text.format(separator)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(graph=graphs())
def test_a_file_comes_back_as_it_was_written(tmp_path: Path, graph: list[list[float]]) -> None:
    text = "".join(",".join(map(repr, row)) + "\n" for row in graph)
    assert read_graph(written(tmp_path, text)) == tuple(map(tuple, graph))


# the latter is what a spreadsheet writes
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_file_may_have_names_spaces_and_empty_lines(
    tmp_path: Path, encoding: str, end: str
) -> None:
    lines = ["", ",odd , prime,big", "odd,5, 1 ,0.5", "", "prime,1,0,2", '"big",5e-1,"2",0', ""]
    assert adjacency(read_graph(written(tmp_path, end.join(lines), encoding)), NAMES) == A


def test_names_may_be_numbers(tmp_path: Path) -> None:
    table = read_graph(written(tmp_path, "year,2021,1999\n2021,0,3\n1999,3,0\n"))
    names = {TaskKey(year, "y"): year for year in ("1999", "2021")}
    assert adjacency(table, names) == [[0.0, 3.0], [3.0, 0.0]]


def test_a_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    written(tmp_path, "0,1\n1,0\n")
    assert read_graph("~/tasks.csv") == ((0.0, 1.0), (1.0, 0.0))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (str(tmp_path / "none.csv"), str(tmp_path)):
        with pytest.raises(
            UserError, match=r"strategy\.graph: expected a CSV file \(UTF-8\), found "
        ) as error:
            read_graph(path)
        assert path in str(error.value)
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe,\x80")
    with pytest.raises(UserError, match=r"bytes\.csv"):
        read_graph(str(tmp_path / "bytes.csv"))
    with pytest.raises(UserError, match="expected a table of tasks, found nothing in"):
        read_graph(written(tmp_path, "\n\n"))


def test_a_file_is_read_again_when_and_only_when_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "graph.csv"
    file.write_text("0,1\n1,0\n")
    read: list[Path] = []
    inner = task_graph._read

    def counted(path: Path) -> Table:
        read.append(path)
        return inner(path)

    monkeypatch.setattr(task_graph, "_read", counted)
    assert [read_graph(str(file)) for _ in range(3)] == [((0.0, 1.0), (1.0, 0.0))] * 3
    assert len(read) == 1

    file.write_text("0,2\n2,0\n")  # as many bytes
    os.utime(file, ns=(1, 1))
    assert read_graph(str(file)) == ((0.0, 2.0), (2.0, 0.0))

    file.write_text("0,2.5\n2.5,0\n")
    os.utime(file, ns=(1, 1))
    assert read_graph(str(file)) == ((0.0, 2.5), (2.5, 0.0))

    file.unlink()
    with pytest.raises(UserError, match="expected a CSV file"):
        read_graph(str(file))
