from pathlib import Path
from typing import Any

import pytest
from table_columns import found

from tlrun.core.errors import UserError


@pytest.mark.parametrize(
    ("cells", "options", "kind", "classes"),
    [
        (["0", "1", "0"], {}, "binary", ("0", "1")),
        (["1", "2.0", "10"], {}, "multiclass", ("1", "2.0", "10")),
        (["sus", "inf", "inf"], {}, "binary", ("inf", "sus")),
        (["inf", "1"], {}, "binary", ("1", "inf")),
        (["yes", "no", "yes"], {}, "binary", ("no", "yes")),
        (["0.5", "1", "2"], {}, "regression", ()),
        ([str(n) for n in range(11)], {}, "regression", ()),
        (
            [str(n) for n in range(11)],
            {"kind": "classification"},
            "multiclass",
            tuple(str(n) for n in range(11)),
        ),
        (["0", "1"], {"kind": "regression", "metric": "r2"}, "regression", ()),
        (
            ["0.5", "1.5"],
            {"kind": "classification", "metric": "accuracy"},
            "binary",
            ("0.5", "1.5"),
        ),
    ],
)
def test_kinds(
    tmp_path: Path, cells: list[str], options: dict[str, Any], kind: str, classes: tuple[str, ...]
) -> None:
    (target,) = found(
        tmp_path, "x,y\n" + "".join(f"1,{cell}\n" for cell in cells), **options
    ).targets

    assert (target.task.kind, target.task.classes, target.task.metric) == (
        kind,
        classes,
        options.get("metric"),
    )


def test_missing_labels_stay_missing(tmp_path: Path) -> None:
    table = found(tmp_path, "x,y,z\n1,a,0.5\n2,,1.5\n3,nan,\n4,b,NA\n", predict=("y", "z"))

    assert table.targets[0].labels.tolist() == [0, -1, -1, 1]
    assert table.targets[1].present.tolist() == [True, True, False, False]
    assert table.used.tolist() == [True, True, False, True]


def test_sentences_are_no_labels_and_what_reads_them_is_named(tmp_path: Path) -> None:
    rows = "".join(f"1,a sentence of some words number {k}\n" for k in range(30))

    with pytest.raises(UserError, match="dataset=text_csv learns from texts"):
        found(tmp_path, "x,y\n" + rows)
