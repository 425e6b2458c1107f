import numpy as np
import pytest
import torch

from tlrun.core.task import Task
from tlrun.runs.sealed_gains import differing, gain_of, task_gains

from problems import problem

THREE = Task("t", "multiclass", ("a", "b", "c"))


def logits(classes: list[int]) -> torch.Tensor:
    return torch.eye(3)[torch.tensor(classes)]


def test_of_an_accuracy_rows_differ_where_one_is_right_alone() -> None:
    labels = torch.tensor([0, 1, 2, 0, -1])
    one, other = logits([0, 0, 2, 1, 0]), logits([0, 2, 1, 0, 1])

    # right and right, wrong and wrong, right and wrong, wrong and right, unlabelled
    assert differing(THREE, "accuracy", one, other, labels) == 2
    assert differing(THREE, "log_loss", one, other, labels) == 3
    for metric in ("accuracy", "auc"):
        assert differing(THREE, metric, one, one, labels) == 0


def test_differing_rows_are_the_same_from_either_side_and_as_many_as_correctness_says() -> None:
    rng = np.random.default_rng(0)
    labels = torch.from_numpy(rng.integers(0, 3, 200))
    one, other = (torch.from_numpy(rng.normal(size=(200, 3))) for _ in range(2))
    right = [(each.argmax(dim=1) == labels).numpy() for each in (one, other)]

    found = differing(THREE, "accuracy", one, other, labels)
    assert found == differing(THREE, "accuracy", other, one, labels) == (right[0] ^ right[1]).sum()


def test_a_gain_is_above_0_where_the_run_is_better() -> None:
    assert gain_of("target accuracy", 0.75, 0.5) == 0.25
    assert gain_of("mean log_loss", 0.75, 0.5) == -0.25
    assert gain_of("mean score", 0.75, 0.5) is None
    assert gain_of("accuracy", None, 0.5) is None


def test_only_what_both_answer_for_is_compared() -> None:
    ours = problem()
    said = {"": {"target/ours": logits([0, 1]), "target/ours/labels": torch.tensor([0, 1])}}
    said["other"] = {"target/ours": logits([0, 0])}
    said["none"] = {}
    scores = {
        name: {"metrics": {"target/ours": {"accuracy": s}}}
        for name, s in (("", 1.0), ("other", 0.5))
    }
    compared = {"target/ours": "accuracy", "source/ours": "accuracy"}

    assert task_gains(ours, compared, ("", "other"), scores, said) == {
        "target/ours": {"metric": "accuracy", "gain": pytest.approx(0.5), "differing": 1}
    }
    assert task_gains(ours, compared, ("", "none"), scores, said) == {}
