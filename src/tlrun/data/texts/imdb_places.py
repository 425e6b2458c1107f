"""Where the Large Movie Review Dataset is: on disk, on the network, or a stand-in for it.

What was downloaded is kept as <cache>/aclImdb_v1.tar.gz, what was made instead as
<cache>/imdb-stand-in-<version>/aclImdb.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tlrun.core.errors import Mistake, UserError, say
from tlrun.core.paths import path_to_read
from tlrun.data.texts.imdb_stand_in import VERSION, write
from tlrun.store.downloads import PATIENCE, DownloadFailed, described, download
from tlrun.store.locks import locked

URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
ARCHIVE = "aclImdb_v1.tar.gz"
# As TensorFlow Datasets publishes it (url_checksums/imdb_reviews.txt); of the same file torchtext
# publishes the md5, 7c2ac02c03563afcf9b574c7e56c153a.
SHA256 = "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe"
WANTED = "the folder aclImdb, or its archive"
HINT = f"put {ARCHIVE} there and give its path, or try dataset.stand_in=true: made texts"
BRIEFLY = 5.0  # seconds without an answer, where there is something to do without one


class Where(NamedTuple):
    """Where to look. path: the folder or the archive. cache: where what is not there is put.

    download: whether it may be downloaded. stand_in: whether texts may be made in its place.
    """

    path: str
    cache: Path
    download: bool
    stand_in: bool

    @property
    def root(self) -> Path:
        """The path. Raises UserError for the ~ of nobody, and for nothing."""
        if not self.path.strip():
            raise missing("nothing")
        return path_to_read(self.path, "dataset.path", WANTED, HINT).absolute()

    @property
    def archive(self) -> Path:
        """Where the archive is once it is downloaded."""
        return self.cache / ARCHIVE

    @property
    def made(self) -> Path:
        """Where the stand-in is once it is made."""
        return self.cache / f"imdb-stand-in-{VERSION}" / "aclImdb"


class Place(NamedTuple):
    """The folder or archive that is read, and whether it is a stand-in."""

    path: Path
    stand_in: bool


def there(where: Where) -> Place | None:
    """What is on disk by now; None where nothing is. Raises UserError for a path that is none."""
    if where.root.exists():
        return Place(where.root, stand_in=False)
    if where.archive.is_file():
        return Place(where.archive, stand_in=False)
    if where.stand_in and where.made.is_dir():
        return Place(where.made, stand_in=True)
    return None


def brought(where: Where) -> Place:
    """What is on disk, or else is downloaded, or else, if it may be, made.

    A stand-in that was made is kept to, so that no sweep changes its data midway; who gets a
    network later deletes it. Raises UserError where there is nothing to read.
    """
    place = there(where)
    if place is not None:
        return place
    failed = "dataset.download=false"
    if where.download:
        try:
            patience = BRIEFLY if where.stand_in else PATIENCE
            download(URL, where.archive, SHA256, patience)
            return Place(where.archive, stand_in=False)
        except DownloadFailed as error:
            failed = f"no download of {URL}: {error}"
    if not where.stand_in:
        raise missing(f"nothing at {where.root}, and {failed}")
    try:
        doing = f"writes a stand-in for IMDB to {where.made}; waiting for it"
        with locked(where.cache / ".imdb-stand-in.lock", lambda who: say(f"{who} {doing}")):
            if not where.made.is_dir():
                say(f"IMDB is not at {where.root} ({failed}): writing a stand-in, once")
                write(where.made)
    except (OSError, UserError) as error:
        expected = "a folder in which a stand-in for IMDB can be written"
        found = f"{where.cache}: {described(error)}"
        raise UserError(Mistake("dataset.cache", expected, found, "try another")) from None
    return Place(where.made, stand_in=True)


def missing(found: str) -> UserError:
    """There is nothing to read."""
    return UserError(Mistake("dataset.path", WANTED, found, HINT))
