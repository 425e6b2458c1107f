"""Folders of runs for `harness_damage.py`, each made once."""

from __future__ import annotations

import shutil
from pathlib import Path

from reliability.harness_commands import STRATEGIES
from reliability.harness_compare import files_below, is_checkpoint, picture
from reliability.harness_crashes import shown
from reliability.harness_damage import Base
from reliability.harness_hooks import Killed
from reliability.harness_trial import command, recorded

KINDS = ("finished", "found stage", "found features", "killed", "killed in a stage")


def base(kind: str, home: Path) -> Base:
    """A base of a kind.

    finished: two runs, of which the first is asked for again. found stage, found features: their
    folders are gone, what they shared is there. killed: the first was killed in its last stage.
    killed in a stage: both were not even begun, but for the stage that they share, in which the
    first was killed. sweep: two runs each, with the sweeps and the studies that asked for them.
    """
    strategy = "feature_transfer" if kind == "found features" else "parameter_transfer"
    words = STRATEGIES[strategy]
    if kind == "sweep":
        words = ("-m", *words[:-1], "lam.value=0,1")
    folder = home / "runs"
    first = command(words, folder)
    assert first.code == 0, first.screen
    wanted, results = picture(folder), shown(folder)
    other = (*words, "seed=1")
    again = command(other, folder)
    assert again.code == 0, again.screen
    used = tuple(name for name in wanted if name.startswith("."))
    match kind:
        case "finished":
            wanted = {name: wanted[name] for name in wanted if name not in used}
            used = tuple(wanted)
        case "sweep":
            wanted = {name: wanted[name] for name in wanted if not name.startswith(".")}
            used = (*wanted, *(n for n in used if n.startswith(".studies") and n.endswith(".json")))
        case "found stage" | "found features":
            shutil.rmtree(folder / "digits")
        case "killed":
            (run,) = (folder / name for name in results)
            shutil.rmtree(run)
            killed = command(words, folder, Killed(_last_stage(words, home)))
            assert killed.code == -9, killed.screen
            kept = [path for path in files_below(run) if is_checkpoint(path)]
            newest = max((path.parent.name for path in kept), default="")  # the others are not read
            read = [path for path in kept if path.parent.name == newest]
            used += tuple(str(path.relative_to(folder)) for path in read)
        case "killed in a stage":
            shutil.rmtree(folder)
            killed = command(words, folder, Killed(_shared_stage(words, home)))
            assert killed.code == -9, killed.screen
            kept = [path.relative_to(folder) for path in files_below(folder / ".stages")]
            newest = max(path.parent.name for path in kept if is_checkpoint(path))
            used = tuple(str(path) for path in kept if path.parent.name == newest)
    return Base(str(folder), words, wanted, results, used)


def _shared_stage(words: tuple[str, ...], home: Path) -> int:
    """The operation of a run in its first stage, after the last checkpoint of that."""
    operations = recorded(words, home / "counted").operations
    shutil.rmtree(home / "counted")
    named = [i for i, each in enumerate(operations) if "step-" in each.to and ".stages" in each.to]
    return named[-1] + 1


def _last_stage(words: tuple[str, ...], home: Path) -> int:
    """The operation of a run with a kept stage, before the last line of its metrics."""
    folder = home / "counted"
    assert command(words, folder).code == 0
    shutil.rmtree(folder / "digits")
    operations = recorded(words, folder).operations
    shutil.rmtree(folder)
    rows = [i for i, each in enumerate(operations) if each.path.endswith("metrics.jsonl")]
    return rows[-4]
