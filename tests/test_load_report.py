"""What was loaded, from the data to the run's folder and the screen; and what tasks have to do with
each other."""

import csv
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_sets import put_mnist, put_usps

from tlrun.config.build import build
from tlrun.core.errors import UserError
from tlrun.core.notes import Note
from tlrun.data.load_report import summary
from tlrun.report.notes import words
from tlrun.runs.plan import THIS, Plan
from tlrun.strategies.base import Stage
from tlrun.sweeps.executors.local import LocalExecutor
from tlrun.sweeps.launch import launch

from problems import SweepWatcher, Watcher, config, data_of, outcomes_of, performed, planned

DOMAINS = {"name": "digits_domains"}
BINARY = {"name": "digits_binary"}
SHARED = {"name": "shared_parameters"}


@dataclass
class Diary(Watcher):
    """A screen that remembers the order of what it was told."""

    lines: list[str] = field(default_factory=list)

    def note(self, note: Note, runs: int = 1) -> None:
        self.lines += words(note, runs)

    def begin(self, run: str, stage: Stage) -> None:
        self.lines.append(f"begin {run}")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """60 rows, two columns of classes with some labels missing, and one of numbers."""
    rng = np.random.default_rng(0)
    file = tmp_path / "tables" / "mine.csv"
    file.parent.mkdir()
    with file.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["x", "w", "site", "up", "right", "size"])
        for k, (x, w) in enumerate(rng.standard_normal((60, 2)).round(4).tolist()):
            up = "" if k % 7 == 0 else "yes" if x > 0 else "no"
            rows.writerow([x, w, "abc"[k % 3], up, "yes" if w > 0 else "no", x + w])
    return file


def of_table(file: Path, **options: Any) -> dict[str, Any]:
    return {"name": "table_csv", "path": str(file), "predict": ["up", "right"], **options}


def of(runs_dir: Path, **changes: Any) -> Plan:
    return planned(config(runs_dir, **changes), Watcher())


def kept(runs_dir: Path, name: str, **changes: Any) -> Any:
    """A JSON file of a run that is trained for it."""
    path = performed(of(runs_dir, **changes), THIS, Watcher()).path
    return json.loads((path / name).read_text(encoding="utf-8"))


def test_what_was_loaded_is_kept_with_the_run(tmp_path: Path, table: Path) -> None:
    changes = {"dataset": of_table(table), "strategy": SHARED}
    report = kept(tmp_path / "runs", "data.json", **changes)

    assert report == data_of(of(tmp_path / "runs", **changes)).report
    rows = {(row["split"], row["task"]): row for row in report["splits"]}
    assert (
        rows["train", "up"]["labels"] + rows["train", "up"]["missing"]
        == rows["train", "up"]["examples"]
    )
    assert sum(row["missing"] for row in report["splits"] if row["task"] == "up") == 9
    assert rows["test", "right"]["classes"].keys() == {"no", "yes"}


@pytest.mark.parametrize(
    "dataset", [{"name": "digits"}, DOMAINS, BINARY], ids=lambda node: node["name"]
)
def test_every_run_of_a_command_keeps_it(tmp_path: Path, dataset: dict[str, Any]) -> None:
    outcomes = outcomes_of(
        config(tmp_path, dataset=dataset, strategy=SHARED, controls=True), Watcher()
    )
    reports = [(outcome.path / "data.json").read_bytes() for outcome in outcomes]

    assert len(reports) == 2
    assert reports[0] == reports[1]
    assert {"splits", "duplicates", "notes"} <= json.loads(reports[0]).keys()


def test_it_is_told_before_a_run_starts_and_once_for_all_its_controls(tmp_path: Path) -> None:
    diary = Diary()
    asked = config(tmp_path, controls=True)
    outcomes_of(asked, diary)
    lines = summary(data_of(planned(asked, Watcher())).report)

    assert lines[0].startswith("source: 719 train, ")
    assert diary.lines[: len(lines)] == lines
    assert diary.lines[len(lines)] == f"begin {THIS}"
    assert sum(line.startswith("begin ") for line in diary.lines) > 1
    assert all(diary.lines.count(line) == 1 for line in lines)


def test_it_is_told_where_the_run_is_found_too(tmp_path: Path) -> None:
    outcomes_of(config(tmp_path), Watcher())
    diary = Diary()
    outcomes_of(config(tmp_path), diary)

    assert diary.lines == summary(data_of(of(tmp_path)).report)


def swept(configs: list[dict[str, Any]], screen: Watcher) -> None:
    launch(
        [build(config) for config in configs],
        [[]] * len(configs),
        LocalExecutor(2),
        screen,
        lambda total, found: nullcontext(SweepWatcher()),
    )


def test_a_sweep_of_one_data_set_tells_it_once(tmp_path: Path) -> None:
    configs = [
        config(tmp_path, strategy={"name": name}, seed=seed)
        for name in ("scratch", "joint")
        for seed in (0, 1)
    ]
    watcher = Watcher()
    swept(configs, watcher)

    assert watcher.notes == summary(data_of(of(tmp_path)).report)


def test_a_sweep_of_several_data_sets_tells_of_none(tmp_path: Path) -> None:
    shifts = [{"name": "digits", "shift": shift} for shift in ("noise", "inverted")]
    watcher = Watcher()
    swept(
        [config(tmp_path, dataset=node, strategy={"name": "scratch"}) for node in shifts], watcher
    )

    assert watcher.notes == []


def test_a_refused_sweep_tells_nothing_but_what_is_wrong(tmp_path: Path) -> None:
    watcher = Watcher()
    with pytest.raises(UserError, match=r"dataset.labels_per_class: expected at most"):
        swept([config(tmp_path, dataset={"name": "digits", "labels_per_class": 900})], watcher)

    assert watcher.notes == []


def places(
    tmp_path: Path, table: Path
) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """Per data set on disk: its node, the same with the files elsewhere, and one that reads other
    examples."""
    copy = table.with_name("copy.csv")
    shutil.copy(table, copy)
    yield of_table(table), of_table(copy), of_table(table, predict=["right", "size"])
    root, other = tmp_path / "images", tmp_path / "elsewhere"
    put_mnist(root)
    put_usps(root)
    shutil.copytree(root, other)
    pair = {"name": "pair", "root": str(root), "download": False, "labels_per_class": 2, "size": 8}
    yield pair, pair | {"root": str(other), "download": True}, pair | {"labels_per_class": 3}


def test_where_the_files_are_is_no_part_of_a_run(tmp_path: Path, table: Path) -> None:
    checked = 0
    for here, there, otherwise in places(tmp_path, table):
        strategy = SHARED if here["name"] == "table_csv" else {"name": "scratch"}
        one, same, other = (
            of(tmp_path, dataset=node, strategy=strategy) for node in (here, there, otherwise)
        )
        assert one.run_dir.path == same.run_dir.path != other.run_dir.path
        assert [planned.key for planned in one.stages] == [planned.key for planned in same.stages]
        checked += 1

    assert checked == 2


def test_two_copies_of_a_table_are_one_run_and_one_that_was_changed_is_another(
    tmp_path: Path, table: Path
) -> None:
    copy = table.with_name("copy.csv")
    shutil.copy(table, copy)
    nodes = {"strategy": SHARED, "controls": True}
    outcomes_of(config(tmp_path, dataset=of_table(table), **nodes), Watcher())
    watcher = Watcher()
    again = outcomes_of(config(tmp_path, dataset=of_table(copy), **nodes), watcher)

    assert all(outcome.found for outcome in again)
    assert watcher.steps == 0
    changed = copy.with_name("changed.csv")
    changed.write_text(copy.read_text(encoding="utf-8").replace("yes", "YES"), encoding="utf-8")
    other = of(tmp_path, dataset=of_table(changed), **nodes)
    assert other.run_dir.path not in {outcome.path for outcome in again}


def test_two_copies_of_a_table_are_one_setting_and_one_family(tmp_path: Path, table: Path) -> None:
    """Else a sweep over seeds of one and of the other would be two rows of the same runs."""
    copy = table.with_name("copy.csv")
    shutil.copy(table, copy)
    one, other = (
        outcomes_of(config(tmp_path, dataset=of_table(file), strategy=SHARED), Watcher())[0]
        for file in (table, copy)
    )

    assert (one.setting, one.family) == (other.setting, other.family)


LEARNS: Mapping[str, dict[str, Any]] = {
    "Ω": {"name": "task_relation", "relation": "covariance"},
    "B": {"name": "task_transfer"},
}


@pytest.mark.parametrize("name", LEARNS)
@pytest.mark.parametrize(("dataset", "names"), [
    (BINARY, ["odd", "at_least_five", "prime"]),
    (DOMAINS, ["noise", "occlusion", "inverted"]),
], ids=["tasks", "domains"])  # fmt: skip
def test_what_was_learnt_of_the_tasks_is_part_of_the_result(
    name: str, dataset: dict[str, Any], names: list[str], tmp_path: Path
) -> None:
    found = kept(tmp_path, "result.json", dataset=dataset, strategy=LEARNS[name])["relation"]

    assert (found["name"], found["tasks"]) == (name, names)
    assert np.array(found["matrix"]).shape == (3, 3)


@pytest.mark.parametrize("strategy", [
    SHARED, {"name": "single_task"}, {"name": "task_relation", "relation": "trace_norm"},
    {"name": "task_transfer", "transfer": "born_again"},
], ids=lambda node: "-".join(node.values()))  # fmt: skip
def test_where_no_relation_is_learnt_there_is_none(
    strategy: dict[str, Any], tmp_path: Path
) -> None:
    assert "relation" not in kept(tmp_path, "result.json", dataset=BINARY, strategy=strategy)


@pytest.mark.parametrize(("dataset", "strategy", "has"), [
    (DOMAINS, SHARED, True),
    (DOMAINS, {"name": "single_task"}, True),
    (DOMAINS, SHARED | {"heads": "shared"}, False),
    (BINARY, SHARED, False),
    ({"name": "digits"}, {"name": "parameter_transfer"}, False),
    ({"name": "digits"}, SHARED, True),
])  # fmt: skip
def test_how_far_heads_are_apart_is_told_where_heads_of_one_label_space_can_be(
    dataset: dict[str, Any], strategy: dict[str, Any], has: bool, tmp_path: Path
) -> None:
    result = kept(tmp_path, "result.json", dataset=dataset, strategy=strategy)

    assert ("disagreement" in result) == has
    assert 0.0 <= result.get("disagreement", 0.0) <= 1.0


def test_tied_heads_are_less_apart_than_free_ones(tmp_path: Path) -> None:
    def apart(value: float) -> float:
        nodes = {
            "strategy": {"name": "task_relation", "relation": "mean"},
            "lam": {"name": "constant", "value": value},
        }
        found: float = kept(tmp_path, "result.json", dataset=DOMAINS, **nodes)["disagreement"]
        return found

    assert apart(float("inf")) < apart(0.0)


def test_all_that_was_learnt_together_is_named_though_the_target_is_the_headline(
    tmp_path: Path,
) -> None:
    result = kept(tmp_path, "result.json", dataset={"name": "digits"}, strategy=SHARED)

    assert result["headline"]["tasks"] == {"source/digit": "accuracy", "target/digit": "accuracy"}
    assert result["headline"]["test"] == result["metrics"]["test"]["target/digit"]["accuracy"]


@pytest.mark.parametrize(
    ("dataset", "strategy", "expected"),
    [
        ({"name": "digits"}, {"name": "parameter_transfer"}, {"target/digit": "accuracy"}),
        (
            DOMAINS,
            SHARED,
            dict.fromkeys(("noise/digit", "occlusion/digit", "inverted/digit"), "accuracy"),
        ),
        (DOMAINS | {"target": "noise"}, {"name": "fused"}, {"noise/digit": "accuracy"}),
        (
            {"name": "digits_tasks", "metric": "auc"},
            SHARED,
            {"digits/identity": "auc", "digits/parity": "auc", "digits/size": "r2"},
        ),
    ],
)
def test_the_headline_names_the_tasks_that_it_is_about_and_their_metrics(
    dataset: dict[str, Any], strategy: dict[str, Any], expected: dict[str, str], tmp_path: Path
) -> None:
    result = kept(tmp_path, "result.json", dataset=dataset, strategy=strategy)
    scores = [result["metrics"]["test"][unit][metric] for unit, metric in expected.items()]

    assert result["headline"]["tasks"] == expected
    if len(set(expected.values())) > 1:
        assert result["headline"]["test"] is None  # of auc and R² there is no mean
    else:
        assert result["headline"]["test"] == pytest.approx(sum(scores) / len(scores))
