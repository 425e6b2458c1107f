from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.notes import (
    AugmentOff,
    CheckpointDamaged,
    DataLoaded,
    DeclaredOtherwise,
    EntryDamaged,
    HeadsTogether,
    LamHasNoEffect,
    Note,
    NotKept,
    OptionIdle,
    PretrainedWeights,
    ReadingData,
    RunAnew,
    SlowBf16,
    StageLoaded,
    StageResumed,
    StatisticsPooled,
    StrategyWarning,
    StructureLearnt,
    Waiting,
)
from tlrun.data.datasets.digits import Digits
from tlrun.data.load_report import summary
from tlrun.report.notes import words

RUN = Path("runs/digits/scratch/seed=0_abc")
STATED: list[Note] = [
    AugmentOff(),
    LamHasNoEffect(),
    LamHasNoEffect(no_source=True),
    OptionIdle(key="strategy.mu", why="with strategy.transfer=distillation"),
    PretrainedWeights(run="this run", name="timm", digest="0123456789abcdef"),
    ReadingData(megabytes=29.0),
    StrategyWarning(text="first_lam does nothing"),
    SlowBf16(device="cpu"),
    *(
        RunAnew(why=why, details="torch 1 then, 2 now")
        for why in ("stopped", "interrupted", "failed", "unreadable", "outdated", "damaged")
    ),
    DeclaredOtherwise(what="α", declared="0.05", asked="0.1"),
    DeclaredOtherwise(what="δ", declared="0.05", asked="0.1"),
    DeclaredOtherwise(what="seeds", declared="10", asked="5 more"),
    DeclaredOtherwise(what="looks", declared="10", asked="5, 10"),
    Waiting(who="process 7 on here", doing="working on this run"),
    StructureLearnt(run="this run", stage="target", summary="12 of 40 channels"),
    StatisticsPooled(run="this run", domains=("target",), of=("s1", "s2")),
    HeadsTogether(runs=16, megabytes=3.25),
    EntryDamaged(what="stage", problem="stage.json is damaged"),
    EntryDamaged(what="features", problem="manifest.json is damaged"),
    NotKept(what="stage", problem="No space left on device"),
    NotKept(what="features", problem="No space left on device"),
    NotKept(what="checkpoint", problem="No space left on device"),
    StageResumed(run="this run", stage="source", step=600, steps=1000),
    CheckpointDamaged(problem="state.json is damaged"),
]
LOADED = StageLoaded(path=RUN, run="this run", stage="source", steps=200, seconds=1.25)


def kinds(cls: type[Note] = Note) -> set[type[Note]]:
    """Every class of a note that tl-run has."""
    below = {kind for kind in cls.__subclasses__() if kind.__module__ == "tlrun.core.notes"}
    return below.union(*(kinds(kind) for kind in below))


def at(note: Note, path: Path | None) -> Note:
    return type(note)(**vars(note) | {"path": path})


@pytest.mark.parametrize("note", STATED, ids=repr)
def test_a_note_is_one_line_after_the_folder_that_it_is_about(note: Note) -> None:
    (line,) = words(note)

    assert line
    assert "\n" not in line
    assert words(at(note, RUN)) == [f"{RUN}: {line}"]


@pytest.mark.parametrize("note", STATED, ids=repr)
def test_what_is_true_of_many_runs_is_said_once_of_them_all(note: Note) -> None:
    (line,) = words(note)

    assert words(note, 12) == [f"12 runs: {line}"]
    assert words(at(note, RUN), 12) == [f"12 runs: {line}"]
    assert words(note, 1) == [line]


def test_no_two_notes_say_the_same() -> None:
    said = [words(note)[0] for note in STATED]

    assert len(set(said)) == len(said)


def test_every_kind_of_note_is_tried_here() -> None:
    tried = {type(note) for note in (*STATED, LOADED)} | {DataLoaded}

    assert tried == kinds()


@pytest.mark.parametrize("kind", sorted(kinds() - {DataLoaded}, key=repr))
@given(data=st.data(), runs=st.integers(1, 10**6))
def test_whatever_a_note_holds_there_are_words_for_it(
    kind: type[Note], data: st.DataObject, runs: int
) -> None:
    paths = st.none() | st.just(RUN)
    note = data.draw(st.builds(kind, path=paths))

    (line,) = words(note, runs)
    assert isinstance(line, str)


@pytest.mark.parametrize(
    ("note", "line"),
    [
        (
            LamHasNoEffect(),
            "λ has no effect here (the losses share no free parameter): running as λ=inf",
        ),
        (
            LamHasNoEffect(no_source=True),
            "no source domain, so λ has nothing to weigh: running as λ=inf",
        ),
        (
            PretrainedWeights(run="this run", name="timm", digest="0123456789abcdef"),
            "this run · pretrained weights    timm, sha256 0123456789ab",
        ),
        (
            OptionIdle(key="lam.value", why="with strategy=scratch"),
            "lam.value has no effect with strategy=scratch",
        ),
        (StrategyWarning(text="a word"), "a word"),
        (ReadingData(megabytes=1234.5), "reading 1,234 MB"),
        (
            RunAnew(why="outdated", details="torch 1 then, 2 now"),
            "finished, but torch 1 then, 2 now; running it anew (reuse=any accepts it)",
        ),
        (
            RunAnew(why="damaged", details="result.json lacks size"),
            "finished, but result.json lacks size; running it anew",
        ),
        (
            RunAnew(why="stopped", details=""),
            "an earlier attempt was stopped half-way; going on from what it has kept",
        ),
        (
            DeclaredOtherwise(what="δ", declared="0.01", asked="none"),
            "declared with δ = 0.01, which stands; none is asked for now",
        ),
        (
            DeclaredOtherwise(what="seeds", declared="10", asked="5 more"),
            "declared with 10 seeds; 5 more are marked as added later",
        ),
        (Waiting(doing="training"), "waiting for another process, which is training"),
        (
            StructureLearnt(run="this run", stage="target", summary="12 of 40 channels"),
            "this run · target: 12 of 40 channels",
        ),
        (
            StatisticsPooled(run="joint", domains=("target",), of=("a", "b")),
            "joint: target was never trained on: BatchNorm uses the pooled statistics of a, b",
        ),
        (
            StatisticsPooled(run="this run", domains=("c", "d"), of=("a", "b")),
            "this run: c, d were never trained on: BatchNorm uses the pooled statistics of a, b",
        ),
        (HeadsTogether(runs=1, megabytes=0.31), "heads of 1 run as one product, in 0.3 MB"),
        (
            HeadsTogether(runs=16, megabytes=1234.5),
            "heads of 16 runs as one product, in 1,234.5 MB",
        ),
        (
            EntryDamaged(what="features", problem="it is damaged"),
            "it is damaged; computing the features again",
        ),
        (NotKept(what="stage", problem="disk full"), "the stage is not kept (disk full)"),
        (
            StageResumed(run="this run", stage="target", step=600, steps=12_000),
            "this run · target                goes on from step 600 of 12,000",
        ),
        (
            CheckpointDamaged(problem="state.json is damaged"),
            "state.json is damaged; going on from the checkpoint before it, or from the beginning",
        ),
    ],
)
def test_what_each_says(note: Note, line: str) -> None:
    assert words(note) == [line]


def test_a_loaded_stage_says_where_it_is_and_what_it_cost_then() -> None:
    (line,) = words(LOADED)

    assert line.startswith("this run · source ")
    assert line.endswith(f" found in {RUN} (200 steps, 1.2 s then)")


def test_loaded_stages_stand_below_one_another() -> None:
    names = ["a", "source", "task by task"]
    lines = [words(StageLoaded(**vars(LOADED) | {"stage": name}))[0] for name in names]

    assert len({line.index("found in") for line in lines}) == 1


def test_loaded_data_are_told_as_their_load_report() -> None:
    report: dict[str, Any] = dict(Digits().load(0).report)
    lines = words(DataLoaded(report=report))

    assert lines == summary(report)
    assert len(lines) > 0


def test_a_note_without_words_is_a_mistake_of_ours() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Unheard(Note):
        pass

    with pytest.raises(TypeError, match="found Unheard"):
        words(Unheard())
