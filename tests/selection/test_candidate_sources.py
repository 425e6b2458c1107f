from dataclasses import dataclass
from typing import Any, Literal

import pytest
from made_sources import SOURCES, asked

from tlrun.config.build import build
from tlrun.core.errors import UserError
from tlrun.core.problem import Problem
from tlrun.data.base import Dataset
from tlrun.data.datasets.digits_domains import DigitsDomains
from tlrun.data.datasets.fdu_mtl import FduMtl
from tlrun.data.datasets.pair import Pair
from tlrun.selection.candidate_sources import Candidates, candidates, option_of

from problems import config, peers, problem


def found(problem: Problem, dataset: dict[str, Any], tmp_path: Any) -> Candidates:
    return candidates(build(config(tmp_path, dataset=dataset)), problem)


@pytest.mark.parametrize(
    ("whole", "option", "names", "one"),
    [
        (DigitsDomains(target="noise"), "sources", ("inverted",), {"sources": ("inverted",)}),
        (FduMtl(target="dvd"), "domains", ("books",), {"domains": ("books", "dvd")}),
        (Pair(target="usps"), "source", ("svhn",), {"source": "svhn"}),
    ],
)
def test_an_option_of_the_data_set_chooses_one(
    whole: Dataset, option: str, names: tuple[str, ...], one: dict[str, Any]
) -> None:
    target = str(getattr(whole, "target"))  # noqa: B009  # no data set has to have one
    chosen = Candidates(target, names, option).dataset(whole, names)

    assert option_of(whole) == option
    assert {key: getattr(chosen, key) for key in one} == one
    if option == "source":  # nothing is downloaded to be ranked
        one = {**one, "download": False}
    assert chosen == type(whole)(target=target, **one)  # type: ignore[call-arg]


def test_every_other_domain_of_the_target_is_a_candidate(tmp_path: Any) -> None:
    run = build(asked(tmp_path))
    loaded = run.dataset.load(0)

    assert candidates(run, loaded) == Candidates("home", SOURCES, "sources")


def test_of_a_pair_every_other_set_is(tmp_path: Any) -> None:
    of_pair = found(problem(), {"name": "pair"}, tmp_path)

    assert of_pair.option == "source"
    assert {"usps", "mnist", "svhn", "cifar10"} <= {*of_pair.names}


@pytest.mark.parametrize(
    ("roles", "name", "message"),
    [
        (("peer", "peer"), "digits_domains", "dataset.target: expected the domain to rank"),
        (("source", "target"), "digits_domains", "sources: expected 2 candidate sources or more"),
        (("source", "source", "target"), "digits", "dataset: expected a data set with an option"),
    ],
)
def test_where_there_is_no_choice_it_is_told_in_a_line(
    roles: tuple[Literal["source", "target", "peer"], ...], name: str, message: str, tmp_path: Any
) -> None:
    with pytest.raises(UserError) as error:
        found(peers(*roles), {"name": name}, tmp_path)

    assert str(error.value).startswith(message)
    assert len(str(error.value).splitlines()) == 1


def test_folds_test_on_every_row_and_leave_none_to_choose_by(tmp_path: Any) -> None:
    run = build(asked(tmp_path, test_folds=3))

    with pytest.raises(UserError, match="expected null, found 3 folds"):
        candidates(run, run.dataset.load(0))


def test_a_plug_in_without_an_option_has_none() -> None:
    @dataclass(frozen=True)
    class Plain:
        target: str = "a"

        def load(self, seed: int) -> Problem:
            raise AssertionError(seed)

    assert option_of(Plain()) is None
