"""φ by itself, fed with inputs as they are held, gives the features of its run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tlrun
from tlrun.config.build import build
from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS

from photos import put_domains
from problems import Watcher, config, performed, planned, sign

LONG = {"name": "trainer", "steps": 8, "batch_size": 8, "eval_every": 4}


def done(tmp_path: Path, **nodes: Any) -> tuple[Outcome, dict[str, Any]]:
    """A run on photos of two domains, held as bytes."""
    put_domains(tmp_path / "photos", ("web", "phone"))
    asked = config(
        tmp_path / "runs",
        dataset={
            "name": "image_folder",
            "path": str(tmp_path / "photos"),
            "cache": str(tmp_path / "cache"),
            "target": "phone",
            "size": 12,
        },
        backbone={"name": "conv", "channels": [4, 6], "norm": "batch"},
        trainer=LONG,
        **nodes,
    )
    watcher = Watcher()
    return performed(planned(asked, watcher), THIS, watcher), asked


def test_bytes_give_the_features_of_the_run(tmp_path: Path) -> None:
    outcome, asked = done(tmp_path, strategy={"name": "feature_transfer"})
    phi = tlrun.load_backbone(outcome.path, "phone")
    problem = build(asked).dataset.load(0)
    kept = [np.load(p) for p in (tmp_path / "runs").glob(".cache/features/*/features.npy")]

    for split in (problem.domains["phone"].train, problem.test.open()["phone"]):
        assert split.inputs.dtype == np.uint8
        with torch.no_grad():
            z = phi(torch.from_numpy(split.array)).numpy()
        assert any(z.shape == each.shape and np.array_equal(z, each) for each in kept)


@pytest.mark.parametrize("name", ["parameter_transfer", "structure_transfer"])
def test_with_the_heads_it_predicts_what_the_run_did(tmp_path: Path, name: str) -> None:
    from safetensors.torch import load_file

    structure = {"structure": "width"} if name == "structure_transfer" else {}
    outcome, asked = done(tmp_path, strategy={"name": name, **structure})
    phi, weights = (
        tlrun.load_backbone(outcome.path, "phone"),
        load_file(outcome.path / "model.safetensors"),
    )
    test = build(asked).dataset.load(0).test.open()["phone"]
    with torch.no_grad():
        z = phi(torch.from_numpy(test.array))
        found = torch.nn.functional.linear(
            z, weights["heads.*/class.weight"], weights["heads.*/class.bias"]
        )

    expected = load_file(outcome.path / "predictions.safetensors")["phone/class"]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.slow
def test_it_can_be_exported_and_computes_the_same(tmp_path: Path) -> None:
    outcome, _ = done(tmp_path)
    phi = tlrun.load_backbone(outcome.path, "phone")
    images = torch.randint(0, 256, (3, 3, 12, 12), dtype=torch.uint8)

    exported = torch.export.export(phi, (images,)).module()
    torch.testing.assert_close(exported(images), phi(images))


def test_a_domain_that_is_none_and_a_run_without_one_phi_are_refused(tmp_path: Path) -> None:
    outcome, _ = done(tmp_path)
    with pytest.raises(ValueError, match=r"one of the domains .*phone.*, found tablet"):
        tlrun.load_backbone(outcome.path, "tablet")
    towers, _ = done(tmp_path, strategy={"name": "single_task"})
    with pytest.raises(ValueError, match="expected a run with one φ"):
        tlrun.load_backbone(towers.path)


@pytest.mark.parametrize("name", ["config.yaml", "data.json", "structure.json"])
def test_a_file_that_decides_and_is_not_what_it_was_is_refused(tmp_path: Path, name: str) -> None:
    outcome, _ = done(tmp_path, strategy={"name": "structure_transfer", "structure": "width"})
    with (outcome.path / name).open("a") as file:
        file.write("\n")  # which reads as before
    with pytest.raises(ValueError, match=f"{name} is damaged"):
        tlrun.load_backbone(outcome.path)
    (outcome.path / "structure_new.json").write_text("{}")
    sign(outcome.path)
    tlrun.load_backbone(outcome.path)
    (outcome.path / "structure_newer.json").write_text("{}")
    with pytest.raises(ValueError, match=r"structure_newer\.json: .* put there later"):
        tlrun.load_backbone(outcome.path)
