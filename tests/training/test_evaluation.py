"""What a model is judged by is measured in eval mode, whatever it was in, and moves nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tlrun.core.problem import Split
from tlrun.models.backbones.conv import Conv
from tlrun.models.model import Model, draw_model, state
from tlrun.training import evaluation
from tlrun.training.evaluation import encoded, evaluate, validate

from problems import SHAPE, hidden, problem
from properties import assert_same_bits

OURS = problem(val=True)
TARGET = OURS.domains["target"]


def model() -> Model:
    """A model with BatchNorm, whose statistics of the two domains are not those of a batch."""
    found = draw_model(Conv((4,), "batch"), SHAPE, OURS.tasks_by_domain, "target", 0)
    found.track(OURS.domains)
    found.train()
    for number, domain in enumerate(OURS.domains.values(), 2):
        found.features(torch.from_numpy(domain.train.inputs) * number, domain.name, domain.tasks)
    return found.train()


def test_features_are_those_of_eval_mode_and_of_the_domains_own_statistics() -> None:
    one, other = model(), model().eval()
    before = state(one)
    with torch.no_grad():
        expected = other.features(torch.from_numpy(TARGET.train.inputs), "target", TARGET.tasks)

    found = encoded(one, "target", TARGET.train)
    assert found.dtype == np.float32
    assert np.allclose(found, expected["ours"].numpy(), atol=1e-6)
    assert not np.allclose(found, encoded(one, "source", TARGET.train), atol=1e-3)
    assert_same_bits(state(one), before)


def test_an_evaluation_moves_nothing_and_is_the_same_from_features() -> None:
    one = model()
    before = state(one)
    scores, outputs = evaluate(one, "target", TARGET.tasks, TARGET.train)
    from_features = Split(
        encoded(one, "target", TARGET.train), TARGET.train.labels, TARGET.train.index, encoded=True
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
    z = encoded(one, "target", TARGET.train)
    monkeypatch.setattr(evaluation, "EVALUATION_BATCH", size)

    torch.testing.assert_close(
        evaluate(one, "target", TARGET.tasks, TARGET.train)[1]["ours"], whole, atol=1e-6, rtol=1e-5
    )
    assert np.allclose(encoded(one, "target", TARGET.train), z, atol=1e-6)


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
