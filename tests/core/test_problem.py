from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.problem import (
    Domain,
    Problem,
    Split,
    Task,
    TaskKey,
    digest,
    known,
    short_names,
    tasks_by_key,
)

from problems import peers, problem, questions

NAMES = st.text(st.characters(exclude_characters="./"), min_size=1)
KEYS = st.lists(st.builds(TaskKey, NAMES, NAMES), unique=True)


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


def test_the_width_of_a_head_follows_the_kind() -> None:
    assert Task("m", "multiclass", ("a", "b", "c")).outputs == 3
    assert Task("b", "binary", ("no", "yes")).outputs == 1
    assert Task("r", "regression").outputs == 1


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
        Split(one.inputs.astype(np.float64), one.labels, one.index),
    ]

    digests = {digest([split]) for split in [one, *changed]} | {
        digest([one, None]),
        digest([None, one]),
    }

    assert len(digests) == 8
    assert digest([one]) == digest([one])


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


@given(NAMES, NAMES)
def test_a_task_key_comes_back_from_its_text(domain: str, task: str) -> None:
    """Of any names that a problem may have, alone and within a text."""
    key = TaskKey(domain, task)

    assert TaskKey.parse(str(key)) == key
    assert TaskKey.parse(f"{key}") == key
    assert str(key) == domain + "/" + task


@given(KEYS)
def test_no_two_task_keys_have_one_text(keys: list[TaskKey]) -> None:
    assert len({str(key) for key in keys}) == len(keys)


@pytest.mark.parametrize("text", ["", "/", "a", "a/", "/b", "a/b/c", "a/b/labels", "a//b"])
def test_what_is_not_two_names_is_no_task_key(text: str) -> None:
    with pytest.raises(ValueError, match="task key: expected domain/task, found"):
        TaskKey.parse(text)


def test_the_keys_of_a_problem_are_its_tasks_domain_by_domain() -> None:
    ours = problem("split")
    (mine,), (theirs,) = ours.tasks_by_domain.values()

    assert list(ours.task_keys.items()) == [
        (TaskKey("source", "ours"), mine),
        (TaskKey("target", "theirs"), theirs),
    ]
    assert len(peers("peer", "peer", "peer").task_keys) == 3
    assert len(questions("binary", "binary", "regression").task_keys) == 3


def test_a_task_that_two_domains_have_is_under_two_keys() -> None:
    task = Task("t", "regression")

    assert tasks_by_key({"a": [task], "b": [], "c": [task]}) == {
        TaskKey("a", "t"): task,
        TaskKey("c", "t"): task,
    }


@given(KEYS)
def test_short_names_tell_tasks_apart_and_keep_their_order(keys: list[TaskKey]) -> None:
    names = short_names(keys)

    assert list(names) == keys
    assert len(set(names.values())) == len(keys)
    for key, name in names.items():
        assert name in (key.domain, key.task, str(key))


@given(NAMES, st.lists(NAMES, unique=True, min_size=1))
def test_tasks_of_one_domain_are_called_by_task_and_domains_of_one_task_by_domain(
    one: str, several: list[str]
) -> None:
    of_one_domain = short_names(TaskKey(one, task) for task in several)
    of_one_task = short_names(TaskKey(domain, one) for domain in several)

    assert list(of_one_domain.values()) == several
    assert list(of_one_task.values()) == (several if len(several) > 1 else [one])


@given(KEYS, NAMES)
def test_a_name_is_as_short_as_it_can_be(keys: list[TaskKey], other: str) -> None:
    """Both parts are said only where neither is the same in all."""
    domains, tasks = {key.domain for key in keys}, {key.task for key in keys}
    whole = [key for key, name in short_names(keys).items() if name == str(key)]

    assert not whole or (len(domains) > 1 and len(tasks) > 1 and whole == keys)
