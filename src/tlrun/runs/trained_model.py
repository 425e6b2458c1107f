"""The model of a finished run, whole: every φ, every head, and what its equation has learnt.

It is built from the run's folder alone; no data are read. Images and texts are given to it as the
data set holds them: preparing pixels is φ's first module.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlrun.config.build import node_object
from tlrun.config.yaml_text import read_yaml
from tlrun.core.inputs import InputSpec
from tlrun.core.paths import read_text
from tlrun.core.seeding import drawing_from
from tlrun.core.task import Task
from tlrun.models.backbone import width
from tlrun.models.build import build
from tlrun.models.model import SHARED, Model, restore
from tlrun.models.trunk import set_memory_format
from tlrun.runs.outcome import load_run
from tlrun.store.files import read_json

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.models.backbone import Backbone, TaskSpecific


def load_model(path: str | Path, fold: int | None = None, device: str = "cpu") -> Model:
    """The last model of the finished run in the folder `path`, in eval mode.

    fold: its number, from 0, of a run in folds, each of which has a model; None for any other run.
    device: where it is put, cpu or cuda:N.

    Its tasks have the labels of the run, but not the scale of a task of numbers: that stands in
    preprocessing.json. `extras` holds what the equation had there, as buffers.

    Raises FileNotFoundError or ValueError as `load_run` does, and ValueError where the run keeps no
    such model, as that of an estimator.
    """
    run = load_run(path)
    run.check_deciding()
    return model_of(run.path, fold, device)


def model_of(folder: Path, fold: int | None, device: str = "cpu") -> Model:
    """The same of the folder of a finished run, wherever it stands."""
    tensors = _tensors(folder, fold)
    data = read_json(folder / "data.json")
    config = config_of(folder)
    spec, backbone = input_spec(folder, fold), backbone_of(folder, config, fold)
    specific = _task_specific(tensors)
    domains = _answered(data, _keys(tensors, "heads"))
    with drawing_from(0):  # nothing of it is left, and nothing else moves
        model = Model(build(backbone, spec), width(backbone, spec), domains, specific)
    _add_extras(model, tensors)
    model.to(device)
    set_memory_format(model.trunks, config["trainer"]["memory_format"])  # to the bit what it had
    return restore(model, tensors).eval()


def config_of(folder: Path) -> dict[str, Any]:
    """What config.yaml of the run in a folder holds."""
    config: dict[str, Any] = read_yaml(read_text(folder / "config.yaml"))
    return config


def input_spec(folder: Path, fold: int | None = None) -> InputSpec:
    """What one input of the run in a folder is. Raises ValueError where it does not say so.

    fold: of a run in folds, whose inputs may be wider in one than in another.
    """
    data = read_json(folder / "data.json")
    if "inputs" not in data:
        raise ValueError(f"{folder}: expected what its inputs are in data.json, of an older tl-run")
    inputs = data["inputs"]
    if fold is not None and "inputs of folds" in data:
        inputs = data["inputs of folds"][fold]
    return InputSpec(**{**inputs, "shape": tuple(inputs["shape"])})


def backbone_of(folder: Path, config: Mapping[str, Any], fold: int | None = None) -> Backbone:
    """The backbone of the run in a folder, as it was configured or as a structure had it."""
    structure = folder / ("structure.json" if fold is None else f"structure_fold{fold}.json")
    if structure.exists():
        kept = read_json(structure)
        node = {"name": kept["backbone"], **kept["options"]}
    else:
        node = config["backbone"]
    backbone: Backbone = node_object("backbone", node)
    return backbone


def _tensors(folder: Path, fold: int | None) -> dict[str, Tensor]:
    """What `models.model.state` gave of the model. Raises ValueError where there is none."""
    from safetensors.torch import load_file

    found: dict[str, Tensor] = {}
    if (folder / "model.safetensors").exists():
        found = load_file(folder / "model.safetensors")
    before = "" if fold is None else f"fold{fold}/"
    tensors = {n.removeprefix(before): t for n, t in found.items() if n.startswith(before)}
    if not any(name.startswith("heads.") for name in tensors):  # a φ may have no weight
        which = "a model of a network" if fold is None else f"a model of fold {fold}"
        raise ValueError(f"{folder}: expected {which} in model.safetensors, found none")
    return tensors


def _keys(tensors: Mapping[str, Tensor], part: str) -> list[str]:
    """The keys of the trunks or heads among tensors, in order, each once."""
    names = [name.split(".")[1] for name in tensors if name.startswith(f"{part}.")]
    return list(dict.fromkeys(names))


def _task_specific(tensors: Mapping[str, Tensor]) -> TaskSpecific:
    """What a task of a domain has for itself."""
    if set(_keys(tensors, "trunks")) - {SHARED}:
        return "towers"
    heads = _keys(tensors, "heads")
    if all(key.startswith(f"{SHARED}/") for key in heads):
        return "nothing"
    first, *others = (tensors[f"heads.{key}.weight"] for key in heads)
    # one weight for all is kept once for each
    alike = others and all(first.shape == w.shape and bool((first == w).all()) for w in others)
    return "biases" if alike else "heads"


def _answered(data: Mapping[str, Any], heads: list[str]) -> dict[str, tuple[Task, ...]]:
    """The tasks of each domain that have a head, in the order of the load report `data`."""
    domains: dict[str, dict[str, Task]] = {}
    for row in data["splits"]:
        domain, name, kind = row["domain"], row["task"], row["kind"]
        if {f"{domain}/{name}", f"{SHARED}/{name}"} & set(heads):
            classes = () if kind == "regression" else tuple(row["classes"])
            domains.setdefault(domain, {}).setdefault(name, Task(name, kind, classes))
    return {domain: tuple(tasks.values()) for domain, tasks in domains.items()}


def _add_extras(model: Model, tensors: Mapping[str, Tensor]) -> None:
    """Make room in `model.extras` for every tensor that is kept of it."""
    from torch import nn

    for name, tensor in tensors.items():
        if not name.startswith("extras."):
            continue
        *path, last = name.split(".")[1:]
        module = model.extras
        for step in path:
            if not hasattr(module, step):
                module.add_module(step, nn.Module())
            module = module.get_submodule(step)
        module.register_buffer(last, tensor.clone())
