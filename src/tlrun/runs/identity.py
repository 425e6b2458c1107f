"""What decides a run, and the ids that follow from it.

    id        of everything that decides the run: its folder is named so
    setting   of all but the seed: what the runs of many seeds share
    family    of all but seed and λ: what the runs along a λ axis share

    problem   of the examples, however they are split, of the options that split them, and of the
              names of domains, tasks and classes: a part of setting and family

All seeds share a problem; the id counts what its own seed has drawn of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from typing import Any, NamedTuple

from tlrun.config.build import Run
from tlrun.config.registry import GROUPS, name_of
from tlrun.core.options import as_data, strict
from tlrun.core.problem import Problem
from tlrun.models.backbone import weights_file_of
from tlrun.store.weights import weights_digest

# Options that came after the first ids were made, which are to stay; where they are 0 or null, all
# is as it was without them.
LATER = {("dataset", "sealed"), ("dataset", "sources"), ("dataset", "holdout_fold")}


def node_of(group: str, thing: object) -> dict[str, Any]:
    """An object of a config `group` as its node: its name, and every option, defaults too.

    One that came later, and changes nothing by default, is left out where it has its default.
    """
    node = {"name": name_of(group, thing)} | as_data(thing)
    return {key: node[key] for key in node if node[key] or (group, key) not in LATER}


def backbone_node(run: Run, pretrained: bool = True) -> dict[str, Any]:
    """The node of a run's backbone, less the options that say where its files are.

    What it reads of them stands in their place. pretrained: whether its weights decide; then so
    does their digest. Raises UserError where they are not to be had.
    """
    node = _without_places("backbone", run.backbone)
    if hasattr(run.backbone, "read"):
        node["read"] = dict(run.backbone.read())
    file = weights_file_of(run.backbone)
    if file is not None and pretrained:
        node["weights"] = weights_digest(file)
    return node


def deciding(run: Run) -> dict[str, Any]:
    """The config nodes that decide `run`, by group, in one form for all spellings, and its seed.

    0.10 is 0.1, 1 is 1.0, and defaults are filled in. Groups that its strategy ignores are left
    out. The options that say where the data are stand in it too.
    """
    nodes: dict[str, Any] = {}
    for group in GROUPS:
        if group not in run.strategy.ignores:
            nodes[group] = node_of(group, getattr(run, group))
    return nodes | {"seed": run.seed}


def lam_decides(run: Run) -> bool:
    """Whether λ is among what decides `run`; of `scratch` it is not."""
    return "lam" not in run.strategy.ignores


class Ids(NamedTuple):
    """The ids of one run, each 12 hexadecimal digits, as the head of this module says them."""

    run: str
    problem: str
    setting: str
    family: str


def ids_of(run: Run, problem: Problem) -> Ids:
    """All ids of a run, which have most of what they are made of in common.

    problem: as the run's own seed has drawn it. Raises UserError where files of its data set or
    backbone that decide it are not to be had.
    """
    nodes = _nodes_without_places(run)
    of_problem = problem_id(run, problem)
    whole = digest_of([nodes, problem.identity])
    del nodes["seed"]
    setting = digest_of([nodes, of_problem])
    nodes.pop("lam", None)
    return Ids(whole, of_problem, setting, digest_of([nodes, of_problem]))


def run_id(run: Run, problem: Problem) -> str:
    """12 hexadecimal digits; the same wherever the data were read, for their digest decides.

    problem: as the run's own seed has drawn it.
    """
    return ids_of(run, problem).run


def setting_id(run: Run, problem: Problem) -> str:
    """12 hexadecimal digits that a run shares with the same run on other seeds."""
    nodes = _nodes_without_places(run)
    del nodes["seed"]
    return digest_of([nodes, problem_id(run, problem)])


def family_id(run: Run, problem: Problem) -> str:
    """12 hexadecimal digits that a run shares with the same run on other seeds and at other λ."""
    return ids_of(run, problem).family


def problem_id(run: Run, problem: Problem) -> str:
    """12 hexadecimal digits that all seeds share, and all ways of learning the same problem."""
    dataset = _dataset_node(run)
    splits: frozenset[str] = getattr(run.dataset, "split_options", frozenset(dataset))
    options = {
        key: value for key, value in dataset.items() if key in splits | {"sealed", "holdout_fold"}
    }
    if not problem.examples:  # nothing but the options tells it from another
        options = dataset
    return digest_of([problem.examples, options, problem.names])


def digest_of(value: object) -> str:
    """The first 12 hexadecimal digits of sha256 over `value` as strict JSON with sorted keys.

    Raises ValueError where `value` holds nan.
    """
    try:  # of what is strict JSON already there is no need for a copy, which takes the most time
        text = json.dumps(value, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError):
        text = json.dumps(strict(value), sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _nodes_without_places(run: Run) -> dict[str, Any]:
    """What decides a run, less the options that say where its data and weights are."""
    nodes = deciding(run) | {"dataset": _dataset_node(run)}
    if "backbone" in nodes:
        nodes["backbone"] = backbone_node(run)
    return nodes


def _dataset_node(run: Run) -> dict[str, Any]:
    """The node of a run's data set, less where its files are; what it reads stands for options.

    Raises UserError where that is not to be had.
    """
    node = _without_places("dataset", run.dataset)
    if hasattr(run.dataset, "read"):
        node |= run.dataset.read()
    return node


def _without_places(group: str, thing: object) -> dict[str, Any]:
    """The node of a run's data set or backbone, less the options that say where its files are."""
    places: Collection[str] = getattr(thing, "places", ())
    return {key: value for key, value in node_of(group, thing).items() if key not in places}
