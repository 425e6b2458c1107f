"""What a model is judged by is measured in eval mode, whatever it was in, and moves nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tlrun.core.inputs import spec_of
from tlrun.core.problem import Split
from tlrun.core.task import Task, TaskKey
from tlrun.core.tokens import Tokens
from tlrun.models.backbones.conv import Conv
from tlrun.models.backbones.lstm import Lstm
from tlrun.models.blocks import chain
from tlrun.models.build import draw_model
from tlrun.models.model import Model, state
from tlrun.training import evaluation
from tlrun.training.evaluation import encoded, evaluate, validate

from problems import SPEC, hidden, problem
from properties import assert_same_bits
from reviews import token_split

OURS = problem(val=True)
TARGET = OURS.domains["target"]
WHOLE = 5  # the modules of φ


def model() -> Model:
    """A model with BatchNorm, whose statistics of the two domains are not those of a batch."""
    found = draw_model(Conv((4,), "batch"), SPEC, OURS.tasks_by_domain, "target", 0)
    found.track(OURS.domains)
    found.train()
    for number, domain in enumerate(OURS.domains.values(), 2):
        found.features(torch.from_numpy(domain.train.inputs) * number, domain.name, domain.tasks)
    return found.train()


def features_of(one: Model, domain: str) -> np.ndarray:
    """z of the target's training examples, as if they came from `domain`."""
    return np.concatenate(list(encoded(one, domain, TARGET.train, WHOLE)))


def test_features_are_those_of_eval_mode_and_of_the_domains_own_statistics() -> None:
    one, other = model(), model().eval()
    before = state(one)
    with torch.no_grad():
        expected = other.features(torch.from_numpy(TARGET.train.inputs), "target", TARGET.tasks)

    found = features_of(one, "target")
    assert found.dtype == np.float32
    assert np.allclose(found, expected["ours"].numpy(), atol=1e-6)
    assert not np.allclose(found, features_of(one, "source"), atol=1e-3)
    assert_same_bits(state(one), before)


def test_an_evaluation_moves_nothing_and_is_the_same_from_features() -> None:
    one = model()
    before = state(one)
    scores, outputs = evaluate(one, "target", TARGET.tasks, TARGET.train)
    from_features = Split(
        features_of(one, "target"), TARGET.train.labels, TARGET.train.index, passed=WHOLE
    )

    assert_same_bits(state(one), before)
    assert outputs["ours"].shape == (len(TARGET.train), 3)
    again, _ = evaluate(one, "target", TARGET.tasks, from_features)
    assert again["target/ours"]["loss"] == pytest.approx(scores["target/ours"]["loss"], rel=1e-6)


@pytest.mark.parametrize("size", [1, 5, 12])
def test_the_size_of_a_forward_pass_changes_nothing_beyond_rounding(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = model()
    whole = evaluate(one, "target", TARGET.tasks, TARGET.train)[1]["ours"]
    z = features_of(one, "target")
    monkeypatch.setattr(evaluation, "EVALUATION_BATCH", size)

    torch.testing.assert_close(
        evaluate(one, "target", TARGET.tasks, TARGET.train)[1]["ours"], whole, atol=1e-6, rtol=1e-5
    )
    assert np.allclose(features_of(one, "target"), z, atol=1e-6)


def test_the_loss_is_the_mean_over_labelled_examples_and_none_where_there_are_none() -> None:
    one, task = model(), TARGET.tasks[0]
    part = hidden(TARGET.train, task, 2)
    scores, outputs = evaluate(one, "target", TARGET.tasks, part)
    labels = torch.from_numpy(part.labels["ours"])
    mean = torch.nn.functional.cross_entropy(outputs["ours"][labels >= 0], labels[labels >= 0])
    unlabelled = replace(TARGET, val=hidden(TARGET.train, task, 1))

    assert scores["target/ours"]["loss"] == pytest.approx(float(mean), rel=1e-6)
    assert set(validate(one, unlabelled)["target/ours"].values()) == {None}
    assert validate(one, replace(TARGET, val=None)) == {}


def test_texts_come_back_in_their_order_whatever_they_are_computed_beside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are computed in groups of like length; each is what it is alone, beyond rounding."""
    task = Task("t", "binary", ("a", "b"))
    data = token_split([5, 1, 9, 3, 30, 2, 8, 4, 6, 10], task)
    assert isinstance(data.inputs, Tokens)
    one = draw_model(Lstm(6, 5), spec_of(data.inputs), {"d": (task,)}, "target", 0)
    alone = []
    for row in range(10):
        ids = torch.from_numpy(data.inputs[np.array([row])])
        alone.append(one.output(TaskKey("d", "t"), one.features(ids, "d", (task,))["t"]))

    for most in (1, 40, 2**15):
        monkeypatch.setattr(evaluation, "EVALUATION_TOKENS", most)
        monkeypatch.setattr(evaluation, "EVALUATION_BATCH", 4)
        found = evaluation.outputs_of(one, "d", (task,), data)
        torch.testing.assert_close(found["t"], torch.cat(alone).detach(), atol=1e-6, rtol=0)
        z = np.concatenate(list(encoded(one, "d", data, len(chain(one.backbone)))))
        again = replace(data, inputs=z, passed=len(chain(one.backbone)))
        same = evaluation.outputs_of(one, "d", (task,), again)
        torch.testing.assert_close(same["t"], found["t"], atol=1e-6, rtol=0)
