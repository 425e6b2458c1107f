import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression

from tlrun.core.errors import UserError
from tlrun.core.problem import Domain, HeldOutTest, Problem, Split
from tlrun.core.task import Task
from tlrun.data.datasets.digits import Digits
from tlrun.runs.estimators import EstimatorRun, fit_task
from tlrun.runs.outcome import read_outcome
from tlrun.strategies.constant_prediction import ConstantPrediction
from tlrun.strategies.gradient_boosting import GradientBoosting
from tlrun.strategies.linear_model import LinearModel
from tlrun.strategies.tfidf import Tfidf

from problems import Watcher, config, hidden, outcomes_of, performed, planned, split
from texts import MOOD, STARS, reviews

KIND = Task("kind", "binary", ("no", "yes"))
SIZE = Task("size", "regression", location=100.0, scale=5.0)
NAMES = ("constant_prediction", "linear_model", "gradient_boosting")


def table(*roles: str, tasks: tuple[Task, ...] = (KIND,), val: bool = False) -> Problem:
    parts, test = {}, {}
    for k, role in enumerate(roles):
        name = f"{role}{k}"
        train, held_out, valid = (
            split(9 * k + j, n, tasks, (5,)) for j, n in enumerate((40, 30, 9))
        )
        parts[name] = Domain(name, role, tasks, train, valid if val else None)  # type: ignore[arg-type]
        test[name] = held_out
    return Problem(parts, HeldOutTest(test), "digest")


def fitted(strategy: Any, ours: Problem) -> tuple[dict[str, Any], dict[str, torch.Tensor], Any]:
    run = EstimatorRun(strategy, ours, seed=0)
    run.fit("a run", Watcher(), threads=1)
    return (*run.evaluate(threads=1), run)


def test_each_domain_is_learnt_from_its_own_rows_and_scikit_learn_says_the_same() -> None:
    ours = table("peer", "peer")
    result, predictions, _ = fitted(LinearModel(), ours)

    for name, domain in ours.domains.items():
        model = LogisticRegression(max_iter=10_000).fit(
            domain.train.inputs, domain.train.labels["kind"]
        )
        test = ours.test._splits[name]
        theirs = model.decision_function(test.inputs)
        assert np.allclose(predictions[f"{name}/kind"][:, 0].numpy(), theirs, atol=1e-4)
        assert np.array_equal(predictions[f"{name}/kind/labels"], test.labels["kind"])
    assert result["labels"] == {"peer0": 40, "peer1": 40}
    assert set(result["headline"]["tasks"]) == {"peer0/kind", "peer1/kind"}
    assert (result["steps"], result["examples"], result["size"]) == (0, 0, None)
    assert result["headline"]["val"] is result["headline"]["val_loss"] is None


def test_of_a_target_its_own_labels_alone_are_seen() -> None:
    ours = table("source", "target")
    result, predictions, _ = fitted(LinearModel(), ours)
    without = replace(
        ours,
        domains={
            **ours.domains,
            "source0": replace(ours.domains["source0"], train=split(77, 40, (KIND,), (5,))),
        },
    )

    assert set(result["metrics"]["test"]) == {"target1/kind"}
    assert result["labels"] == {"source0": 0, "target1": 40}
    assert torch.equal(
        fitted(LinearModel(), without)[1]["target1/kind"], predictions["target1/kind"]
    )


def test_pooled_rows_are_those_of_every_domain_with_an_intercept_for_each() -> None:
    """Where a domain's labels are all shifted, only what knows the domain can say so."""
    ours = table("source", "target", tasks=(SIZE,))
    for name, domain in ours.domains.items():
        for part in (domain.train, ours.test._splits[name]):
            part.labels["size"][...] = part.inputs[:, 0] + (50.0 if name == "target1" else 0.0)
    result, _, run = fitted(LinearModel(rows="pooled"), ours)

    assert result["labels"] == {"source0": 40, "target1": 40}
    assert result["metrics"]["test"]["target1/size"]["rmse"] < 1.5
    assert run.weights["pooled/size/coefficients"].shape == (1, 5 + 2)


def test_validation_rows_are_learnt_from_too_for_they_were_bought() -> None:
    with_val, without = (table("peer", val=val) for val in (True, False))

    assert fitted(LinearModel(), with_val)[0]["labels"] == {"peer0": 49}
    assert not torch.equal(
        fitted(LinearModel(), with_val)[1]["peer0/kind"],
        fitted(LinearModel(), without)[1]["peer0/kind"],
    )


def test_missing_labels_are_left_out() -> None:
    ours = table("peer")
    domain = ours.domains["peer0"]
    some = replace(ours, domains={"peer0": replace(domain, train=hidden(domain.train, KIND, 4))})

    assert fitted(GradientBoosting(), some)[0]["labels"] == {"peer0": 30}


def test_numbers_are_answered_in_their_unit() -> None:
    ours = table("peer", tasks=(SIZE,))
    for part in (ours.domains["peer0"].train, ours.test._splits["peer0"]):
        part.labels["size"][...] = 100 + 5 * part.inputs[:, 0]
    result, predictions, _ = fitted(LinearModel(), ours)

    assert predictions["peer0/size"].mean() == pytest.approx(100, abs=5)
    assert result["metrics"]["test"]["peer0/size"]["mae"] < 1.0


def test_what_several_fits_have_to_tell_is_told_once() -> None:
    watcher, ours = Watcher(), table("peer", "peer", "peer")
    small = replace(
        ours,
        domains={
            name: replace(domain, train=hidden(domain.train, KIND, 4))
            for name, domain in ours.domains.items()
        },
    )
    EstimatorRun(GradientBoosting(), small, seed=0).fit("boosted", watcher, threads=1)

    assert watcher.notes == [
        "boosted: fewer than 40 rows to learn from, so it is a constant (3 of 3 tasks)"
    ]


def test_of_one_class_the_answer_is_constant() -> None:
    found = fit_task(LinearModel(), KIND, np.eye(3), np.array([1, 1, 1]), 0)

    assert np.ptp(found.outputs(np.eye(3))) == 0.0
    assert fit_task(ConstantPrediction(), SIZE, np.eye(2), np.array([95.0, 105.0]), 0).outputs(
        np.eye(2)
    ).tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize("name", NAMES)
def test_its_folder_is_found_again_and_holds_what_it_says(tmp_path: Path, name: str) -> None:
    """No weights of a network, no steps; of boosted trees no weights at all."""
    plan = planned(
        config(tmp_path, dataset={"name": "digits_binary"}, strategy={"name": name}), Watcher()
    )
    first = performed(plan, name, Watcher())
    record = json.loads((first.path / "run.json").read_text())
    again = performed(plan, name, Watcher())

    assert again.found
    assert again.result == first.result
    assert record["stages"] == []
    assert record["optimizer"] == {}
    assert record["test_opened"] == 1
    assert ("model.safetensors" in record["files"]) == (name != "gradient_boosting")
    if name == "linear_model":
        assert any("coefficients" in key for key in load_file(first.path / "model.safetensors"))
    (first.path / "predictions.safetensors").unlink()
    with pytest.raises(ValueError, match=r"predictions.safetensors missing"):
        read_outcome(plan.run_dir, name)


def test_a_domain_that_tests_nothing_is_answered_with_nothing() -> None:
    ours = table("peer", "peer", tasks=(KIND, SIZE))
    part = ours.test._splits["peer1"]
    empty = Split(part.inputs[:0], {name: v[:0] for name, v in part.labels.items()}, part.index[:0])
    tested = replace(ours, test=HeldOutTest({**ours.test._splits, "peer1": empty}))
    for strategy in (LinearModel(), GradientBoosting(rows="pooled"), ConstantPrediction()):
        result, predictions, _ = fitted(strategy, tested)

        assert predictions["peer1/kind"].shape == predictions["peer1/size"].shape == (0, 1)
        assert result["metrics"]["test"]["peer1/kind"]["auc"] is None


def test_the_device_and_the_precision_of_networks_decide_nothing(tmp_path: Path) -> None:
    plans = [
        planned(config(tmp_path, strategy={"name": "linear_model"}, **changes), Watcher())
        for changes in ({}, {"trainer": {"name": "trainer", "precision": "bf16"}})
    ]

    assert plans[0].fingerprint == plans[1].fingerprint
    assert replace(plans[0], device="cuda:0").fingerprint == plans[0].fingerprint


def test_one_run_serves_every_backbone_optimizer_and_lambda(tmp_path: Path) -> None:
    plans = [
        planned(config(tmp_path, strategy={"name": "linear_model"}, **changes), Watcher())
        for changes in (
            {},
            {"backbone": {"name": "identity"}},
            {"lam": {"name": "constant", "value": 3.0}},
            {"optimizer": {"name": "sgd", "lr": 0.1}},
            {"trainer": {"name": "trainer", "steps": 9, "batch_size": 4, "select": "best"}},
        )
    ]

    assert len({plan.run_dir.path for plan in plans}) == 1


def test_a_table_has_them_as_controls_and_each_is_run_once(tmp_path: Path) -> None:
    rows = [
        "a,b,y",
        *(f"{k * 7 % 31 / 8},{k * 5 % 17 / 8},{'no' if k % 3 else 'yes'}" for k in range(90)),
    ]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    nodes = {
        "dataset": {"name": "table_csv", "path": str(tmp_path / "t.csv")},
        "strategy": {"name": "single_task"},
        "controls": True,
    }
    outcomes = outcomes_of(config(tmp_path / "runs", **nodes), Watcher())

    assert [outcome.name for outcome in outcomes] == ["this run", *NAMES]
    assert Counter(outcome.found for outcome in outcomes) == {False: 4}
    again = outcomes_of(config(tmp_path / "runs", **nodes), Watcher())
    assert all(outcome.found for outcome in again)


def test_bytes_are_learnt_from_as_the_floats_that_they_stand_for() -> None:
    """As φ does: a penalty on coefficients of 0..255 would be another one."""
    ours, found = table("peer"), []
    for split_of in ("bytes", "floats"):
        rng = np.random.default_rng(0)
        parts, tests = {}, {}
        for name, domain in ours.domains.items():
            pixels = [rng.integers(0, 256, (n, 1, 2, 2), np.uint8) for n in (40, 30)]
            if split_of == "floats":
                pixels = [each.astype(np.float64) / 255 for each in pixels]
            parts[name] = replace(domain, train=replace(domain.train, inputs=pixels[0]))
            tests[name] = replace(ours.test._splits[name], inputs=pixels[1])
        held = Problem(parts, HeldOutTest(tests), split_of)
        found.append(fitted(LinearModel(), held)[1]["peer0/kind"])

    assert torch.equal(*found)


@pytest.mark.parametrize("at_hand", [True, False])
def test_texts_are_learnt_from_and_beat_a_constant(at_hand: bool) -> None:
    """Their words, or the ids of these where the texts are not at hand."""
    ours = reviews("peer", "peer", tasks=(MOOD, STARS), at_hand=at_hand)
    constant, own, pooled = (
        fitted(strategy, ours)[0]["metrics"]["test"]
        for strategy in (ConstantPrediction(rows="pooled"), Tfidf(), Tfidf(rows="pooled"))
    )

    for key in ("peer0/mood", "peer1/mood"):
        assert own[key]["auc"] > 0.7 < pooled[key]["auc"]
        assert constant[key]["auc"] == 0.5
    assert pooled["peer0/stars"]["r2"] > 0.3 > constant["peer0/stars"]["r2"]


def test_the_words_of_test_texts_are_in_no_vocabulary() -> None:
    """Those of validation are: they were bought. Other test texts change nothing that is learnt."""
    ours = reviews("peer", val=True)
    test = ours.test._splits["peer0"]
    for part_, word in ((ours.domains["peer0"].val, "bought"), (test, "hidden")):
        assert part_ is not None
        texts = part_.inputs.texts  # type: ignore[attr-defined]
        texts[:] = [f"{text} {word}" for text in texts]
    _, _, run = fitted(Tfidf(), ours)
    others = reviews("peer", "peer").test._splits["peer1"]
    _, _, other = fitted(Tfidf(), replace(ours, test=HeldOutTest({"peer0": others})))
    terms = run.weights["peer0/mood/terms"].numpy().tobytes().decode().split("\n")

    assert "bought" in terms
    assert not any("hidden" in term for term in terms)
    assert all(torch.equal(run.weights[name], other.weights[name]) for name in run.weights)


def test_pooled_texts_of_one_domain_are_its_own() -> None:
    ours = reviews("source", "target", tasks=(MOOD,))
    alone = replace(ours, domains={"target1": ours.domains["target1"]})
    found = [fitted(Tfidf(rows=rows), alone)[1]["target1/mood"] for rows in ("own", "pooled")]

    assert torch.equal(*found)
    assert not torch.equal(fitted(Tfidf(rows="pooled"), ours)[1]["target1/mood"], found[0])


def test_pooled_texts_have_a_column_for_each_domain() -> None:
    _, _, run = fitted(Tfidf(rows="pooled"), reviews("source", "target"))
    terms = run.weights["pooled/mood/terms"].numpy().tobytes().decode().split("\n")

    assert run.weights["pooled/mood/coefficients"].shape == (1, len(terms) + 2)
    assert run.weights["pooled/mood/idf"].shape == (len(terms),)


def test_texts_have_controls_and_others_are_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Digits, "load", lambda self, seed: reviews("peer", "peer"))
    bag = {"backbone": {"name": "bag", "embedding": 4}, "controls": True}
    shared = {"name": "shared_parameters"}
    outcomes = outcomes_of(config(tmp_path / "runs", strategy=shared, **bag), Watcher())
    names = ["constant_prediction", "tfidf", "tfidf, pooled"]

    assert [outcome.name for outcome in outcomes] == ["this run", "single_task", *names]
    weights = load_file(outcomes[-1].path / "model.safetensors")
    assert weights["pooled/mood/terms"].dtype == torch.uint8
    with pytest.raises(UserError, match="strategy: expected vectors or images for strategy=linear"):
        outcomes_of(config(tmp_path / "none", strategy={"name": "linear_model"}), Watcher())
    assert not (tmp_path / "none").exists()
