"""What a run's config and data must agree on, told before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tlrun.config.build import Run
from tlrun.config.registry import find, name_of, shipped
from tlrun.core.errors import Mistake, UserError
from tlrun.core.inputs import Kind
from tlrun.core.options import fields
from tlrun.core.problem import Problem, Role
from tlrun.core.task import TaskKey
from tlrun.models.backbone import takes, weights_file_of, width
from tlrun.strategies.base import Stage
from tlrun.strategies.estimator import EstimatorStrategy


def lam_acts(problem: Problem, stages: Sequence[Stage], run: Run) -> bool:
    """Whether L_S and L_T share a free parameter in every stage whose λ weighs the two.

    They share φ where it is free, and the head of every task that a source and a target both have,
    whatever other tasks either has besides. Where they share none, λ only rescales each loss's own
    step, and every λ > 0 stands for the run of λ=∞; as every λ does where there is no source.
    """
    # of all other stages λ weighs a penalty
    transfers = [stage for stage in stages if stage.trained_for == "target"]
    if not transfers or "lam" in run.strategy.ignores:
        return True
    weighing = False
    for stage in transfers:
        source = _tasks_drawn(problem, stage, "source")
        target = _tasks_drawn(problem, stage, "target")
        if not source or not target:  # there is one loss, and nothing to weigh
            continue
        weighing = True
        if source & target or (run.backbone.learns and stage.trained != "head"):
            return True
    if weighing:
        return False
    return bool(problem.named("source")) or run.lam.always(math.inf)


def _tasks_drawn(problem: Problem, stage: Stage, role: Role) -> set[str]:
    """The names of the tasks that a stage trains on domains of `role`."""
    tasks: set[str] = set()
    for name in stage.domains:
        domain = problem.domains[name]
        if domain.role == role:
            tasks.update(task.name for task in domain.tasks)
    return tasks


def check_roles(run: Run, problem: Problem) -> None:
    """Raises UserError where no domain plays a role that the strategy needs.

    For a source, the pretrained weights of a backbone do, where a strategy starts from it.
    """
    lacking = [role for role in run.strategy.needs if not problem.named(role)]
    if not lacking:
        return
    if lacking == ["source"]:
        _check_source(run)
        return
    kind = problem.inputs.kind
    reading = [name for name in shipped("strategy") if _reads(name, kind)]
    names = [name for name in reading if not _needs(name)]
    fit = f"strategy={' or '.join(names)}"
    if len(problem.task_keys) == 1:
        fit = "dataset=digits, or of a table dataset.task=COLUMN with dataset.target=VALUE"
    elif len(problem.domains) > 1 and "target" in fields(type(run.dataset)):
        fit = f"dataset.target={'|'.join(list(problem.domains)[:3])}, or {fit}"
    keys = [str(key) for key in problem.task_keys]
    tasks = f"the tasks {', '.join(keys[:5])}" if len(keys) > 1 else "one task"
    found = f"{tasks} and no target"
    raise UserError(Mistake("strategy", "a source and a target", found, f"try {fit}"))


def _check_source(run: Run) -> None:
    """Raises UserError where there is neither a source domain nor what stands for one."""
    if not run.strategy.source_or_weights:
        others = [name for name in shipped("strategy") if _starts_from_weights(name)]
        found = "a target alone"
        hint = f"try strategy={' or '.join(others)} with pretrained weights, or strategy=scratch"
        raise UserError(Mistake("strategy", "a source domain", found, hint))
    if weights_file_of(run.backbone) is None:
        name = name_of("backbone", run.backbone)
        hint = "try backbone=efficientnet_lite0, or strategy=scratch"
        if hasattr(run.backbone, "weights_file"):
            hint = "set backbone.weights (docs/backbones.md), or try strategy=scratch"
        raise UserError(
            Mistake(
                "strategy",
                expected="a source domain, or a backbone with pretrained weights",
                found=f"a target alone, and backbone={name} without weights",
                hint=hint,
            )
        )


def check_inputs(run: Run, problem: Problem) -> None:
    """Raises UserError where the backbone cannot read such inputs, naming those that can.

    And where what is no image is to be changed as one.
    """
    kind = problem.inputs.kind
    if kind not in takes(run.backbone):
        fitting = [name for name in shipped("backbone") if kind in takes(find("backbone", name))]
        name, wanted = name_of("backbone", run.backbone), " or ".join(takes(run.backbone))
        expected = f"{wanted} inputs for backbone={name}"
        hint = f"try backbone={' or '.join(fitting)}"
        raise UserError(Mistake("backbone", expected, problem.inputs.words, hint))
    width(run.backbone, problem.inputs)
    if run.trainer.augment and kind != "image" and "trainer" not in run.strategy.ignores:
        changes = f"{', '.join(run.trainer.augment)} of {problem.inputs.words}"
        raise UserError(Mistake("trainer.augment", "null, or images", changes, "try {key}=null"))


def check_estimator(run: Run, problem: Problem) -> None:
    """Raises UserError where an estimator cannot learn from such inputs, naming those that can."""
    strategy, kind = run.strategy, problem.inputs.kind
    if not isinstance(strategy, EstimatorStrategy) or kind in strategy.takes:
        return
    called = {"vector": "vectors", "image": "images", "tokens": "texts"}
    wanted = " or ".join(called[taken] for taken in strategy.takes)
    expected = f"{wanted} for strategy={name_of('strategy', strategy)}"
    fitting = [name for name in shipped("strategy") if kind in _learns_from(name)]
    hint = f"try strategy={' or '.join(fitting)}"
    raise UserError(Mistake("strategy", expected, problem.inputs.words, hint))


def _learns_from(strategy: str) -> tuple[Kind, ...]:
    """The kinds of inputs that the estimator of that name takes; none where it is no estimator."""
    found = find("strategy", strategy)
    return found.takes if issubclass(found, EstimatorStrategy) else ()


def _reads(strategy: str, kind: Kind) -> bool:
    """Whether the strategy of that name learns from such inputs; one with a φ leaves it to φ."""
    return kind in getattr(find("strategy", strategy), "takes", (kind,))


def _starts_from_weights(strategy: str) -> bool:
    """Whether the strategy of that name can start from pretrained weights alone."""
    return bool(getattr(find("strategy", strategy), "source_or_weights", False))


def _needs(strategy: str) -> tuple[Role, ...]:
    """The roles without which the strategy of that name has nothing to do."""
    needs: tuple[Role, ...] = getattr(find("strategy", strategy), "needs", ())
    return needs


def check_selection(run: Run, problem: Problem) -> None:
    """Raises UserError where `trainer.select=best` lacks validation labels of a task."""
    if run.trainer.select != "best":
        return
    lacking: list[str] = []
    for name, domain in problem.domains.items():
        without = [task.name for task in domain.tasks if task.name not in domain.validated]
        lacking += [str(TaskKey(name, task)) for task in without]
    if lacking:
        raise UserError(
            Mistake(
                "trainer.select",
                "validation labels of every task for select=best",
                f"none of {', '.join(lacking)}",
                "try dataset.val_share=0.2 (the labels asked for then buy training and "
                "validation together)",
            )
        )


def check_batch_size(run: Run) -> None:
    """Raises UserError where an update draws fewer examples than the backbone can be trained on."""
    fewest: int = getattr(run.backbone, "smallest_batch", 1)
    if run.trainer.batch_size < fewest:
        name = name_of("backbone", run.backbone)
        norm = ", or backbone.norm=none where BatchNorm is why"
        raise UserError(
            Mistake(
                "trainer.batch_size",
                f"{fewest} or more examples for backbone={name} as it is configured",
                str(run.trainer.batch_size),
                f"try trainer.batch_size={fewest}{norm if hasattr(run.backbone, 'norm') else ''}",
            )
        )
