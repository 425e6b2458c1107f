"""Rows of a table in a graph are read as a file of them is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from answering import trained
from graphs import column, graph

pytest.importorskip("onnx")


def run_on(place: Path, text: str, **options: object) -> Path:
    file = place / "t.csv"
    file.write_text(text, encoding="utf-8")
    given = {"name": "table_csv", "path": str(file), "predict": "y", "val_share": 0.2, **options}
    return trained(place, given, strategy={"name": "single_task"})


def rows(size: str = "{}", names: str = "size,shape,y", shape: str = "{}") -> str:
    rng = np.random.default_rng(0)
    lines = [names]
    for k in range(60):
        cell = size.format(f"{rng.normal(3, 1):.2f}")
        lines.append(f"{cell},{shape.format('ab'[k % 2])},{'no' if rng.random() < 0.5 else 'yes'}")
    return "\n".join(lines) + "\n"


def test_what_was_never_learnt_from_is_told_and_counts_as_none(tmp_path: Path) -> None:
    made = graph(run_on(tmp_path, rows()))

    said = made.ask({"size": column(*[3.0] * 5), "shape": column("a", "b", "c", "", " a")})

    assert said["unseen"].tolist() == [[False], [False], [True], [True], [True]]
    with pytest.warns(UserWarning, match="never learnt from"):
        wanted = made.predictor.predict_proba({"size": [3.0] * 3, "shape": ["a", "b", "c"]})
    np.testing.assert_allclose(said["probabilities"][:3], wanted, atol=1e-6)


def test_a_missing_category_is_one_where_it_was_learnt_from(tmp_path: Path) -> None:
    text = rows().replace(",a,no", ",NA,no")
    made = graph(run_on(tmp_path, text, missing=["NA"]))

    said = made.ask({"size": column(3.0, 3.0, 3.0), "shape": column("", "NA", "na")})

    assert not said["unseen"].any()
    assert (said["probabilities"] == said["probabilities"][0]).all()


@pytest.mark.parametrize("word", ["-999", "-99.9", "99999999"])
def test_a_number_that_stands_for_a_missing_one_does(word: str, tmp_path: Path) -> None:
    """Those too that float32 does not hold."""
    made = graph(run_on(tmp_path, f"{rows()}{word},a,yes\n", missing=[word]))

    said = made.ask({"size": column(np.nan, float(word)), "shape": column("a", "a")})

    assert said["probabilities"][0].tolist() == said["probabilities"][1].tolist()
    assert made.parity.difference < 1e-6


def test_a_number_that_stands_for_a_missing_category_does(tmp_path: Path) -> None:
    text = rows().replace(",a,no", ",-999,no")
    made = graph(run_on(tmp_path, text, missing=["-999"]))

    said = made.ask({"size": column(3.0, 3.0), "shape": column("-999", "-999.0")})

    assert not said["unseen"].any()


def test_a_column_that_was_constant_changes_nothing(tmp_path: Path) -> None:
    lines = rows().splitlines()
    more = [lines[0] + ",same", *(f"{line},4" for line in lines[1:])]
    made = graph(run_on(tmp_path, "\n".join(more) + "\n"))

    given = {"size": column(3.0, 3.0), "shape": column("a", "a"), "same": column(4.0, 1e6)}
    said = made.ask(given)

    assert said["probabilities"][0].tolist() == said["probabilities"][1].tolist()
    assert made.parity.difference < 1e-6


def test_numbers_alone_have_nothing_unseen(tmp_path: Path) -> None:
    made = graph(run_on(tmp_path, rows(), ignore=["shape"]))

    assert [port.name for port in made.inputs.ports] == ["size"]
    assert [port.name for port in made.outputs.ports] == ["prediction", "probabilities"]
    assert made.parity.difference < 1e-6


def test_categories_alone(tmp_path: Path) -> None:
    made = graph(run_on(tmp_path, rows(), ignore=["size"]))

    assert [port.type for port in made.inputs.ports] == ["string"]
    assert made.parity.difference < 1e-6


@pytest.mark.parametrize("name", ["prediction", "unseen"])
def test_a_column_with_the_name_of_an_output(name: str, tmp_path: Path) -> None:
    made = graph(run_on(tmp_path, rows(names=f"{name},shape,y")))

    names = [port.name for port in made.outputs.ports]
    assert names == ["answer/prediction", "answer/probabilities", "answer/unseen"]
    assert made.parity.difference < 1e-6


def test_columns_that_take_the_other_names_too(tmp_path: Path) -> None:
    made = graph(run_on(tmp_path, rows(names="prediction,answer/unseen,y")))

    assert made.outputs.before == "answer/answer/"
    assert made.parity.difference < 1e-6


def test_names_of_a_stranger_are_names(tmp_path: Path) -> None:
    made = graph(run_on(tmp_path, rows(names='"a/b ""c"" 中",answer 0,y', shape="{} é")))

    assert [port.name for port in made.inputs.ports] == ['a/b "c" 中', "answer 0"]
    assert made.parity.difference < 1e-6
