from dataclasses import replace

import numpy as np
import pytest

from tlrun.core.problem import Domain, Problem, Split, digest, known
from tlrun.core.task import Task, TaskKey

from problems import peers, problem, questions, split


def test_one_label_space_is_one_task() -> None:
    assert problem("shared").one_label_space
    assert list(problem("shared").tasks) == ["ours"]
    assert not problem("split").one_label_space
    assert list(problem("split").tasks) == ["ours", "theirs"]


def test_one_name_is_one_label_space() -> None:
    ours = problem("split")
    source = ours.domains["source"]
    renamed = replace(ours.domains["target"], tasks=(Task("ours", "multiclass", ("d", "e")),))

    with pytest.raises(ValueError, match="task ours: expected one label space, found two"):
        Problem({"source": source, "target": renamed}, ours.test, "")


def test_opening_the_test_set_is_counted() -> None:
    ours = problem()
    assert ours.test.opened == 0

    assert set(ours.test.open()) == {"source", "target"}
    assert ours.test.opened == 1
    for other in (ours.test.unopened(), ours.test.unopened()):
        assert other.opened == 0
        assert other.open() is ours.test._splits
        assert (other.opened, ours.test.opened) == (1, 1)


def test_shape_is_that_of_one_input() -> None:
    assert problem().shape == (1, 4, 4)


def test_the_digest_sees_every_array() -> None:
    one = Split(np.zeros((2, 1), np.float32), {"t": np.array([0, 1])}, np.array([0, 1]))
    changed = [
        Split(np.ones((2, 1), np.float32), one.labels, one.index),
        Split(one.inputs, {"t": np.array([1, 1])}, one.index),
        Split(one.inputs, {"u": np.array([0, 1])}, one.index),
        Split(one.inputs, one.labels, np.array([0, 2])),
        Split(one.array.astype(np.float64), one.labels, one.index),
    ]

    digests = {digest([split]) for split in [one, *changed]} | {
        digest([one, None]),
        digest([None, one]),
    }

    assert len(digests) == 8
    assert digest([one]) == digest([one])


def test_groups_are_not_in_the_digest_of_examples() -> None:
    plain = split(0, 6, (Task("t", "binary", ("no", "yes")),))

    assert digest([replace(plain, groups=np.arange(6) % 2)]) == digest([plain])


def test_what_is_selected_of_a_split_stays_together() -> None:
    whole = split(0, 12, (Task("t", "binary", ("no", "yes")),))
    whole = replace(whole, lengths=np.arange(12) + 5, groups=np.arange(12) // 4)
    rows = np.array([7, 2, 9])
    some, same = whole.select(rows), whole.select(np.isin(np.arange(12), rows))

    for part, chosen in ((some, rows), (same, np.sort(rows))):
        assert part.lengths is not None
        assert part.groups is not None
        assert part.index.tolist() == chosen.tolist()
        assert part.lengths.tolist() == (chosen + 5).tolist()
        assert part.groups.tolist() == (chosen // 4).tolist()
        assert np.array_equal(part.array, whole.array[chosen])
        assert np.array_equal(part.labels["t"], whole.labels["t"][chosen])
    assert replace(whole, lengths=None, groups=None).select(rows).groups is None


def test_the_digest_of_a_domain_is_that_of_its_training_and_validation_examples() -> None:
    with_val, without = (problem(val=val).domains["source"] for val in (True, False))

    assert with_val.digest == digest([with_val.train, with_val.val])
    assert with_val.digest != without.digest
    assert without.digest == problem().domains["source"].digest


def test_names_decide_what_a_problem_is_known_by() -> None:
    """The order of examples follows from a domain's name: equal arrays under other names are
    another run."""
    ours = problem()
    renamed = replace(
        ours,
        domains={"here": replace(ours.domains["source"], name="here"), **_only(ours, "target")},
    )
    turned = replace(ours, domains=dict(reversed(list(ours.domains.items()))))
    other = Task("ours", "multiclass", ("x", "y", "z"))
    relabelled = replace(
        ours, domains={n: replace(d, tasks=(other,)) for n, d in ours.domains.items()}
    )

    source, target = ours.domains.values()
    swapped = replace(
        ours,
        domains={
            "source": replace(source, role="target"),
            "target": replace(target, role="source"),
        },
    )

    assert len({each.identity for each in (ours, renamed, turned, relabelled, swapped)}) == 5
    assert replace(ours).identity == ours.identity


def test_what_a_problem_of_peers_is_known_by_has_stayed_what_it_was() -> None:
    """Ids of runs are hashes of it, made when a peer was called a task."""
    task = Task("t", "binary", ("no", "yes"))
    part = Split(np.zeros((1, 1), np.float32), {"t": np.array([0])}, np.array([0]))
    ours = Problem({"d": Domain("d", "peer", (task,), part)}, problem().test, "digest")

    assert ours.identity == "digest [('d', 'task', [('t', 'binary', ('no', 'yes'))])]"


def _only(ours: Problem, name: str) -> dict[str, Domain]:
    return {name: ours.domains[name]}


def test_labels_that_are_known() -> None:
    assert known(np.array([0, -1, 3])).tolist() == [True, False, True]
    assert known(np.array([0.0, np.nan, -3.0], dtype=np.float32)).tolist() == [True, False, True]


def test_the_keys_of_a_problem_are_its_tasks_domain_by_domain() -> None:
    ours = problem("split")
    (mine,), (theirs,) = ours.tasks_by_domain.values()

    assert list(ours.task_keys.items()) == [
        (TaskKey("source", "ours"), mine),
        (TaskKey("target", "theirs"), theirs),
    ]
    assert len(peers("peer", "peer", "peer").task_keys) == 3
    assert len(questions("binary", "binary", "regression").task_keys) == 3
