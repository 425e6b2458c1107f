"""seeds=10 on a command line, and what is typed for it by mistake."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlrun.config.overrides import MOST_VALUES, axis_of
from tlrun.config.preflight import Request, preflight
from tlrun.config.seeds import axis_of_seeds, first_seeds, looks_of
from tlrun.core.errors import UserError
from tlrun.store.studydir import LOOKS

from problems import own_folder


def asked(*overrides: str, multirun: bool = True) -> Request:
    return preflight(overrides, multirun)


def mistakes(*overrides: str, multirun: bool = True) -> tuple[str, ...]:
    with pytest.raises(UserError) as caught:
        preflight(overrides, multirun)
    return caught.value.lines


@given(st.integers(1, MOST_VALUES))
def test_a_number_of_seeds_is_their_range(count: int) -> None:
    assert axis_of_seeds(axis_of(f"seeds={count}")) == axis_of(f"seed=range({count})")
    assert looks_of(axis_of(f"seeds={count}")) == ()


@settings(max_examples=10)
@given(st.integers(1, 12), st.permutations(["strategy=joint,scratch", "lam.value=0,1", None]))
def test_every_job_is_that_of_the_range(count: int, around: list[str | None]) -> None:
    """Wherever it stands on the command line."""
    short = asked(*(word or f"seeds={count}" for word in around))
    long = asked(*(word or f"seed=range({count})" for word in around))

    assert short.jobs == long.jobs
    assert short.overrides == long.overrides
    assert short.looks == long.looks == ()
    assert len(short.jobs) == 4 * count


def test_it_takes_the_place_of_a_studys_own_seeds() -> None:
    plain = asked("experiment=which_transfer", multirun=False)
    fewer = asked("experiment=which_transfer", "seeds=3", multirun=False)

    assert len(plain.jobs) == 20
    assert fewer.jobs == [job for job in plain.jobs if job.run.seed < 3]


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("seeds=0", "seeds: expected a whole number from 1 to 1000, or auto, found 0"),
        ("seeds=-3", "seeds: expected a whole number from 1 to 1000, or auto, found -3"),
        ("seeds=1001", "seeds: expected a whole number from 1 to 1000, or auto, found 1001"),
        ("seeds=2.5", "seeds: expected a whole number from 1 to 1000, or auto, found 2.5"),
        ("seeds=true", "seeds: expected a whole number from 1 to 1000, or auto, found True"),
        ("seeds=[1,2]", "seeds: expected a whole number from 1 to 1000, or auto, found [1,2]"),
        ("seeds=ten", "seeds: expected a whole number from 1 to 1000, or auto, found ten"),
        (
            "seeds=",
            "seeds: expected a whole number from 1 to 1000, or auto, found nothing",
        ),
        (
            "seeds=atuo",
            (
                "seeds: expected a whole number from 1 to 1000, or auto, found atuo; did you mean "
                "auto?"
            ),
        ),
        (
            "seeds=3,5",
            (
                "seeds: expected one number, found 3,5; seeds=10 is the number of seeds; seed=3,5 "
                "names them"
            ),
        ),
        (
            "seeds=auto,3",
            (
                "seeds: expected one number, found auto,3; seeds=10 is the number of seeds; "
                "seed=auto,3 names them"
            ),
        ),
        (
            "seed=auto",
            (
                "seed: expected whole numbers >= 0, found auto; seeds=auto runs as many seeds as "
                "are needed"
            ),
        ),
        (
            "seeds.x=3",
            (
                "seeds: no key of a config; -m seeds=10 on the command line, or seed: range(10) in "
                "a YAML"
            ),
        ),
    ],
)
def test_another_value_is_one_line(typed: str, line: str) -> None:
    assert mistakes(typed) == (line,)


@pytest.mark.parametrize("typed", ["seeds=10", "seeds=1", "seeds=auto"])
def test_without_m_one_line_says_to_add_it(typed: str) -> None:
    assert mistakes(typed, multirun=False) == (
        "seeds: expected -m beside it, found it alone; add -m to sweep over the seeds",
    )


@pytest.mark.parametrize("seed", ["seed=3", "seed=3,4", "+seed=3"])
def test_seeds_are_either_named_or_counted(seed: str) -> None:
    for typed in ([seed, "seeds=10"], ["seeds=10", seed], ["seeds=auto", seed]):
        assert mistakes(*typed) == ("seeds: expected it or seed, one of the two, found both",)


def test_it_is_said_once() -> None:
    assert mistakes("seeds=3", "seeds=4") == ("seeds: expected once, found twice",)


def test_a_slip_of_the_hand_finds_it() -> None:
    (line,) = mistakes("sedes=10")

    assert line.startswith("sedes: no such key; did you mean seeds? ")


@pytest.mark.parametrize(
    "text", ["seeds: 10\n", "hydra: {mode: MULTIRUN, sweeper: {params: {seeds: 10}}}\n"]
)
def test_a_yaml_has_the_seeds_themselves(tmp_path: Path, text: str) -> None:
    mine = own_folder(tmp_path, f"# @package _global_\n{text}")
    with pytest.raises(UserError) as caught:
        preflight(["experiment=x"], multirun=False, folder=mine)

    (line,) = caught.value.lines
    assert line.startswith("seeds: no key of a ")
    assert "seed: range(10)" in line


@pytest.mark.parametrize("value", ["10", "auto", "010", "1e3", "0x10", "'auto'", "null", "∞"])
def test_whatever_is_typed_is_a_sweep_or_lines(value: str) -> None:
    try:
        jobs = asked(f"seeds={value}").jobs
    except UserError as error:
        (line,) = error.lines
        assert line.startswith("seeds")
    else:
        assert [job.run.seed for job in jobs] == list(range(len(jobs)))


def test_auto_checks_every_job_that_may_be_run_and_hands_out_those_of_a_look() -> None:
    request = asked("strategy=joint,scratch", "seeds=auto", "lam.value=1,inf")

    assert request.looks == LOOKS
    assert len(request.jobs) == 4 * LOOKS[-1]
    for look in LOOKS:
        few = asked("strategy=joint,scratch", f"seeds={look}", "lam.value=1,inf")
        part = request.at_look(look)
        assert part.jobs == few.jobs
        assert part.overrides == few.overrides
        assert part.typed == request.typed == (
            "strategy=joint,scratch", "seeds=auto", "lam.value=1,inf",
        )  # fmt: skip


def test_a_mistake_of_a_later_look_is_told_at_the_door() -> None:
    """split_seed follows the seed here, and all 40 have to be good."""
    assert len(asked("seeds=auto", "dataset.split_seed=${seed}").jobs) == LOOKS[-1]
    assert mistakes("seeds=auto", "lam.value=-1")[0].startswith("lam.value: ")


def test_the_seeds_of_a_look_are_all_that_changes_in_what_hydra_is_handed() -> None:
    handed = ["strategy=joint", "++seed=0,1,2,3", "++dataset.split_seed=0"]

    assert first_seeds(handed, 2) == ["strategy=joint", "++seed=0,1", "++dataset.split_seed=0"]
