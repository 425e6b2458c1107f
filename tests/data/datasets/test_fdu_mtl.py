"""FDU-MTL as published: its own splits, sixteen domains, duplicates dropped."""

import os
from pathlib import Path
from typing import get_args

import pytest

from tlrun.core.errors import UserError
from tlrun.core.tokens import Tokens
from tlrun.data.datasets.fdu_mtl import FduMtl, Name

from reviews import reviews

DATA = Path(os.environ.get("TLRUN_TEST_DATA", "../shared/data"))

NAMES: tuple[Name, ...] = ("books", "dvd")


def write(root: Path, n: int = 20) -> Path:
    """Two domains in files as they are published."""
    root.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(NAMES):
        for side, k in (("train", seed), ("test", seed + 10)):
            lines = [f"{int(label == 'for')}\t{text}" for label, text in reviews(n, k)]
            (root / f"{name}.task.{side}").write_bytes("\r\n".join(lines).encode("latin-1"))
    return root


def test_the_published_splits_are_kept(tmp_path: Path) -> None:
    options = FduMtl(path=str(write(tmp_path / "fdu")), domains=NAMES, cache=str(tmp_path))
    found = options.load(0)

    for seed, name in enumerate(NAMES):
        train, test = found.domains[name].train.inputs, found.test.open()[name].inputs
        assert isinstance(train, Tokens)
        assert isinstance(test, Tokens)
        assert sorted(train.documents()) == sorted(text for _, text in reviews(20, seed))
        assert sorted(test.documents()) == sorted(text for _, text in reviews(20, seed + 10))
    assert found.domains["dvd"].tasks[0].classes == ("against", "for")
    assert found.domains["dvd"].tasks[0].metric == "accuracy"


def test_a_target_has_its_labels_and_sources_keep_theirs(tmp_path: Path) -> None:
    path = str(write(tmp_path / "fdu"))
    options = FduMtl(path=path, domains=NAMES, target="books", labels=6, cache=str(tmp_path))
    found = options.load(0)

    assert len(found.domains["books"].train) == 6
    assert len(found.domains["dvd"].train) == 20
    assert FduMtl(domains=("dvd", "books", "dvd")).domains == ("books", "dvd")


def test_a_domain_that_is_not_read_is_no_target(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"dataset\.target"):
        FduMtl(
            path=str(write(tmp_path / "fdu")), domains=NAMES, target="baby", cache=str(tmp_path)
        ).load(0)


def test_the_real_reviews_without_those_that_stand_among_the_training_reviews(
    tmp_path: Path,
) -> None:
    archive = DATA / "fdu-mtl.tar.xz"
    if not archive.exists():
        pytest.skip(f"fdu-mtl.tar.xz is not in {DATA}; set TLRUN_TEST_DATA to the folder of it")
    options = FduMtl(path=str(archive), cache=str(tmp_path), max_tokens=64)
    found = options.load(0)

    assert tuple(sorted(found.domains)) == tuple(sorted(get_args(Name)))
    assert sum(len(domain.train) for domain in found.domains.values()) == 25_379  # one is empty
    tested = {name: len(split) for name, split in found.test.open().items()}
    dropped = found.report["duplicates"]
    assert sum(tested.values()) + sum(dropped.values()) == 6_400
    assert dropped["magazines"] >= 169
    assert sum(dropped.values()) >= 539
