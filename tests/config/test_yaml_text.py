from pathlib import Path

import pytest
import yaml

from tlrun.config.yaml_text import misread

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


def test_what_it_is_read_as_is_said() -> None:
    for text, reading in (("010", "8"), ("no", "false"), ("1:30", "90"), ("1e3", "1000")):
        assert lines(f"target: {text}")[0].endswith(f" reads as {reading}")
