"""Weights are checked while nothing is written, told of once, and read only where they serve."""

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest
import torch

from tlrun.config.build import Run, build
from tlrun.core.errors import RunFailed, UserError
from tlrun.models.backbone import WeightsFile
from tlrun.models.backbones.mlp import Mlp
from tlrun.runs.plan import Plan, plan
from tlrun.runs.pretrained import check_backbone, pretrained_weights, tell_weights
from tlrun.runs.remembered import ProblemCache

from problems import Watcher, config
from properties import assert_same_bits


@dataclass(frozen=True)
class Kept(Mlp):
    """A backbone with weights at a path."""

    weights: str | None = None

    def weights_file(self) -> WeightsFile | None:
        """Where they are."""
        return None if self.weights is None else WeightsFile(Path(self.weights))


def run(tmp_path: Path, weights: Path | None, **changes: object) -> Run:
    kept = Kept(hidden=(8,), weights=None if weights is None else str(weights))
    return replace(build(config(tmp_path / "runs", **changes)), backbone=kept)


def planned(asked: Run) -> Plan:
    return plan(asked, ProblemCache(), Watcher())


def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.pth"
    torch.save(Mlp(hidden=(8,)).build((1, 8, 8)).state_dict(), path)
    return path


def test_weights_are_read_by_name_or_there_are_none(tmp_path: Path) -> None:
    path = good(tmp_path)

    digest = sha256(path.read_bytes()).hexdigest()
    assert pretrained_weights(run(tmp_path, None), None) is None
    found = pretrained_weights(run(tmp_path, path), digest)
    assert found is not None
    assert_same_bits(dict(found), torch.load(path, weights_only=True))


def test_they_are_told_with_their_digest(tmp_path: Path) -> None:
    watcher = Watcher()
    tell_weights(run(tmp_path, None), "this run", watcher)
    assert not watcher.notes
    tell_weights(run(tmp_path, good(tmp_path)), "this run", watcher)
    (line,) = watcher.notes
    assert line.startswith("this run · pretrained weights    kept, sha256 ")


def test_weights_that_do_not_fit_are_noticed_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "none.pth"
    torch.save([1, 2], path)
    problem = build(config(tmp_path / "runs")).dataset.load(0)

    with pytest.raises(UserError, match="expected a state dict"):
        check_backbone(planned(run(tmp_path, path)), problem)
    assert not (tmp_path / "runs").exists()
    check_backbone(planned(run(tmp_path, good(tmp_path))), problem)


def test_a_run_that_starts_from_no_weights_asks_for_none(tmp_path: Path) -> None:
    path = tmp_path / "none.pth"
    torch.save([1, 2], path)
    alone = planned(run(tmp_path, path, strategy={"name": "scratch"}))

    check_backbone(alone, build(config(tmp_path)).dataset.load(0))
    assert alone.run.backbone == Kept(hidden=(8,), weights=None)


def test_drawing_goes_on_as_if_nothing_was_checked(tmp_path: Path) -> None:
    problem = build(config(tmp_path / "runs")).dataset.load(0)
    asked = planned(run(tmp_path, good(tmp_path)))
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    check_backbone(asked, problem)

    assert torch.equal(torch.rand(2), expected)


def test_weights_that_have_changed_since_the_plan_are_noticed(tmp_path: Path) -> None:
    path = good(tmp_path)
    asked, problem = planned(run(tmp_path, path)), build(config(tmp_path)).dataset.load(0)
    torch.save({name: t + 1 for name, t in torch.load(path, weights_only=True).items()}, path)

    with pytest.raises(RunFailed, match=r"the run was planned with, .* it has changed since"):
        check_backbone(asked, problem)


@pytest.mark.parametrize(("part", "lacking"), [("last", "blocks"), ("norm", "normalise")])
@pytest.mark.parametrize("name", ["feature_transfer", "single_task", "task_relation"])
def test_a_part_that_phi_lacks_is_noticed_before_anything_is_written(
    tmp_path: Path, name: str, part: str, lacking: str
) -> None:
    strategy = {"name": name, "train": part}
    asked = planned(run(tmp_path, None, strategy=strategy))

    with pytest.raises(UserError, match=f"strategy.train: .*{lacking}"):
        check_backbone(asked, build(config(tmp_path)).dataset.load(0))
    assert not (tmp_path / "runs").exists()
