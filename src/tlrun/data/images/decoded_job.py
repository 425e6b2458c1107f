"""Image files to decode, and what the entry that keeps them is called."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np

from tlrun.data.images.decoding import Form, rule


@dataclass(frozen=True)
class Job:
    """Files to decode. digests: sha256 of each, in hex. cache: the folder of entries.

    tell: of what takes long.
    """

    paths: Sequence[Path]
    digests: Sequence[str]
    form: Form
    cache: Path
    tell: Callable[[str], None]

    @cached_property
    def kind(self) -> str:
        """Of form and rule: entries of one kind can lend each other images."""
        return sha256(json.dumps([self.form, rule()]).encode()).hexdigest()[:8]

    @cached_property
    def name(self) -> str:
        """Of the entry: its kind, and all files with their endings in order."""
        suffixes = [path.suffix.lower() for path in self.paths]
        files = list(zip(suffixes, self.digests, strict=True))
        return f"{self.kind}-{sha256(json.dumps(files).encode()).hexdigest()[:24]}"

    @property
    def entry(self) -> Path:
        """The folder that holds it once it is whole."""
        return self.cache / self.name

    @property
    def partial(self) -> Path:
        """The folder that holds it while it is made."""
        return self.cache / f".{self.name}.partial"

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of all images: [N, C, S, S]."""
        size = self.form.size
        return len(self.paths), self.form.channels, size, size

    @cached_property
    def contents(self) -> np.ndarray:
        """The digests as bytes, uint8 [N, 32]."""
        joined = bytes.fromhex("".join(self.digests))
        return np.frombuffer(joined, np.uint8).reshape(-1, 32)
