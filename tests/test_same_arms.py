"""Studies of two arms that are one: how often a word comes out of runs that differ by chance."""

from pathlib import Path

import pytest

from tlrun.report.study.evidence import Evidence
from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS

from problems import Watcher, config, performed, planned

STUDIES, SEEDS, LEVEL = 200, 5, 0.95


@pytest.mark.long
def test_scratch_against_scratch_is_seldom_shown_to_differ(tmp_path: Path) -> None:
    """200 studies of real runs, which share no seed: of weights, labels, and order, all are others.

    16 is what 5 % of 200 stay below in 97.5 % of all draws.
    """
    runs: list[Outcome] = []
    for seed in range(2 * SEEDS * STUDIES):
        asked = config(
            tmp_path,
            strategy={"name": "scratch"},
            backbone={"name": "identity"},
            trainer={"name": "trainer", "steps": 20, "batch_size": 16, "eval_every": 20},
            seed=seed,
        )
        runs.append(performed(planned(asked, Watcher()), THIS, Watcher()))
    evidence = Evidence()
    false = 0
    for first in range(0, len(runs), 2 * SEEDS):
        ours = dict(enumerate(runs[first : first + SEEDS]))
        theirs = dict(enumerate(runs[first + SEEDS : first + 2 * SEEDS]))
        gain = evidence.gain(ours, theirs)
        assert gain is not None
        assert gain.pairs.values is not None
        low, high = gain.bounds(LEVEL)
        false += low > 0 or high < 0

    assert false <= 16
