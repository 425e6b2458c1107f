from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tlrun.config.yaml_text import misread, read_yaml, sexagesimal

# what YAML 1.1 does not read as the text that it is
READ_OTHERWISE = [
    "010", "007", "1:30", "no", "Yes", "on", "1_000", "0x1F", "1.50", "+7", "1e3", "1.5e3",
]  # fmt: skip
AS_WRITTEN = ["2021-03-01", "8", "-3", "north", "008", "1e3x", "null", '"010"', "'no'", "A:B", "~"]


def lines(text: str) -> list[str]:
    root = yaml.compose(text)
    assert root is not None
    return [str(mistake) for mistake in misread(Path("x.yaml"), root)]


@pytest.mark.parametrize("text", READ_OTHERWISE)
@pytest.mark.parametrize(
    "where",
    [
        "dataset:\n  target: {}",
        "target: {}",
        "dataset: {{predict: [y, {}]}}",
        "hydra:\n  sweeper:\n    params:\n      dataset.target: {}",
        "dataset:\n  ignore:\n    - a\n    - {}",
        "dataset: {{categorical: {}}}",
        "dataset: {{missing: [NA, {}]}}",
        "dataset: {{kind: {{{}: regression}}}}",
    ],
)
def test_text_that_yaml_reads_as_another_is_refused_with_what_to_type(
    text: str, where: str
) -> None:
    (line,) = lines(where.format(text))

    assert line.startswith(f"x.yaml, line {where.count(chr(10)) + 1}: expected text in quotes for ")
    assert f'as in "{text}", found {text}, which YAML reads as ' in line


@pytest.mark.parametrize("text", AS_WRITTEN)
def test_text_that_is_read_as_it_is_may_stand_as_it_is(text: str) -> None:
    assert lines(f"dataset:\n  target: {text}\n  ignore: [{text}]") == []
    assert lines("dataset: {missing: [NA, -999, -99.9], kind: {a: regression}}") == []


@pytest.mark.parametrize("text", READ_OTHERWISE)
def test_a_number_may_be_written_in_any_form(text: str) -> None:
    assert lines(f"trainer:\n  steps: {text}\noptimizer: {{lr: {text}}}\ncontrols: {text}") == []


@pytest.mark.parametrize(
    ("text", "reading"),
    [("1:30", "90"), ("1:30:00", "5400"), ("-1:30.5", "-90.5"), ("190:20", "11420")],
)
def test_a_number_in_base_60_is_refused_with_what_it_is_read_as(text: str, reading: str) -> None:
    for where in ("seed: {}", "a:\n- {}", "a: {{1: {}}}"):
        root = yaml.compose(where.format(text))
        assert root is not None
        (mistake,) = sexagesimal(Path("x.yaml"), root)

        assert mistake.found == f"{text}, which YAML reads as {reading}"
        assert mistake.key.startswith("x.yaml, line ")


@pytest.mark.parametrize("text", ["a:b", "'1:30'", "1:99", "2021-03-01 10:20:30", "3"])
def test_what_is_in_no_base_60_is_left_alone(text: str) -> None:
    root = yaml.compose(f"seed: {text}")
    assert root is not None

    assert list(sexagesimal(Path("x.yaml"), root)) == []


def test_what_it_is_read_as_is_said() -> None:
    for text, reading in (("010", "8"), ("no", "false"), ("1:30", "90"), ("1e3", "1000")):
        assert lines(f"target: {text}")[0].endswith(f" reads as {reading}")


def slowly(text: str) -> object:
    """What the parser in Python reads."""
    return yaml.load(text, Loader=yaml.SafeLoader)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1), VALUES, max_size=4))
def test_whatever_was_written_both_parsers_read_the_same(config: dict[str, object]) -> None:
    """As runs write theirs (`runs/run.py`)."""
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)

    assert read_yaml(text) == slowly(text)


@pytest.mark.parametrize(
    "path", sorted(Path(str(files("tlrun.configs"))).rglob("*.yaml")), ids=lambda path: path.stem
)
def test_every_yaml_that_ships_is_read_the_same(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert read_yaml(text) == slowly(text)


@pytest.mark.parametrize("scalar", [*READ_OTHERWISE, *AS_WRITTEN, ".inf", "-.INF", "1e-3", "'x"])
def test_a_scalar_is_the_same_to_both_parsers_broken_or_not(scalar: str) -> None:
    text = f"a: {scalar}"
    try:
        value = slowly(text)
    except yaml.YAMLError:
        with pytest.raises(yaml.YAMLError):
            read_yaml(text)
    else:
        assert read_yaml(text) == value
