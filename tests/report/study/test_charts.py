import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml

from tlrun.report.answer import Figure
from tlrun.report.study.charts import (
    MOST_LINES,
    label_chart,
    labels_used,
    lam_chart,
    steps_chart,
)
from tlrun.report.study.controls import control_rows
from tlrun.runs.outcome import Outcome

from made_runs import put_arm, put_run
from made_studies import only, parts_of, runs_of

RIGHT = np.arange(40) % 3 > 0


def score(runs: Sequence[Outcome]) -> Figure:
    """The mean of scores as they are."""
    mean = float(np.mean([run.result["headline"]["test"] for run in runs]))
    return Figure(f"{mean:.3f}", mean, n=len(runs))


def test_points_along_lam_are_the_scores_of_all_seeds_in_order(tmp_path: Path) -> None:
    put_arm(tmp_path, "scratch", 0.5)
    for lam in (math.inf, 10.0, 0.0, 1.0):
        put_arm(tmp_path, "parameter_transfer", 0.6, lam=lam)
    put_run(tmp_path, "parameter_transfer", 0, RIGHT, lam=3.0, lam_label="linear")
    parts = parts_of(tmp_path)
    (chart,) = lam_chart(parts.study.axes, control_rows(parts.series), score)
    (line,) = chart.lines

    assert [point.at for point in line.points] == [0.0, 1.0, 10.0, math.inf]
    assert [point.name for point in line.points] == ["0", "1", "10", "∞"]
    assert all(point.figure.n == 6 for point in line.points)
    assert [name for name, _ in chart.levels] == ["scratch"]
    assert set(chart.ends) == {"0", "1", "∞"}


def test_ends_are_named_where_they_stand_alone(tmp_path: Path) -> None:
    for lam in (1.0, 10.0):
        put_arm(tmp_path, "parameter_transfer", 0.6, lam=lam)
    parts = parts_of(tmp_path)
    (chart,) = lam_chart(parts.study.axes, [], score)

    assert set(chart.ends) == {"1"}


def test_one_lam_is_no_line(tmp_path: Path) -> None:
    put_arm(tmp_path, "parameter_transfer", 0.6, lam=1.0)
    put_arm(tmp_path, "scratch", 0.6)

    assert lam_chart(parts_of(tmp_path).study.axes, [], score) == []


def test_labels_are_an_axis_of_arms_that_differ_in_nothing_else(tmp_path: Path) -> None:
    for labels in (40, 10, 20):
        for strategy in ("joint", "fused"):
            path = put_run(tmp_path, strategy, 0, RIGHT, options={"k": labels})
            config = {"strategy": {"name": strategy}, "dataset": {"labels_per_class": labels}}
            if (strategy, labels) == ("fused", 20):
                config["optimizer"] = {"lr": 1}
            (path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
            result = json.loads((path / "result.json").read_text())
            result["labels"]["target"] = 2 * labels
            (path / "result.json").write_text(json.dumps(result))
    (chart,) = label_chart(parts_of(tmp_path).series, score)
    points = {line.label: [point.at for point in line.points] for line in chart.lines}

    assert points == {"joint": [20, 40, 80], "fused": [20, 80]}
    assert labels_used(runs_of(tmp_path, "joint k=10")[0]) == 20  # of the target, not the source


def test_one_budget_is_no_chart_of_labels(tmp_path: Path) -> None:
    put_arm(tmp_path, "joint", 0.5)

    assert label_chart(parts_of(tmp_path).series, score) == []


def test_the_objective_is_the_mean_over_seeds_at_steps_that_all_have(tmp_path: Path) -> None:
    for seed in range(2):
        path = put_run(tmp_path, "fused", seed, RIGHT)
        rows = [
            {"stage": "source", "step": 1, "terms": {"total": 100.0}},
            *({"stage": "target", "step": k, "terms": {"total": k + seed}} for k in (1, 2, 3)),
            {"stage": "target", "step": 4 + seed, "terms": {"total": 1.0}},
            {"stage": "target", "step": 9, "terms": {"total": None}},
        ]
        (path / "metrics.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (chart,) = steps_chart(parts_of(tmp_path).series)
    (line,) = chart.lines

    assert [(point.at, point.figure.value) for point in line.points] == [
        (1, 1.5), (2, 2.5), (3, 3.5),
    ]  # fmt: skip


def test_damaged_or_missing_logs_and_many_arms_draw_what_can_be_drawn(tmp_path: Path) -> None:
    for k in range(MOST_LINES + 2):
        path = put_run(tmp_path, "fused", 0, RIGHT, options={"k": k})
        if k == 0:
            (path / "metrics.jsonl").write_text('{"stage": "target", "step": 1}\n')
        if k == 1:
            (path / "metrics.jsonl").write_text('{"stage": "target", "step": 1, "terms": NaN}')
    (chart,) = steps_chart(parts_of(tmp_path).series)

    assert len(chart.lines) == MOST_LINES - 2


def test_a_study_has_levels_for_networks_alone(tmp_path: Path) -> None:
    controls = {"scratch": "scratch", "linear_model": "linear_model"}
    put_arm(tmp_path, "scratch", 0.5, controls=controls)
    put_arm(tmp_path, "linear_model", 0.5, controls=controls, network=False)
    for lam in (0.0, 1.0):
        put_arm(tmp_path, "parameter_transfer", 0.6, lam=lam, controls=controls)
    (chart,) = (chart for chart in only(tmp_path).charts if chart.kind == "lam")

    assert [name for name, _ in chart.levels] == ["scratch"]
