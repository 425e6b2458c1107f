"""Pretrained weights from a file: what starts from them, what does not, and what they decide."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tlrun.config.build import build
from tlrun.core.errors import UserError
from tlrun.models.backbones.torchvision import Torchvision
from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS, Plan, plan_with_controls
from tlrun.runs.remembered import ProblemCache
from tlrun.strategies.controls import PRETRAINED

from photos import put_classes, put_domains
from problems import Watcher, config, performed, planned

MODEL = "shufflenet_v2_x0_5"
STILL = {"name": "sgd", "lr": 0.0, "momentum": 0.0}  # nothing learnt moves
SHORT = {"name": "trainer", "steps": 2, "batch_size": 8, "eval_every": 2}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of two domains, of one alone, and the weights of a network."""
    folder = tmp_path_factory.mktemp("pretrained")
    put_domains(folder / "two", ("web", "phone"), 6)
    put_classes(folder / "one", ("cat", "dog"), 6)
    torch.manual_seed(5)
    from torchvision.models import get_model

    torch.save(get_model(MODEL, weights=None).state_dict(), folder / "weights.pth")
    return folder


def nodes(place: Path, runs_dir: Path, photos: str, **changes: Any) -> dict[str, Any]:
    dataset = {
        "name": "image_folder",
        "path": str(place / photos),
        "cache": str(place / "cache"),
        "size": 32,
        "target": "phone" if photos == "two" else None,
        "test_share": 0.5,
    }
    backbone = {"name": "torchvision", "model": MODEL, "weights": str(place / "weights.pth")}
    plain = {"dataset": dataset, "backbone": backbone, "trainer": SHORT, "optimizer": STILL}
    return config(runs_dir, **plain | changes)


def done(asked: dict[str, Any], watcher: Watcher | None = None) -> Outcome:
    watcher = watcher or Watcher()
    return performed(planned(asked, watcher), THIS, watcher)


def phi_of(outcome: Outcome) -> dict[str, Tensor]:
    """The parameters of φ of a finished run; statistics of BatchNorm move without learning."""
    before = "trunks.*.backbone."
    found = load_file(outcome.path / "model.safetensors")
    tensors = {n.removeprefix(before): t for n, t in found.items() if n.startswith(before)}
    return {n: t for n, t in tensors.items() if "running" not in n and "num_batches" not in n}


def pretrained(place: Path) -> dict[str, Tensor]:
    """The parameters that φ has with the weights of the file."""
    backbone = Torchvision(model=MODEL)
    phi = backbone.build((3, 32, 32))
    backbone.load_weights(phi, torch.load(place / "weights.pth", weights_only=True))
    return {name: parameter.detach() for name, parameter in phi.named_parameters()}


def starts_from_the_file(outcome: Outcome, place: Path) -> bool:
    ours, theirs = phi_of(outcome), pretrained(place)
    return all(torch.equal(ours[name], tensor) for name, tensor in theirs.items())


@pytest.mark.parametrize(
    ("strategy", "photos", "from_file"),
    [
        ({"name": "feature_transfer"}, "one", True),
        ({"name": "feature_transfer", "train": "norm"}, "one", True),
        ({"name": "parameter_transfer", "warmup": 1}, "one", True),
        ({"name": "parameter_transfer", "train": "last"}, "one", True),
        ({"name": "single_task"}, "two", False),  # towers: looked at below
        ({"name": "scratch"}, "one", False),
        ({"name": "structure_transfer"}, "one", False),
        ({"name": "parameter_transfer"}, "two", True),
        ({"name": "feature_transfer", "train": "first"}, "two", True),
        ({"name": "shared_parameters"}, "two", True),
        ({"name": "task_relation", "relation": "mean"}, "two", True),
        ({"name": "joint"}, "two", True),
        ({"name": "source_only"}, "two", True),
        ({"name": "scratch"}, "two", False),
    ],
    ids=str,
)
def test_what_starts_from_the_weights(
    place: Path, tmp_path: Path, strategy: dict[str, Any], photos: str, from_file: bool
) -> None:
    """Where nothing moves, φ ends as it began."""
    outcome = done(nodes(place, tmp_path, photos, strategy=strategy))

    if strategy["name"] == "single_task":
        found = load_file(outcome.path / "model.safetensors")
        for name, tensor in pretrained(place).items():
            for key in ("web/class", "phone/class"):
                assert torch.equal(found[f"trunks.{key}.backbone.{name}"], tensor)
    elif strategy["name"] == "structure_transfer":
        ours, theirs = phi_of(outcome), pretrained(place)
        assert not any(torch.equal(ours[n], t) for n, t in theirs.items() if t.ndim > 1)
    else:
        assert starts_from_the_file(outcome, place) is from_file


def test_scratch_is_the_same_run_whatever_the_weights(place: Path, tmp_path: Path) -> None:
    learns = {"name": "adam", "lr": 0.001}
    scratch = {"strategy": {"name": "scratch"}, "optimizer": learns}
    with_weights = done(nodes(place, tmp_path, "one", **scratch))
    without = {"name": "torchvision", "model": MODEL, "weights": None}
    alone = done(nodes(place, tmp_path, "one", **scratch, backbone=without))

    assert alone.found
    assert alone.path == with_weights.path
    assert "weights: null" in (alone.path / "config.yaml").read_text()


def test_one_entry_holds_the_weights_for_every_run_that_starts_from_them(
    place: Path, tmp_path: Path
) -> None:
    watcher = Watcher()
    for name in ("feature_transfer", "parameter_transfer"):
        for seed in (0, 1):
            asked = nodes(place, tmp_path, "one", strategy={"name": name}, seed=seed)
            outcome = done(asked, watcher)
            stages = json.loads((outcome.path / "run.json").read_text())["stages"]
            assert [stage["name"] for stage in stages] == ["pretrained weights", "target"]
    assert len(list((tmp_path / ".stages").iterdir())) == 1
    assert sum("pretrained weights" in line for line in watcher.notes) == 4


def test_a_run_is_known_by_its_weights_and_not_by_their_place(place: Path, tmp_path: Path) -> None:
    def moved(to: Path) -> Outcome:
        backbone = {"name": "torchvision", "model": MODEL, "weights": str(to)}
        return done(nodes(place, tmp_path / "runs", "one", backbone=backbone))

    shutil.copy(place / "weights.pth", tmp_path / "elsewhere.pth")
    changed = torch.load(place / "weights.pth", weights_only=True)
    changed["conv1.0.weight"] += 1
    torch.save(changed, tmp_path / "changed.pth")

    first = moved(place / "weights.pth")
    again, other = moved(tmp_path / "elsewhere.pth"), moved(tmp_path / "changed.pth")
    assert again.found
    assert again.path == first.path
    assert other.path != first.path
    assert not starts_from_the_file(other, place)


def test_weights_of_another_network_are_one_line(place: Path, tmp_path: Path) -> None:
    save_file({"conv1.0.weight": torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    backbone = {
        "name": "torchvision",
        "model": MODEL,
        "weights": str(tmp_path / "other.safetensors"),
    }
    with pytest.raises(UserError) as failed:
        done(nodes(place, tmp_path / "runs", "one", backbone=backbone))

    assert "backbone.weights" in str(failed.value)
    assert "traceback" not in str(failed.value)
    assert not list((tmp_path / "runs").rglob("run.json"))


def test_weights_that_are_not_there_are_refused_before_anything_starts(
    place: Path, tmp_path: Path
) -> None:
    backbone = {"name": "torchvision", "model": MODEL, "weights": str(tmp_path / "none.pth")}
    with pytest.raises(UserError, match=r"backbone.weights: .*none.pth"):
        done(nodes(place, tmp_path / "runs", "one", backbone=backbone))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("train", ["head", "all"])
def test_statistics_of_batchnorm_stay_or_move_on_from_those_of_the_file(
    place: Path, tmp_path: Path, train: str
) -> None:
    """Held fixed, φ uses them as they are; trained, each domain's own start from them."""
    weights = torch.load(place / "weights.pth", weights_only=True)
    weights["conv1.1.running_mean"] += 3
    torch.save(weights, tmp_path / "shifted.pth")
    backbone = {"name": "torchvision", "model": MODEL, "weights": str(tmp_path / "shifted.pth")}
    strategy = {"name": "feature_transfer", "train": train}
    outcome = done(nodes(place, tmp_path, "one", backbone=backbone, strategy=strategy))
    found = load_file(outcome.path / "model.safetensors")

    kept = [t for n, t in found.items() if n.endswith("running_mean") and t.mean() > 2]
    own = [t for n, t in found.items() if "statistics." in n and t.ndim == 1 and t.mean() > 1]
    assert kept  # those of φ itself
    # two updates of momentum 0.1 leave 0.81 of them
    assert own
    assert all((t.mean() < 2.9) == (train == "all") for t in own if t.numel() == 24 and t.min() > 1)


def test_what_the_source_adds_is_held_against_the_same_weights_without_it(
    place: Path, tmp_path: Path
) -> None:
    def controls(photos: str, weights: bool) -> dict[str, Plan]:
        asked = nodes(place, tmp_path, photos, strategy={"name": "parameter_transfer"})
        if not weights:
            asked["backbone"]["weights"] = None
        run = build(asked | {"controls": True})
        return plan_with_controls(run, ProblemCache(), Watcher())

    with_source = controls("two", weights=True)
    outcome = performed(with_source[PRETRAINED], PRETRAINED, Watcher())
    assert starts_from_the_file(outcome, place)
    assert PRETRAINED not in controls("two", weights=False)
    assert PRETRAINED not in controls("one", weights=True)  # it is the run itself
