import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlrun.errors import UserError
from tlrun.preflight import composed, preflight, rewrite


def mistakes(*overrides: str, multirun: bool = False) -> tuple[str, ...]:
    with pytest.raises(UserError) as caught:
        preflight(overrides, multirun)
    return caught.value.lines


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("λ=3", "lam.value=3"),
        ("++λ=3", "++lam.value=3"),
        ("lambda=0.1,1", "lam.value=0.1,1"),
        ("λ=∞", "lam.value=inf"),
        ("lam.value=∞", "lam.value=inf"),
        ("lambdas=1", "lambdas=1"),
        ("runs_dir=∞", "runs_dir=∞"),
        ("lambda=0,.inf,Infinity", "lam.value=0,inf,inf"),
    ],
)
def test_lambda_may_be_written_as_people_write_it(typed: str, meant: str) -> None:
    assert rewrite(typed) == meant


def test_a_good_line_is_composed_and_handed_on() -> None:
    clean, config = preflight(["+seed=3", "strategy=joint", "lam.value=inf"], multirun=False)

    assert clean == ["seed=3", "strategy=joint", "lam.value=inf"]
    assert (config["seed"], config["strategy"], config["lam"]["value"]) == (3, {"name": "joint"}, float("inf"))


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("strategy=feature_transfr", "strategy: feature_transfr is not known; did you mean feature_transfer?"),
        ("strategy.freez=true", "strategy.freez: no such key; did you mean freeze?"),
        ("lam.value=-1", "lam.value: expected a number >= 0 (inf is allowed), found -1"),
        ("lam.value=nan", "lam.value: expected a number >= 0 (inf is allowed), found nan"),
        ("dataset.labels_per_class=0", "dataset.labels_per_class: expected a whole number >= 1, found 0"),
        ("seed=1.5", "seed: expected a whole number >= 0, found 1.5"),
        ("seed=", "seed: expected a whole number >= 0, found ''"),
        ("seed=1,2", "seed: expected one value, found 1,2; add -m to sweep over them"),
        ("+new=1", "new: no such key"),
        ("strategy._target_=os.system", "strategy._target_: no such key"),
        ("strategy=[scratch,joint]", "strategy: [scratch,joint] is not known; did you mean scratch?"),
        ("~lam", "~lam: expected key=value"),
        ("seed", "seed: expected key=value"),
        ("strategy@x=scratch", "strategy@x=scratch: expected key=value"),
        ("lam.value=${nope}", "nope"),
        ("lam=10", "lam: 10 is not known (one of: constant); λ itself is lam.value=…"),
        ("strategy.name=joint", "strategy.name: expected to be left alone; choose with strategy=…"),
        ("strategy=null", "strategy: null is not known"),
        ("hydra.run.dir=x", "hydra.run.dir: setting Hydra's own keys is not supported"),
        ("hydra/job_logging=default", "hydra/job_logging: setting Hydra's own keys is not supported"),
    ],
)
def test_each_mistake_is_one_line(override: str, line: str) -> None:
    (found,) = mistakes(override)

    assert line in found
    assert "\n" not in found


def test_all_mistakes_are_told_at_once() -> None:
    found = mistakes("strategy=feature_transfr", "lam.value=-1", "trainer.stepz=3", "seed=x", "foo")

    assert sorted(line.split(":")[0] for line in found) == ["foo", "lam.value", "seed", "strategy", "trainer.stepz"]


def test_a_key_given_twice_is_refused() -> None:
    assert mistakes("seed=1", "lam.value=1", "seed=2") == ("seed: expected once, found twice",)


def test_every_value_of_every_axis_of_a_sweep_is_checked() -> None:
    found = mistakes("lam.value=0,1,-1", "seed=0,x", "strategy=joint,jont", multirun=True)

    assert sorted(line.split(":")[0] for line in found) == ["lam.value", "seed", "strategy"]
    assert preflight(["lam.value=0,1,inf", "seed=range(0,3)", "strategy=glob(*)"], multirun=True)[0]


def test_an_axis_has_an_end() -> None:
    assert mistakes("seed=range(0,1000000000)", multirun=True) == ("seed: expected at most 1000 values, found more",)


@pytest.mark.parametrize("override", ["seed=interval(0,1)", "seed=range(0,2,0)"])
def test_an_axis_that_is_no_list_is_refused(override: str) -> None:
    (found,) = mistakes(override, multirun=True)

    assert "seed: expected a list of values like 1,2,3, found" in found


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["seed", "lam.value", "strategy", "backbone.channels", "strategy.x.y", "q"]), st.text(max_size=12)
)
def test_whatever_is_typed_is_a_config_or_lines(key: str, value: str) -> None:
    lines: tuple[str, ...] = ()
    config: dict[str, object] = {}
    try:
        _, config = preflight([f"{key}={value}"], multirun=False)
    except UserError as error:
        lines = error.lines

    assert lines or config
    assert all("\n" not in line for line in lines)


def test_composed_is_the_shipped_default() -> None:
    config = composed([])

    assert config["strategy"]["name"] == "feature_transfer"
    assert config["dataset"]["shift"] == "noise"
    assert "hydra" not in config
