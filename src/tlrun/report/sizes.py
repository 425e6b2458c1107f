"""What networks cost, where the runs of a table differ in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from tlrun.runs.outcome import Outcome

# The heads of the columns, and the keys of `size` in result.json.
SIZES = {"parameters": "parameters", "non-zeros": "nonzeros", "FLOPs": "flops"}
ALIKE = 0.01  # the share by which two networks may differ and count as of one size
SIZE_LEGEND = (
    "FLOPs: of one example's forward pass, 2 a multiply-add of a weight that is not 0; zeros in a "
    "dense matrix save no time. In brackets: of the largest network here."
)


def largest(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """The size of the largest network of the runs, by head; empty where all are as large.

    As large is within ALIKE, for a few of a network's trained weights may be 0 by chance.
    """
    sizes = [outcome.result["size"] for outcome in outcomes if outcome.result["size"]]
    most: dict[str, int] = {}
    alike = True
    for head, key in SIZES.items():
        each = [size[key] for size in sizes] or [0]
        most[head] = max(each)
        alike &= min(each) >= (1 - ALIKE) * max(each)
    return {} if alike else most


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
