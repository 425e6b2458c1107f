"""Features of a frozen φ, kept by content: computed once for every head that is trained on them.

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
    """The features below `runs_dir` that one `maker` computes.

    maker: what decides the bits beside weights and inputs, as JSON: φ's specification and the
        fingerprint.
    note: is told what is waited for, what was damaged, and what could not be kept.
    """

    runs_dir: Path
    maker: Mapping[str, Any]
    note: Callable[[Note], None]

    def get(
        self, weights: Mapping[str, Tensor], inputs: np.ndarray, compute: Callable[[], np.ndarray]
    ) -> np.ndarray:
        """z [N, d] of inputs [N, …] under φ: read where it is kept and whole, else computed, kept.

        weights: every tensor of φ that decides z, by name (`Trunk.extractor`). compute: gives z;
        called at most once, while no other process computes the same.
        """
        kept = entry(self.runs_dir, HOME, self._key(weights, inputs))
        features = self._read(kept, lambda _: None)
        if features is not None:
            return features
        with kept.locked(self.note, "computing features"):
            features = self._read(kept, self.note)  # which another process may have made meanwhile
            if features is not None:
                return features
            features = compute()
            try:
                _write(kept, features)
            except OSError as error:  # this run has its features all the same
                problem = str(error.strerror)
                self.note(NotKept(path=kept.path, what="features", problem=problem))
            return features

    def _key(self, weights: Mapping[str, Tensor], inputs: np.ndarray) -> str:
        total = hashlib.sha256(json.dumps(self.maker, sort_keys=True).encode())
        arrays = [(name, weights[name].detach().cpu().numpy()) for name in sorted(weights)]
        for name, array in [*arrays, ("", inputs)]:
            total.update(f"{name} {array.dtype.str} {array.shape} ".encode())
            total.update(array.tobytes())
        return total.hexdigest()[:16]

    @staticmethod
    def _read(kept: Entry, note: Callable[[Note], None]) -> np.ndarray | None:
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            files = kept.read()
            return None if files is None else load(files["features.safetensors"])["z"]
        except (Damaged, KeyError, SafetensorError) as error:
            note(EntryDamaged(path=kept.path, what="features", problem=str(error)))
            return None


def _write(kept: Entry, features: np.ndarray) -> None:
    import numpy as np
    from safetensors.numpy import save

    kept.write({"features.safetensors": save({"z": np.ascontiguousarray(features)})})
