from tlrun.report.sizes import SIZES, largest, size_cells
from tlrun.runs.outcome import Outcome

from problems import outcome


def sized(parameters: int, nonzeros: int, flops: int) -> Outcome:
    size = {"parameters": parameters, "nonzeros": nonzeros, "flops": flops}
    return outcome(result={**outcome().result, "size": size})


def test_where_all_cost_the_same_there_is_nothing_to_tell() -> None:
    alike = [sized(10, 10, 20)] * 3

    assert largest(alike) == {}
    assert size_cells(alike, {}) == {}


def test_each_figure_is_compared_with_the_largest_whichever_run_has_it() -> None:
    wide, deep = sized(100, 50, 300), sized(80, 60, 400)
    most = largest([wide, deep])

    assert list(most) == list(SIZES)
    assert most == {"parameters": 100, "non-zeros": 60, "FLOPs": 400}
    assert list(size_cells([deep], most).values()) == ["80 (80 %)", "60", "400"]


def test_over_seeds_it_is_the_mean() -> None:
    dense = sized(1000, 1000, 2000)
    masks = [sized(1000, kept, 2 * kept) for kept in (100, 300)]
    cells = size_cells(masks, largest([dense, *masks]))

    assert list(cells.values()) == ["1,000", "200 (20 %)", "400 (20 %)"]
