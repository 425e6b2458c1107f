import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tlrun.config.build import build
from tlrun.config.registry import find
from tlrun.core.errors import UserError
from tlrun.core.inputs import InputSpec
from tlrun.models.backbone import Backbone, Given
from tlrun.models.backbones.conv import Conv
from tlrun.models.backbones.identity import Identity
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model, restore
from tlrun.models.pruning import channel_scores, kept
from tlrun.models.structure import Structure, parameters, weights, with_widths
from tlrun.models.trunk import set_memory_format
from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS
from tlrun.store.stages import read_stage, write_stage
from tlrun.strategies.schedules import Constant
from tlrun.strategies.structure_transfer import CONTROL, StructureTransfer
from tlrun.training.evaluation import evaluate

from problems import Watcher, config, performed, planned, problem
from properties import assert_lambda_weighs_the_target, assert_same_bits, assert_same_run

SHAPE = (1, 8, 8)
SPEC = InputSpec(SHAPE)
LEARNT = ["mask", "width", "stats", "covariance"]


def done(runs_dir: Path, watcher: Watcher | None = None, **changes: Any) -> Outcome:
    """A small run of structure transfer on a convolutional φ."""
    strategy = {"name": "structure_transfer"} | changes.pop("strategy", {})
    nodes = {"backbone": {"name": "conv", "channels": [8, 16]}} | changes
    watcher = watcher or Watcher()
    return performed(planned(config(runs_dir, strategy=strategy, **nodes), watcher), THIS, watcher)


def learnt(
    options: Mapping[str, Any], backbone: Backbone, seed: int = 0
) -> tuple[Structure, Model]:
    """The structure of a source model with random weights, and that model."""
    ours = problem()
    source = draw_model(backbone, SPEC, ours.tasks_by_domain, "source", seed)
    strategy = StructureTransfer(**options)
    stage = strategy.stages(ours, Constant(1.0), 5)[-1]
    outputs = tuple(task.outputs for task in ours.tasks.values())
    return strategy.structure_of(stage, source, Given(backbone, SPEC, outputs, seed)), source


def fresh(structure: Structure, init: Any = "target") -> Model:
    model = draw_model(structure.backbone, SPEC, problem().tasks_by_domain, init, 0)
    structure.impose(model)
    return model


def floats(node: Any) -> list[float]:
    """Every number with a point in a JSON tree."""
    if isinstance(node, Mapping):
        return [x for value in node.values() for x in floats(value)]
    if isinstance(node, list | tuple):
        return [x for value in node for x in floats(value)]
    return [node] if isinstance(node, float) else []


@pytest.mark.parametrize("factor", [-1.0, -4.0, 0.125])
def test_signs_and_scales_of_the_sources_weights_leave_a_mask_run_bit_identical(
    tmp_path: Path, factor: float
) -> None:
    """A whole run on a source stage that was tampered with in the store, each weight tensor by
    another factor."""
    one = done(tmp_path / "a")
    other = tmp_path / "b"
    done(other, strategy={"density": 0.9})  # leaves the source stage there
    source, _ = planned(
        config(other, backbone={"name": "conv", "channels": [8, 16]}), Watcher()
    ).stages
    place = source.entry
    assert place is not None
    finished = read_stage(place)
    assert finished is not None
    content = json.loads((place.path / "stage.json").read_text())
    tampered = dict(finished.weights)
    for k, name in enumerate(
        name for name, tensor in tampered.items() if tensor.ndim > 1 and "backbone" in name
    ):
        tampered[name] = tampered[name] * factor ** (k + 1)
    write_stage(place, content, type(finished)(tampered, finished.rows, finished.seconds))
    watcher = Watcher()
    again = done(other, watcher)

    assert any("found in" in note for note in watcher.notes)
    assert_same_run(one.path, again.path)


@pytest.mark.parametrize("structure", LEARNT)
def test_fresh_weights_know_nothing_of_the_sources(structure: str) -> None:
    """|corr(target init, source weights)| < 4/√n in every weight tensor of the same shape."""
    for seed in range(5):
        theta, source = learnt({"structure": structure}, Conv(), seed)
        model = draw_model(theta.backbone, SPEC, problem().tasks_by_domain, "target", seed)
        theta.impose(model)
        for name, weight in weights(model.backbone).items():
            original = weights(source.backbone)[name].detach()
            if weight.shape == original.shape:
                pair = torch.stack([weight.detach().flatten(), original.flatten()])
                assert abs(float(torch.corrcoef(pair)[0, 1])) < 4 / math.sqrt(weight.numel()), (
                    seed,
                    name,
                )


def test_the_correlation_would_be_seen() -> None:
    """The same test sees it where the draw is the source's own."""
    theta, source = learnt({"structure": "mask"}, Conv())
    model = fresh(theta, "source")
    name, weight = next(iter(weights(model.backbone).items()))
    pair = torch.stack(
        [weight.detach().flatten(), weights(source.backbone)[name].detach().flatten()]
    )

    assert float(torch.corrcoef(pair)[0, 1]) > 4 / math.sqrt(weight.numel())


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("chosen_by", ["source", "chance"])
def test_a_mask_stands_while_the_target_trains(
    tmp_path: Path, optimizer: str, chosen_by: str
) -> None:
    path = done(
        tmp_path,
        strategy={"chosen_by": chosen_by, "density": 0.25},
        optimizer={"name": optimizer, "weight_decay": 0.01},
    ).path
    theta = Structure.from_json(json.loads((path / "structure.json").read_text()), Conv)
    trained = load_file(path / "model.safetensors")
    kept = sum(int(mask.sum()) for mask in theta.masks.values())
    total = sum(mask.numel() for mask in theta.masks.values())

    assert kept == round(0.25 * total)
    for name, mask in theta.masks.items():
        assert torch.equal(trained[f"trunks.*.backbone.{name}"] != 0, mask)


def test_both_masks_have_the_same_density_in_each_layer_and_are_not_the_same() -> None:
    (ours, _), (theirs, _) = (learnt({"chosen_by": by}, Conv()) for by in ("source", "chance"))

    assert ours.masks.keys() == theirs.masks.keys() == {"0.weight", "3.weight"}
    for name, mask in ours.masks.items():
        assert mask.sum() == theirs.masks[name].sum()
        assert not torch.equal(mask, theirs.masks[name])


@pytest.mark.parametrize("backbone", [Conv(), Conv((8, 24), norm="batch"), Mlp(), Mlp((32, 16, 8))])
@pytest.mark.parametrize("density", [0.1, 0.3, 0.8])
def test_widths_cost_what_was_asked_and_as_much_as_their_control(
    backbone: Any, density: float
) -> None:
    (ours, _), (theirs, _) = (
        learnt({"structure": "width", "chosen_by": by, "density": density}, backbone)
        for by in ("source", "chance")
    )
    outputs = [3]
    dense, slim, uniform = (
        parameters(b, SHAPE, outputs) for b in (backbone, ours.backbone, theirs.backbone)
    )

    assert slim <= density * dense
    assert slim > 0.5 * density * dense or min(getattr(ours.backbone, backbone.widths)) == 1
    assert abs(uniform - slim) < 0.1 * dense
    assert getattr(ours.backbone, "norm", "") == getattr(backbone, "norm", "")


@pytest.mark.parametrize("backbone", [Conv((5, 9)), Mlp((14, 7), norm="batch")])
@pytest.mark.parametrize("density", [0.05, 0.31, 0.6, 1.0])
def test_no_wider_choice_fits_and_no_uniform_one_is_nearer(backbone: Any, density: float) -> None:
    """Against a search of everything: as many channels left as there can be, ranked by LAMP; and
    of all layers narrowed alike, whichever costs most nearly as much."""

    def cost(widths: Sequence[int]) -> int:
        return parameters(with_widths(backbone, widths), SHAPE, [3])

    (ours, source), (theirs, _) = (
        learnt({"structure": "width", "chosen_by": by, "density": density}, backbone)
        for by in ("source", "chance")
    )
    scores = channel_scores(weights(source.backbone))
    dense = [len(score) for score in scores.values()]
    counts = range(len(dense), sum(dense) + 1)
    ranked = [[int(mask.sum()) for mask in kept(scores, left).values()] for left in counts]
    fitting = [widths for widths in ranked if cost(widths) <= density * cost(dense)]
    chosen = getattr(ours.backbone, backbone.widths)
    alike = [[max(1, round(w * left / sum(dense))) for w in dense] for left in counts]
    nearest = min(abs(cost(widths) - cost(chosen)) for widths in alike)

    assert list(chosen) == (fitting or ranked[:1])[-1]
    uniform = getattr(theirs.backbone, backbone.widths)
    assert list(uniform) in alike
    assert abs(cost(uniform) - cost(chosen)) == nearest


@pytest.mark.parametrize("structure", LEARNT)
@pytest.mark.parametrize("backbone", [Conv((4, 6)), Mlp((12, 5), norm="batch")])
def test_every_backbone_gives_its_structure_as_data_and_is_rebuilt_from_it(
    structure: str, backbone: Any
) -> None:
    theta, _ = learnt({"structure": structure}, backbone)
    text = json.dumps(theta.to_json(), allow_nan=False)
    rebuilt = Structure.from_json(json.loads(text), find("backbone", json.loads(text)["backbone"]))

    assert_same_bits(fresh(rebuilt).state_dict(), fresh(theta).state_dict())
    assert len(fresh(rebuilt).state_dict()) > 0


@pytest.mark.parametrize("structure", LEARNT)
def test_the_data_hold_no_weight_and_stats_exactly_the_scalars_they_name(structure: str) -> None:
    theta, source = learnt({"structure": structure}, Conv())
    found = [x for x in floats(theta.to_json()) if x != 0.0]
    values = {
        float(x) for weight in weights(source.backbone).values() for x in weight.detach().flatten()
    }

    assert len(found) == theta.scalars
    assert not values & set(found)
    assert (
        theta.scalars
        == {"mask": 0, "width": 0, "stats": 2 * 2, "covariance": 2 * (9 + 45)}[structure]
    )


def test_stats_give_a_fresh_layer_the_sources_mean_and_spread() -> None:
    theta, source = learnt({"structure": "stats"}, Conv())
    for name, weight in weights(fresh(theta).backbone).items():
        original = weights(source.backbone)[name]
        mine, theirs = weight.detach(), original.detach()
        assert float(mine.mean()) == pytest.approx(float(theirs.mean()), abs=1e-6)
        assert float(mine.std(correction=0)) == pytest.approx(
            float(theirs.std(correction=0)), rel=1e-5
        )


def test_the_size_of_a_run_is_what_its_structure_predicts(tmp_path: Path) -> None:
    slim = done(tmp_path, strategy={"structure": "width", "density": 0.4})
    theta = Structure.from_json(json.loads((slim.path / "structure.json").read_text()), Conv)
    dense = done(tmp_path, strategy={"structure": "layers"})

    assert slim.result["size"]["parameters"] == parameters(theta.backbone, SHAPE, [10])
    assert slim.result["size"]["parameters"] <= 0.4 * dense.result["size"]["parameters"]
    assert slim.result["size"]["flops"] < dense.result["size"]["flops"]
    assert done(tmp_path).result["size"]["nonzeros"] < dense.result["size"]["nonzeros"]


def test_a_narrower_model_on_disk_gives_the_predictions_on_disk(tmp_path: Path) -> None:
    path = done(tmp_path, strategy={"structure": "width"}).path
    theta = Structure.from_json(json.loads((path / "structure.json").read_text()), Conv)
    ours = build(config(tmp_path)).dataset.load(0)
    trained = load_file(path / "model.safetensors")
    model = restore(
        draw_model(theta.backbone, ours.inputs, ours.tasks_by_domain, "target", 9), trained
    )
    set_memory_format(model.trunks, "channels_last")  # as the run had it
    outputs: dict[str, Tensor] = evaluate(
        model, "target", ours.tasks.values(), ours.test.open()["target"]
    )[1]

    assert torch.equal(
        outputs["digit"], load_file(path / "predictions.safetensors")["target/digit"]
    )


def test_the_layer_list_alone_is_scratch_to_the_bit(tmp_path: Path) -> None:
    infinite = {"lam": {"name": "constant", "value": math.inf}}
    watcher = Watcher()
    layers = done(tmp_path, watcher, strategy={"structure": "layers"}, **infinite)
    asked = config(
        tmp_path, strategy={"name": "scratch"}, backbone={"name": "conv", "channels": [8, 16]}
    )
    scratch = performed(planned(asked, Watcher()), THIS, Watcher())

    assert_same_run(layers.path, scratch.path)
    assert any("scratch by another name" in note for note in watcher.notes)


def test_the_source_stage_is_that_of_every_transfer() -> None:
    stages = [
        StructureTransfer(structure=s).stages(problem(), Constant(1.0), 5)
        for s in ("mask", "width", "stats")
    ]

    assert stages[0][0] == stages[1][0] == stages[2][0]
    assert stages[0][0].shared
    assert stages[0][1].init == "target" != stages[0][0].init


def test_its_own_control_is_unlearnt_and_has_the_same_budget_and_lambda() -> None:
    learnt_ones = [
        StructureTransfer("mask"),
        StructureTransfer("width"),
        StructureTransfer("stats"),
    ]
    for strategy in learnt_ones:
        own = strategy.controls(problem())[CONTROL]
        assert own.lam is None  # λ, data, budget and seed stay
    assert CONTROL not in StructureTransfer(structure="layers").controls(problem())
    assert CONTROL not in StructureTransfer(chosen_by="chance").controls(problem())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"structure": "stats", "density": 0.5},
            "strategy.density: expected null with structure=stats",
        ),
        (
            {"structure": "layers", "chosen_by": "chance"},
            "strategy.chosen_by: expected source with structure=layers",
        ),
    ],
)
def test_options_that_would_do_nothing_are_refused(options: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        StructureTransfer(**options)


def test_a_backbone_without_weights_or_widths_is_refused_in_one_line() -> None:
    class Fixed(Conv):
        @property
        def widths(self) -> str:  # type: ignore[override]
            raise AttributeError

    with pytest.raises(
        UserError, match="a backbone with weights for structure=mask, found identity"
    ):
        StructureTransfer().warnings(Identity())
    with pytest.raises(
        UserError,
        match="a backbone that says which option holds its widths for structure=width, found fixed",
    ):
        StructureTransfer(structure="width").warnings(Fixed())
    assert StructureTransfer().warnings(Fixed()) == ()


def test_lambda_weighs_the_target_against_the_source() -> None:
    assert_lambda_weighs_the_target(StructureTransfer())
