import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from tlrun.config.build import node_object
from tlrun.core.problem import Domain, Problem, Split
from tlrun.core.task import Task
from tlrun.models.build import draw_model
from tlrun.models.model import Model
from tlrun.selection.source_scores import distance, log_likelihood

from problems import problem, questions
from texts import MOOD, tokens


def model_of(problem: Problem) -> Model:
    backbone = node_object("backbone", {"name": "mlp", "hidden": [5]})
    return draw_model(backbone, problem.inputs, problem.tasks_by_domain, "source", 0).eval()


def domain(inputs: np.ndarray, name: str = "d") -> Domain:
    task = Task("t", "binary", ("a", "b"))
    return Domain(
        name,
        "source",
        (task,),
        Split(inputs, {"t": np.zeros(len(inputs), int)}, np.arange(len(inputs))),
    )


def test_it_is_the_mean_of_log_p_of_every_label_that_was_bought() -> None:
    made = problem(val=True)
    model = model_of(made)
    target = made.domains["target"]
    assert target.val is not None
    inputs = np.concatenate([target.train.array, target.val.array])
    labels = np.concatenate([target.train.labels["ours"], target.val.labels["ours"]])
    with torch.no_grad():
        z = model.features(torch.from_numpy(inputs), "target", target.tasks)["ours"]
        logits = model.output(next(k for k in made.task_keys if k.domain == "target"), z)
    right = torch.log_softmax(logits.double(), 1)[
        torch.arange(len(labels)), torch.from_numpy(labels)
    ]

    assert log_likelihood(model, made, {}) == pytest.approx(float(right.mean()), rel=1e-5)
    assert made.test.opened == 0


def test_missing_labels_count_neither_way() -> None:
    made = questions("binary")
    as_target = replace(made, domains={"images": replace(made.domains["images"], role="target")})
    model = model_of(made)
    labels = made.domains["images"].train.labels["binary0"]
    there = replace(
        as_target.domains["images"], train=as_target.domains["images"].train.select(labels >= 0)
    )

    assert (labels < 0).any()
    assert log_likelihood(model, as_target, {}) == pytest.approx(
        log_likelihood(model, replace(as_target, domains={"images": there}), {}), rel=1e-5
    )
    none = as_target.domains["images"].train.select(labels < 0)
    with pytest.raises(ValueError, match="expected labels of task binary0"):
        log_likelihood(
            model, replace(as_target, domains={"images": replace(there, train=none)}), {}
        )


def test_of_numbers_the_scale_of_each_source_makes_no_difference() -> None:
    """The same answers, from a head that was scaled otherwise, are as good."""
    made = questions("regression")
    domains = {"images": replace(made.domains["images"], role="target")}
    plain = replace(made, domains=domains)
    model = model_of(plain)
    common = Task("regression0", "regression", location=0.5, scale=4.0)
    first = log_likelihood(model, plain, {"regression0": common})

    scaled = replace(made.tasks["regression0"], location=10.0, scale=2.0)
    other = replace(plain, domains={"images": replace(domains["images"], tasks=(scaled,))})
    with torch.no_grad():  # ŷ = 10 + 2 (o/2 - 5)
        head = model.head_of(next(iter(plain.task_keys)))
        head.weight /= 2
        head.bias.copy_((head.bias - 10.0) / 2)

    assert log_likelihood(model, other, {"regression0": common}) == pytest.approx(first, rel=1e-4)


def test_means_of_numbers_are_apart_by_the_root_of_the_mean_square() -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(size=(50, 3)).astype(np.float32)
    moved = one + np.array([3.0, 0.0, 4.0], np.float32)

    assert distance(domain(one), domain(one)) == 0
    assert distance(domain(one), domain(moved)) == pytest.approx(5 / math.sqrt(3), rel=1e-6)
    assert distance(domain(moved), domain(one)) == distance(domain(one), domain(moved))


def test_bytes_are_as_pixels_are_and_validation_counts_too() -> None:
    black, white = np.zeros((4, 1, 2, 2), np.uint8), np.full((4, 1, 2, 2), 255, np.uint8)
    half = replace(domain(black), val=domain(white).train)

    assert distance(domain(black), domain(white)) == pytest.approx(1.0)
    assert distance(domain(black), half) == pytest.approx(0.5)


def test_texts_are_apart_by_hellinger_and_padding_is_no_word() -> None:
    def of(*texts: str) -> Domain:
        labels = {"mood": np.zeros(len(texts), int)}
        split = Split(tokens(texts), labels, np.arange(len(texts)))
        return Domain("d", "source", (MOOD,), split)

    short, long = of("a b", "a b"), of("a b a b a b a b", "a b")

    assert distance(short, long) == pytest.approx(0.0, abs=1e-7)
    assert distance(of("a b"), of("c d")) == pytest.approx(1.0)
    assert distance(of("a b"), of("a c")) == pytest.approx(math.sqrt(0.5))
