"""The card of what was delivered: what is inside, what it scored, what can be promised.

Here, and only here, the test scores of the arms are read, after their weights are fixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tlrun.core.errors import printable
from tlrun.core.metrics import primary
from tlrun.core.task import TaskKey
from tlrun.report.formatting import number, with_unit
from tlrun.report.study.predictions import predictions_of
from tlrun.selection.arms import Arms
from tlrun.selection.deliver import Choice
from tlrun.selection.held_out import HeldOut
from tlrun.selection.measured import statement
from tlrun.selection.one_draw import gain_of, score_of


def card(
    arms: Arms,
    held: Mapping[TaskKey, HeldOut],
    choices: Mapping[TaskKey, Choice],
    procedure: Mapping[str, Any],
) -> dict[str, Any]:
    """The card, as strict JSON. procedure: method, prior and folds."""
    tasks = _tasks(arms, held, choices)
    kinds = {task.kind for task in arms.tasks.values()}
    method, prior, folds = (procedure[name] for name in ("method", "prior", "folds"))
    return {
        **procedure,
        "problem": arms.problem,
        "seed": arms.seed,
        "tasks": tasks,
        "left out": [list(each) for each in arms.left_out],
        "statement": statement(str(method), float(prior), int(folds), len(arms.tasks), set(kinds)),
    }


def _tasks(
    arms: Arms, held: Mapping[TaskKey, HeldOut], choices: Mapping[TaskKey, Choice]
) -> dict[str, dict[str, Any]]:
    """What the card says of every task."""
    said = [predictions_of(arm.outcome) for arm in arms.every]
    tasks: dict[str, dict[str, Any]] = {}
    for key, task in arms.tasks.items():
        choice, rows, metric = choices[key], held[key], primary(task)
        tested = [each[key].outputs for each in said]
        labels = said[arms.safe][key].labels
        answers = choice.stack.outputs(task, tested)
        members = []
        for arm in choice.stack.used.tolist():
            each = arms.every[arm]
            members.append(
                {
                    "name": each.name,
                    "run": "/".join(each.outcome.path.parts[-3:]),
                    "weight": float(choice.stack.weights[arm]),
                    "temperature": float(choice.stack.temperatures[arm]),
                    "out of fold": score_of(
                        task, metric, rows.outputs[arm], rows.labels, rows.fold
                    ),
                    "test": score_of(task, metric, tested[arm], labels),
                }
            )
        tasks[str(key)] = {
            "members": members,
            "labels": len(rows.labels),
            "out of fold": score_of(task, metric, choice.said, rows.labels, rows.fold),
            "test": score_of(task, metric, answers, labels),
            "over scratch": {
                "control": arms.every[arms.safe].name,
                **gain_of(task, metric, answers, tested[arms.safe], labels),
            },
            "over the best single arm": {
                "arm": arms.every[choice.best].name,
                **gain_of(task, metric, answers, tested[choice.best], labels),
            },
            "gate": None
            if choice.gate is None
            else vars(choice.gate) | {"opens": choice.gate.opens},
        }
    return tasks


def lines(made: Mapping[str, Any], folder: str) -> Iterator[str]:
    """The card in words: the answer of each task, then what it scored."""
    for key, task in made["tasks"].items():
        yield printable(f"{key}: {_answer(task, str(made['method']))}")
        metric = task["test"]["metric"]
        held, test = task["out of fold"], task["test"]
        over, best = task["over scratch"], task["over the best single arm"]
        yield (
            f"  {_score(metric, held)} on the {held['rows']} labels, each asked of models that had "
            "not seen it"
        )
        yield f"  {_score(metric, test)} on {test['rows']} test rows"
        if [member["name"] for member in task["members"]] != [over["control"]]:
            yield printable(
                f"  {_gain(metric, over)} over {over['control']}, on the same test rows"
            )
        if best["arm"] != over["control"]:
            yield printable(
                f"  {_gain(metric, best)} over {best['arm']}, the single arm that held-out labels "
                "would choose"
            )
        if task["gate"] is not None:
            yield _gate(task["gate"])
    yield f"Promise: {made['statement']}."
    for name, why in made["left out"]:
        yield printable(f"left out: {name}, which {why}")
    if made["seed"] is not None:
        yield f"Labels and weights are those of seed {made['seed']}; intervals are over rows alone."
    yield printable(f"Predict: tl-run predict {folder} NEW -o out.csv")


def _answer(task: Mapping[str, Any], method: str) -> str:
    """What is to be used, in a sentence."""
    members = task["members"]
    if len(members) > 1:
        inside = " + ".join(f"{m['weight']:.2f} {m['name']}" for m in members)
        return f"use a stack of {len(members)} arms: {inside}"
    name = members[0]["name"]
    if method == "stack" and name == task["over scratch"]["control"]:
        return f"use {name} alone: nothing is safely better on {task['labels']} labels"
    return f"use {name} alone"


def markdown(made: Mapping[str, Any], folder: str) -> str:
    """The card as a page."""
    parts = ["# What was delivered", "", f"`{folder}`, made by `tl-run deliver`.", ""]
    for key, task in made["tasks"].items():
        metric = task["test"]["metric"]
        head = with_unit(metric)
        parts += [
            f"## {key}",
            "",
            f"| arm | weight | temperature | held-out {head} | test {head} |",
        ]
        parts += ["|---|---:|---:|---:|---:|"]
        for member in task["members"]:
            cells = [
                printable(member["name"]).replace("|", "\\|"),
                f"{member['weight']:.3f}",
                f"{member['temperature']:.2f}",
                _score(metric, member["out of fold"]),
                _score(metric, member["test"]),
            ]
            parts.append(f"| {' | '.join(cells)} |")
        parts.append("")
    parts += ["```text", *lines(made, folder), "```", ""]
    return "\n".join(parts)


def _score(metric: str, found: Mapping[str, Any]) -> str:
    unit = " %" if with_unit(metric).endswith("%") else ""
    text = f"{number(metric, found['score'])}{unit}"
    if found["low"] is None:
        return text
    return f"{text} ({number(metric, found['low'])} to {number(metric, found['high'])})"


def _gain(metric: str, found: Mapping[str, Any]) -> str:
    text = number(metric, found["gain"], signed=True)
    if found["low"] is None:
        return f"{text} (no row differs)" if found.get("differing") == 0 else text
    low, high = (number(metric, found[end], signed=True) for end in ("low", "high"))
    return f"{text} ({low} to {high})"


def _gate(found: Mapping[str, Any]) -> str:
    verdict = "is" if found["opens"] else "is not shown to be"
    return (
        f"  gate: the stack {verdict} better than scratch on held-out rows: right alone on "
        f"{found['better']} of {found['differing']} that differ, p = {found['p']:.3f}; of a stack "
        f"truly 10 points better it would see {100 * found['power']:.0f} %"
    )
