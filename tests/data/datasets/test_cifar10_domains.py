import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from image_sets import examples, known, put_cifar10

from tlrun.core.errors import UserError
from tlrun.core.problem import Problem, Split
from tlrun.data.datasets.cifar10_domains import Cifar10Domains, Name
from tlrun.data.images import stand_in_images
from tlrun.data.images.shifts import blur, grey
from tlrun.data.load_report import summary

TRAIN, TEST = 600, 240
NAMES = get_args(Name)
RNG = np.random.default_rng(0)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder with a small set instead of CIFAR-10."""
    put_cifar10(tmp_path, TRAIN, TEST)
    known(monkeypatch, tmp_path)
    return str(tmp_path)


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder with nothing, for which small sets are made."""
    monkeypatch.setattr(stand_in_images, "TRAIN", TRAIN)
    monkeypatch.setattr(stand_in_images, "TEST", TEST)
    return str(tmp_path)


def load(root: str, seed: int = 0, **options: Any) -> Problem:
    asked = {"root": root, "download": False, "labels_per_class": 3, **options}
    return Cifar10Domains(**asked).load(seed)


def splits_of(problem: Problem, name: str) -> list[Split]:
    domain = problem.domains[name]
    return [s for s in (domain.train, domain.val, problem.test.open()[name]) if s is not None]


@pytest.mark.parametrize(
    "options",
    [{}, {"val_share": 0.4}, {"target": "grey"}, {"target": "blur", "source_per_class": 2}],
)
def test_no_image_is_in_two_splits_or_two_domains(root: str, options: dict[str, Any]) -> None:
    problem = load(root, 3, **options)
    rows = np.concatenate([split.index for name in NAMES for split in splits_of(problem, name)])

    assert tuple(problem.domains) == NAMES
    assert len(set(rows.tolist())) == len(rows)
    assert problem.shape == (3, 32, 32)
    for k, name in enumerate(NAMES):
        *learnt, tested = splits_of(problem, name)
        assert tested.index.min() >= TRAIN
        assert set((tested.index - TRAIN) % 4) == {k}
        assert all(set(split.index % 4) == {k} for split in learnt)
        assert all(split.index.max() < TRAIN for split in learnt)


def test_every_domain_has_its_shift_and_the_labels_of_its_images(root: str) -> None:
    images, labels = examples(6, TRAIN, 32, 3)
    tested, truth = examples(7, TEST, 32, 3)
    pixels, labels = np.concatenate([images, tested]), np.concatenate([labels, truth])
    problem = load(root, val_share=0.4)
    for name in NAMES:
        for split in splits_of(problem, name):
            plain = pixels[split.index]
            assert split.array.dtype == np.uint8
            assert np.array_equal(split.labels["cifar10"], labels[split.index])
            if name == "noise":
                off = split.array.astype(int) - plain
                assert 30 < off.std() < 50  # many are cut
            else:
                shift = {"plain": lambda x, _: x, "grey": grey, "blur": blur}[name]
                assert np.array_equal(split.array, shift(plain, RNG))


@pytest.mark.parametrize("target", NAMES)
def test_a_target_has_the_other_three_as_sources(root: str, target: str) -> None:
    problem = load(root, target=target)

    assert problem.named("target") == (target,)
    assert problem.named("source") == tuple(name for name in NAMES if name != target)
    assert problem.one_label_space
    assert problem.tasks["cifar10"].classes[3] == "thing 3"
    assert [len(d.train) for d in problem.domains.values()] == [
        30 if name == target else TRAIN // 4 for name in NAMES
    ]
    assert load(root).named("peer") == NAMES
    few = load(root, target=target, source_per_class=4)
    assert {len(d.train) for d in few.domains.values() if d.role == "source"} == {40}


def test_the_target_moves_no_test_set_and_no_label_of_its_own(root: str) -> None:
    plain = load(root, val_share=0.4, test_limit=20)
    problem = load(root, val_share=0.4, test_limit=20, target="noise", source_per_class=3)

    for name in NAMES:
        mine, theirs = plain.test.open()[name], problem.test.open()[name]
        assert np.array_equal(mine.array, theirs.array)
        assert np.array_equal(mine.index, theirs.index)
        assert plain.domains[name].digest == problem.domains[name].digest


def test_seeds_draw_labels_and_never_move_the_test_set(root: str) -> None:
    one, other = load(root, 0), load(root, 1)

    for name in NAMES:
        assert np.array_equal(one.test.open()[name].array, other.test.open()[name].array)
        assert len(one.test.open()[name]) == TEST // 4
        assert not np.array_equal(one.domains[name].train.index, other.domains[name].train.index)
    assert one.digest == load(root, 0).digest != other.digest
    assert one.examples == other.examples


def test_split_seed_moves_the_noise_and_the_test_sample(root: str) -> None:
    one, other = (load(root, split_seed=seed, test_limit=20).test.open() for seed in (0, 1))
    whole, moved = (load(root, split_seed=seed).test.open() for seed in (0, 1))

    for name in NAMES:
        assert len(one[name]) == 20
        assert not np.array_equal(one[name].index, other[name].index)
        assert np.array_equal(whole[name].index, moved[name].index)
        assert np.array_equal(whole[name].array, moved[name].array) == (name != "noise")


@pytest.mark.parametrize(
    ("option", "domain"), [("labels_per_class", "noise"), ("source_per_class", "plain")]
)
def test_a_larger_draw_contains_the_smaller_one_of_its_seed(
    root: str, option: str, domain: str
) -> None:
    rows = []
    for n in (2, 3, 6):
        problem = load(root, 2, target="noise", val_share=0.25, **{option: n})
        rows.append({row for s in splits_of(problem, domain)[:-1] for row in s.index.tolist()})

    assert [len(found) for found in rows] == [20, 30, 60]
    assert rows[0] < rows[1] < rows[2]


def test_labels_buy_training_and_validation_together(root: str) -> None:
    problem = load(root, labels_per_class=5, val_share=0.4)

    for name in NAMES:
        train, val, _ = splits_of(problem, name)
        assert np.bincount(train.labels["cifar10"]).tolist() == [3] * 10
        assert np.bincount(val.labels["cifar10"]).tolist() == [2] * 10


@pytest.mark.parametrize("option", ["labels_per_class", "source_per_class"])
def test_more_labels_than_there_are_are_refused_in_a_line(root: str, option: str) -> None:
    with pytest.raises(UserError, match=rf"^dataset.{option}: expected at most \d+ .*, found 200$"):
        load(root, target="noise", **{option: 200})


def test_labels_of_sources_are_not_counted_where_there_is_none() -> None:
    with pytest.raises(UserError, match=r"^dataset.source_per_class: expected null without a tar"):
        Cifar10Domains(source_per_class=5)


def test_without_files_a_line_says_what_would_do(nowhere: str) -> None:
    with pytest.raises(UserError, match=r"^dataset.root: .*, or dataset.stand_in=true") as caught:
        load(nowhere)

    assert "\n" not in str(caught.value)


def test_a_stand_in_is_said_wherever_a_domain_a_task_or_a_class_is_named(nowhere: str) -> None:
    problem = load(nowhere, stand_in=True, target="noise")

    assert tuple(problem.domains) == tuple(f"stand_in_{name}" for name in NAMES)
    assert problem.named("target") == ("stand_in_noise",)
    assert list(problem.tasks) == ["cifar10_stand_in"]
    assert all("stand-in" in name for name in problem.tasks["cifar10_stand_in"].classes)
    (note,) = problem.report["notes"]
    assert "STAND-IN, not CIFAR-10" in note
    assert note in summary(problem.report)
    for row in problem.report["splits"]:
        assert row["domain"].startswith("stand_in_")
        assert row["task"] == "cifar10_stand_in"


def test_real_files_are_no_stand_in_even_where_one_was_asked_for(root: str) -> None:
    asked, plain = load(root, stand_in=True), load(root)

    assert tuple(asked.domains) == NAMES
    assert asked.report["notes"] == []
    assert (asked.digest, asked.examples) == (plain.digest, plain.examples)


def test_where_the_files_are_decides_no_result() -> None:
    assert Cifar10Domains.places <= set(Cifar10Domains.__dataclass_fields__)
    assert Cifar10Domains.split_options <= set(Cifar10Domains.__dataclass_fields__)


def test_the_files_that_are_read_are_named(root: str, tmp_path: Path) -> None:
    empty = Cifar10Domains(root=str(tmp_path / "empty"), stand_in=True)

    assert len(Cifar10Domains(root=root).files()) == 7
    assert list(empty.files()) == []
    assert list(empty.imports()) == []
    assert list(Cifar10Domains(root=root).imports()) == ["torchvision.datasets"]


def test_the_options_are_known_and_a_stand_in_is_read_without_torchvision(nowhere: str) -> None:
    load(nowhere, stand_in=True)
    program = f"""
import sys
from tlrun.data.datasets.cifar10_domains import Cifar10Domains
print(sorted({{"numpy", "torch", "torchvision"}} & set(sys.modules)))
Cifar10Domains(root={nowhere!r}, stand_in=True, labels_per_class=3).load(0)
print("torchvision" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.split("\n")[:2] == ["[]", "False"]


def test_a_source_alone_leaves_it_and_the_target_as_they_are(nowhere: str) -> None:
    every = load(nowhere, stand_in=True, target="noise")
    for name in ("grey", "stand_in_grey"):
        one = load(nowhere, stand_in=True, target="noise", sources=(name,))

        assert list(one.domains) == ["stand_in_grey", "stand_in_noise"]
        for called, domain in one.domains.items():
            assert domain.digest == every.domains[called].digest
    with pytest.raises(UserError, match="other domains than the target"):
        load(nowhere, target="noise", sources=("noise",))
