"""What finished runs took, by what makes steps and files cost alike."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from tlrun.config.yaml_text import read_yaml
from tlrun.core.json_text import parsed
from tlrun.core.options import as_plain
from tlrun.core.paths import read_text
from tlrun.runs.identity import deciding
from tlrun.runs.plan import Plan
from tlrun.store.found import FoundRun
from tlrun.sweeps.batched.eligible import stack_key

MOST = 300  # finished runs that are read, the latest
LOOK_BACK = 64  # runs before one that may have made room for it
LONGEST_GAP = 5.0  # seconds, beyond which one run did not wait for the other
# what of the loop decides how long a step takes
OF_A_STEP = ("batch_size", "augment", "cache_features", "precision", "memory_format")


@dataclass(frozen=True)
class Kind:
    """What runs have in common whose steps take as long.

    problem: its id. data: the name of the data set. backbone, strategy: nodes of the config, as
    JSON. loop: options of the loop, so too. lam: 0, ∞ or "between", for at either end some domains
    are not drawn. device: where, and how many threads. engine: as of run.json.
    """

    problem: str
    data: str
    backbone: str
    strategy: str
    loop: str
    lam: str
    device: str
    engine: str = "loop"


@dataclass
class Past:
    """What runs of one kind, or stages, took: seconds; and bytes, of their folders and weights."""

    rates: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    rests: list[float] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)
    folders: list[int] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)

    @property
    def runs(self) -> int:
        """How many runs it is known from."""
        return len(self.totals)


def kind_of(plan: Plan) -> Kind:
    """The kind of a planned run."""
    config: dict[str, Any] = as_plain(deciding(plan.run))
    engine = "loop" if stack_key(plan) is None else "stacked"
    return _kind(config, plan.problem, plan.fingerprint, engine)


def past_costs(found: Iterable[FoundRun], wanted: Iterable[Kind]) -> dict[Kind, Past]:
    """What finished runs took, by their kind.

    found: the oldest first. wanted: kinds that are asked for; runs on other data sets are passed
    over, and of the rest the latest MOST are read.
    """
    names = {kind.data for kind in wanted}
    known: dict[Kind, Past] = defaultdict(Past)
    met: set[tuple[Kind, str]] = set()  # shared stages that are counted, of each kind
    of_data = [run for run in found if run.run_dir.group.partition("/")[0] in names]
    for run in [run for run in of_data if run.record.get("status") == "finished"][-MOST:]:
        try:
            config = read_yaml(read_text(run.run_dir.path / "config.yaml"))
            record = run.record
            engine = str(record.get("engine", "loop"))
            kind = _kind(config, record["problem"], record["fingerprint"], engine)
            _add(
                known[kind],
                run,
                [stage for stage in run.record["stages"] if _new(kind, stage, met)],
            )
        except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError):
            continue  # of an older tl-run, or damaged
    return {kind: past for kind, past in known.items() if past.totals}


def start_gap(found: Iterable[FoundRun]) -> float:
    """Seconds from the end of a run of a sweep to the start of the next; 0 where none is known.

    A process is started for each, and reads the data. found: the oldest first.
    """
    spans: list[tuple[float, float, object]] = []
    for run in found:
        with suppress(KeyError, TypeError, ValueError):
            begun, ended = (_moment(run.record[key]) for key in ("started", "ended"))
            spans.append((begun, ended, run.record["pid"]))
    gaps: list[float] = []
    for k in range(1, len(spans)):
        begun, _, pid = spans[k]
        before = spans[max(0, k - LOOK_BACK) : k]
        since = [begun - ended for _, ended, other in before if ended <= begun and other != pid]
        if since and min(since) < LONGEST_GAP:
            gaps.append(min(since))
    return middle(gaps) if gaps else 0.0


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def middle(values: Sequence[float]) -> float:
    """Their median, which one run on a busy machine does not move."""
    return median(values)


def _kind(
    config: Mapping[str, Any], problem: str, fingerprint: Mapping[str, Any], engine: str
) -> Kind:
    trainer = config.get("trainer", {})
    where = {key: fingerprint.get(key) for key in ("device", "cpu", "threads")}
    return Kind(
        problem,
        str(config["dataset"]["name"]),
        _text(config.get("backbone")),
        _text(config.get("strategy")),
        _text({key: trainer.get(key) for key in OF_A_STEP}),
        _end(config.get("lam", {})),
        _text(where),
        engine,
    )


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _end(lam: Mapping[str, Any]) -> str:
    """At which end of the axis λ stands."""
    value = lam.get("value", "between")
    try:
        number = float(value)
    except (TypeError, ValueError):
        return "between"
    return f"{number:g}" if number in (0.0, float("inf")) else "between"


def _new(kind: Kind, stage: Mapping[str, Any], met: set[tuple[Kind, str]]) -> bool:
    """Whether a stage is not counted yet, one that several runs of its kind have loaded."""
    key = stage["key"]
    if key is None:
        return True
    before = len(met)
    met.add((kind, key))
    return len(met) > before


def _add(past: Past, run: FoundRun, counted: Sequence[Mapping[str, Any]]) -> None:
    """Count a run. counted: those of its stages whose steps are."""
    stages, total = run.record["stages"], float(run.record["seconds"])
    steps = _steps(run.run_dir.path / "metrics.jsonl")
    for stage in counted:
        if steps.get(stage["name"]):
            past.rates[stage["name"]].append(stage["seconds"] / steps[stage["name"]])
    past.totals.append(total)
    past.rests.append(max(0.0, total - sum(stage["seconds"] for stage in stages)))
    sizes = {file.name: file.stat().st_size for file in run.run_dir.path.iterdir()}
    past.folders.append(sum(sizes.values()))
    past.weights.append(sizes.get("model.safetensors", 0))


def _steps(path: Path) -> dict[str, int]:
    """How many steps each stage had, by its name: the last that was evaluated."""
    steps: dict[str, int] = {}
    if path.exists():
        for line in read_text(path).splitlines():
            row = parsed(line)
            steps[row["stage"]] = max(steps.get(row["stage"], 0), row["step"])
    return steps
