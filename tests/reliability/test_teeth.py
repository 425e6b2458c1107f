"""The harness notices what it is there for: faults put into tl-run on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from reliability.conftest import Of
from reliability.harness_bases import base
from reliability.harness_compare import differences, refused
from reliability.harness_crashes import Reference, at_once, holding, killed_at, outlasting
from reliability.harness_damage import Damage, damaged
from reliability.harness_operations import Operation
from reliability.harness_readers import misread, numbers
from reliability.harness_server import Job, Server

RESUMING = [
    *("no_generators", "no_positions", "no_moments", "no_schedule", "no_best", "no_weights"),
    *("swallowed", "rows_stay"),
]


def writes(of: Reference, name: str) -> list[int]:
    """The operations that write a file of a name, or aside to it."""
    ours = [i for i, each in enumerate(of.operations) if name in Path(each.path).name]
    return [i for i in ours if of.operations[i].name == "write"]


def killed(server: Server, of: Reference, at: Sequence[int], mutant: str) -> list[str]:
    """What is noticed after kills, when a write is half done, of a mutant."""
    jobs: list[Job] = [(killed_at, (of.words, of.picture, i, True, [mutant])) for i in at]
    return [what for found in server.run(jobs) for what in found]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mutant", "name"), [("in_place", "result.json"), ("entries_in_place", "stage.json")]
)
def test_what_is_written_in_place(server: Server, reference_of: Of, mutant: str, name: str) -> None:
    of = reference_of("parameter_transfer")
    (written,) = server.run([(operations, (of.words, mutant))])
    at = [i for i, each in enumerate(written) if each.name == "write" and name in each.path]

    assert killed(server, of, at, mutant) != []


def operations(words: tuple[str, ...], mutant: str) -> Sequence[Operation]:
    """Those of a mutant, which are others."""
    import tempfile

    from reliability.harness_trial import recorded

    with tempfile.TemporaryDirectory() as home:
        return recorded(words, Path(home, "runs"), [mutant]).operations


@pytest.mark.slow
def test_digests_that_nobody_compares(server: Server, tmp_path: Path) -> None:
    (made,) = server.run([(base, ("found stage", tmp_path))])
    (weights,) = [name for name in made.used if name.endswith("model.safetensors")]
    flips = [Damage("flip", weights, seed=seed) for seed in range(6)]
    found = server.run([(damaged, (made, flip, ["no_digests"])) for flip in flips])

    assert server.run([(damaged, (made, flip)) for flip in flips]) == [[]] * 6
    assert any("another" in what for each in found for what in each)


@pytest.mark.slow
def test_files_of_runs_that_nobody_proves(server: Server, tmp_path: Path) -> None:
    (made,) = server.run([(base, ("finished", tmp_path))])
    (known,) = server.run([(numbers, (made,))])
    (weights,) = [name for name in made.used if name.endswith("model.safetensors")]
    zeros = [Damage("zero", weights, seed=seed) for seed in range(6)]
    found = server.run([(misread, (made, known, each, ["no_proof"])) for each in zeros])

    assert server.run([(misread, (made, known, each)) for each in zeros]) == [[]] * 6
    assert any("it answers" in what for each in found for what in each)


@pytest.mark.slow
def test_a_checkpoint_that_is_passed_over_without_a_word(server: Server, tmp_path: Path) -> None:
    (made,) = server.run([(base, ("killed in a stage", tmp_path))])
    flips = [Damage("flip", name, seed=1) for name in made.used]
    found = server.run([(damaged, (made, flip, ["silent_fallback"])) for flip in flips])

    assert len(flips) == 4
    assert server.run([(damaged, (made, flip)) for flip in flips]) == [[]] * 4
    assert all("nobody is told" in what for each in found for what in each), found
    assert all(found)


@pytest.mark.parametrize("mutant", [None, "no_lock"])
def test_two_at_once(server: Server, reference_of: Of, tmp_path: Path, mutant: str | None) -> None:
    of = reference_of("shared_parameters")
    at, mutants = writes(of, "metrics.jsonl")[0], [mutant] if mutant else []
    first, second = server.run(
        [
            (holding, (of.words, str(tmp_path), at, mutants)),
            (at_once, (of.words, str(tmp_path), mutants)),
        ]
    )
    busy = second.code == 1 and refused(second) == [] and "working on this run" in second.screen
    whole = first.code == 0 and differences(of.picture, tmp_path / "runs") == []

    assert (busy and whole) is (mutant is None)


@pytest.mark.slow
def test_what_is_not_synced(server: Server, reference_of: Of) -> None:
    of = reference_of("parameter_transfer")
    (unsynced,) = server.run([(operations, (of.words, "no_sync"))])

    assert outlasting(unsynced, unsynced[0].path) != of.results


@pytest.mark.slow
@pytest.mark.parametrize("mutant", RESUMING)
def test_what_is_not_taken_up(server: Server, reference_of: Of, mutant: str) -> None:
    """Killed soon after each checkpoint, or a line of metrics, of a run with dropout."""
    of = reference_of("texts")
    kept = [
        number + 1
        for number, each in enumerate(of.operations)
        if each.name == "rename" and Path(each.to).name.startswith("step-")
    ]
    at = [*kept[::4], *writes(of, "metrics.jsonl")[1::4]]

    assert len(kept) > 4
    assert killed(server, of, at, mutant) != []
