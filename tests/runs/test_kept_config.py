from pathlib import Path
from typing import Any

import pytest

from tlrun.core.errors import UserError
from tlrun.runs.identity import deciding
from tlrun.runs.kept_config import kept_run
from tlrun.runs.plan import THIS, plan
from tlrun.runs.remembered import ProblemCache

from problems import Watcher, config, performed, planned

ARMS: list[dict[str, Any]] = [
    {"strategy": {"name": "structure_transfer", "structure": "width"}},
    {"strategy": {"name": "scratch"}},
    {"dataset": {"name": "digits_binary"}, "strategy": {"name": "linear_model"}},
    {"lam": {"name": "constant", "value": float("inf")}},
]


@pytest.mark.parametrize("nodes", ARMS)
def test_the_run_in_a_folder_is_the_run_that_made_it(nodes: dict[str, Any], tmp_path: Path) -> None:
    asked = planned(config(tmp_path, **nodes), Watcher())
    performed(asked, THIS, Watcher())
    kept = kept_run(asked.run_dir)

    assert deciding(kept) == deciding(asked.run)
    assert plan(kept, ProblemCache(), Watcher()).run_dir.path == asked.run_dir.path
    assert (kept.device, kept.threads) == ("cpu", 1)


@pytest.mark.parametrize("text", ["", "seed: 0", "- a", "a: [", "seed: 0\ndataset: {name: none}"])
def test_a_config_that_is_none_is_refused_in_a_line(text: str, tmp_path: Path) -> None:
    asked = planned(config(tmp_path), Watcher())
    asked.run_dir.path.mkdir(parents=True)
    (asked.run_dir.path / "config.yaml").write_text(text)

    with pytest.raises(UserError):
        kept_run(asked.run_dir)
