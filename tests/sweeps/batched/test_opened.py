from pathlib import Path

import torch
from heads import plan_of

from tlrun.data.batches import as_batch
from tlrun.runs.plan import THIS
from tlrun.sweeps.batched.opened import Opened, open_family
from tlrun.training.stacked.layout import padded

from problems import Watcher, data_of


def opened(tmp_path: Path, steps: int = 6) -> Opened:
    trainer = {"name": "trainer", "steps": steps, "batch_size": 16}
    plans = [plan_of(tmp_path, value, trainer=trainer) for value in (0.1, 1.0)]
    for plan in plans:
        plan.run_dir.begin("", {})
    return open_family(plans, THIS, data_of(plans[0]), Watcher())


def test_a_family_is_opened_with_its_features_before_a_one(tmp_path: Path) -> None:
    family = opened(tmp_path, steps=120)  # two epochs at least
    problem = data_of(family.plans[0])

    assert list(family.domains) == ["source", "target"]
    for name in family.domains:
        raw = as_batch(problem.domains[name].train).inputs
        z = family.train[name].z
        assert z.shape == (len(raw), padded(16))
        assert torch.allclose(z[:, :16], family.model.trunk(raw, name), atol=1e-6)
        assert z[:, 16].tolist() == [1.0] * len(raw)


def test_the_first_run_has_trained_what_the_others_find(tmp_path: Path) -> None:
    family = opened(tmp_path)
    (mine,), (theirs,) = (family.before_of(plan) for plan in family.plans)

    assert (mine.found, theirs.found) == (False, True)
    assert mine.seconds == theirs.seconds
    assert theirs.planned is family.plans[1].stages[0]


def test_a_split_becomes_features_once(tmp_path: Path) -> None:
    family = opened(tmp_path)
    split = family.problem.test.open()["target"]

    assert family.encode("target", split) is family.encode("target", split)
    assert family.encode("target", split).passed > 0


def test_of_what_is_never_drawn_no_features_are_made(tmp_path: Path) -> None:
    """Six steps of 16 draw 96 of 719: their features stand where each is looked for."""
    family = opened(tmp_path)
    features, raw = family.train["source"], family.problem.domains["source"].train
    drawn = family.family([print, print]).batches["source"]
    rows = torch.cat([drawn.next_rows() for _ in range(6)])
    z = family.model.trunk(as_batch(raw).inputs[rows], "source")

    assert len(features.z) == len(set(rows.tolist())) < len(raw)
    assert torch.allclose(features.z[features.of(rows), :16], z, atol=1e-6)
