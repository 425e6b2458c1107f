"""Reports with everything in them, for what shows them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from tlrun.report.answer import Report
from tlrun.report.study.build import build_report

from made_runs import CONTROLS, put_arm, put_run, put_study, right_on

# What a terminal, a page or a spreadsheet could take for more than text.
HOSTILE = "<script>alert(1)</script> [red]x[/] a|b\n## new\x1b[31m\u202e`*_"
FORMULA = "=cmd()|' /C calc'!A0"


def axis_report(path: Path) -> Report:
    """An axis along λ with a peak, controls of all roles, and many names."""
    outside = {"joint, λ=1": "joint λ=1", "linear_model": "linear_model"}
    controls = {**CONTROLS, **outside}
    put_arm(path, "scratch", 0.5, controls=controls)
    put_arm(path, "source_only", 0.55, controls=controls)
    put_arm(path, "joint", 0.7, lam=1.0, controls=controls)
    put_arm(path, "linear_model", 0.9, network=False, controls=controls)
    for lam, share in {0.0: 0.56, 0.1: 0.65, 1.0: 0.8, 10.0: 0.7, math.inf: 0.6}.items():
        facts: dict[str, Any] = {"lam": lam, "val_loss": 1 - share, "controls": controls}
        put_arm(path, "parameter_transfer", share, **facts)
    for train in ("all", "a_long_name_of_a_layer.conv1"):
        facts = {"options": {"train": train}, "controls": controls}
        put_arm(path, "feature_transfer", 0.4, lam=1.0, **facts)
    return build_report([path])


def task_report(path: Path, tasks: int = 4) -> Report:
    """Several tasks learnt together, with a relation that was learnt."""
    for strategy, share in {"single_task": 0.5, "task_relation": 0.7}.items():
        for seed in range(6):
            rng = np.random.default_rng([seed, *strategy.encode()])
            made = {f"d/task{k}": right_on(rng.random(100) < share) for k in range(tasks)}
            run = put_run(path, strategy, seed, made, controls={"single_task": "single_task"})
            result = json.loads((run / "result.json").read_text())
            names, matrix = [f"task{k}" for k in range(tasks)], np.eye(tasks).tolist()
            learnt = {"name": "Ω", "meaning": "how alike", "tasks": names, "matrix": matrix}
            (run / "result.json").write_text(json.dumps({**result, "relation": learnt}))
    return build_report([path])


def hostile_report(path: Path) -> Report:
    """Names from outside in every place that a run has for one."""
    put_study(path)
    for k, name in enumerate((HOSTILE, FORMULA)):
        facts: dict[str, Any] = {"lam_label": f"{name}", "controls": {**CONTROLS, name: "scratch"}}
        put_arm(path, "fused", 0.7, lam=k + 1.0, options={"x": name}, **facts)
    right = np.ones(400, bool)
    put_run(path, "joint", 0, right, status="failed", reason=HOSTILE)
    for run in path.glob("made/*/*"):
        text = (run / "data.json").read_text().replace("cat", "[red]<b>|\\u001b")
        (run / "data.json").write_text(text)
    return build_report([path])


def sentences_of(report: Report) -> list[str]:
    """Every sentence of all studies."""
    found = []
    for study in report.studies:
        found += [study.question, study.verdict, *study.more, study.scope]
        found += [*study.deviations, *study.warnings, *(table.note for table in study.tasks)]
    return found
