from pathlib import Path

import pytest

from tlrun.core.errors import Terminated
from tlrun.sweeps.stopped import Progress, SweepStopped, progress_of, stopped

from problems import Watcher, config, performed, swept

SOME = Progress(1, 2, (0,), (), ())


@pytest.mark.parametrize("signal", [KeyboardInterrupt(), Terminated(15)])
def test_a_signal_ends_a_sweep_with_what_there_is(signal: KeyboardInterrupt | Terminated) -> None:
    found = stopped(signal, SOME)

    assert isinstance(found, SweepStopped)
    assert (found.by, found.progress) == (signal, SOME)
    assert not isinstance(found, Exception)  # nothing that catches errors catches it


@pytest.mark.parametrize("between", [False, True])
def test_a_second_signal_ends_all_at_once(between: bool) -> None:
    """Also where it comes while an error of the cleaning up is dealt with."""
    first, error, second = KeyboardInterrupt(), OSError(), Terminated(15)
    error.__context__ = first
    second.__context__ = error if between else first

    assert stopped(second, SOME) is second


def test_an_error_that_was_dealt_with_before_is_no_signal() -> None:
    first = KeyboardInterrupt()
    first.__context__ = EOFError()

    assert isinstance(stopped(first, SOME), SweepStopped)


def test_a_seed_is_whole_where_every_run_of_it_is_finished(tmp_path: Path) -> None:
    configs = [config(tmp_path, controls=True, seed=seed) for seed in (3, 0, 1)]
    plan = swept(configs, Watcher())
    runs = plan.runs
    assert progress_of(runs, [], ()) == Progress(0, 15, (3, 0, 1), (), ())

    for path, (name, run) in plan.missing.items():
        if run.run.seed == 3 or (run.run.seed == 0 and name != "scratch"):
            assert performed(run, name, Watcher()).path == path
    assert progress_of(runs, [], ()) == Progress(9, 15, (3, 0, 1), (3,), ())
    left = [path for path, (name, run) in runs.items() if run.run.seed == 0]
    assert progress_of(runs, left, ()) == Progress(10, 15, (3, 0, 1), (3, 0), ())
