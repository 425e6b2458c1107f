import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlrun.config.overrides import MOST_VALUES, Axis, axis_of, forced, rewrite, value_of
from tlrun.core.errors import UserError


def refusal(override: str) -> str:
    """What is said about an override that is no axis."""
    with pytest.raises(UserError) as caught:
        axis_of(override)
    (line,) = caught.value.lines
    return line


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("λ=3", "lam.value=3"),
        ("++λ=3", "++lam.value=3"),
        ("~λ", "~lam.value"),
        ("lambda=0.1,1", "lam.value=0.1,1"),
        ("λ=∞", "lam.value=inf"),
        ("lam.value=∞", "lam.value=inf"),
        ("lambdas=1", "lambdas=1"),
        ("runs_dir=∞", "runs_dir='∞'"),
        ("lambda=0,.inf,Infinity", "lam.value=0,inf,inf"),
    ],
)
def test_lambda_may_be_written_as_people_write_it(typed: str, meant: str) -> None:
    assert rewrite(typed) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("strategy.first=task_relation", "strategy.first.name=task_relation"),
        ("++strategy.then=feature_transfer", "++strategy.then.name=feature_transfer"),
        (
            "strategy.first=task_relation,task_transfer",
            "strategy.first.name=task_relation,task_transfer",
        ),
        ("strategy.first={name: task_relation}", "strategy.first={name: task_relation}"),
        ("strategy.first.relation=mean", "strategy.first.relation=mean"),
        ("strategy.first_lam=inf", "strategy.first_lam=inf"),
        ("strategy.firsts=x", "strategy.firsts=x"),
    ],
)
def test_a_node_within_a_node_is_chosen_by_its_name(typed: str, meant: str) -> None:
    assert rewrite(typed) == meant


@pytest.mark.parametrize("mark", [",", ";", ":", "|", "'", '"', " ", "\t"])
def test_a_mark_alone_needs_no_quotes_of_its_own(mark: str) -> None:
    """The shell has taken those that were typed."""
    axis = axis_of(rewrite(f"dataset.separator={mark}"))

    assert not axis.sweeps
    assert value_of(axis.key, axis.values[0]) == mark


@pytest.mark.parametrize(
    ("override", "axis"),
    [
        ("seed=3", Axis("seed", ["3"], sweeps=False)),
        ("+seed=3", Axis("seed", ["3"], sweeps=False)),
        ("++seed=3", Axis("seed", ["3"], sweeps=False)),
        ("seed=3,5", Axis("seed", ["3", "5"], sweeps=True)),
        ("seed=range(0,3)", Axis("seed", ["0", "1", "2"], sweeps=True)),
        ("backbone.hidden=[8],[8,16]", Axis("backbone.hidden", ["[8]", "[8,16]"], sweeps=True)),
        ("backbone.hidden=[8,16]", Axis("backbone.hidden", ["[8,16]"], sweeps=False)),
        ("lam=glob(*,exclude=s*)", Axis("lam", ["constant", "cosine", "linear"], sweeps=True)),
        ("strategy=joint", Axis("strategy", ["joint"], sweeps=False)),
    ],
)
def test_an_override_is_a_key_and_its_values(override: str, axis: Axis) -> None:
    assert axis_of(override) == axis


@pytest.mark.parametrize(
    ("key", "choice"),
    [
        ("strategy", True),
        ("experiment", True),
        ("hydra/launcher", True),
        ("hydra.verbose", True),
        ("strategy.train", False),
        ("seed", False),
    ],
)
def test_what_picks_a_yaml_is_told_from_what_sets_a_value(key: str, choice: bool) -> None:
    override = f"{key}=x"

    assert axis_of(override).choice is choice
    assert forced(override) == (override if choice else f"++{override}")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("1e-1", 0.1),
        ("inf", math.inf),
        ("true", True),
        ("null", None),
        ("[8,16]", [8, 16]),
        ("{name: joint}", {"name": "joint"}),
        ("'a b, c=d'", "a b, c=d"),
        ('"a [b], c=d"', "a [b], c=d"),
        ("${seed}", "${seed}"),
    ],
)
def test_a_value_means_what_hydra_reads_and_quotes_are_for_the_shell(
    text: str, value: object
) -> None:
    assert value_of("key", text) == value


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=5, unique=True))
def test_the_values_of_an_axis_are_written_so_that_each_is_read_again(values: list[int]) -> None:
    axis = axis_of(f"seed={','.join(map(str, values))}")

    assert [value_of(axis.key, text) for text in axis.values] == values


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("~lam", "~lam: expected key=value, found something else; a value with special characters"),
        ("~λ", "~λ: expected key=value, found something else"),
        ("seed", "seed: expected key=value, found something else"),
        ("seed=[", "seed=[: expected key=value, found something else"),
        ("seed=\nx\n", "seed= x: expected key=value, found something else"),
        ("strategy@x=scratch", "strategy@x=scratch: expected key=value, found something else"),
        (
            "strategy.name=joint",
            "strategy.name: expected to be left alone, found joint; choose with strategy=…",
        ),
        (
            "hydra.job.num=abc",
            "hydra.job.num: expected to be left as tl-run sets it, found abc",
        ),
        (
            "hydra.runtime.cwd=x",
            "hydra.runtime.cwd: expected to be left as tl-run sets it, found x",
        ),
        (
            "hydra.searchpath=[x]",
            (
                "hydra.searchpath: expected to be left alone, found [x]; a folder of YAMLs of your "
                "own is --config-dir FOLDER"
            ),
        ),
        ("seed=interval(0,1)", "seed: expected a list of values like 1,2,3, found interval(0,1)"),
        ("seed=range(0,2,0)", "seed: expected a list of values like 1,2,3, found range(0,2,0)"),
        ("seed=glob(*)", "seed: expected a list of values like 1,2,3, found glob(*)"),
        ("strategy=glob(x*)", "strategy: expected a list of values like 1,2,3, found glob(x*)"),
        ("seed=range(0,1000000000)", "seed: expected at most 1000 values, found more"),
        # before they are shuffled, which would take all memory
        ("seed=shuffle(range(1000000000))", "seed: expected at most 1000 values, found more"),
        (
            f"seed={','.join(map(str, range(MOST_VALUES + 1)))}",
            "seed: expected at most 1000 values, found more",
        ),
    ],
)
def test_a_form_that_is_not_used_is_refused_in_a_line(override: str, line: str) -> None:
    found = refusal(override)

    assert found.startswith(line)
    assert "\n" not in found


def test_an_axis_may_be_as_long_as_it_is_said_to() -> None:
    assert len(axis_of(f"seed=range(0,{MOST_VALUES})").values) == MOST_VALUES


@settings(max_examples=60)
@given(st.sampled_from(["seed", "lam.value", "strategy", "strategy.x.y", "q"]), st.text())
def test_whatever_is_typed_is_an_axis_or_a_line(key: str, value: str) -> None:
    override = f"{key}={value}"
    try:
        axis = axis_of(override)
    except UserError as error:
        (line,) = error.lines
        assert "\n" not in line
    else:
        assert axis.key == key
        assert axis.values


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("dataset.target=Évora", "Évora"),
        ("dataset.target='Évora'", "Évora"),
        ('dataset.target="Évora"', "Évora"),
        ("dataset.predict=[größe,alter]", ["größe", "alter"]),
        ("dataset.path=~/daten/größe 2.csv", "~/daten/größe 2.csv"),
        ("dataset.target=10", 10),
        ("dataset.target=E\u0301vora", "E\u0301vora"),
        ("dataset.target=L'Évora", "L'Évora"),
        ("dataset.predict=größe (cm)", "größe (cm)"),
        ("dataset.path=/x/größe=1/data(1).csv", "/x/größe=1/data(1).csv"),
        ("dataset.target=5°", "5°"),
    ],
)
def test_letters_of_every_alphabet_need_no_quotes(typed: str, value: object) -> None:
    axis = axis_of(rewrite(typed))

    assert value_of(axis.key, axis.values[0]) == value


@pytest.mark.parametrize("flag", ["--config-dir=größe", "--config-dir", "-m", "--cfg=job"])
def test_a_flag_is_left_as_it_is(flag: str) -> None:
    assert rewrite(flag) == flag


def test_a_sweep_may_be_over_words_of_every_alphabet() -> None:
    axis = axis_of(rewrite("dataset.target=Évora,Gent,'Bjørn'"))

    assert [value_of(axis.key, value) for value in axis.values] == ["Évora", "Gent", "Bjørn"]
