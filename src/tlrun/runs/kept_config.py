"""The run in a folder as typed objects again, from its config.yaml."""

from __future__ import annotations

from typing import Any

import yaml

from tlrun.config.build import Run, Sweep, Verdict, node_object
from tlrun.config.registry import GROUPS, find, names
from tlrun.config.tuning import Tune
from tlrun.config.yaml_text import read_yaml
from tlrun.core.errors import Mistake, UserError
from tlrun.core.paths import read_text
from tlrun.store.rundir import RunDir
from tlrun.training.options import Checkpointing


def kept_run(run_dir: RunDir) -> Run:
    """The run that a folder holds, as it was meant; on a GPU where it was computed on one.

    What its strategy ignores stands in no config.yaml, and has its defaults here.

    Raises UserError where there is no config that this tl-run can read, or where the GPU is missing
    that it names.
    """
    file = run_dir.path / "config.yaml"
    try:
        config = read_yaml(read_text(file))
        seed = int(config["seed"])
        given = {group: config[group] for group in GROUPS if group in config}
        _ = given["dataset"], given["strategy"]  # which no strategy ignores
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        found = f"{file}: {type(error).__name__}"
        raise UserError(Mistake("config.yaml", "the config of a run", found)) from None
    fingerprint = (run_dir.record() or {}).get("fingerprint", {})
    nodes: dict[str, Any] = {}
    for group in GROUPS:
        if group in given:
            nodes[group] = node_object(group, given[group])
        else:
            nodes[group] = find(group, names(group)[0])()
    return Run(
        **nodes,
        seed=seed,
        device="cpu" if fingerprint.get("device", "cpu").startswith("cpu") else "auto",
        threads=int(fingerprint.get("threads", 1)),
        runs_dir=str(run_dir.runs_dir),
        controls=False,
        rerun=False,
        stages=True,
        reuse="any",
        allow_inexact=False,
        checkpoint=Checkpointing(),
        sweep=Sweep(),
        verdict=Verdict(),
        tune=Tune(),
    )
