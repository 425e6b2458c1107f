from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from sweeps.executors.test_local import Told

from tlrun.config.build import build
from tlrun.core.errors import UserError
from tlrun.runs.plan import THIS
from tlrun.store.files import read_json
from tlrun.sweeps.executors.local import LocalExecutor
from tlrun.sweeps.launch import launch

from problems import Watcher, config

LAM = {"name": "constant", "value": 1.0}


def swept(configs: list[dict[str, Any]], told: Told | None = None) -> Any:
    told = told or Told()
    return launch(
        [build(config) for config in configs],
        [[f"job={k}"] for k in range(len(configs))],
        LocalExecutor(2),
        Watcher(),
        lambda total, found: nullcontext(told),
    )


def test_every_job_gets_its_run_and_controls(tmp_path: Path) -> None:
    configs = [
        config(tmp_path, controls=True, strategy={"name": name})
        for name in ("parameter_transfer", "joint")
    ]
    first = swept(configs)
    second = swept(configs)

    assert [[o.name for o in answer] for answer in first.outcomes] == [
        [THIS, "scratch", "scratch, total budget", "source_only", "joint, λ=1"], [THIS],
    ]  # fmt: skip
    assert (first.trained, first.found, second.trained, second.found) == (5, 0, 0, 5)
    assert first.outcomes[1][0].path == first.outcomes[0][4].path
    assert [o.result for o in first.outcomes[0]] == [o.result for o in second.outcomes[0]]


def test_the_record_says_what_the_sweep_is_made_of(tmp_path: Path) -> None:
    swept([config(tmp_path, lam=LAM | {"value": value}) for value in (1.0, 10.0)])
    (file,) = (tmp_path / ".sweeps").glob("*/sweep.json")
    record = read_json(file)

    assert (record["status"], record["runs"], record["failed"]) == ("finished", 2, {})
    assert [job["sets"] for job in record["jobs"]] == [["job=0"], ["job=1"]]
    assert all(
        (tmp_path / path / "result.json").exists()
        for job in record["jobs"]
        for path in job["runs"].values()
    )
    # nobody printed anything
    assert sorted(path.name for path in file.parent.iterdir()) == ["sweep.json"]


def test_a_mistake_starts_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        swept(
            [
                config(tmp_path),
                config(tmp_path, dataset={"name": "digits", "labels_per_class": 900}),
            ]
        )

    assert list(tmp_path.iterdir()) == []
