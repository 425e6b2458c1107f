from pathlib import Path

from tlrun.report.forecast_table import rows_of
from tlrun.runs.plan import THIS
from tlrun.sweeps.declaration import Asked, asked_studies

from problems import Watcher, config, swept


def test_every_run_stands_in_one_row(tmp_path: Path) -> None:
    configs = [
        config(
            tmp_path,
            controls=True,
            strategy={"name": strategy},
            lam={"name": "constant", "value": value},
            seed=seed,
        )
        for strategy in ("parameter_transfer", "scratch")
        for value in (0.5, float("inf"))
        for seed in (0, 1)
    ]
    plan = swept(configs, Watcher())
    sets = [[f"strategy={each['strategy']['name']}"] for each in configs]
    rows = rows_of(plan, asked_studies(plan, sets, Asked()))
    paths = [path for row in rows for path in row.paths]

    assert sorted(paths) == sorted(plan.runs)
    assert [row.name for row in rows if not row.control] == ["parameter_transfer", "scratch"]
    assert list(rows[0].lams) == ["0.5", "∞"]
    asked = {arms[THIS].run_dir.path for arms in plan.arms}
    for row in rows:
        assert row.seeds == {0, 1}
        assert row.control is asked.isdisjoint(row.paths)
