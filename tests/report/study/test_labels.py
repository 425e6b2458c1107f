from pathlib import Path

import numpy as np
import yaml

from tlrun.report.study.labels import config_of, differing, labels_of

from made_runs import put_run
from made_studies import folder_of
from problems import outcome, sign

RIGHT = np.ones(20, bool)


def test_families_are_told_apart_by_what_they_differ_in_alone(tmp_path: Path) -> None:
    for train in ("head", "all"):
        options = {"train": train, "like": {"deep": True}}
        put_run(tmp_path, "feature_transfer", 0, RIGHT, lam=1.0, options=options)
    put_run(tmp_path, "scratch", 0, RIGHT, options={"budget": "target"})
    labels = labels_of(folder_of(tmp_path).finished)

    assert sorted(labels.values()) == [
        "feature_transfer train=all", "feature_transfer train=head", "scratch",
    ]  # fmt: skip


def test_no_option_is_told_of_one_family_whatever_its_seeds_and_lam(tmp_path: Path) -> None:
    for seed in range(3):
        for lam in (0.0, 1.0):
            put_run(tmp_path, "joint", seed, RIGHT, lam=lam, options={"a": 1})

    assert set(labels_of(folder_of(tmp_path).finished).values()) == {"joint"}


def test_an_option_outside_the_strategy_is_told_of_all(tmp_path: Path) -> None:
    for k, strategy in enumerate(("joint", "scratch")):
        path = put_run(tmp_path, strategy, 0, RIGHT)
        config = {"strategy": {"name": strategy}, "dataset": {"labels": 10 * (k + 1)}}
        (path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")

    assert set(labels_of(folder_of(tmp_path).finished).values()) == {
        "joint labels=10", "scratch labels=20",
    }  # fmt: skip


def test_a_run_without_a_config_has_its_strategy_for_a_label(tmp_path: Path) -> None:
    for k, text in enumerate(("[1, 2]", "a: [", "\x00")):
        put_run(tmp_path, "joint", 0, RIGHT, options={"k": k})
        path = tmp_path / "made" / "joint" / f"joint_k={k}_seed=0" / "config.yaml"
        path.write_text(text, encoding="utf-8")

        assert config_of(outcome(path=path.parent)) == {}
    assert config_of(outcome(path=tmp_path)) == {}
    assert set(labels_of(folder_of(tmp_path).finished).values()) == {"joint"}


def test_a_config_that_is_not_what_it_was_is_none(tmp_path: Path) -> None:
    path = put_run(tmp_path, "joint", 0, RIGHT, options={"k": 1})
    sign(path)
    (run,) = folder_of(tmp_path).finished
    assert config_of(run)["strategy.k"] == "1"
    file = path / "config.yaml"
    file.write_text(file.read_text().replace("k: 1", "k: 2"))

    assert config_of(run) == {}


def test_values_are_written_as_in_a_config(tmp_path: Path) -> None:
    options = {"on": True, "off": None, "sizes": [1, 2], "in": {"rate": 0.5}}
    path = put_run(tmp_path, "joint", 0, RIGHT, options=options)
    config = config_of(outcome(path=path))

    assert config["strategy.on"] == "true"
    assert config["strategy.off"] == "null"
    assert config["strategy.in.rate"] == "0.5"
    assert "seed" not in config
    assert differing({"a": config, "b": {**config, "strategy.on": "false"}}) == ["strategy.on"]


def test_a_hostile_option_is_printable(tmp_path: Path) -> None:
    for k in range(2):
        put_run(tmp_path, "joint", 0, RIGHT, options={"x": f"{k}\x1b[31m\u202e\n"})

    assert all(label.isprintable() for label in labels_of(folder_of(tmp_path).finished).values())
