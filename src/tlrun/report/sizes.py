"""What networks cost, where the runs of a table differ in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from tlrun.runs.outcome import Outcome

# The heads of the columns, and the keys of `size` in result.json.
SIZES = {"parameters": "parameters", "non-zeros": "nonzeros", "FLOPs": "flops"}
SIZE_LEGEND = (
    "FLOPs: of one example's forward pass, 2 a multiply-add of a weight that is not 0; zeros in a "
    "dense matrix save no time. In brackets: of the largest network here."
)


def largest(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """The size of the largest network of the runs, by head; empty where all have one size."""
    sizes = [outcome.result["size"] for outcome in outcomes if outcome.result["size"]]
    if all(size == sizes[0] for size in sizes):
        return {}
    most: dict[str, int] = {}
    for head, key in SIZES.items():
        most[head] = max(size[key] for size in sizes)
    return most


def size_cells(outcomes: Sequence[Outcome], dense: Mapping[str, int]) -> dict[str, str]:
    """The mean size of some runs, by head, and how much of the largest network's it is.

    dense: what `largest` gave; where it is empty, there are no cells.
    """
    cells: dict[str, str] = {}
    for head, most in dense.items():
        if not all(outcome.result["size"] for outcome in outcomes):
            cells[head] = "–"  # no network
            continue
        mean = fmean(outcome.result["size"][SIZES[head]] for outcome in outcomes)
        cells[head] = f"{mean:,.0f}"
        if mean < most:
            cells[head] += f" ({100 * (mean / most):.0f} %)"
    return cells
