"""Standard output and error, made so that nothing they cannot take ends what is under way."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from typing import Any

GONE = (errno.ENOSPC, errno.EDQUOT, errno.EIO)  # a full disk; a terminal that was closed


class Patient(io.FileIO):
    """A stream of this process, by its number. What it cannot take is gone, and said once.

    lost: why something is gone; empty while nothing is.
    """

    lost = ""

    def write(self, content: Any, /) -> int:
        """Write what can be written; says of the rest that it was."""
        try:
            return super().write(content)
        except OSError as error:
            if error.errno not in GONE:
                raise
            self.lost = self.lost or str(error.strerror)
            return len(memoryview(content))


def prepare() -> None:
    """Set both up: each there, the process's own patient, `?` for what one cannot show."""
    if hasattr(signal, "SIGPIPE"):  # `tl-run … | head` ends without a word, as other commands do
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name) or open(os.devnull, "w")  # noqa: SIM115  # closed by the shell: `>&-`
        stream.reconfigure(errors="replace")  # a terminal that cannot show λ still shows the rest
        if stream is getattr(sys, f"__{name}__") and type(_raw(stream)) is io.FileIO:
            stream = _patient(stream)
        setattr(sys, name, stream)


def _raw(stream: Any) -> Any:
    """What a stream of text writes to in the end; Python does without a buffer where asked to."""
    buffer = getattr(stream, "buffer", None)
    return getattr(buffer, "raw", buffer)


def _patient(stream: Any) -> io.TextIOWrapper:
    """The same, of which what it cannot take is gone. stream: Python's own."""
    stream.flush()
    raw = Patient(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        raw if stream.buffer is _raw(stream) else io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def lost() -> str:
    """Why standard output lacks something of what was printed; empty where it has all."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):  # closed
        return ""
    raw = _raw(sys.stdout)
    return raw.lost if isinstance(raw, Patient) else ""
