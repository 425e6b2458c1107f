import json
from dataclasses import replace
from typing import NoReturn

import numpy as np
import pytest

from tlrun.core.problem import Problem
from tlrun.core.unread import described, plain, unread

from problems import peers, problem, questions

PROBLEMS = [
    problem(),
    problem("split", val=True),
    peers("source", "peer", "target"),
    questions("multiclass", "binary", "regression"),
    replace(problem(), folds=(problem(), problem("shared", val=True))),
]


def never() -> NoReturn:
    raise AssertionError("read")


def through_json(read: Problem, again: object = never) -> Problem:
    return unread(json.loads(json.dumps(described(read))), again)  # type: ignore[arg-type]


@pytest.mark.parametrize("read", PROBLEMS)
def test_all_but_the_examples_is_as_if_they_were_read(read: Problem) -> None:
    known = through_json(read)

    for name in ("names", "identity", "examples", "report", "inputs", "tasks", "task_keys"):
        assert getattr(known, name) == getattr(read, name)
    assert known.domains.keys() == read.domains.keys()
    for name, domain in read.domains.items():
        for fact in ("name", "role", "tasks", "digest", "inputs", "validated"):
            assert getattr(known.domains[name], fact) == getattr(domain, fact)
    assert described(known) == described(read)
    assert [fold.identity for fold in known.folds] == [fold.identity for fold in read.folds]
    assert known.test.unopened().opened == 0


@pytest.mark.parametrize("read", PROBLEMS)
def test_whoever_touches_an_example_has_it_read(read: Problem) -> None:
    known = through_json(read, lambda: read)

    for name, domain in known.domains.items():
        assert domain.train is read.domains[name].train
        assert domain.val is read.domains[name].val
    assert known.test.open() is read.test.open()
    assert known.test.opened == 1
    for fold, other in zip(known.folds, read.folds, strict=True):
        assert fold.test.open() is other.test.open()
        assert fold.domains["source"].train is other.domains["source"].train


def test_a_domain_made_of_one_has_a_digest_of_its_own() -> None:
    read = problem(val=True)
    domain = through_json(read, lambda: read).domains["target"]
    other = replace(domain.train, inputs=domain.train.array + np.float32(1))

    changed = replace(domain, train=other, val=None)

    assert changed.digest == replace(read.domains["target"], train=other, val=None).digest
    assert changed.digest != domain.digest
    assert changed.validated == ()


def test_what_a_description_would_lose_is_not_plain() -> None:
    read = problem()
    other = {"another": read.domains["source"], "target": read.domains["target"]}

    class Mine(Problem):
        pass

    assert plain(read)
    assert not plain(Mine(read.domains, read.test, read.digest))
    assert not plain(replace(read, domains=other))
    assert not plain(through_json(read))


@pytest.mark.parametrize("lacking", ["domains", "digest", "report", "examples"])
def test_what_lacks_something_describes_no_problem(lacking: str) -> None:
    description = described(problem())
    del description[lacking]

    with pytest.raises(KeyError):
        unread(description, never)
