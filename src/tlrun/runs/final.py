"""Sealed test rows, opened once: for one finished run and its controls of the same seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tlrun.config.build import Run
from tlrun.core.errors import Mistake, RunBusy, UserError
from tlrun.core.problem import Problem, Split
from tlrun.data.sealed import judged_rows, load_with_sealed, rows_digest
from tlrun.runs.kept_config import kept_run
from tlrun.runs.outcome import Outcome, read_outcome
from tlrun.store.files import read_json, write_json, write_whole
from tlrun.store.found import FoundRun, runs
from tlrun.store.openings import Opening, alone, opening_of, openings, write_down
from tlrun.strategies.estimator import EstimatorStrategy

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.runs.sealed_evaluation import Rebuilt

FINAL, PREDICTIONS = "final.json", "final.safetensors"
KEY = "final"


@dataclass(frozen=True)
class Asked:
    """What is to be opened, and for whom.

    found: the run. arms: it, as "", and each of its controls by name, with their configs. outside:
    the names of controls that keep no network, and are left out. problem: without what is sealed.
    rows: the sealed rows of the domains that it is about. digest: of these.
    before: their opening, where this very run has opened them and was stopped.
    """

    found: FoundRun
    arms: Mapping[str, tuple[Outcome, Run]]
    outside: tuple[str, ...]
    problem: Problem
    rows: Mapping[str, Split]
    digest: str
    before: Opening | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How many rows of each domain are opened."""
        return {name: len(split) for name, split in self.rows.items()}

    @property
    def places(self) -> dict[str, list[int]]:
        """Where these rows stand in the data set, sorted."""
        return {name: sorted(split.index.tolist()) for name, split in self.rows.items()}


def found_before(found: FoundRun) -> dict[str, Any] | None:
    """What final.json of a run says; None where there is none. Raises UserError for a damaged one.

    Nothing is opened for it.
    """
    file = found.run_dir.path / FINAL
    if not file.exists():
        return None
    try:
        return read_json(file)
    except (OSError, ValueError) as error:
        what = f"{file}: {type(error).__name__}"
        raise UserError(Mistake(KEY, "what was found before", what, "remove the file")) from None


def ask(found: FoundRun, *, controls: bool = True) -> Asked:
    """All that is known before anything is opened. controls: whether they are opened for too.

    Raises UserError where the run is not finished, has no network, or no sealed rows; where its
    data are others now; where one of its controls is not finished; and where another run has opened
    the rows.
    """
    outcome, run = _finished(found, found.run_dir.path.name)
    if isinstance(run.strategy, EstimatorStrategy):
        what = f"{outcome.strategy}, an estimator, which keeps none"
        raise UserError(Mistake(KEY, "a run with a network", what))
    if not getattr(run.dataset, "sealed", 0.0):
        hint = "dataset.sealed=0.3 seals rows of new runs"
        raise UserError(Mistake(KEY, "a run with sealed rows", "dataset.sealed=0", hint))
    arms: dict[str, tuple[Outcome, Run]] = {"": (outcome, run)}
    outside: list[str] = []
    if controls:
        others, outside = _controls(found, outcome)
        arms |= others
    problem, sealed = load_with_sealed(run.dataset, run.seed)
    _check_same_data(arms, problem)
    rows = judged_rows(problem, sealed)
    digest = rows_digest(rows)
    asked = Asked(found, arms, tuple(outside), problem, rows, digest)
    return replace(asked, before=_opened_before(asked))


def open_once(asked: Asked) -> dict[str, Any]:
    """Open the sealed rows: what final.json then holds.

    That they are open is written down before anything is computed of them. Beside final.json,
    final.safetensors keeps the predictions under the names that predictions.safetensors has, those
    of a control after "controls/<its name>/".

    Raises UserError where a model cannot be loaded or does not say what it said, before anything is
    opened, and where another run has opened the rows; RunBusy where one is about to.
    """
    from safetensors.torch import save

    from tlrun.runs.sealed_evaluation import rebuilt

    run_dir = asked.found.run_dir
    ready = {}
    for name, (outcome, run) in asked.arms.items():
        ready[name] = rebuilt(outcome, run, asked.problem)

    def busy(who: str) -> None:
        raise RunBusy(f"{run_dir.path}: {who} opens these rows; wait for it")

    with alone(run_dir.runs_dir, asked.digest, busy):
        opening = _opened_before(asked)
        if opening is None:
            folders = {}
            for name, arm in ready.items():
                if name:
                    folders[name] = arm.outcome.path.relative_to(run_dir.runs_dir).as_posix()
            when = datetime.now(UTC).isoformat(timespec="seconds")
            opening = Opening(
                _name(asked.found), when, asked.problem.examples, asked.places, folders
            )
            write_down(run_dir.runs_dir, asked.digest, opening)
        result, tensors = _evaluated(asked, ready, opening)
        write_whole(run_dir.path / PREDICTIONS, save(tensors))
        write_json(run_dir.path / FINAL, result)
    return result


def _evaluated(
    asked: Asked, ready: Mapping[str, Rebuilt], opening: Opening
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What final.json and final.safetensors hold."""
    from tlrun.runs.sealed_gains import gain_of, task_gains

    kept: dict[str, Tensor] = {}
    said: dict[str, dict[str, Tensor]] = {}
    scores: dict[str, dict[str, Any]] = {}
    for name, arm in ready.items():
        found, said[name] = arm.evaluate(asked.rows)
        before = f"controls/{name}/" if name else ""
        kept |= {f"{before}{key}": tensor.clone() for key, tensor in said[name].items()}
        headline = found["headline"]
        scores[name] = {
            "run": arm.outcome.path.relative_to(asked.found.run_dir.runs_dir).as_posix(),
            "headline": {"name": headline["name"], "test": headline["test"]},
            "metrics": found["metrics"]["test"],
            "tested": found["tested"],
        }
    wanted = asked.arms[""][0].result["headline"]["tasks"]
    compared = {key: metric for key, metric in wanted.items() if key in said[""]}
    controls = {}
    for name in filter(None, ready):
        ours, theirs = (scores[each]["headline"] for each in ("", name))
        del scores[name]["tested"]  # the same rows
        controls[name] = {
            **scores[name],
            "gain": gain_of(ours["name"], ours["test"], theirs["test"]),
            "tasks": task_gains(asked.problem, compared, ("", name), scores, said),
        }
    result = {
        "opened": opening.opened, "rows": asked.counts, "digest": asked.digest,
        **scores[""], "tasks": compared, "controls": controls,
    }  # fmt: skip
    return result, kept


def _controls(
    found: FoundRun, outcome: Outcome
) -> tuple[dict[str, tuple[Outcome, Run]], list[str]]:
    """The finished controls of a run by name, and the names of those that keep no network.

    Raises UserError where one is not finished on the run's seed.
    """
    newest: dict[str, FoundRun] = {}  # by setting
    for other in runs(found.run_dir.runs_dir):  # the oldest first
        if other.record.get("seed") == outcome.seed and other.status == "finished":
            newest[str(other.record.get("setting"))] = other
    arms, outside, missing = {}, [], []
    for name, setting in outcome.controls.items():
        if setting not in newest:
            missing.append(name)
            continue
        arm = _finished(newest[setting], name)
        if isinstance(arm[1].strategy, EstimatorStrategy):
            outside.append(name)
        else:
            arms[name] = arm
    if missing:
        expected = "finished runs of its controls on the same seed"
        hint = "give its command again with controls=true, or add --alone"
        raise UserError(Mistake(KEY, expected, f"none of {', '.join(missing)}", hint))
    return arms, outside


def _finished(found: FoundRun, name: str) -> tuple[Outcome, Run]:
    """What a run came to, and its config. name: what it is called in a message."""
    if found.status != "finished":
        what = f"{name}, {found.status}"
        raise UserError(Mistake(KEY, "a finished run", what, "give its command again"))
    try:
        return read_outcome(found.run_dir, name), kept_run(found.run_dir)
    except UserError:
        raise
    except (OSError, ValueError) as error:
        raise UserError(Mistake(KEY, "a run that is whole", f"{name}: {error}")) from None


def _check_same_data(arms: Mapping[str, tuple[Outcome, Run]], problem: Problem) -> None:
    """Raise UserError where an arm was not trained and tested on the data that were read now."""
    for name, (outcome, _) in arms.items():
        digest = read_json(outcome.path / "run.json").get("data")
        if digest != problem.digest:
            whose = f"control {name}" if name else "the run"
            found = f"others ({problem.digest[:12]}, not {str(digest)[:12]})"
            hint = "bring back the files that it read, or give its command again"
            raise UserError(Mistake(KEY, f"the data that {whose} had", found, hint))


def _opened_before(asked: Asked) -> Opening | None:
    """The opening of the same rows by the same run, if it was stopped.

    Raises UserError where another run has opened any of them, of another share or `split_seed` too.
    """
    runs_dir, name = asked.found.run_dir.runs_dir, _name(asked.found)
    opening = opening_of(runs_dir, asked.digest)
    for other in openings(runs_dir):
        shared = other == opening or other.shares(asked.problem.examples, asked.places)
        if shared and other.run != name:
            found = f"some of them opened for {other.run} on {other.opened}"
            hint = "nothing seals them again: another claim needs other rows"
            raise UserError(Mistake(KEY, "rows that are still sealed", found, hint))
    return opening


def _name(found: FoundRun) -> str:
    """What a run is called in the record of openings."""
    return f"{found.run_dir.group}/{found.run_dir.name}"
