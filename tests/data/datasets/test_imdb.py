"""Reviews of films as a problem: domains, splits, labels, and what is said of a stand-in."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from film_reviews import archive_of, film_reviews, folder_of

from tlrun.core.errors import UserError
from tlrun.data.datasets.imdb import Imdb
from tlrun.data.load_report import summary

DOMAINS = ["ratings_1_10", "ratings_2_9", "ratings_3_8", "ratings_4_7"]


@pytest.fixture
def imdb(tmp_path: Path) -> Imdb:
    folder = folder_of(film_reviews(8), tmp_path)
    return Imdb(path=str(folder), cache=str(tmp_path / "cache"), download=False, min_count=1)


def test_four_domains_have_one_task(imdb: Imdb) -> None:
    problem = imdb.load(0)

    assert list(problem.domains) == DOMAINS
    assert {domain.role for domain in problem.domains.values()} == {"peer"}
    for domain in problem.domains.values():
        (task,) = domain.tasks
        assert (task.name, task.classes) == ("sentiment", ("against", "for"))
        assert len(domain.train) == 16
        assert len(problem.test.open()[domain.name]) == 8


def test_null_makes_one_domain(imdb: Imdb) -> None:
    problem = replace(imdb, by=None).load(0)

    assert list(problem.domains) == ["imdb"]
    assert len(problem.domains["imdb"].train) == 64


@pytest.mark.parametrize("target", DOMAINS)
def test_the_others_are_sources_of_a_target(target: Any, imdb: Imdb) -> None:
    problem = replace(imdb, target=target, labels=6).load(0)
    roles = {name: domain.role for name, domain in problem.domains.items()}

    assert roles == {name: "target" if name == target else "source" for name in DOMAINS}
    assert {len(d.train) for d in problem.domains.values() if d.role == "source"} == {16}
    assert len(problem.domains[target].train) == 6


def test_the_archive_is_the_same_problem(imdb: Imdb, tmp_path: Path) -> None:
    archive = archive_of(film_reviews(8), tmp_path / "a.tar.gz")
    unpacked, packed = imdb.load(0), replace(imdb, path=str(archive)).load(0)

    assert unpacked.identity == packed.identity
    assert unpacked.examples == packed.examples


def test_seeds_draw_labels_and_never_test_reviews(imdb: Imdb) -> None:
    drawn = replace(imdb, labels=6, train_limit=10, test_limit=4)
    first, again, other = (drawn.load(seed) for seed in (0, 0, 1))

    assert first.identity == again.identity
    for name in DOMAINS:
        tests = [p.test.open()[name].index for p in (first, other)]
        np.testing.assert_array_equal(tests[0], tests[1])
        assert len(tests[0]) == 4
    trained = [[p.domains[name].train.index.tolist() for name in DOMAINS] for p in (first, other)]
    assert trained[0] != trained[1]


@pytest.mark.parametrize(
    ("options", "strategy"),
    [
        ({}, "shared_parameters"),
        ({"by": None}, "single_task"),
        ({"target": "ratings_4_7"}, "parameter_transfer"),
    ],
)
def test_it_says_what_suits_it(options: Any, strategy: str) -> None:
    assert Imdb(**options).suits() == {"strategy": strategy, "backbone": "lstm"}


def test_one_domain_has_no_target() -> None:
    with pytest.raises(UserError, match=r"^dataset.target: expected null"):
        Imdb(by=None, target="ratings_4_7")


def test_more_labels_than_there_are_is_a_mistake(imdb: Imdb) -> None:
    with pytest.raises(UserError, match=r"^dataset.labels: expected at most 16"):
        replace(imdb, labels=17).load(0)


def test_files_name_every_review(imdb: Imdb, tmp_path: Path) -> None:
    assert len(imdb.files()) == len(film_reviews(8))
    assert replace(imdb, path=str(tmp_path / "nothing")).files() == []


def test_a_tokenizer_that_is_a_file_is_one_of_the_files(imdb: Imdb, tmp_path: Path) -> None:
    """Else a problem would be remembered though its tokenizer has changed."""
    tokenizer = tmp_path / "tokenizer.json"
    ours = replace(imdb, tokenizer=str(tokenizer))

    assert set(ours.files()) == {*imdb.files(), tokenizer}


def test_a_stand_in_is_said_in_the_report_and_by_every_domain(tmp_path: Path) -> None:
    lost = Imdb(path=str(tmp_path / "lost"), cache=str(tmp_path / "cache"), download=False)
    with pytest.raises(UserError, match=r"dataset\.stand_in=true"):
        lost.load(0)
    made = replace(lost, stand_in=True, target="ratings_4_7", train_limit=20, test_limit=10)
    problem = made.load(0)

    assert list(problem.domains) == [f"stand_in_{name}" for name in DOMAINS]
    assert problem.domains["stand_in_ratings_4_7"].role == "target"
    assert any(line.startswith("A STAND-IN, NOT IMDB") for line in problem.report["notes"])
    assert any(line.startswith("A STAND-IN, NOT IMDB") for line in summary(problem.report))
    assert all(str(path).startswith(str(tmp_path / "cache")) for path in made.files())
    elsewhere = replace(made, cache=str(tmp_path / "other")).load(0)
    assert elsewhere.identity == problem.identity


def test_where_the_files_are_there_is_no_stand_in(imdb: Imdb) -> None:
    problem = replace(imdb, stand_in=True).load(0)

    assert problem.identity == imdb.load(0).identity
    assert not any("STAND-IN" in line for line in problem.report["notes"])
