"""Features of a frozen φ, kept by content: computed once for every head that is trained on them.

    <runs_dir>/.cache/features/<key>/
      features.npy    z [N, d], or what a part of φ has made [N, …]
      manifest.json   digests

The key is that of φ's specification, weights and statistics, of the inputs, and of the fingerprint:
everything that decides the bits. They are written as they are computed and read through a map, so
that they may be larger than memory.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlrun.core.inputs import Inputs, digest_of
from tlrun.core.notes import EntryDamaged, Note, NotKept
from tlrun.store.entries import Damaged, Entry, entry

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

HOME = ".cache/features"
FILE = "features.npy"


@dataclass(frozen=True)
class FeatureStore:
    """The features below `runs_dir` that one `maker` computes.

    maker: what decides the bits beside weights and inputs, as JSON: φ's specification, how much of
        it, and the fingerprint.
    note: is told what is waited for, what was damaged, and what could not be kept.
    """

    runs_dir: Path
    maker: Mapping[str, Any]
    note: Callable[[Note], None]

    def get(
        self,
        weights: Mapping[str, Tensor],
        inputs: Inputs,
        compute: Callable[[], Iterator[np.ndarray]],
        width: int | None = None,
    ) -> Inputs:
        """z [N, …] of inputs [N, …] under φ: read where it is kept and whole, else computed, kept.

        weights: every tensor of φ that decides z, by name (`Trunk.extractor`). compute: gives z in
        parts, in order; called while no other process computes the same. width: d, where z is
        [N, d]; None where it is of another shape.
        """
        kept = entry(self.runs_dir, HOME, self._key(weights, inputs))
        rows = len(inputs)
        features = self._read(kept, rows, width, lambda _: None)
        if features is not None:
            return features
        with kept.locked(self.note, "computing features"):
            features = self._read(
                kept, rows, width, self.note
            )  # which another process may have made meanwhile
            if features is not None:
                return features
            try:
                kept.fill(lambda folder: _write(folder / FILE, rows, compute()))
            except OSError as error:  # this run has its features all the same
                import numpy as np

                problem = str(error.strerror)
                self.note(NotKept(path=kept.path, what="features", problem=problem))
                return np.concatenate(list(compute()))
            return _mapped(kept, rows, width)

    def _key(self, weights: Mapping[str, Tensor], inputs: Inputs) -> str:
        total = hashlib.sha256(json.dumps(self.maker, sort_keys=True).encode())
        for name in sorted(weights):
            array = weights[name].detach().cpu().numpy()
            total.update(f"{name} {array.dtype.str} {array.shape} ".encode())
            total.update(array.tobytes())
        total.update(digest_of(inputs).encode())
        return total.hexdigest()[:16]

    @staticmethod
    def _read(
        kept: Entry, rows: int, width: int | None, note: Callable[[Note], None]
    ) -> Inputs | None:
        try:
            return _mapped(kept, rows, width) if kept.prove() else None
        except (Damaged, OSError, ValueError) as error:
            note(EntryDamaged(path=kept.path, what="features", problem=str(error)))
            return None


def _mapped(kept: Entry, rows: int, width: int | None) -> Inputs:
    """The features of an entry, of so many `rows`, each as wide as `get` says.

    Raises OSError or ValueError where there are none such.
    """
    import numpy as np
    from numpy.lib.format import open_memmap

    from tlrun.core.mapped import Mapped

    z = open_memmap(kept.path / FILE, mode="r")  # np.load reads archives too, and pickles if told
    expected = f"float32 [{rows}, {width or '…'}]"
    narrow = z.ndim < 2 if width is None else z.shape[1:] != (width,)
    if z.dtype != np.float32 or narrow or len(z) != rows:
        raise ValueError(f"{FILE}: expected {expected}, found {z.dtype} {list(z.shape)}")
    return Mapped(z)


def _write(path: Path, rows: int, parts: Iterator[np.ndarray]) -> dict[str, str]:
    """Write N `rows` that come in `parts`, as an .npy file; its sha256, by its name."""
    import numpy as np

    with path.open("w+b") as file:
        for number, part in enumerate(parts):
            if not number:
                header = {
                    "descr": np.lib.format.dtype_to_descr(part.dtype),
                    "fortran_order": False,
                    "shape": (rows, *part.shape[1:]),
                }
                np.lib.format.write_array_header_1_0(file, header)
            file.write(np.ascontiguousarray(part).data)
        file.seek(0)
        return {path.name: hashlib.file_digest(file, "sha256").hexdigest()}
