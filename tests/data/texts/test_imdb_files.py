"""From files to a table: what names and limits make of reviews, and what is refused."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from film_reviews import archive_of, film_reviews, folder_of

from tlrun.core.errors import UserError
from tlrun.data.texts.imdb_files import SAID, Drawn, domain_of, files_at, imdb_table
from tlrun.data.texts.imdb_places import Place
from tlrun.data.texts.text_table import TextTable

ALL = Drawn(by_rating=True, limits={"train": None, "test": None}, seed=0)
Row = tuple[str, str, str, str]


def rows(found: TextTable) -> list[Row]:
    columns = [column.text.to_pylist() for column in found.table.columns.values()]
    return list(zip(*columns, strict=True))


def drawn(train: int | None, test: int | None = None, seed: int = 0) -> Drawn:
    return Drawn(by_rating=True, limits={"train": train, "test": test}, seed=seed)


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        imdb_table(Place(path, stand_in=False), ALL)
    (line,) = caught.value.lines
    assert line.startswith("dataset.path: ")
    assert "\n" not in line
    return line


@pytest.mark.parametrize("rating", [1, 2, 3, 4, 7, 8, 9, 10])
def test_ratings_as_far_from_the_middle_are_one_domain(rating: int) -> None:
    assert domain_of(rating, by_rating=True) == domain_of(11 - rating, by_rating=True)
    assert domain_of(rating, by_rating=False) == "imdb"


def test_four_domains_are_named_by_their_ratings() -> None:
    names = [domain_of(rating, by_rating=True) for rating in (10, 9, 8, 7)]

    assert names == ["ratings_1_10", "ratings_2_9", "ratings_3_8", "ratings_4_7"]


def test_a_review_keeps_its_side_label_and_words(tmp_path: Path) -> None:
    files = film_reviews()
    files["aclImdb/train/pos/0_7.txt"] = "  Ça, <br />a<BR/>film.\n\n<b>Yes</b> ".encode()
    folder = folder_of(files, tmp_path)
    found = imdb_table(Place(folder, stand_in=False), ALL)

    assert list(found.table.columns) == ["sentiment", "text", "domain", "split"]
    assert ("for", "Ça, a film. <b>Yes</b>", "ratings_4_7", "train") in rows(found)
    assert found.notes == ()
    counts = Counter((row[0], row[2], row[3]) for row in rows(found))
    assert len(counts) == 16
    assert {count for (*_, side), count in counts.items() if side == "train"} == {4}
    assert {count for (*_, side), count in counts.items() if side == "test"} == {2}


def test_the_archive_gives_what_the_folder_does(tmp_path: Path) -> None:
    files = film_reviews()
    folder = folder_of(files, tmp_path)
    (folder / "train" / "pos" / ".DS_Store").write_bytes(b"\0\xff")
    archive = archive_of(files, tmp_path / "any.tar.gz")

    for which in (ALL, drawn(5, 2)):
        unpacked, packed = (imdb_table(Place(p, stand_in=False), which) for p in (folder, archive))
        assert rows(unpacked) == rows(packed)
    assert files_at(Place(archive, stand_in=False)) == [archive]
    assert sorted(files_at(Place(folder, stand_in=False))) == sorted(tmp_path / f for f in files)


def test_a_higher_limit_has_what_a_lower_one_has(tmp_path: Path) -> None:
    place = Place(folder_of(film_reviews(10), tmp_path), stand_in=False)
    limits: list[int | None] = [2, 4, 7, 20, None]
    found = [rows(imdb_table(place, drawn(limit, limit))) for limit in limits]

    for fewer, more in pairwise(found):
        assert set(fewer) <= set(more)
    for limit, each in zip((2, 4, 7), found, strict=False):
        assert set(Counter(row[2:] for row in each).values()) == {limit}
        labels = Counter((row[2:], row[0]) for row in each)
        assert max(labels.values()) - min(labels.values()) <= 1
    assert found[-1] == found[-2]


def test_a_limit_of_one_side_leaves_the_other(tmp_path: Path) -> None:
    place = Place(folder_of(film_reviews(), tmp_path), stand_in=False)
    whole, some = imdb_table(place, ALL), imdb_table(place, drawn(4))

    assert [r for r in rows(some) if r[3] == "test"] == [r for r in rows(whole) if r[3] == "test"]
    (note,) = some.notes
    assert note.startswith("16 of 48 reviews left out by dataset.train_limit")


def test_another_split_seed_draws_others(tmp_path: Path) -> None:
    place = Place(folder_of(film_reviews(10), tmp_path), stand_in=False)
    first, again, other = (rows(imdb_table(place, drawn(6, seed=seed))) for seed in (0, 0, 1))

    assert first == again
    assert first != other


def test_a_stand_in_is_said_by_every_domain_and_a_note(tmp_path: Path) -> None:
    found = imdb_table(Place(folder_of(film_reviews(), tmp_path), stand_in=True), ALL)

    assert found.notes == (SAID,)
    assert all(row[2].startswith("stand_in_ratings_") for row in rows(found))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("train/pos/0_9.txt", b"caf\xe9", "byte 4 is none"),
        ("test/neg/0_1.txt", b" <br /> \n", "a text in every review, found none"),
        ("train/pos/99_3.txt", b"good", "rated 7 to 10, in pos"),
        ("train/neg/99_0.txt", b"bad", "rated 1 to 4, in neg"),
        ("test/pos/great.txt", b"good", "<id>_<rating>.txt"),
        ("test/pos/1_10.txt.txt", b"good", "<id>_<rating>.txt"),
        ("test/pos/٣_10.txt", b"good", "<id>_<rating>.txt"),
    ],
)
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
def test_a_file_that_is_no_review_is_named(
    name: str, content: bytes, words: str, packed: bool, tmp_path: Path
) -> None:
    files = {**film_reviews(), f"aclImdb/{name}": content}
    line = refusal(
        archive_of(files, tmp_path / "a.tar.gz") if packed else folder_of(files, tmp_path)
    )

    assert words in line
    assert name in line


def test_a_bad_review_is_told_whatever_is_drawn(tmp_path: Path) -> None:
    files = film_reviews()
    for name in [name for name in files if "/train/pos/" in name][1:]:
        files[name] = b""
    with pytest.raises(UserError, match="a text in every review"):
        imdb_table(Place(folder_of(files, tmp_path), stand_in=False), drawn(2))


def test_a_review_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    files = film_reviews()
    twice = {**files, "old/train/pos/0_7.txt": b"another"}

    assert "each review once" in refusal(archive_of(twice, tmp_path / "a.tar.gz"))


@pytest.mark.parametrize("lost", ["train/pos", "test/neg"])
def test_a_folder_that_is_missing_or_empty_is_named(lost: str, tmp_path: Path) -> None:
    files = {name: text for name, text in film_reviews().items() if f"/{lost}/" not in name}
    folder = folder_of(files, tmp_path)

    assert lost in refusal(folder)
    with pytest.raises(UserError, match="No such file"):
        files_at(Place(folder, stand_in=False))
    assert f"reviews in {lost}" in refusal(archive_of(files, tmp_path / "a.tar.gz"))
    (folder / lost).mkdir(parents=True)
    assert f"reviews in {lost}" in refusal(folder)


def test_a_folder_among_reviews_is_refused(tmp_path: Path) -> None:
    folder = folder_of(film_reviews(), tmp_path)
    (folder / "train" / "pos" / "7_9.txt").mkdir()

    assert "7_9.txt: it is no file" in refusal(folder)
