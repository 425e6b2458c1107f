"""One file from the network: whole, of the digest that was promised, or not there at all.

One process downloads it; the others wait, and find it.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tlrun.core.errors import UserError, say
from tlrun.store.locks import locked

PATIENCE = 30.0  # seconds without an answer, after which there is no network
AT_ONCE = 2**20  # bytes
AGENT = {"User-Agent": "tl-run"}  # some servers refuse Python's own


class DownloadFailed(ValueError):
    """A file could not be downloaded; nothing is left of it. The message says why, in a line."""


def download(url: str, path: Path, sha256: str = "", patience: float = PATIENCE) -> None:
    """Put the file at `url` at `path`, and say so; where it is there by now, leave it.

    sha256: what its digest begins with, in hex, which is proved before it has its name. patience:
    seconds without an answer, after which there is none.

    Raises DownloadFailed where there is no answer, another file comes, or it cannot be written.
    """
    lock = path.with_name(f".{path.name}.lock")  # it stays: removing it would race
    partial = path.with_name(f".{path.name}.partial")
    try:
        with locked(lock, lambda who: say(f"{who} downloads {path}; waiting for it")):
            if path.exists():
                return
            say(f"downloading {url} to {path}, once")
            try:
                found = _fetch(url, partial, patience)
                if not found.startswith(sha256):
                    expected = f"a file whose sha256 begins with {sha256}"
                    raise DownloadFailed(f"expected {expected}, found one with {found}")
                partial.replace(path)
            finally:
                with suppress(OSError):
                    partial.unlink(missing_ok=True)
    except (OSError, HTTPException, UserError) as error:
        raise DownloadFailed(described(error)) from None


def _fetch(url: str, path: Path, patience: float) -> str:
    """Write what is at `url` to `path`, and return its sha256 in hex."""
    digest, received = hashlib.sha256(), 0
    request = Request(url, headers=AGENT)  # noqa: S310  # the addresses are ours, not a user's
    with urlopen(request, timeout=patience) as answer, open(path, "wb") as file:  # noqa: S310  # as above
        while part := answer.read(AT_ONCE):
            file.write(part)
            digest.update(part)
            received += len(part)
        length = answer.headers.get("Content-Length")
        if length is not None and int(length) != received:
            raise DownloadFailed(f"only {received} of {length} bytes came")
    return digest.hexdigest()


def described(error: BaseException) -> str:
    """What an error says, in one line; the name of its class where it says nothing."""
    words = str(error)
    if isinstance(error, HTTPError):
        words = f"HTTP {error.code} {error.reason}"
    elif isinstance(error, OSError) and error.strerror:
        words = error.strerror
    elif isinstance(reason := getattr(error, "reason", None), OSError) and reason.strerror:
        words = reason.strerror
    return " ".join(words.split()) or type(error).__name__
