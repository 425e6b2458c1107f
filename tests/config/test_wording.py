from typing import Annotated, Literal

import pytest

from tlrun.config.overrides import rewrite
from tlrun.config.preflight import preflight
from tlrun.config.wording import own_data, unknown_key, unknown_name, wrong_value
from tlrun.core.errors import UserError
from tlrun.core.options import Range


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("strategy=finetune", "that is strategy=parameter_transfer lam.value=inf"),
        ("strategy=Joint", "did you mean joint?"),
        ("strategy=mlp", "did you mean backbone=mlp?"),
        ("strategy=which_transfer", "did you mean experiment=which_transfer?"),
        ("dataset=my.csv", "dataset=table_csv dataset.path=my.csv"),
        ("lam=0.1", "λ itself is lam.value=0.1"),
        ("lr=0.1", "did you mean optimizer.lr?"),
        ("epochs=3", "that is trainer.steps=500"),
        ("trainer.epochs=3", "that is trainer.steps=500"),
        ("steps=10", "did you mean trainer.steps?"),
        ("strategy.steps=10", "did you mean trainer.steps?"),
        ("trainer.seed=1", "did you mean seed?"),
        ("alpha=0.1", "did you mean verdict.alpha?"),
        ("labels_per_class=3", "did you mean dataset.labels_per_class?"),
        ("dataset.label_per_class=3", "did you mean labels_per_class?"),
        ("dataset.path=x", "path is an option of dataset=fdu_mtl, image_folder"),
        ("optimizer.momentum=0.9", "momentum is an option of optimizer=sgd"),
        ("strategy.relaton=mean", "did you mean strategy.relation? (of strategy=task_relation)"),
        ("checkpoint.second=5", "did you mean checkpoint.seconds? (one of: seconds, steps)"),
        ("batch_sise=32", "did you mean trainer.batch_size?"),
        ("dataset.shift=nois", "did you mean noise?"),
        ("device=cud", "did you mean cuda?"),
        ("device=gpu", "that is device=cuda"),
        ("lam.value=infinit", "did you mean inf?"),
        ("controls=no", "did you mean false?"),
        ("reuse=SAME", "did you mean same?"),
        ("strategy.train=freeze", "that is strategy=feature_transfer"),
        ("seed=\u00a03", "no break space"),
    ],
)
def test_a_mistake_says_what_to_type_instead(typed: str, hint: str) -> None:
    with pytest.raises(UserError) as caught:
        preflight([rewrite(typed)], multirun=False)
    (line,) = caught.value.lines

    assert hint in line


def test_a_name_within_a_node_gets_the_nearest_too() -> None:
    words = ["strategy=fused", rewrite("strategy.first=task_relaton")]
    with pytest.raises(UserError, match=r"did you mean task_relation\?"):
        preflight(words, multirun=False)


@pytest.mark.parametrize("value", ["x", 0, -1, [1], None, {"name": 3}, 1.5, "", "ι"])
def test_whatever_a_value_is_the_hint_is_one_line(value: object) -> None:
    for hint in (Literal["a", "b"], Annotated[float, Range(0.0)], bool, int, str | None):
        assert "\n" not in wrong_value("seed", value, hint)


def test_what_is_like_nothing_gets_every_name() -> None:
    assert unknown_name("optimizer", "xyzzy", ["adam", "sgd"]) == "one of: adam, sgd"
    assert unknown_key("xyzzy", ["a", "b"], []) == "one of: a, b"
    assert own_data("digits") == ""


def test_a_word_longer_than_a_name_of_a_file_is_no_folder() -> None:
    assert own_data("x" * 5000) == ""
