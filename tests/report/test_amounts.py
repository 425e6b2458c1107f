import pytest

from tlrun.report.amounts import counted, duration, size


def test_bytes_in_the_unit_people_think_in() -> None:
    assert [size(count) for count in (0, 999, 1000, 1_240_000, 9.9e8, 2e9, 3e15)] == [
        "0 B", "999 B", "1.0 kB", "1.2 MB", "990.0 MB", "2.0 GB", "3000.0 TB",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.2, "3 s"), (89, "89 s"), (600, "10 min"), (9000, "2.5 h")]
)
def test_durations_in_the_unit_people_think_in(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_one_is_not_several() -> None:
    assert [counted(count, "stage") for count in (0, 1, 2)] == ["0 stages", "1 stage", "2 stages"]
    assert [counted(count, "stud", "y", "ies") for count in (1, 2)] == ["1 study", "2 studies"]
