"""The notes of a run in words, as the screen prints them."""

from __future__ import annotations

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
from tlrun.data.load_report import summary

ATTEMPTS = {
    "stopped": "an earlier attempt was stopped half-way; going on from what it has kept",
    "interrupted": "an earlier attempt was interrupted; going on from what it has kept",
    "failed": "an earlier attempt failed; going on from what it has kept",
    "unreadable": "an earlier attempt left no run.json that can be read; starting it again",
}
TITLE = 32  # columns of a run and its stage, so that what follows stands below one another
AUGMENT_OFF = (
    "trainer.augment changes nothing where features are computed once; "
    "trainer.cache_features=false computes them in every step"
)
AGAIN = {"stage": "training the stage", "features": "computing the features"}
KEPT = {
    "stage": "the stage is",
    "features": "the features are",
    "checkpoint": "what is trained so far is",
}
NO_EFFECT = {  # of λ, by whether there is no source domain
    True: "no source domain, so λ has nothing to weigh: running as λ=inf",
    False: "λ has no effect here (the losses share no free parameter): running as λ=inf",
}
STANDS = "declared with {what} = {declared}, which stands; {asked} is asked for now"
DECLARED = {  # what is told otherwise
    "seeds": "declared with {declared} seeds; {asked} are marked as added later",
    "looks": "declared with {declared} seeds, so that every look is at all of α, uncorrected",
}


def words(note: Note, runs: int = 1) -> list[str]:
    """The lines a user reads for `note`; the folder it is about, if any, stands before them.

    runs: how many runs it is true of; where they are several, their number stands before the line.
    Raises TypeError for a note that has no words here.
    """
    if isinstance(note, DataLoaded):
        return summary(note.report)
    if isinstance(note, StageLoaded):
        title = f"{note.run} · {note.stage}"
        cost = f"{note.steps} steps, {note.seconds:.1f} s then"
        return [f"{title:<{TITLE}} found in {note.path} ({cost})"]
    line = _statement(note)
    if runs > 1:
        return [f"{runs} runs: {line}"]
    if note.path is None:
        return [line]
    return [f"{note.path}: {line}"]


def _statement(note: Note) -> str:  # noqa: C901, PLR0911, PLR0912  # one line a note
    match note:
        case ReadingData(megabytes=megabytes):
            return f"reading {megabytes:,.0f} MB"
        case LamHasNoEffect(no_source=no_source):
            return NO_EFFECT[no_source]
        case OptionIdle(key=key, why=why):
            return f"{key} has no effect {why}"
        case AugmentOff():
            return AUGMENT_OFF
        case SlowBf16(device=device):
            which = "this processor" if device == "cpu" else device
            known = f"{which} is not known to have instructions for it"
            return f"bf16 may be slower than fp32 here: {known}"
        case StrategyWarning(text=text):
            return text
        case RunAnew(why="outdated", details=details):
            return f"finished, but {details}; running it anew (reuse=any accepts it)"
        case RunAnew(why="damaged", details=details):
            return f"finished, but {details}; running it anew"
        case RunAnew(why=why):
            return ATTEMPTS[why]
        case DeclaredOtherwise(what=what, declared=was, asked=now):
            return DECLARED.get(what, STANDS).format(what=what, declared=was, asked=now)
        case Waiting(who=who, doing=doing):
            return f"waiting for {who}, which is {doing}"
        case PretrainedWeights(run=run, name=name, digest=digest):
            title = f"{run} · pretrained weights"
            return f"{title:<{TITLE}} {name}, sha256 {digest[:12]}"
        case StageResumed(run=run, stage=stage, step=step, steps=steps):
            title = f"{run} · {stage}"
            return f"{title:<{TITLE}} goes on from step {step:,} of {steps:,}"
        case StructureLearnt(run=run, stage=stage, summary=learnt):
            return f"{run} · {stage}: {learnt}"
        case StatisticsPooled(run=run, domains=domains, of=of):
            was = "was" if len(domains) == 1 else "were"
            fact = f"{', '.join(domains)} {was} never trained on"
            return f"{run}: {fact}: BatchNorm uses the pooled statistics of {', '.join(of)}"
        case HeadsTogether(runs=runs, megabytes=megabytes):
            return f"heads of {runs} run{'s' * (runs > 1)} as one product, in {megabytes:,.1f} MB"
        case EntryDamaged(what=what, problem=problem):
            return f"{problem}; {AGAIN[what]} again"
        case CheckpointDamaged(problem=problem):
            return f"{problem}; going on from the checkpoint before it, or from the beginning"
        case NotKept(what=what, problem=problem):
            return f"{KEPT[what]} not kept ({problem})"
    raise TypeError(f"expected a note that has words here, found {type(note).__name__}")
