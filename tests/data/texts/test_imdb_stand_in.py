"""The stand-in is the same wherever it is made, whole or not there, and has something to learn."""

import re
import shutil
from collections import Counter
from hashlib import sha256
from pathlib import Path

import pytest
from waiting import stopped

from tlrun.core.errors import Terminated
from tlrun.data.texts import imdb_stand_in as module
from tlrun.data.texts.imdb_stand_in import reviews, write

# of VERSION 1: numbers that were measured on it are of these bytes
DIGEST = "21643686c4733e86"


@pytest.fixture(scope="module")
def made() -> dict[tuple[str, str, str], str]:
    return reviews()


def test_it_is_the_same_on_every_machine(made: dict[tuple[str, str, str], str]) -> None:
    total = sha256()
    for name, text in sorted(made.items()):
        total.update(repr((name, text)).encode())

    assert total.hexdigest()[:16] == DIGEST


def test_every_rating_has_as_many(made: dict[tuple[str, str, str], str]) -> None:
    counts = Counter(
        (side, kind, int(re.fullmatch(r"\d+_(\d+)\.txt", name)[1]))  # type: ignore[index]  # it matches
        for side, kind, name in made
    )

    assert set(counts) == {
        (side, "pos" if rating > 5 else "neg", rating)
        for side in ("train", "test")
        for rating in (1, 2, 3, 4, 7, 8, 9, 10)
    }
    assert {side: n for (side, *_), n in counts.items()} == {"train": 200, "test": 100}
    assert len(set(made.values())) == len(made) == 2400


def test_lengths_are_about_sixty_words(made: dict[tuple[str, str, str], str]) -> None:
    lengths = [len(text.split()) for text in made.values()]

    assert 55 < sum(lengths) / len(lengths) < 75
    assert min(lengths) >= module.SHORTEST


def test_a_further_rating_says_more_clearly_what_it_is(
    made: dict[tuple[str, str, str], str],
) -> None:
    """By the words of its own label less those of the other, counted as they are meant."""
    words = module._Words()._sentiment
    good, bad = set(words[True]), set(words[False])
    assert not good & bad

    def clear(*ratings: int) -> float:
        scores = []
        for (_, kind, name), text in made.items():
            if not name.endswith(tuple(f"_{rating}.txt" for rating in ratings)):
                continue
            read = re.sub(r"<br />|[.,]", " ", text).split()
            score = 0
            for before, word in zip(["", *read], read, strict=False):
                turn = -1 if before == "not" else 1
                score += turn * ((word in good) - (word in bad))
            scores.append(score if kind == "pos" else -score)
        return sum(scores) / len(scores)

    assert clear(1, 10) > clear(2, 9) > clear(3, 8) > clear(4, 7) > 0


def test_it_is_written_whole(tmp_path: Path, made: dict[tuple[str, str, str], str]) -> None:
    root = tmp_path / "cache" / "one" / "aclImdb"
    write(root)
    found = {
        (path.parts[-3], path.parts[-2], path.name): path.read_text("utf-8")
        for path in root.rglob("*.txt")
    }

    assert found == made
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["one"]


def test_where_it_cannot_be_written_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "cache" / "one" / "aclImdb")

    assert list((tmp_path / "cache").iterdir()) == []
    shutil.rmtree(tmp_path / "cache")


def test_a_signal_leaves_nothing_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "write_bytes", stopped)
    with pytest.raises(Terminated):
        write(tmp_path / "cache" / "one" / "aclImdb")

    assert list((tmp_path / "cache").iterdir()) == []
