import time

import pytest

from tlrun.data.progress import Progress


def test_a_line_every_few_seconds_says_how_far_and_how_fast(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    lines: list[str] = []
    told = Progress("decoding images", 5000, lines.append)
    told.begin(1000)

    for second, done in [(0.5, 1500), (2.0, 2000), (3.9, 2900), (4.0, 3000)]:
        clock[0] = 100.0 + second
        told.at(done)

    assert lines == [
        "decoding images: 2,000 of 5,000 files, 500 a second, 6 s left",
        "decoding images: 3,000 of 5,000 files, 500 a second, 4 s left",
    ]


def test_what_is_short_is_done_in_silence() -> None:
    lines: list[str] = []
    told = Progress("reading", 3, lines.append)
    for done in (1, 2, 3):
        told.at(done)

    assert lines == []
