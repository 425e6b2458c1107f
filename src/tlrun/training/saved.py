"""A stage half-way, as files can hold it: tensors by name, and plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from tlrun.models.model import restore, state

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.models.model import Model
    from tlrun.training.state import TrainState


class Saved(NamedTuple):
    """A model and the state of its training, between two updates.

    tensors: by name, contiguous copies on the CPU, none sharing memory with another:
        `model/…` every weight and statistic, `best/…` those of the best step so far,
        `moments/<name>/<k>` and `counts/<k>` of the optimizer, for its k-th parameter,
        `generators/<device>` of random numbers.
    numbers: the step, the updates made, the position in the batches of every domain, and the best
        losses so far, as strict JSON.
    """

    tensors: dict[str, Tensor]
    numbers: dict[str, Any]


def saved(model: Model, train_state: TrainState) -> Saved:
    """Copies of all that decides, with the stage, how it goes on."""
    kept = train_state.state_dict()
    updates = kept["updates"]
    tensors = {f"model/{name}": tensor for name, tensor in state(model).items()}
    tensors |= {f"best/{name}": tensor for name, tensor in kept["best_weights"].items()}
    tensors |= {f"generators/{name}": tensor for name, tensor in kept["generators"].items()}
    tensors |= {f"counts/{k}": tensor for k, tensor in enumerate(updates["counts"])}
    for name, moments in updates["moments"].items():
        tensors |= {f"moments/{name}/{k}": tensor for k, tensor in enumerate(moments)}
    numbers = {
        "step": kept["step"],
        "made": updates["made"],
        "positions": kept["positions"],
        "best_loss": kept["best_loss"],
    }
    return Saved({name: tensor.contiguous() for name, tensor in tensors.items()}, numbers)


def take_up(before: Saved, model: Model, train_state: TrainState) -> None:
    """Fill `model` and `train_state`, which are as the stage begins with them, with what was saved.

    Of a random generator that was not saved, on another kind of device, the state stays.

    Raises ValueError, and changes nothing, where that is not of such a stage.
    """
    like = saved(model, train_state)
    _check(before, like)
    tensors, numbers = before
    parts = {part: _of(tensors, part) for part in ("model", "best", "generators", "counts")}
    moments: dict[str, dict[str, Tensor]] = {}
    for name, tensor in _of(tensors, "moments").items():
        which, _, number = name.rpartition("/")
        moments.setdefault(which, {})[number] = tensor
    generators = _of(like.tensors, "generators")
    restore(model, parts["model"])
    train_state.load_state_dict(
        {
            "step": numbers["step"],
            "updates": {
                "made": numbers["made"],
                "counts": _in_order(parts["counts"]),
                "moments": {which: _in_order(tensors) for which, tensors in moments.items()},
            },
            "positions": numbers["positions"],
            "generators": {n: parts["generators"].get(n, now) for n, now in generators.items()},
            "best_loss": numbers["best_loss"],
            "best_weights": parts["best"],
        }
    )


def _of(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    """The tensors of one part, without its name before theirs."""
    start = f"{part}/"
    return {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}


def _in_order(tensors: Mapping[str, Tensor]) -> list[Tensor]:
    """Tensors whose names are their numbers."""
    return [tensors[str(k)] for k in range(len(tensors))]


def _check(before: Saved, like: Saved) -> None:
    """Raise ValueError, naming it, for what is missing, too much, or of another shape or type.

    like: the same of the stage at its beginning, when it has no best step yet.
    """
    tensors, numbers = before
    places = like.numbers["positions"].keys()
    counts = [numbers.get("step"), numbers.get("made"), *_values(numbers, "positions")]
    if _keys(numbers, "positions") != places or not all(type(n) is int for n in counts):
        raise ValueError(f"expected whole numbers for the step and for {', '.join(places)}")
    if not all(isinstance(loss, float | int) for loss in _values(numbers, "best_loss")):
        raise ValueError("expected a number for every best loss")
    needed = {n for n in like.tensors if not n.startswith("generators/")}
    if missing := sorted(needed - tensors.keys()):
        raise ValueError(f"{missing[0]} is missing")
    for name, tensor in tensors.items():
        part, _, rest = name.partition("/")
        example = like.tensors.get(f"model/{rest}" if part == "best" else name)
        if example is None and part != "generators":
            raise ValueError(f"{name} is none of this stage's")
        if example is not None and (tensor.shape, tensor.dtype) != (example.shape, example.dtype):
            found = f"{list(tensor.shape)} of {tensor.dtype}"
            raise ValueError(
                f"{name}: expected {list(example.shape)} of {example.dtype}, found {found}"
            )


def _keys(numbers: Mapping[str, Any], name: str) -> set[str]:
    """The keys of a table among the numbers; empty where there is none."""
    table = numbers.get(name)
    return set(table) if isinstance(table, Mapping) else set()


def _values(numbers: Mapping[str, Any], name: str) -> list[Any]:
    """The values of a table among the numbers. Raises ValueError where there is none."""
    table = numbers.get(name)
    if not isinstance(table, Mapping):
        raise ValueError(f"expected a table of {name}")  # noqa: TRY004  # as for all that is wrong
    return list(table.values())
