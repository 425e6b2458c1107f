import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from tlrun.report.answer import Study
from tlrun.report.render.next_command import folded, next_command

from made_runs import put_study
from made_studies import only


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    path: Path = tmp_path_factory.mktemp("runs")
    put_study(path, seeds=2)
    return only(path)


@pytest.mark.parametrize(
    ("command", "following"),
    [
        ("tl-run -m lam.value=0,1 seeds=2", "tl-run -m lam.value=0,1 seeds=10"),
        ("tl-run -m seeds=4 strategy=joint", "tl-run -m seeds=10 strategy=joint"),
        ("tl-run -m seed=0,1 lam.value=0", "tl-run -m seeds=10 lam.value=0"),
        ("tl-run -m lam.value=0,1", "tl-run -m lam.value=0,1 seeds=10"),
        ("tl-run -m dataset.split_seed=3", "tl-run -m dataset.split_seed=3 seeds=10"),
    ],
)
def test_too_few_seeds_end_with_a_command_of_enough(
    study: Study, command: str, following: str
) -> None:
    what, found = next_command(replace(study, command=command))

    assert found == following
    assert what.startswith("For a verdict")


@pytest.mark.parametrize("command", [
    "tl-run -m seeds=10", "tl-run -m seeds=auto", "tl-run -m seed=0,1,2,3,4",
    "tl-run -m experiment=which_transfer",
    "tl-run -m 'seed=range(9)'", "tl-run -m seed=range(0,9)",
])  # fmt: skip
def test_a_study_that_asks_for_enough_is_only_not_finished(study: Study, command: str) -> None:
    assert next_command(replace(study, command=command)) == ("Again:", command)


def test_enough_seeds_are_made_again_and_no_plan_has_no_command(study: Study) -> None:
    assert next_command(replace(study, command="tl-run -m seeds=2", n=5)) == (
        "Again:", "tl-run -m seeds=2",
    )  # fmt: skip
    assert next_command(replace(study, command="")) == ("", "")


@pytest.mark.parametrize("width", [20, 40, 78, 200])
def test_a_command_in_lines_is_the_same_command_to_a_shell(width: int) -> None:
    command = "tl-run -m 'dataset.ignore=[a, b]' \"dataset.separator=';'\" lam.value=0,1 seeds=10"

    lines = folded(command, width)

    assert shlex.split("\n".join(lines).replace("\\\n", "")) == shlex.split(command)
    assert all(len(line) <= width or line.count(" ") <= 2 for line in lines)
