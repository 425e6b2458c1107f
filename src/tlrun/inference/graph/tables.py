"""A graph of a table: a tensor a column, scaled and one-hot inside the graph.

Shapes: N rows, d columns of numbers, c columns of categories. Between the columns and the network
stands one tensor, float64 [N, d + c], in which a category is the position of its text, -1 where it
is none that was learnt from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from tlrun.data.tables.preprocessing import Preprocessing
from tlrun.inference.graph.inputs import NETWORK, OURS, Port

if TYPE_CHECKING:
    from onnx import NodeProto

    from tlrun.data.tables.encoding import Encoder, Scale
    from tlrun.inference.member import Member

ML = "ai.onnx.ml"  # the domain of the operator that reads texts
GAPS = 0.05  # the share of cells that are missing, or were never learnt from, in random rows


class TableInputs:
    """N rows of a table.

    kept: how the rows of each member were read; they may differ, as those of folds do. numbers,
    categories, free: as of `GraphInputs`.
    """

    def __init__(self, kept: Sequence[Preprocessing]) -> None:
        self._notation, encoders = kept[0].notation, [each.encoder for each in kept]
        self._scales = {s.name: s for encoder in encoders for s in encoder.scales}
        levels: dict[str, dict[str | None, None]] = {}  # in order, each once
        for encoder in encoders:
            for each in encoder.categories:
                levels.setdefault(each.name, {}).update(dict.fromkeys(each.levels))
        self._levels = {name: tuple(of) for name, of in levels.items()}
        self.numbers = len(self._scales) + len(self._levels)
        self.categories = len(self._levels)
        self.free: tuple[str, ...] = ("N",)
        ports = [_number(scale) for scale in self._scales.values()]
        for name, of in self._levels.items():
            texts = [level for level in of if level is not None]
            said = f"one of {', '.join(map(repr, texts))}" if texts else "always missing"
            ports.append(Port(name, "string", ("N", 1), said, texts[0] if texts else ""))
        self.ports: Sequence[Port] = tuple(ports)

    def example(self) -> Tensor:
        """Three rows, each number 0 and each category the first."""
        return torch.zeros(3, self.numbers, dtype=torch.float64)

    def nodes(self) -> list[NodeProto]:
        """Every category as its position, then all columns side by side."""
        from onnx import TensorProto
        from onnx.helper import make_node

        nodes, columns = [], list(self._scales)
        for place, (name, levels) in enumerate(self._levels.items()):
            known = {level: code for code, level in enumerate(levels) if level is not None}
            if None in levels:
                known |= dict.fromkeys(self._missing(), levels.index(None))
            code, number = f"{OURS}code {place}", f"{OURS}category {place}"
            nodes += [
                make_node(
                    "LabelEncoder", [name], [code], domain=ML, keys_strings=list(known),
                    values_int64s=list(known.values()), default_int64=-1,
                ),
                make_node("Cast", [code], [number], to=TensorProto.DOUBLE),
            ]  # fmt: skip
            columns.append(number)
        return [*nodes, make_node("Concat", columns, [NETWORK], axis=1)]

    def reader(self, member: Member) -> nn.Module:
        """What encodes rows as those that `member` learnt from."""
        kept = Preprocessing.from_json(member.form)
        places = {name: place for place, name in enumerate([*self._scales, *self._levels])}
        return _Encode(kept, places, self._levels)

    def unseen(self) -> nn.Module:
        """Which categories no member has learnt from."""
        return _Unseen(len(self._scales))

    def random(self, count: int, rng: np.random.Generator) -> tuple[Any, dict[str, np.ndarray]]:
        """Normal numbers and drawn categories; a few are missing, or were never learnt from."""
        columns: dict[str, np.ndarray] = {}
        for name, scale in self._scales.items():
            drawn = rng.normal(scale.mean, scale.deviation or 1.0, count)
            gaps = rng.choice([np.nan, *self._notation.missing_numbers], count)
            columns[name] = np.where(rng.random(count) < GAPS, gaps, drawn)
        for name, levels in self._levels.items():
            texts = np.array(["" if level is None else level for level in levels], dtype=object)
            drawn = rng.choice(texts, count)
            columns[name] = np.where(rng.random(count) < GAPS, "never learnt from", drawn)
        return columns, {name: column[:, None] for name, column in columns.items()}

    def files(self) -> dict[str, bytes]:
        """None."""
        return {}

    def notes(self) -> list[str]:
        """How cells are written."""
        said = ["A number is finite; a missing one is nan"] if self._scales else []
        if self._levels:
            names = ", ".join(self._levels)
            said += [
                "A category is its text, without spaces around it; a missing one is '' alone",
                f"`unseen` says which of {names} was never learnt from: it counts as none",
            ]
        return said

    def _missing(self) -> list[str]:
        """The texts that stand for nothing, in the spellings that are likely."""
        words = [word.strip() for word in self._notation.missing]
        spelt = [form for w in words for form in (w, w.lower(), w.upper(), w.capitalize())]
        for number in self._notation.missing_numbers:
            spelt += [repr(number), f"{number:g}", f"{number:.1f}", f"{number:.2f}"]
        return list(dict.fromkeys(["", *spelt]))


class _Encode(nn.Module):
    """Numbers less their mean over their deviation, categories as 0 and 1, float32 [N, inputs].

    places: of each column in the tensor that it is given. levels: of each category, those that its
    positions stand for.
    """

    def __init__(
        self,
        kept: Preprocessing,
        places: dict[str, int],
        levels: dict[str, tuple[str | None, ...]],
    ) -> None:
        super().__init__()
        encoder: Encoder = kept.encoder
        self.register_buffer("missing", _doubles(list(kept.notation.missing_numbers)))
        deviations = [scale.deviation for scale in encoder.scales]
        self.register_buffer("numbers", _places([places[s.name] for s in encoder.scales]))
        self.register_buffer("mean", _doubles([scale.mean for scale in encoder.scales]))
        self.register_buffer("deviation", _doubles([each or 1.0 for each in deviations]))
        self.register_buffer("constant", torch.tensor([not each for each in deviations]))
        self.categories = []
        for place, each in enumerate(encoder.categories):
            # a row a position, that of -1 first
            known = levels[each.name]
            rows = np.array([[level == of for of in each.levels] for level in known], np.float32)
            table = np.concatenate([np.zeros((1, len(each.levels)), np.float32), rows])
            self.register_buffer(f"levels{place}", torch.from_numpy(table))
            self.categories.append(places[each.name])

    def forward(self, row: Tensor) -> Tensor:
        """Of [N, d + c] the inputs of a network."""
        parts = []
        if len(self.get_buffer("numbers")):
            numbers = row[:, self.get_buffer("numbers")]
            gone = numbers.isnan() | self.get_buffer("constant")
            # a tensor, for the exporter rounds a number of Python's to float32
            if len(self.get_buffer("missing")):
                gone = gone | (numbers.unsqueeze(-1) == self.get_buffer("missing")).any(dim=-1)
            scaled = (numbers - self.get_buffer("mean")) / self.get_buffer("deviation")
            parts.append(scaled.masked_fill(gone, 0.0).float())
        for number, place in enumerate(self.categories):
            parts.append(self.get_buffer(f"levels{number}")[row[:, place].long() + 1])
        return torch.cat(parts, dim=1)


class _Unseen(nn.Module):
    """Which categories are none that was learnt from, bool [N, c]. first: column of categories."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self.first = first

    def forward(self, row: Tensor) -> Tensor:
        """Of [N, d + c] those whose position is -1."""
        return row[:, self.first :] < 0


def _number(scale: Scale) -> Port:
    """The port of a column of numbers."""
    if not scale.deviation:
        return Port(scale.name, "double", ("N", 1), "a number that was constant: not used")
    said = f"a number, about {scale.mean:.6g} ± {scale.deviation:.3g}"
    digits = 1 - math.floor(math.log10(scale.deviation))
    return Port(scale.name, "double", ("N", 1), said, round(scale.mean, digits))


def _places(of: list[int]) -> Tensor:
    return torch.tensor(of, dtype=torch.int64)


def _doubles(of: list[float]) -> Tensor:
    return torch.tensor(of, dtype=torch.float64)
