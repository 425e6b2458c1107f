from pathlib import Path
from typing import Any

import pytest

from tlrun.report.looks import settled
from tlrun.store.studydir import StudyPlan
from tlrun.sweeps.looks import Decision

from made_runs import put_arm, put_study
from made_studies import planned

PT, FT = "parameter_transfer λ=1", "feature_transfer λ=1"
LOOKS = (5, 10, 20, 40)


def study(path: Path, *arms: str, **changes: Any) -> StudyPlan:
    """A plan of seeds=auto."""
    families = {arm.partition(" ")[0]: [arm] for arm in arms}
    return planned(path, families, range(40), looks=LOOKS, **changes)


def test_arms_that_all_have_their_word_end_a_sweep(tmp_path: Path) -> None:
    put_study(tmp_path, seeds=5)
    asked = study(tmp_path, PT, FT)

    assert settled([asked], tmp_path, 5) == Decision(True, "of 2 arms 2 decided")


def test_one_open_arm_keeps_all_of_them_running(tmp_path: Path) -> None:
    put_study(tmp_path, seeds=5)
    put_arm(tmp_path, "fused", 0.62, seeds=5)
    asked = study(tmp_path, PT, "fused")
    found = settled([asked], tmp_path, 5)

    assert not found.stop
    assert found.why == "of 2 arms 1 decided, 1 open"


@pytest.mark.parametrize("plan", ["none", "other"])
def test_studies_that_are_not_asked_about_decide_nothing(tmp_path: Path, plan: str) -> None:
    put_study(tmp_path, seeds=5)
    put_arm(tmp_path, "fused", 0.62, seeds=5)
    asked = study(tmp_path, PT)
    if plan == "other":
        study(tmp_path, "fused")

    assert settled([asked], tmp_path, 5) == Decision(True, "of 1 arm 1 decided")


def test_the_last_look_ends_a_sweep_whatever_it_shows(tmp_path: Path) -> None:
    for strategy in ("scratch", "source_only", "fused"):
        put_arm(tmp_path, strategy, 0.5, seeds=40, rows=60)
    asked = study(tmp_path, "fused")

    assert settled([asked], tmp_path, 40).stop


def test_a_look_has_the_alpha_of_the_look_alone(tmp_path: Path) -> None:
    """A gain that has its word at α has none yet at the α/8 of the first look."""
    for strategy, share in (("scratch", 0.5), ("source_only", 0.5), ("fused", 0.515)):
        put_arm(tmp_path, strategy, share, seeds=6)
    asked = study(tmp_path, "fused")

    assert not settled([asked], tmp_path, 5).stop
