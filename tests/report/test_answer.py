import pytest

from tlrun.report.answer import Arm, Figure, Word


@pytest.mark.parametrize(
    ("word", "diverged", "mark"),
    [("HELPS", 0, "HELPS"), ("", 0, ""), ("", 2, "diverged")],
)
def test_where_a_word_would_stand_it_says_that_runs_have_diverged(
    word: Word, diverged: int, mark: str
) -> None:
    arm = Arm("joint", "joint", "1", "arm", Figure("50.0"), word=word, diverged=diverged)

    assert arm.mark == mark
