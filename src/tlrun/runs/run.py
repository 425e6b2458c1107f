"""One run: problem, model, strategy → stages → result. And an answer: the run asked for, with its
controls.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from tlrun.config.registry import Config
from tlrun.core.errors import RunFailed, Terminated, TlrunError
from tlrun.core.seeding import exactly
from tlrun.data.assembly import told
from tlrun.runs.identity import identity, placeless
from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS, Plan, planned
from tlrun.runs.screen import Screen
from tlrun.store.fingerprint import differences

STOPPED = (KeyboardInterrupt, Terminated)


def answer(config: Config, screen: Screen) -> list[Outcome]:
    """The run that `config` asks for, then, unless `controls` is false, each of its controls.

    Raises UserError for what cannot work, RunBusy where another process has the run, RunFailed
    where training fails.
    """
    plans = planned(config, screen)  # all, before any starts
    for line in told(plans[THIS].problem().report):
        screen.note(line)
    return [perform(each, name, screen, wait=name != THIS) for name, each in plans.items()]


def perform(plan: Plan, name: str, screen: Screen, wait: bool = False) -> Outcome:
    """The run of a plan: found where it is finished, trained where it is not.

    wait: for another process that has it; otherwise raises RunBusy.
    """
    with plan.place.locked(wait=wait, note=screen.note):
        found = None if plan.run.rerun and name == THIS else find(plan, name, screen)
        if found is not None:
            return found
        train(plan, name, screen)
        return trained(plan, name)


def trained(plan: Plan, name: str) -> Outcome:
    """The outcome of a plan that was trained just now. Raises OSError or ValueError where its files
    are not there.
    """
    return _outcome(plan, name, plan.place.record() or {}, found=False, differs="")


def find(plan: Plan, name: str, screen: Screen) -> Outcome | None:
    """The finished run of a plan, or None, with a line that says why one that is there does not
    count.
    """
    place = plan.place
    if not place.path.exists():
        return None
    record = place.record() or {}
    if record.get("status") != "finished" or "seconds" not in record:
        # "running" while nobody holds the lock: the process is gone
        how = {
            "running": "was stopped half-way",
            "interrupted": "was interrupted",
            "failed": "failed",
        }
        why = how.get(str(record.get("status")), "left no run.json that can be read")
        screen.note(f"{place.path}: an earlier attempt {why}; starting it again")
        return None
    differs = differences(record.get("fingerprint", {}), plan.fingerprint)
    if differs and plan.run.reuse == "same":
        screen.note(
            f"{place.path}: finished, but {differs}; running it anew (reuse=any accepts it)"
        )
        return None
    try:
        return _outcome(plan, name, record, found=True, differs=differs)
    except (OSError, ValueError) as error:
        told = (
            f"{Path(error.filename).name}: {error.strerror}"
            if isinstance(error, OSError)
            else str(error)
        )
        screen.note(f"{place.path}: its result cannot be read ({told}); running it anew")
        return None


def _outcome(
    plan: Plan, name: str, record: Mapping[str, Any], found: bool, differs: str
) -> Outcome:
    decisive = placeless(plan.science, plan.run.dataset)
    seed = decisive.pop("seed")
    strategy = decisive["strategy"]["name"]
    result, setting = plan.place.result(), identity(decisive, "")
    decisive.pop("lam", None)
    family, path = identity(decisive, ""), plan.place.path
    return Outcome(
        name,
        strategy,
        plan.lam,
        seed,
        setting,
        family,
        path,
        result,
        record["seconds"],
        found,
        differs,
    )


def train(plan: Plan, name: str, screen: Screen) -> None:
    """Train the run of a plan into its folder, whatever stood there before. Raises RunFailed where
    it fails.
    """
    from tlrun.models.model import state
    from tlrun.runs.final_evaluation import evaluate_test
    from tlrun.runs.stages import Walk

    warm_up()
    place, problem = plan.place, plan.problem()
    record: dict[str, Any] = {"fingerprint": plan.fingerprint, "data": problem.digest}
    started = time.monotonic()
    try:
        place.begin(OmegaConf.to_yaml(OmegaConf.create(dict(plan.science))), record)
        place.keep_json("data.json", problem.report)
        with exactly(plan.run.threads):
            walk = Walk(plan, problem, name, screen)
            model = walk.through()
            size = plan.run.trainer.batch_size
            together = plan.stages[-1].trained_for == "all tasks"
            result, predictions = evaluate_test(
                problem, plan.stages, size, model, walk.relation, together, encode=walk.encoded
            )
        # What the run would have cost alone: a stage that was found counts the seconds it took when
        # it was trained.
        spared = sum(stage["seconds"] for stage in walk.stages if stage["found"])
        record |= {"seconds": time.monotonic() - started + spared, "stages": walk.stages}
        record["test_opened"] = problem.test.opened
        place.finish(result, state(model), predictions, record)
    except STOPPED as stop:
        signal = "SIGINT" if isinstance(stop, KeyboardInterrupt) else "SIGTERM"
        place.close("interrupted", {"reason": signal, "seconds": time.monotonic() - started})
        raise
    except BaseException as error:  # SystemExit too: a run has no business ending more than itself
        reason = _reason(error)
        details = ""
        with suppress(OSError):  # a full disk may be why; the reason still reaches the screen
            place.close("failed", {"reason": reason, "seconds": time.monotonic() - started})
            place.keep("traceback.txt", traceback.format_exc())
            details = " (details in traceback.txt there)"
        raise RunFailed(f"{place.path}: {reason}{details}") from error


def _reason(error: BaseException) -> str:
    """Why a run failed, in one line, with what to do where that is known."""
    if isinstance(error, TlrunError):
        return str(error)
    told = " ".join(f"{type(error).__name__}: {error}".split())
    # torch raises a plain RuntimeError on the CPU
    if isinstance(error, MemoryError) or any(
        sign in told for sign in ("allocate memory", "OutOfMemory")
    ):
        return f"out of memory; try a smaller trainer.batch_size or sweep.jobs ({told})"
    return told


def warm_up() -> None:
    """Let torch load what its first optimiser loads, a second or two, so that no run's time
    includes it.
    """
    import torch

    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.0)
