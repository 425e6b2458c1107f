"""Settings that change nothing: told once, before training, and only where they are set."""

from pathlib import Path
from typing import Any

import pytest

from tlrun.config.build import build
from tlrun.runs.plan import plan_with_controls
from tlrun.runs.remembered import ProblemCache
from tlrun.runs.screen import Once

from problems import Watcher, config, swept

DOMAINS = {"name": "digits_domains", "target": "noise"}
QUESTIONS = {"name": "digits_binary"}
NO_EFFECT = "has no effect"


def told(runs_dir: Path, controls: bool = False, **nodes: Any) -> list[str]:
    """The lines about options without effect, of a run with these nodes."""
    watcher = Watcher()
    run = build(config(runs_dir, controls=controls, **nodes))
    plan_with_controls(run, ProblemCache(), Once(watcher))
    return [line for line in watcher.notes if NO_EFFECT in line]


@pytest.mark.parametrize(
    ("nodes", "lines"),
    [
        ({"strategy": {"name": "scratch"}}, []),
        (
            {"strategy": {"name": "scratch"}, "lam": {"name": "constant", "value": 3.0}},
            ["lam.value has no effect with strategy=scratch"],
        ),
        (
            {"strategy": {"name": "scratch"}, "lam": {"name": "linear", "start": 2.0}},
            [
                "lam has no effect with strategy=scratch",
                "lam.start has no effect with strategy=scratch",
            ],
        ),
        (
            {"strategy": {"name": "scratch", "start": "pretrained"}},
            ["strategy.start has no effect where backbone=mlp has no pretrained weights"],
        ),
        ({"lam": {"name": "constant", "value": 3.0}}, []),
        (
            {"strategy": {"name": "parameter_transfer", "train": "head"}},
            [],
        ),
        (
            {
                "strategy": {"name": "parameter_transfer", "train": "head"},
                "backbone": {"name": "identity"},
            },
            ["strategy.train has no effect where backbone=identity has nothing to train"],
        ),
        (
            {"strategy": {"name": "fused", "first_lam": 3.0}, "dataset": DOMAINS},
            ["strategy.first_lam has no effect with strategy.first=shared_parameters"],
        ),
        (
            {
                "strategy": {
                    "name": "fused",
                    "first": {"name": "task_relation", "relation": "mean"},
                    "first_lam": 3.0,
                },
                "dataset": DOMAINS,
            },
            [],
        ),
        (
            {"strategy": {"name": "shared_parameters", "heads": "shared"}, "dataset": QUESTIONS},
            ["strategy.heads has no effect where no two domains have the same task"],
        ),
        (
            {"strategy": {"name": "shared_parameters", "heads": "shared"}, "dataset": DOMAINS},
            [],
        ),
        (
            {
                "strategy": {"name": "linear_model", "rows": "pooled"},
                "dataset": QUESTIONS,
                "backbone": {"name": "mlp"},
                "trainer": {"name": "trainer", "steps": 7},
                "optimizer": {"name": "sgd", "lr": 0.2},
            },
            [
                "optimizer has no effect with strategy=linear_model",
                "optimizer.lr has no effect with strategy=linear_model",
                "trainer.steps has no effect with strategy=linear_model",
                "strategy.rows has no effect where no two domains have the same task",
            ],
        ),
        (
            {"trainer": {"name": "trainer", "cache_features": False}},
            ["trainer.cache_features has no effect where no stage has anything to compute once"],
        ),
        (
            {
                "strategy": {"name": "feature_transfer"},
                "trainer": {"name": "trainer", "cache_features": False},
            },
            [],
        ),
    ],
)
def test_what_is_set_and_changes_nothing_is_told(
    tmp_path: Path, nodes: dict[str, Any], lines: list[str]
) -> None:
    assert told(tmp_path, **nodes) == lines


def test_a_run_is_not_told_of_what_its_controls_have_no_use_for(tmp_path: Path) -> None:
    """`scratch`, among them, has none for λ."""
    lam = {"name": "constant", "value": 3.0}

    assert told(tmp_path, controls=True, lam=lam) == []
    one = told(tmp_path, controls=True, lam=lam, strategy={"name": "single_task"})
    assert one == ["lam.value has no effect with strategy=single_task"]


def test_a_sweep_says_it_once_and_of_how_many_runs(tmp_path: Path) -> None:
    watcher = Watcher()
    jobs = [
        config(tmp_path, strategy={"name": name}, lam={"name": "constant", "value": lam})
        for name in ("scratch", "parameter_transfer")
        for lam in (0.5, 3.0, 7.0)
    ]
    plan = swept(jobs, watcher)

    lines = [line for line in watcher.notes if NO_EFFECT in line]
    assert lines == ["3 runs: lam.value has no effect with strategy=scratch"]
    assert len(plan.runs) == 4  # one of scratch, however many λ were asked for
