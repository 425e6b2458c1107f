import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.task import Task, TaskKey, short_names, tasks_by_key

NAMES = st.text(st.characters(exclude_characters="./"), min_size=1)
KEYS = st.lists(st.builds(TaskKey, NAMES, NAMES), unique=True)


def test_the_width_of_a_head_follows_the_kind() -> None:
    assert Task("m", "multiclass", ("a", "b", "c")).outputs == 3
    assert Task("b", "binary", ("no", "yes")).outputs == 1
    assert Task("r", "regression").outputs == 1


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


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_what_no_label_can_be_divided_by_is_no_scale(scale: float) -> None:
    with pytest.raises(ValueError, match="task t: expected a scale above 0, found"):
        Task("t", "regression", scale=scale)
