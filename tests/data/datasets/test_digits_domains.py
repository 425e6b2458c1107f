from typing import Any, get_args

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tlrun.core.errors import UserError
from tlrun.core.problem import Problem, Split
from tlrun.data.datasets.digits_domains import DigitsDomains, Name

PIXELS, DIGITS = load_digits(return_X_y=True)
NAMES = get_args(Name)


def load(seed: int = 0, **options: Any) -> Problem:
    return DigitsDomains(**options).load(seed)


def splits_of(problem: Problem, name: str) -> list[Split]:
    domain = problem.domains[name]
    return [s for s in (domain.train, domain.val, problem.test.open()[name]) if s is not None]


@pytest.mark.parametrize(
    "options", [{}, {"val_share": 0.4}, {"target": "occlusion"}, {"labels_per_class": 15}]
)
def test_no_image_is_in_two_splits_or_two_domains(options: dict[str, Any]) -> None:
    problem = load(3, **options)
    rows = np.concatenate([split.index for name in NAMES for split in splits_of(problem, name)])

    assert tuple(problem.domains) == NAMES
    assert len(set(rows.tolist())) == len(rows)


def test_sources_and_target_use_every_image_but_those_not_labelled() -> None:
    problem = load(target="noise", labels_per_class=5)
    thirds = [sum(map(len, splits_of(problem, name))) for name in ("occlusion", "inverted")]

    assert thirds == [599, 599]
    assert len(problem.domains["noise"].train) == 50


@pytest.mark.parametrize("target", NAMES)
def test_a_target_has_the_others_as_sources(target: str) -> None:
    problem = load(target=target)

    assert problem.named("target") == (target,)
    assert problem.named("source") == tuple(name for name in NAMES if name != target)
    assert problem.one_label_space
    assert load().named("peer") == NAMES


def test_the_target_moves_no_test_set_and_no_label_of_its_own() -> None:
    plain, problem = load(val_share=0.2), load(val_share=0.2, target="inverted")

    for name in NAMES:
        mine, theirs = plain.test.open()[name], problem.test.open()[name]
        assert np.array_equal(mine.array, theirs.array)
        assert np.array_equal(mine.index, theirs.index)
    assert plain.domains["inverted"].digest == problem.domains["inverted"].digest


def test_seeds_draw_labels_and_never_move_the_test_set() -> None:
    one, other = load(0), load(1)

    for name in NAMES:
        assert np.array_equal(one.test.open()[name].array, other.test.open()[name].array)
        assert not np.array_equal(one.domains[name].train.index, other.domains[name].train.index)
    assert one.digest != other.digest
    assert one.digest == load(0).digest


def test_split_seed_moves_the_test_sets_and_the_shifts() -> None:
    one, other = load().test.open(), load(split_seed=1).test.open()

    for name in NAMES:
        assert not np.array_equal(one[name].index, other[name].index)
        row = next(iter(set(one[name].index.tolist()) & set(other[name].index.tolist())))
        assert not np.array_equal(
            one[name].inputs[one[name].index == row], other[name].inputs[other[name].index == row]
        )


def test_labels_per_class_buys_training_and_validation_together() -> None:
    problem = load(labels_per_class=10, val_share=0.3)

    for name in NAMES:
        train, val, test = splits_of(problem, name)
        assert np.bincount(train.labels["digit"]).tolist() == [7] * 10
        assert np.bincount(val.labels["digit"]).tolist() == [3] * 10
        sizes = np.bincount(DIGITS[NAMES.index(name) :: 3])
        assert np.abs(np.bincount(test.labels["digit"]) - 0.6 * sizes).max() <= 0.5


def test_a_larger_draw_contains_the_smaller_one_of_its_seed() -> None:
    few, many = (load(2, labels_per_class=n, val_share=0.25) for n in (4, 9))
    for name in NAMES:
        rows = [
            {row for part in splits_of(problem, name)[:2] for row in part.index.tolist()}
            for problem in (few, many)
        ]
        assert [len(found) for found in rows] == [40, 90]
        assert rows[0] < rows[1]


def test_every_domain_has_its_shift_and_scikit_learns_labels() -> None:
    problem = load(target="noise")
    brightness = {}
    for name in NAMES:
        for split in splits_of(problem, name):
            plain = (PIXELS / 16)[split.index].astype(np.float32)
            shown = split.array.reshape(len(split), -1)
            assert np.array_equal(split.labels["digit"], DIGITS[split.index])
            assert shown.min() >= 0.0
            assert shown.max() <= 1.0
            if name == "occlusion":
                assert (shown[shown != plain] == 0).all()
                assert (shown != plain).sum(axis=1).max() <= 16
            brightness[name] = float(np.corrcoef(shown.ravel(), plain.ravel())[0, 1])
    assert brightness["inverted"] < -0.3
    assert brightness["noise"] > 0.3


def test_more_labels_than_there_are_are_refused_in_a_line() -> None:
    with pytest.raises(
        UserError, match=r"^dataset.labels_per_class: expected at most \d+ .*, found 200$"
    ):
        load(labels_per_class=200)


def test_a_source_alone_leaves_it_and_the_target_as_they_are() -> None:
    both, one = load(1, target="noise"), load(1, target="noise", sources=("inverted",))

    assert list(one.domains) == ["noise", "inverted"]
    for name, domain in one.domains.items():
        assert domain.digest == both.domains[name].digest
    with pytest.raises(UserError, match="other domains than the target"):
        load(target="noise", sources=("noise",))
    with pytest.raises(UserError, match="null without a target"):
        load(sources=("noise",))
