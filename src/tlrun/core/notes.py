"""What a run has to tell while it is planned and trained, as objects.

A note holds facts; the screen alone puts them into words (`report/notes.py`), so that nothing has
to be read back out of a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Note:
    """Base of all notes. path: the folder it is about; None where it is about none."""

    path: Path | None = None

    def without_path(self) -> Note:
        """The same note about any folder, so that those of a hundred runs can be counted."""
        return replace(self, path=None)


@dataclass(frozen=True, kw_only=True)
class DataLoaded(Note):
    """The data of a run are read.

    report: their load report, as `data/assembly.py` writes it.
    """

    report: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ReadingData(Note):
    """A file is about to be read that takes a while. megabytes: its size."""

    megabytes: float


@dataclass(frozen=True, kw_only=True)
class LamHasNoEffect(Note):
    """L_S and L_T share no free parameter, or there is no L_S, so the run is that of λ=∞."""

    no_source: bool = False


@dataclass(frozen=True, kw_only=True)
class OptionIdle(Note):
    """An option that is set and changes nothing. key: it. why: "with …", or "where …"."""

    key: str
    why: str


@dataclass(frozen=True, kw_only=True)
class AugmentOff(Note):
    """A stage computes once what it holds fixed of φ, so that no image of its steps is changed."""


@dataclass(frozen=True, kw_only=True)
class SlowBf16(Note):
    """trainer.precision=bf16 on a processor without instructions for it. device: as described."""

    device: str


@dataclass(frozen=True, kw_only=True)
class StrategyWarning(Note):
    """What a strategy says about its own options, for the user to know. text: in its words."""

    text: str


@dataclass(frozen=True, kw_only=True)
class RunAnew(Note):
    """A run that is there is not finished, or does not count: it is trained, or gone on with.

    why: `stopped` (its process is gone), `interrupted`, `failed`, `unreadable` (its run.json),
        `outdated` (made under another fingerprint), `damaged` (a file of its result).
    details: of the last two, what differs, or what is wrong with which file.
    """

    why: Literal["stopped", "interrupted", "failed", "unreadable", "outdated", "damaged"]
    details: str


@dataclass(frozen=True, kw_only=True)
class DeclaredOtherwise(Note):
    """A study is asked for otherwise than it was declared, and its declaration stands.

    what: in what. declared, asked: what was declared of it, and what is asked for now.
    """

    what: Literal["α", "δ", "seeds", "looks"]
    declared: str
    asked: str


@dataclass(frozen=True, kw_only=True)
class Waiting(Note):
    """Another process has what this one needs, which waits for it.

    who: that process. doing: what it is doing there.
    """

    who: str = "another process"
    doing: str


@dataclass(frozen=True, kw_only=True)
class StageLoaded(Note):
    """A stage that another run has finished is loaded instead of trained.

    run: the run that loads it. stage: the stage's name. steps: its number of updates. seconds: that
    its training took.
    """

    run: str
    stage: str
    steps: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class StageResumed(Note):
    """A stage goes on from a checkpoint.

    run: whose stage it is now. stage: its name. step: of the checkpoint, of so many `steps`.
    """

    run: str
    stage: str
    step: int
    steps: int


@dataclass(frozen=True, kw_only=True)
class CheckpointDamaged(Note):
    """A checkpoint is not whole, and an older one, or none, counts. problem: what is wrong."""

    problem: str


@dataclass(frozen=True, kw_only=True)
class PretrainedWeights(Note):
    """A run starts from the pretrained weights of its backbone.

    run: which. name: the backbone. digest: sha256 of the file, in hex.
    """

    run: str
    name: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class StructureLearnt(Note):
    """A structure was learnt, in which `stage` of `run` is built. summary: of the structure."""

    run: str
    stage: str
    summary: str


@dataclass(frozen=True, kw_only=True)
class StatisticsPooled(Note):
    """A run scores domains it never trained on, with BatchNorm statistics pooled over several.

    run: whose last model that is. domains: those without statistics of their own. of: those that
    the statistics are pooled over.
    """

    run: str
    domains: tuple[str, ...]
    of: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class HeadsTogether(Note):
    """The heads of several runs are about to be trained as one product.

    runs: how many. megabytes: what that takes in memory.
    """

    runs: int
    megabytes: float


@dataclass(frozen=True, kw_only=True)
class EntryDamaged(Note):
    """A kept stage or set of features is not whole, and is made again. problem: what is wrong."""

    what: Literal["stage", "features"]
    problem: str


@dataclass(frozen=True, kw_only=True)
class NotKept(Note):
    """A stage, a set of features or a checkpoint could not be kept; this run goes on.

    problem: why not, as the system says it.
    """

    what: Literal["stage", "features", "checkpoint"]
    problem: str
