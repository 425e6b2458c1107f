"""The protocol of a strategy: its stages, its objective, its controls."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from tlrun.core.objective import Lam, Objective, Relation, Schedule, Steps
from tlrun.core.problem import Problem, Role
from tlrun.models.backbone import Backbone, Given, TaskSpecific, TrainedPart

if TYPE_CHECKING:
    from tlrun.models.model import Model
    from tlrun.models.structure import Structure

# whose losses a stage is to lower
TrainedFor = Literal["target", "all tasks"]
# what chooses one step for itself where the best is kept
Selected = Literal["together", "each task"]


@dataclass(frozen=True)
class Stage:
    """One training run over some domains.

    init names the random stream from which weights that are not inherited are drawn: `source-init`
    is independent of `target-init`, so that no arm that starts afresh on the target meets the
    source's initial weights.

    trained_for: `target`, in a transfer, where other domains are drawn to help the target's tasks
        and λ weighs L_S against L_T; `all tasks`, in multi-task learning, where every task is
        learnt for its own sake, a source's too, and λ weighs a penalty if anything. It says whose
        validation loss chooses among the stage's weights, and whose scores its run is judged by.
    selected: under trainer.select=best, `together`: one step is chosen for the whole model;
        `each task`, where none shares with another a weight that is trained (task_specific:
        towers, or heads where φ is held fixed): every task keeps its φ and head of the step that
        was best for it.
    trained: what of φ beside the heads; the rest is held fixed, in eval mode.
    pretrained: φ starts from the pretrained weights of its backbone, where that has some, instead
        of the stream.
    """

    name: str
    # drawn in every step; a domain that λ gives no weight is not among them
    domains: tuple[str, ...]
    steps: int
    lam: Schedule
    init: Literal["source", "target"] = "target"
    trained: TrainedPart = "all"
    pretrained: bool = False
    # whose equation trains it; None: that of the strategy whose stage it is
    by: Strategy | None = None
    # other runs may start from what it ends with: kept by content, and trained once
    shared: bool = False
    task_specific: TaskSpecific = "nothing"
    trained_for: TrainedFor = "target"
    selected: Selected = "together"

    def __post_init__(self) -> None:
        alone = self.task_specific == "towers" or (
            self.task_specific == "heads" and self.trained == "head"
        )
        if self.selected == "each task" and not alone:
            expected = (
                "a φ for each task (task_specific=towers), or heads alone trained, to select each "
                "by itself"
            )
            found = f"{self.task_specific}, trained={self.trained}"
            raise ValueError(f"stage {self.name}: expected {expected}, found {found}")


@dataclass(frozen=True)
class Control:
    """A run that a claim is measured against: the claim's own run, with another strategy.

    lam: its λ; None: that of the run it is the control of. of_weights: whether it is one only where
        the backbone has pretrained weights.
    """

    strategy: Strategy
    lam: Schedule | None = None
    of_weights: bool = False


Controls = Mapping[str, Control]  # by the name that tables call them


@dataclass(frozen=True)
class Strategy(ABC):
    """A way of sharing what is learnt. Its fields are its YAML options; it holds no state.

    ignores: config groups that do not decide its result (λ of `scratch`); they are left out of its
        run's id.
    needs: the roles of domains without which it has nothing to do.
    source_or_weights: whether the pretrained weights of a backbone will do for a source.
    of_losses: whether the total of `objective` is Σ_i a_i L_i, with a_i that λ alone decides, and
        nothing of the model, so that many runs can be asked at once: each L_i, and λ's α, is then a
        tensor of one number a run. It holds for the class that defines `objective`.
    """

    ignores: ClassVar[frozenset[str]] = frozenset()
    needs: ClassVar[tuple[Role, ...]] = ("source", "target")
    source_or_weights: ClassVar[bool] = False
    of_losses: ClassVar[bool] = False

    @abstractmethod
    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        """The stages in order; `steps` is the budget of one (`trainer.steps`).

        Raises UserError where strategy, problem and λ do not fit.
        """

    def inherit(self, stage: Stage, fresh: Model, previous: Model) -> Model:
        """The model that `stage` starts from.

        fresh: a model with fresh weights, in the structure of the stage. previous: the model of the
        stage before, which is the default.
        """
        return previous

    def structure_of(self, stage: Stage, previous: Model, given: Given) -> Structure | None:
        """θ, the structure that `stage` is built in; None, the default: the backbone as configured.

        previous: the model of the stage before, from which θ may be learnt. The weights are fresh
        in any case; `inherit` may then replace them.
        """
        return None

    def add_buffers(self, model: Model) -> None:  # noqa: B027  # most equations have nothing beside φ and w
        """Register on `model.extras` the buffers and parameters that the equation needs.

        They are those beside the backbone φ and the heads w; the default is none. A buffer that
        `Objective.updates` names is renewed after every update.
        """

    @abstractmethod
    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        """The equation: a pure function of parameters, batch and λ."""

    def backward(self, objective: Objective, model: Model) -> None:
        """Write the gradient of the objective into the parameters.

        The default is that of the total; gradient surgery overrides it. Under the default the
        gradients of many small heads may lie in one tensor for all of them (`training/in_a_row.py`)
        and not in theirs: an equation that asks for those of its parameters overrides it.
        """
        objective.total.backward()  # type: ignore[union-attr]  # a stage draws at least one domain

    def controls(self, problem: Problem) -> Controls:
        """The runs that a claim about this strategy on `problem` is measured against, by name."""
        return {}

    def relation_of(self, model: Model) -> Relation | None:
        """What a trained model has learnt about how its tasks relate; None where it is nothing."""
        return None

    def warnings(self, backbone: Backbone) -> Sequence[str]:
        """What a user should know before the run starts, a line each.

        Raises UserError where strategy and backbone do not fit.
        """
        return ()
