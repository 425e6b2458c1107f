import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlrun.core.errors import UserError
from tlrun.report.study.build import build_report
from tlrun.report.study.folder import read_folders

from made_runs import put_run, put_study
from made_studies import folder_of, only

RIGHT = np.arange(40) % 3 > 0


def change(path: Path, name: str, key: str, value: Any) -> None:
    """Put another value into a JSON file, or take the key out (of "headline.test": within)."""
    content = json.loads((path / name).read_text())
    node = content
    *above, last = key.split(".")
    for part in above:
        node = node[part]
    if value is None:
        del node[last]
    else:
        node[last] = value
    (path / name).write_text(json.dumps(content))


@pytest.mark.parametrize("depth", range(4))
def test_a_folder_within_runs_stands_for_the_folder_of_runs(tmp_path: Path, depth: int) -> None:
    path = put_run(tmp_path, "fused", 0, RIGHT)
    put_run(tmp_path, "joint", 0, RIGHT)
    asked = [path, *path.parents][3 - depth]
    folder = folder_of(asked)

    assert folder.runs_dir.resolve() == tmp_path.resolve()
    assert len(folder.finished) == 2
    assert folder.asked(path.resolve())
    assert folder.asked((tmp_path / "made/joint/joint_seed=0").resolve()) == (depth < 2)


def test_two_paths_into_one_folder_are_read_once(tmp_path: Path) -> None:
    path = put_run(tmp_path / "a", "fused", 0, RIGHT)
    put_run(tmp_path / "b", "fused", 0, RIGHT)

    assert len(read_folders([path, tmp_path / "a"])) == 1
    assert len(read_folders([tmp_path / "a", tmp_path / "b"])) == 2


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("run.json", "setting", None),
        ("run.json", "family", None),
        ("run.json", "test_examples", None),
        ("run.json", "lam", [1]),
        ("run.json", "seed", "0"),
        ("run.json", "controls", ["scratch"]),
        ("run.json", "optimizer", "adam"),
        ("run.json", "seconds", "1 s"),
        ("result.json", "tested", None),
        ("result.json", "size", "big"),
        ("result.json", "steps", "many"),
        ("result.json", "headline.name", None),
        ("result.json", "headline.test", None),
        ("result.json", "metrics.test", None),
        ("result.json", "headline", "accuracy"),
    ],
)
def test_a_run_of_another_tl_run_is_listed_apart(
    tmp_path: Path, name: str, key: str, value: Any
) -> None:
    put_study(tmp_path)
    path = put_run(tmp_path, "parameter_transfer", 6, RIGHT, lam=1.0)
    before = only(tmp_path)
    change(path, name, key, value)
    study = only(tmp_path)

    (other,) = study.others
    assert (other.status, other.score) == ("finished", "–")
    assert other.why == "its files are damaged, or an older tl-run's"
    assert {len(arm.seeds) for arm in study.arms} == {6}
    assert len(before.others) == 0


@pytest.mark.parametrize("name", ["run.json", "result.json", "data.json", "config.yaml"])
@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": NaN}', "\ufeff"])
def test_no_damaged_file_is_a_traceback(tmp_path: Path, name: str, text: str) -> None:
    put_study(tmp_path)
    path = put_run(tmp_path, "parameter_transfer", 6, RIGHT, lam=1.0)
    (path / name).write_text(text, encoding="utf-8")

    assert {arm.strategy for arm in only(tmp_path).arms} >= {"parameter_transfer", "scratch"}


@pytest.mark.parametrize("name", ["predictions.safetensors", "data.json", "metrics.jsonl"])
def test_no_missing_file_is_a_traceback(tmp_path: Path, name: str) -> None:
    put_study(tmp_path)
    for path in tmp_path.glob(f"made/*/*/{name}"):
        path.unlink()

    assert {len(arm.seeds) for arm in only(tmp_path).arms} == {6}


def test_runs_of_which_none_has_finished_are_a_mistake(tmp_path: Path) -> None:
    put_run(tmp_path, "fused", 0, RIGHT, status="failed", reason="no disk")

    with pytest.raises(UserError, match=r"report: expected a finished run, found none in .*; "):
        build_report([tmp_path])


def test_of_two_runs_of_a_setting_and_seed_the_later_counts(tmp_path: Path) -> None:
    put_run(tmp_path / "aside", "fused", 0, RIGHT)
    late = put_run(tmp_path, "fused", 0, RIGHT, started="2027")
    (tmp_path / "aside/made/fused/fused_seed=0").rename(late.with_name("copy"))

    assert folder_of(tmp_path).by_setting["fused", 0].path == late.resolve()
