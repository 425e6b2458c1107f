"""Features of a frozen φ by content: computed once for every head that is trained on them.

    <runs_dir>/.cache/features/<key>/
      features.safetensors   z [N, d]
      manifest.json          digests

The key is that of φ's specification, weights and statistics, of the inputs, and of the fingerprint:
everything that decides the bits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlrun.core.notes import EntryDamaged, Note, NotKept
from tlrun.store.entries import Damaged, Entry, entry

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

HOME = ".cache/features"


@dataclass(frozen=True)
class FeatureStore:
    """The features below `runs_dir` that one `maker` computes. note: is told what is waited for,
    and what is wrong.

    maker: what decides the bits beside weights and inputs, as JSON: φ's specification and the
        fingerprint.
    """

    runs_dir: Path
    maker: Mapping[str, Any]
    note: Callable[[Note], None]

    def get(
        self, weights: Mapping[str, Tensor], inputs: np.ndarray, compute: Callable[[], np.ndarray]
    ) -> np.ndarray:
        """z of `inputs` under the φ of `weights`: read where it is there and whole, computed and
        kept where not.
        """
        place = entry(self.runs_dir, HOME, self._key(weights, inputs))
        found = self._read(place, lambda _: None)
        if found is None:
            with place.locked(self.note, "computing features"):
                found = self._read(place, self.note)
                if found is None:
                    found = compute()
                    try:
                        _write(place, found)
                    except OSError as error:  # they are there all the same, for this run
                        problem = str(error.strerror)
                        self.note(NotKept(path=place.path, what="features", problem=problem))
        return found

    def _key(self, weights: Mapping[str, Tensor], inputs: np.ndarray) -> str:
        total = hashlib.sha256(json.dumps(self.maker, sort_keys=True).encode())
        arrays = [(name, tensor.detach().cpu().numpy()) for name, tensor in sorted(weights.items())]
        for name, array in [*arrays, ("", inputs)]:
            total.update(f"{name} {array.dtype.str} {array.shape} ".encode())
            total.update(array.tobytes())
        return total.hexdigest()[:16]

    @staticmethod
    def _read(place: Entry, note: Callable[[Note], None]) -> np.ndarray | None:
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            files = place.read()
            return None if files is None else load(files["features.safetensors"])["z"]
        except (Damaged, KeyError, SafetensorError) as error:
            note(EntryDamaged(path=place.path, what="features", problem=str(error)))
            return None


def _write(place: Entry, features: np.ndarray) -> None:
    import numpy as np
    from safetensors.numpy import save

    place.write({"features.safetensors": save({"z": np.ascontiguousarray(features)})})
