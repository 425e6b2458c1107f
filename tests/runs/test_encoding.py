"""Computing once what a stage holds fixed of φ changes no result, wherever the cut is."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS

from problems import Watcher, config, performed, planned
from reviews import reviews, write_csv

LONG = {"name": "trainer", "steps": 12, "batch_size": 16, "eval_every": 4}


def done(runs_dir: Path, **nodes: Any) -> Outcome:
    """The finished run of a config."""
    watcher = Watcher()
    return performed(planned(config(runs_dir, **nodes), watcher), THIS, watcher)


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("part", ["head", "last", "first", "norm"])
def test_a_cut_changes_nothing_beyond_rounding(tmp_path: Path, part: str, norm: str) -> None:
    if (part, norm) == ("norm", "none"):
        return
    found = []
    for cached in (True, False):
        nodes: dict[str, Any] = {
            "strategy": {"name": "parameter_transfer", "train": part},
            "backbone": {"name": "conv", "channels": [4, 6], "norm": norm},
            "trainer": LONG | {"cache_features": cached},
            "dataset": {"name": "digits", "val_share": 0.2},
            "lam": {"name": "constant", "value": float("inf")},
        }
        outcome = done(tmp_path / str(cached), **nodes)
        found.append(load_file(outcome.path / "predictions.safetensors"))
    kept = list((tmp_path / "True" / ".cache" / "features").glob("*/features.npy"))

    for name, tensor in found[0].items():
        torch.testing.assert_close(tensor, found[1][name], atol=1e-4, rtol=1e-4)
    # training, validation and test of the target, and what tests of the source
    assert bool(kept) == (part in ("head", "last"))


def test_what_lies_before_the_cut_is_shared_by_all_that_train_after_it(tmp_path: Path) -> None:
    features = tmp_path / ".cache" / "features"
    nodes: dict[str, Any] = {
        "strategy": {"name": "feature_transfer", "train": "last"},
        "backbone": {"name": "conv", "channels": [4, 6]},
        "trainer": LONG,
    }
    done(tmp_path, **nodes, lam={"name": "constant", "value": 2.0})
    first = {path.name for path in features.iterdir()}
    done(tmp_path, **nodes, lam={"name": "constant", "value": 7.0})

    assert first
    assert {path.name for path in features.iterdir()} == first


SEVERAL: dict[str, dict[str, Any]] = {
    "shared": {"name": "shared_parameters"},
    "alone": {"name": "single_task"},
    "related": {"name": "task_relation", "relation": "mean"},
    "related towers": {"name": "task_relation", "scope": "towers"},
    "taught": {"name": "task_transfer", "transfer": "born_again"},
}


@pytest.mark.parametrize("select", ["last", "best"])
@pytest.mark.parametrize("part", ["head", "last"])
@pytest.mark.parametrize("name", SEVERAL)
def test_a_cut_changes_nothing_of_tasks_of_two_domains_either(
    tmp_path: Path, name: str, part: str, select: str
) -> None:
    """With statistics of BatchNorm for each domain, with towers, and with a teacher."""
    if (name, part) == ("related towers", "head"):  # refused
        return
    found = []
    for cached in (True, False):
        outcome = done(
            tmp_path / str(cached),
            strategy=SEVERAL[name] | {"train": part},
            backbone={"name": "conv", "channels": [4, 6], "norm": "batch"},
            trainer=LONG | {"steps": 45, "select": select, "cache_features": cached},
            dataset={"name": "digits", "val_share": 0.2},
        )
        found.append(load_file(outcome.path / "predictions.safetensors"))
    kept = list((tmp_path / "True" / ".cache" / "features").glob("*/features.npy"))

    # what trains, validates and tests, of both domains, however many φ there are
    assert len(kept) == 6
    assert not (tmp_path / "False" / ".cache").exists()
    for key, tensor in found[0].items():
        torch.testing.assert_close(tensor, found[1][key], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("part", ["head", "last"])
def test_tasks_alone_and_together_read_the_same_features(tmp_path: Path, part: str) -> None:
    features = tmp_path / ".cache" / "features"
    nodes: dict[str, Any] = {
        "backbone": {"name": "conv", "channels": [4, 6], "norm": "batch"},
        "trainer": LONG | {"steps": 45},
    }
    done(tmp_path, **nodes, strategy={"name": "shared_parameters", "train": part})
    first = {path.name for path in features.iterdir()}
    for name in ("alone", "related"):
        done(tmp_path, **nodes, strategy=SEVERAL[name] | {"train": part})

    assert len(first) == 4
    assert {path.name for path in features.iterdir()} == first


def test_vectors_of_tokens_are_not_kept_but_those_of_texts_are(tmp_path: Path) -> None:
    """Texts are read beside others of like length: what is made of their tokens has no one shape,
    however small it is."""
    rows = [("b", label, f"{text} {'long ' * n}") for n, (label, text) in enumerate(reviews(300))]
    nodes: dict[str, Any] = {
        "dataset": {
            "name": "text_csv",
            "path": str(write_csv(tmp_path / "x.csv", ("of", "label", "text"), rows)),
            "cache": str(tmp_path / "cache"),
        },
        "backbone": {"name": "lstm", "embedding": 8, "hidden": 8},
        "trainer": LONG | {"steps": 30},
    }
    features = tmp_path / ".cache" / "features"
    done(tmp_path, **nodes, strategy={"name": "single_task", "train": "last"})
    assert not features.exists()
    done(tmp_path, **nodes, strategy={"name": "single_task", "train": "head"})
    assert len(list(features.iterdir())) == 2
