from pathlib import Path
from typing import Any

import pytest
from table_columns import found

from tlrun.core.errors import UserError
from tlrun.data.tables.column_roles import Columns


def named(columns: Columns) -> tuple[list[str], list[str], list[str]]:
    """Numbers, categories and tasks."""
    numbers, categories = (
        [column.name for column in part] for part in (columns.numbers, columns.categories)
    )
    return numbers, categories, [target.task.name for target in columns.targets]


KIND = "classification"
TABLE = "id,g,s,x,c,k,y,z\n1,a,train,1,u,0,0,0.5\n2,b,test,2,v,1,1,1.5\n3,b,test,2,v,1,,2.5\n"


def test_every_column_has_one_use(tmp_path: Path) -> None:
    assert named(found(tmp_path, TABLE)) == (["id", "x", "k", "y"], ["g", "s", "c"], ["z"])
    used = {"group": "g", "split": "s", "ignore": ("id", "z")}
    assert named(found(tmp_path, TABLE, **used)) == (["x", "k"], ["c"], ["y"])
    assert named(found(tmp_path, TABLE, **used, categorical=("k",))) == (["x"], ["c", "k"], ["y"])
    assert named(found(tmp_path, TABLE, **used, predict=("k", "y"))) == (["x"], ["c"], ["k", "y"])
    assert named(found(tmp_path, TABLE, inputs=("c", "x"), predict=("y",))) == (["x"], ["c"], ["y"])
    assert named(found(tmp_path, "0,1\n5,1\n6,2\n", predict=(1,))) == (["0"], [], ["1"])


def test_domains_are_the_values_of_a_column_and_sources_come_first(tmp_path: Path) -> None:
    text = "t,x,y\nb.1,1,0\na,2,1\nc,3,0\na,4,1\n"
    tasks, roles = found(tmp_path, text, task="t"), found(tmp_path, text, task="t", target="a")

    assert tasks.domains == (("a", "peer"), ("b_1", "peer"), ("c", "peer"))
    assert tasks.domain.tolist() == [1, 0, 2, 0]
    assert roles.domains == (("b_1", "source"), ("c", "source"), ("a", "target"))
    assert roles.domain.tolist() == [0, 2, 1, 2]
    assert found(tmp_path, "t,x,y\n10,1,0\n9,2,1\n", task="t", target=9).domains == (
        ("10", "source"),
        ("9", "target"),
    )


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "x,y\n1,0\n1,0\n",
            {},
            "dataset.predict: expected at least 2 different labels in column y, found 1",
        ),
        (
            "x,y\n1,\n1,nan\n",
            {},
            "dataset.predict: expected at least 2 different labels in column y, found 0",
        ),
        (
            "x,y\n1,0.5\n1,-\n1,2\n",
            {},
            "dataset.predict: .* found numbers and text .*'-' in line 3",
        ),
        (
            "x,y\n1,1\n1,oh\n",
            {"kind": "regression"},
            "dataset.predict: expected numbers in .* y, found 'oh' in line 3",
        ),
        (
            "x,y\n" + "".join(f"1,w{n}\n" for n in range(11)),
            {},
            "found 11 different texts in 11 rows .'w0' in line 2",
        ),
        (
            "x,y\n1,0.5\n1,inf\n",
            {},
            "dataset.predict: expected finite numbers in column y, found 'inf' in line 3",
        ),
        (
            "x,y\n-inf,1\n1,0\n",
            {},
            "dataset.inputs: expected finite numbers in column x, found '-inf' in line 2",
        ),
        (
            "x,y\n1,1\n1,0\n",
            {"metric": "r2"},
            "dataset.metric: expected auc, accuracy, .* for column y .binary., found",
        ),
        (
            "x,y\n1,1\n1,0\n",
            {"ignore": ("x",)},
            "dataset.inputs: expected an input column, found none beside x, y",
        ),
        ("y\n1\n0\n", {}, "dataset.inputs: expected an input column, found none beside y"),
        (
            "x,y\n1,1\n1,0\n",
            {"ignore": ("x", "y")},
            "dataset.predict: expected a column to predict, found none left",
        ),
        ("x,y\n1,1\n1,0\n", {"predict": ("z",)}, "dataset.predict: expected a column, found 'z'"),
        ("x,y\n1,1\n1,0\n", {"ignore": ("z",)}, "dataset.ignore: expected a column, found 'z'"),
        (
            "x,y\n1,1\n1,0\n",
            {"predict": ("y",), "categorical": ("y",)},
            "dataset.categorical: expected an input, found 'y'",
        ),
        (
            "t,x,y\na,1,1\n,1,0\n",
            {"task": "t"},
            "dataset.task: expected a value in every row of .* t, .* in line 3",
        ),
        (
            "t,x,y\na,1,1\n,1,0\n",
            {"group": "t"},
            "dataset.group: expected a value in every row of .* t, .* in line 3",
        ),
        (
            "t,x,y\na,1,1\nb,1,0\n",
            {"split": "t"},
            "dataset.split: expected train, val or test .* t, found 'a' in line",
        ),
        (
            "t,x,y\nab,1,1\nb,1,0\n",
            {"task": "t", "target": "ac"},
            "dataset.target: .* found 'ac'; did you mean ab",
        ),
        (
            "t,x,y\na.b,1,1\na/b,1,0\n",
            {"task": "t"},
            "dataset.task: expected names that differ .* 'a.b' and 'a/b'",
        ),
        (
            "a.b,a_b,x\n1,1,1\n0,0,0\n",
            {"predict": ("a.b", "a_b")},
            "dataset.predict: expected names that differ",
        ),
    ],
)
def test_what_will_not_do_is_refused_in_one_line(
    tmp_path: Path, text: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        found(tmp_path, text, **options)

    assert len(caught.value.lines) == 1


ALIKE = "look like one value in 2 spellings, and are read as written"
NO_LABEL = "if it stands for no label, add it: dataset.missing=[…,-1]"
LEFT_OUT = "so it names the rows: left out; dataset.inputs=[…,name] reads it"


def test_notes_tell_what_a_user_may_not_have_meant(tmp_path: Path) -> None:
    rows = "".join(f"{n},w{n},{n / 8},{'Aa'[n % 2]},{n % 3 - 1}\n" for n in range(40))

    assert found(tmp_path, ",name,age,g,y\n" + rows, group="g").notes == (
        "1 column without a name: left out",
        f"dataset.group=g: 'A' and 'a' {ALIKE}",
        f"label y: class '-1' (14 rows); {NO_LABEL}",
        f"input name: a different text in every row, {LEFT_OUT}",
    )


def test_an_input_that_is_left_out_has_to_leave_another(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n % 2}\n" for n in range(40))

    with pytest.raises(
        UserError,
        match="expected an input column, found none: input id: a number from 0",
    ):
        found(tmp_path, "id,y\n" + rows)


def test_the_text_of_domains_groups_splits_and_classes_is_kept(tmp_path: Path) -> None:
    text = "d,g,s,x,y\n007,90071992547409921,TRAIN,1,1.50\n7,90071992547409922,test,2,inf\n"
    table = found(tmp_path, text, task="d", target="007", group="g", split="s", kind={"y": KIND})

    assert table.domains == (("7", "source"), ("007", "target"))
    assert table.groups == ("90071992547409921", "90071992547409922")
    assert table.targets[0].task.classes == ("1.50", "inf")
    assert table.split is not None
    assert table.split.tolist() == [0, 2]


def test_a_kind_is_of_a_column_to_predict(tmp_path: Path) -> None:
    text = "x,y,z\n1,1,0.5\n2,0,1.5\n"
    kinds = {"y": "regression", "z": "classification"}
    targets = found(tmp_path, text, predict=("y", "z"), kind=kinds).targets

    assert [target.task.kind for target in targets] == ["regression", "binary"]
    with pytest.raises(UserError, match=r"dataset.kind: expected a column to predict, found 'x'"):
        found(tmp_path, text, kind={"x": "regression"})


def test_one_column_to_predict_needs_no_brackets(tmp_path: Path) -> None:
    assert named(found(tmp_path, "x,y,z\n1,1,0.5\n2,0,1.5\n", predict="y"))[2] == ["y"]


def test_names_that_look_the_same_are_the_same(tmp_path: Path) -> None:
    """é of one character or of two: the column is not an input beside being what is predicted."""
    one, two = "\u00e9", "e\u0301"
    text = f"x,d{one},y{one}\n1.5,b{two},0\n2.5,b{two},1\n3.5,a,0\n"
    table = found(tmp_path, text, predict=f"y{two}", task=f"d{two}", target=f"b{one}")

    assert named(table) == (["x"], [], [f"y{one}"])
    assert table.domains == (("a", "source"), (f"b{two}", "target"))


def test_values_that_look_the_same_are_told(tmp_path: Path) -> None:
    text = "x,c,y\n1.5,\u00e9,0\n2.5,e\u0301,1\n3.5,b,0\n"

    assert any("look like one value" in note for note in found(tmp_path, text).notes)
