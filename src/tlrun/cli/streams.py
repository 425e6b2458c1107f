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
            return super().write(content) or 0
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
        setattr(sys, name, _patient(stream) if stream is getattr(sys, f"__{name}__") else stream)


def _patient(stream: Any) -> io.TextIOWrapper:
    """The same, of which what it cannot take is gone. stream: Python's own."""
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(Patient(stream.fileno(), "w", closefd=False)),
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
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw.lost if isinstance(raw, Patient) else ""
