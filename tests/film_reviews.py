"""A few reviews in the files of IMDB, as a folder and as an archive."""

import io
import tarfile
from pathlib import Path

WORDS = ("film", "people", "who", "talk", "walk", "by", "the", "sea", "until", "it", "ends")
RATINGS = {"neg": (1, 2, 3, 4), "pos": (7, 8, 9, 10)}


def film_reviews(each: int = 4) -> dict[str, bytes]:
    """By their paths: `each` of every rating, half as many to test, and none like another."""
    files: dict[str, bytes] = {}
    for side, count in (("train", each), ("test", each // 2)):
        for kind, ratings in RATINGS.items():
            for place, rating in enumerate(ratings):
                for number in range(place * count, (place + 1) * count):
                    key = len(files)
                    words = [WORDS[(key // 11**k + k) % 11] for k in range(4)]
                    text = f"{kind} {' '.join(words)}<br /><br />{side} no{key}"
                    files[f"aclImdb/{side}/{kind}/{number}_{rating}.txt"] = text.encode()
    return files


def folder_of(files: dict[str, bytes], home: Path) -> Path:
    """The folder aclImdb in `home`."""
    for name, content in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return home / "aclImdb"


def archive_of(files: dict[str, bytes], path: Path) -> Path:
    """The archive at `path`, in another order than the folder's, and with what is not read."""
    unread = {
        "aclImdb/README": b"read me",
        "aclImdb/train/unsup/0_0.txt": b"no rating",
        "aclImdb/train/urls_pos.txt": b"http://films",
        "aclImdb/train/pos/._0_9.txt": b"\xff",
        "aclImdb/imdb.vocab": b"the",
    }
    with tarfile.open(path, "w:gz") as opened:
        for name, content in [*unread.items(), *reversed(files.items())]:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            opened.addfile(info, io.BytesIO(content))
    return path
