import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_sets import TEST, TRAIN, known, put_cifar10, put_mnist, put_svhn, put_usps

from tlrun.core.errors import UserError
from tlrun.core.problem import Problem, Split
from tlrun.data.datasets.pair import Pair

REAL = Path(os.environ.get("TLRUN_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture
def root(tmp_path: Path) -> str:
    """A folder with small sets instead of MNIST, USPS and Fashion-MNIST."""
    put_mnist(tmp_path)
    put_mnist(tmp_path, "FashionMNIST/raw", packed=True)
    put_usps(tmp_path)
    return str(tmp_path)


def pair(root: str, **options: Any) -> Pair:
    return Pair(**{"root": root, "download": False, "labels_per_class": 3, **options})


def every_split(problem: Problem, name: str) -> list[Split]:
    domain = problem.domains[name]
    return [s for s in (domain.train, domain.val, problem.test.open()[name]) if s is not None]


def test_two_sets_become_source_and_target(root: str) -> None:
    problem = pair(root).load(seed=0)
    source, target = problem.domains.values()

    assert [(d.name, d.role) for d in (source, target)] == [("mnist", "source"), ("usps", "target")]
    assert problem.one_label_space
    assert problem.tasks["digit"].classes == tuple("0123456789")
    assert problem.shape == (1, 16, 16)
    assert len(source.train) == TRAIN
    assert np.bincount(target.train.labels["digit"]).tolist() == [3] * 10
    assert [len(split) for split in problem.test.open().values()] == [TEST, TEST]
    assert problem.report["notes"] == ["mnist: 28x28 resized to 16x16"]


@pytest.mark.parametrize(
    "options", [{}, {"val_share": 0.4}, {"test_limit": 12}, {"source_per_class": 2, "size": 9}]
)
def test_splits_are_images_and_no_example_is_in_two(root: str, options: dict[str, Any]) -> None:
    problem = pair(root, **options).load(seed=3)
    size = options.get("size", 16)
    for name in problem.domains:
        splits = every_split(problem, name)
        rows = np.concatenate([split.index for split in splits])

        assert len(splits) == (3 if "val_share" in options else 2)
        assert len(set(rows.tolist())) == len(rows)
        assert splits[-1].index.min() >= TRAIN
        for split in splits:
            assert split.inputs.shape == (len(split), 1, size, size)
            assert split.inputs.dtype == np.uint8
            assert split.array.min() < 0.4 * 255
            assert split.array.max() > 0.6 * 255
            assert split.labels["digit"].dtype == split.index.dtype == np.int64


def test_one_seed_gives_the_same_bits_and_another_moves_labels_alone(root: str) -> None:
    one, again, other = (
        pair(root, source_per_class=4, val_share=0.3).load(seed) for seed in (0, 0, 1)
    )

    assert one.digest == again.digest != other.digest
    for name, split in one.test.open().items():
        assert np.array_equal(split.array, other.test.open()[name].array)
        assert np.array_equal(split.index, other.test.open()[name].index)
        assert not np.array_equal(one.domains[name].train.index, other.domains[name].train.index)
        val, theirs = one.domains[name].val, other.domains[name].val
        assert val is not None
        assert theirs is not None
        assert not np.array_equal(val.index, theirs.index)


@pytest.mark.parametrize(
    ("option", "name"), [("labels_per_class", "usps"), ("source_per_class", "mnist")]
)
def test_larger_draws_contain_smaller_ones(root: str, option: str, name: str) -> None:
    drawn = [
        pair(root, **{option: n}).load(seed=5).domains[name].train.index.tolist() for n in (1, 2, 5)
    ]

    assert [len(rows) for rows in drawn] == [10, 20, 50]
    assert set(drawn[0]) < set(drawn[1]) < set(drawn[2])


def test_labels_are_bought_for_training_and_validation_together(root: str) -> None:
    source, target = pair(root, labels_per_class=5, val_share=0.4).load(seed=0).domains.values()

    assert target.val is not None
    assert source.val is not None
    assert np.bincount(target.train.labels["digit"]).tolist() == [3] * 10
    assert np.bincount(target.val.labels["digit"]).tolist() == [2] * 10
    assert (len(source.train), len(source.val)) == (50, 10)


def test_the_test_sample_is_even_nested_and_of_the_split_seed(root: str) -> None:
    def rows(limit: int | None, split_seed: int = 0) -> list[int]:
        test = pair(root, test_limit=limit, split_seed=split_seed).load(seed=0).test.open()["usps"]
        counts = np.bincount(test.labels["digit"], minlength=10)
        assert counts.max() - counts.min() <= 1
        return list(test.index)

    assert [len(rows(limit)) for limit in (10, 14, 25, 30, 99, None)] == [10, 14, 25, 30, 30, 30]
    assert set(rows(10)) < set(rows(14)) < set(rows(25))
    assert rows(10) != rows(10, split_seed=1)
    with pytest.raises(
        UserError, match=r"dataset.test_limit: expected at least 10, .* of mnist, found 9; try"
    ):
        rows(9)


def test_test_examples_that_training_may_see_are_dropped(root: str) -> None:
    put_usps(Path(root) / "other", same=4)
    problems = [pair(str(Path(root) / "other"), source="usps", target="mnist"), pair(root)]
    (Path(root) / "other" / "MNIST").symlink_to(Path(root) / "MNIST")
    twice, once = (problem.load(seed=0) for problem in problems)

    assert len(once.test.open()["usps"]) == TEST
    assert twice.test.open()["usps"].index.tolist() == list(range(TRAIN + 4, TRAIN + TEST))


def test_label_spaces_of_their_own_have_tasks_of_their_own(root: str) -> None:
    problem = pair(root, target="fashion_mnist", metric="auc").load(seed=0)

    assert not problem.one_label_space
    assert list(problem.tasks) == ["digit", "clothes"]
    assert problem.tasks["clothes"].classes[0] == "T-shirt/top"
    assert {task.metric for task in problem.tasks.values()} == {"auc"}
    assert problem.shape == (1, 28, 28)


@pytest.mark.parametrize(
    ("target", "put", "task"), [("svhn", put_svhn, "digit"), ("cifar10", put_cifar10, "cifar10")]
)
def test_grey_beside_colour_is_repeated(
    root: str, target: str, put: Any, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(Path(root))
    known(monkeypatch, Path(root))
    problem = pair(root, source="usps", target=target).load(seed=0)
    grey, colour = (domain.train.inputs for domain in problem.domains.values())

    assert list(problem.tasks) == list(dict.fromkeys(["digit", task]))
    assert problem.shape == (3, 16, 16)
    assert np.array_equal(grey[:, 0], grey[:, 2])
    assert not np.array_equal(colour[:, 0], colour[:, 2])
    assert problem.report["notes"] == [
        f"{target}: 32x32 resized to 16x16",
        "usps: grey repeated in 3 channels",
    ]


@pytest.mark.parametrize(("name", "other"), [("mnist", "usps"), ("svhn", "mnist")])
def test_one_set_twice_is_refused(name: Any, other: str) -> None:
    with pytest.raises(
        UserError,
        match=rf"dataset.target: expected another .*, found {name} twice; try .*={other}$",
    ):
        Pair(source=name, target=name)


@pytest.mark.parametrize("option", ["labels_per_class", "source_per_class"])
def test_more_labels_than_there_are_are_refused(root: str, option: str) -> None:
    with pytest.raises(UserError, match=rf"dataset.{option}: expected at most 6 .*, found 7"):
        pair(root, **{option: 7}).load(seed=0)


def test_where_the_files_are_decides_no_result() -> None:
    assert Pair.places <= set(Pair.__dataclass_fields__)


def test_the_options_are_known_without_numpy() -> None:
    program = (
        "import sys, tlrun.data.datasets.pair; print(sorted({'numpy', 'torch', 'torchvision'} & "
        "set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("target", ["usps", "fashion_mnist", "svhn", "cifar10"])
def test_what_loading_imports_of_torchvision_is_named_and_nothing_else(
    root: str, target: Any
) -> None:
    """A set whose files are spoilt is refused, but its reader is imported by then."""
    put_svhn(Path(root))
    put_cifar10(Path(root))
    asked = pair(root, target=target)
    program = (
        "import sys; from contextlib import suppress; from tlrun.core.errors import UserError; "
        "from tlrun.data.datasets.pair import Pair\n"
        f"with suppress(UserError): {asked!r}.load(0)\n"
        "print('torchvision.datasets' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == str("torchvision.datasets" in asked.imports())


@pytest.mark.slow
@pytest.mark.skipif(
    not (REAL / "MNIST").is_dir(),
    reason=f"no MNIST in {REAL}; set TLRUN_TEST_DATA to a folder with it",
)
def test_mnist_to_usps_as_published() -> None:
    before = sorted(REAL.rglob("*"))
    one, other = (Pair(root=str(REAL), download=False).load(seed) for seed in (0, 1))
    train = one.domains["mnist"].train
    test = one.test.open()

    assert np.bincount(train.labels["digit"])[:3].tolist() == [5923, 6742, 5958]
    assert {name: len(split) for name, split in test.items()} == {"mnist": 10000, "usps": 2007}
    assert np.array_equal(test["usps"].array, other.test.open()["usps"].array)
    assert one.digest != other.digest
    ink = {name: float(split.array.mean()) for name, split in test.items()}
    assert 0.1 < ink["mnist"] < 0.16 < ink["usps"] < 0.3
    assert sorted(REAL.rglob("*")) == before
    assert re.fullmatch(r"[0-9a-f]{64}", one.digest)
