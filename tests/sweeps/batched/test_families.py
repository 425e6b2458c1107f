from pathlib import Path
from typing import Any

import numpy as np
import pytest
from heads import jobs_of, plan_of

from tlrun.core.problem import Problem
from tlrun.runs.remembered import ProblemCache
from tlrun.sweeps.batched import families
from tlrun.sweeps.batched.families import families_of

VALIDATED = {"name": "digits", "val_share": 0.3}


def test_families_are_the_seeds_with_all_their_runs(tmp_path: Path) -> None:
    plans = [plan_of(tmp_path, value, seed=seed) for value in (0.1, 1.0) for seed in (0, 1)]
    jobs = jobs_of(plans)
    found = list(families_of(jobs, ProblemCache()))

    assert [[job.plan.run.seed for job in family.jobs] for family in found] == [[0, 0], [1, 1]]
    assert all(family.stacks and family.bytes > 0 and not family.refusal for family in found)


def test_families_with_and_without_validation_are_no_one_stack(tmp_path: Path) -> None:
    plans = [plan_of(tmp_path), plan_of(tmp_path, dataset=VALIDATED), plan_of(tmp_path, seed=1)]
    plain, validated, another = families_of(jobs_of(plans), ProblemCache())

    assert another.fits([plain])
    assert not validated.fits([plain])
    assert plain.fits([])


def test_a_task_that_no_label_reaches_is_not_stacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its head stays as it is, by the loop, even under weight decay."""
    load = ProblemCache.load

    def unlabelled(*asked: Any) -> Problem:
        problem = load(*asked)
        for domain in problem.domains.values():
            if domain.role == "target":
                for labels in domain.train.labels.values():
                    labels[...] = np.array(-1)
        return problem

    monkeypatch.setattr(families, "check_unchanged", lambda *_: None)
    monkeypatch.setattr(ProblemCache, "load", unlabelled)
    (family,) = families_of(jobs_of([plan_of(tmp_path)]), ProblemCache())

    assert not family.stacks
