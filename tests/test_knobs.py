"""Every option that there is does what is said of it: the table of all, and whole runs for those
that are no weight of an equation.

Weights of equations are turned in `knobs.py`, and held to their word in
`test_weights.py`. A new option belongs in one of the tables here or there, or among
`OTHERS`, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tlrun.config.build import build, node_object
from tlrun.config.registry import find, shipped
from tlrun.core.acting import Acts, Where, idle
from tlrun.core.errors import UserError
from tlrun.core.options import fields, name_of_class
from tlrun.core.task import Task
from tlrun.models.backbones.bag import Bag
from tlrun.models.backbones.lstm import Lstm
from tlrun.runs.plan import THIS, plan
from tlrun.runs.remembered import ProblemCache
from tlrun.runs.run import perform
from tlrun.strategies.estimator import Documents
from tlrun.strategies.tfidf import Tfidf

from knobs import KNOBS
from problems import Watcher, config, planned
from reviews import tokens

GROUPS = ("strategy", "lam", "optimizer", "trainer", "backbone")  # those of a data set make data

PROBLEMS = ProblemCache()  # each is read once


@dataclass(frozen=True)
class Turn:
    """An option turned in a whole run.

    key: group.name.option. to: its other value. does: `acts`, on the weights that the run ends
    with; `rounds`, up to rounding nothing; `nothing`, to the bit. beside: other options of the
    node. nodes: of the rest.
    """

    key: str
    to: Any
    does: str = "acts"
    beside: Mapping[str, Any] | None = None
    nodes: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.key}={self.to}"

    def runs(self, runs_dir: Path) -> Iterator[dict[str, Tensor]]:
        """The weights at the end of the run as it was, and as it is with the option turned."""
        group, name, option = self.key.split(".")
        node: dict[str, Any] = config(runs_dir)[group]
        if node["name"] != name:
            node = {"name": name}
        node = {**node, **(self.beside or {})}
        for changed in (node, {**node, option: self.to}):
            nodes = {**(self.nodes or {}), group: changed}
            planned_run = plan(build(config(runs_dir, **nodes)), PROBLEMS, Watcher())
            outcome = perform(planned_run, THIS, PROBLEMS, Watcher())
            yield load_file(outcome.path / "model.safetensors")


CONV: dict[str, Any] = {"backbone": {"name": "conv", "channels": [4]}}
FEATURES: dict[str, Any] = {"strategy": {"name": "feature_transfer"}}
DIVERGING: dict[str, Any] = {  # so that the last step is not the best
    "dataset": {"name": "digits", "val_share": 0.4},
    "optimizer": {"name": "sgd", "lr": 3.0},
}
BINARY: dict[str, Any] = {"dataset": {"name": "digits_binary"}}
TWO_LAYERS: dict[str, Any] = {"backbone": {"name": "mlp", "hidden": [12, 8]}}

TURNS = [
    *(
        Turn(f"optimizer.{name}.{option}", to)
        for name in ("adam", "adamw", "sgd")
        for option, to in (("lr", 0.02), ("weight_decay", 0.3), ("schedule", "linear"))
    ),
    Turn("optimizer.sgd.momentum", 0.5),
    Turn("optimizer.sgd.nesterov", True),
    Turn("lam.constant.value", 3.0),
    *(
        Turn(f"lam.{name}.{option}", 4.0)
        for name in ("linear", "cosine", "sigmoid")
        for option in ("value", "start")
    ),
    Turn("trainer.trainer.steps", 5),
    Turn("trainer.trainer.batch_size", 12),
    Turn("trainer.trainer.eval_every", 3, "nothing"),
    Turn("trainer.trainer.select", "best", beside={"eval_every": 1}, nodes=DIVERGING),
    Turn("trainer.trainer.precision", "bf16"),
    Turn("trainer.trainer.augment", ["flip"], nodes=CONV),
    Turn("trainer.trainer.memory_format", "contiguous", "rounds", nodes=CONV),
    Turn("trainer.trainer.cache_features", False, "rounds", nodes=FEATURES),
    Turn("strategy.parameter_transfer.warmup", 2),
    Turn("strategy.feature_transfer.warmup", 2, beside={"train": "all"}),
    Turn("strategy.feature_transfer.train", "all"),
    Turn("strategy.parameter_transfer.train", "last", nodes=TWO_LAYERS),
    Turn("strategy.single_task.train", "last", nodes=BINARY | TWO_LAYERS),
    Turn("strategy.shared_parameters.train", "last", nodes=BINARY | TWO_LAYERS),
    Turn("strategy.task_relation.train", "last", nodes=BINARY | TWO_LAYERS),
    Turn("strategy.task_transfer.train", "last", nodes=BINARY | TWO_LAYERS),
    *(
        Turn(f"strategy.{name}.budget", "total")
        for name in ("scratch", "source_only", "single_task", "shared_parameters")
    ),
    Turn("strategy.structure_transfer.density", 0.6),
    Turn("strategy.structure_transfer.chosen_by", "chance"),
    Turn("strategy.structure_transfer.structure", "stats"),
    Turn("strategy.task_relation.relation", "ridge", nodes=BINARY),
    Turn("strategy.task_transfer.transfer", "born_again", nodes=BINARY),
]
SIZE = "a size or form of φ, which other shapes of its weights show"
FILE = "says where weights are; tests/test_pretrained.py"
ROWS = "which rows an estimator fits; strategies/test_estimator.py"
OTHERS = {
    "strategy.fused.first": "a strategy, with options of its own",
    "strategy.fused.then": "a strategy, with options of its own",
    "strategy.shared_parameters.heads": "other heads; strategies/test_shared_parameters.py",
    "strategy.task_relation.scope": "towers have other weights; strategies/test_task_relation.py",
    "strategy.task_transfer.scope": "towers have other weights; strategies/test_task_transfer.py",
    "strategy.task_transfer.distil": "needs towers; what its λ moves is in knobs.py",
    "strategy.scratch.start": "needs pretrained weights; strategies/test_scratch.py",
    "strategy.tfidf.C": "test_what_an_estimator_shrinks",
    "strategy.tfidf.ngrams": "test_what_an_estimator_shrinks",
    **{
        f"strategy.{name}.rows": ROWS
        for name in ("constant_prediction", "gradient_boosting", "linear_model", "tfidf")
    },
    "backbone.bag.dropout": "test_dropout_acts_in_training_alone",
    "backbone.lstm.dropout": "test_dropout_acts_in_training_alone",
    **dict.fromkeys(
        (
            "backbone.bag.embedding", "backbone.bag.ngrams", "backbone.bag.buckets",
            "backbone.conv.channels", "backbone.conv.norm", "backbone.mlp.hidden",
            "backbone.mlp.norm", "backbone.lstm.embedding", "backbone.lstm.hidden",
            "backbone.lstm.layers", "backbone.lstm.pooling", "backbone.timm.model",
            "backbone.torchvision.model", "backbone.minilm.sizes",
        ),
        SIZE,
    ),
    **{
        f"backbone.{name}": FILE
        for name in (
            "efficientnet_lite0.weights", "minilm.weights", "timm.weights", "torchvision.weights",
            "torchvision.download",
        )
    },
}  # fmt: skip


def every_option() -> set[str]:
    """Every option of the groups, as group.name.option."""
    keys: set[str] = set()
    for group in GROUPS:
        for name in shipped(group):
            keys |= {f"{group}.{name}.{option}" for option in fields(find(group, name))}
    return keys


def _ignores(name: str) -> frozenset[str]:
    found: frozenset[str] = getattr(find("strategy", name), "ignores", frozenset())
    return found


IGNORING = {name for name in shipped("strategy") if "lam" in _ignores(name)}  # λ


def turned_in_equations() -> set[str]:
    return {
        f"strategy.{name_of_class(type(knob.before[0]))}.{knob.option.removeprefix('strategy.')}"
        for knob in KNOBS
    }


def test_every_option_is_in_a_table() -> None:
    """A new one fails here until it is turned, or stands among OTHERS with a reason."""
    turned = {turn.key for turn in TURNS} | turned_in_equations() | set(OTHERS)

    assert sorted(every_option() - turned) == []
    lams = {key for key in turned if key.endswith(".lam.value")}
    assert sorted(turned - lams - every_option()) == []
    assert {turn.key for turn in TURNS}.isdisjoint(OTHERS)


def test_lambda_is_turned_in_every_strategy_that_has_it() -> None:
    having = set(shipped("strategy")) - IGNORING
    turned = {key.split(".")[1] for key in turned_in_equations() if key.endswith("lam.value")}

    assert turned == having
    assert len(having) == 7


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, so that what is not turned is trained once."""
    return tmp_path_factory.mktemp("runs")


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_an_option_does_in_a_run_what_is_said_of_it(turn: Turn, runs_dir: Path) -> None:
    before, after = turn.runs(runs_dir)

    alike = before.keys() == after.keys() and all(
        torch.equal(tensor, after[name]) for name, tensor in before.items()
    )
    if turn.does == "nothing":
        assert alike
        return
    if turn.does == "rounds":
        for name, tensor in before.items():
            torch.testing.assert_close(tensor, after[name], rtol=1e-3, atol=1e-5)
        return
    assert not alike
    if before.keys() == after.keys():
        apart = max(
            float((t.double() - after[name].double()).abs().max()) for name, t in before.items()
        )
        assert apart > 1e-4


@pytest.mark.parametrize("name", sorted(IGNORING - {"tfidf"}))  # on images
def test_where_lambda_is_ignored_every_lambda_is_one_run(name: str, tmp_path: Path) -> None:
    watcher = Watcher()
    nodes = {"strategy": {"name": name}, "dataset": {"name": "digits"}}
    folders = {
        planned(
            config(tmp_path, **nodes, lam={"name": "constant", "value": lam}), watcher
        ).run_dir.path
        for lam in (0.1, 1.0, 30.0)
    }

    assert len(folders) == 1


def conditional() -> Iterator[tuple[str, str, str, Where]]:
    """Every option that acts with certain choices alone: its group, its name, it, and which."""
    for group in (*GROUPS, "dataset"):
        for name in shipped(group):
            acts: Acts = getattr(find(group, name), "acts", {})
            for option, conditions in acts.items():
                for where in (conditions,) if isinstance(conditions, Where) else conditions:
                    yield group, name, option, where


SET_AWAY: dict[str, Any] = {
    "graph": [[0, 1], [1, 0]], "mu": 3.0, "one_way": True, "distil": "features", "density": 0.7,
    "chosen_by": "chance", "first_lam": 3.0, "buckets": 7, "sizes": "elsewhere",
    "test_share": 0.7, "vocabulary": 77, "min_count": 7, "lowercase": False,
}  # fmt: skip
CHOICES: dict[str, Any] = {
    "relation": "mean", "transfer": "born_again", "structure": "stats", "ngrams": 1,
    "first": {"name": "shared_parameters"}, "weights": "minilm", "split": "folders",
    "tokenizer": "minilm",
}  # fmt: skip


@pytest.mark.parametrize(
    ("group", "name", "option", "where"), list(conditional()), ids=lambda part: str(part)[:40]
)
def test_an_option_of_another_choice_is_refused_or_told(
    group: str, name: str, option: str, where: Where
) -> None:
    known = fields(find(group, name))
    assert {option, where.option} <= known.keys()
    node = {"name": name, option: SET_AWAY[option], where.option: CHOICES[where.option]}
    made, refused = None, []
    try:
        made = node_object(group, node)
    except UserError as error:
        refused = [mistake.key for mistake in error.mistakes]

    told = [] if made is None else [key for key, _ in idle(made, group)]
    assert refused + told == [f"{group}.{option}"]
    assert list(idle(find(group, name)(), group)) == []


@pytest.mark.parametrize("backbone", [Bag(embedding=6), Lstm(embedding=6, hidden=5, layers=1)])
def test_dropout_acts_in_training_alone(backbone: Bag | Lstm) -> None:
    ids = torch.from_numpy(tokens([5, 9, 3])[np.arange(3)]).long()
    outputs = {}
    for share in (0.0, 0.5):
        torch.manual_seed(0)
        phi = replace(backbone, dropout=share).build((50,))
        for training in (True, False):
            outputs[share, training] = phi.train(training)(ids).detach()

    assert torch.equal(outputs[0.0, False], outputs[0.5, False])
    assert torch.equal(outputs[0.0, False], outputs[0.0, True])
    assert not torch.allclose(outputs[0.0, True], outputs[0.5, True], atol=1e-3)


def test_buckets_are_of_pairs_alone() -> None:
    shapes = {
        (ngrams, buckets): [
            p.shape
            for p in Bag(embedding=3, ngrams=ngrams, buckets=buckets).build((9,)).parameters()
        ]
        for ngrams in (1, 2)
        for buckets in (4, 5)
    }

    assert shapes[1, 4] == shapes[1, 5]
    assert shapes[2, 4] != shapes[2, 5]


def test_what_an_estimator_shrinks() -> None:
    """The larger C, the longer the coefficients; pairs of words are more of them."""
    moods = np.array([0, 1] * 6)
    texts = [f"{'good' if mood else 'bad'} film number {k % 3}" for k, mood in enumerate(moods)]
    documents = Documents(texts, np.zeros((len(texts), 0)))
    task = Task("mood", "binary", ("bad", "good"))
    fitted = {
        (ngrams, C): Tfidf(ngrams=ngrams, C=C)
        .fit(task, documents, moods, 0)
        .weights["coefficients"]
        for ngrams in (1, 2)
        for C in (0.1, 10.0)
    }

    for ngrams in (1, 2):
        assert np.linalg.norm(fitted[ngrams, 10.0]) > 2 * np.linalg.norm(fitted[ngrams, 0.1])
    assert fitted[2, 10.0].size > fitted[1, 10.0].size
