"""What stands on disk of a stage that is trained: the newest two; a damaged one is passed over."""

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tlrun.store.checkpoints import Checkpoint, Checkpoints

from properties import assert_same_bits

TENSORS = {"model/w": torch.tensor([[1.5, -2.0]]), "generators/cpu": torch.arange(5).byte()}
FILES = ("state.json", "tensors.safetensors", "metrics.jsonl", "manifest.json")


def at(step: int) -> Checkpoint:
    tensors = {name: tensor + step for name, tensor in TENSORS.items()}
    return Checkpoint(step, tensors, {"made": step, "best": 0.1}, [{"step": step}], step / 4)


@pytest.fixture
def three(tmp_path: Path) -> Checkpoints:
    kept = Checkpoints(tmp_path / "here", "0123456789ab")
    for step in (1, 2, 30):
        kept.keep(at(step))
    return kept


def no_damage(path: Path, problem: str) -> None:
    raise AssertionError(f"{path}: {problem}")


def names(kept: Checkpoints) -> list[str]:
    return sorted(path.name for path in kept.path.iterdir())


def test_what_is_kept_comes_back_to_the_bit(three: Checkpoints) -> None:
    newest = next(three.whole(no_damage))

    assert_same_bits(newest.tensors, at(30).tensors)
    for part in ("step", "numbers", "rows", "seconds"):
        assert getattr(newest, part) == getattr(at(30), part)


def test_the_newest_two_stay(three: Checkpoints) -> None:
    assert names(three) == ["step-000000002", "step-000000030"]


def test_without_any_there_is_none(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path / "nowhere", "0123456789ab")

    assert (list(kept.whole(no_damage)), kept.any()) == ([], False)
    assert not kept.path.exists()


def test_what_a_killed_process_has_half_written_goes(three: Checkpoints) -> None:
    half = three.path / ".step-000000031.77"
    half.mkdir()
    (half / "state.json").write_text("{")

    newest = next(three.whole(no_damage))

    assert newest.step == 30
    assert half.exists()  # it may be a living one's
    three.keep(at(31))
    assert not half.exists()


@pytest.mark.parametrize("how", ["flipped", "cut", "zeros", "empty", "gone"])
@pytest.mark.parametrize("file", FILES)
def test_one_that_is_damaged_is_named_and_the_one_before_it_counts(
    three: Checkpoints, file: str, how: str
) -> None:
    path = three.path / "step-000000030" / file
    content = path.read_bytes()
    half = len(content) // 2
    if how == "gone":
        path.unlink()
    else:
        flipped = content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :]
        others = {"cut": content[:half], "zeros": bytes(len(content)), "empty": b""}
        path.write_bytes({"flipped": flipped, **others}[how])
    told: list[tuple[Path, str]] = []

    newest = next(three.whole(lambda path, problem: told.append((path, problem))))

    assert newest.step == 2
    ((where, problem),) = told
    assert where == path.parent
    assert file in problem
    assert names(three) == ["step-000000002"]  # the damaged one is in nobody's way


def test_one_of_another_step_or_stage_is_noticed(three: Checkpoints, tmp_path: Path) -> None:
    """Whole as it is, it was copied to where it does not belong."""
    other = Checkpoints(tmp_path / "other", "ba9876543210")
    other.keep(at(30))
    for source in (other.path / "step-000000030", three.path / "step-000000002"):
        target = three.path / "step-000000031"
        shutil.copytree(source, target)
        told: list[str] = []

        newest = next(three.whole(lambda _, problem, told=told: told.append(problem)))  # type: ignore[misc]  # one default

        assert newest.step == 30
        assert "moved or copied" in told[0]


def test_digests_that_fit_prove_no_content(three: Checkpoints) -> None:
    """A file that somebody has made as ours are made, of another shape, is no checkpoint."""
    for content in ({"stage": three.of}, {"stage": three.of, "step": "2", "seconds": 0.0}, [1]):
        files = {"state.json": json.dumps(content).encode()}
        files |= {"tensors.safetensors": b"", "metrics.jsonl": b""}
        three._entry("step-000000031").write(files)
        told: list[str] = []

        newest = next(three.whole(lambda _, problem, told=told: told.append(problem)))  # type: ignore[misc]  # one default

        assert newest.step == 30
        assert "is no checkpoint" in told[0]


@pytest.mark.parametrize(("error", "left"), [(errno.EIO, [2, 30]), (errno.ENOSPC, [30])])
def test_one_that_cannot_be_written_leaves_nothing_and_the_newest_stays(
    three: Checkpoints, monkeypatch: pytest.MonkeyPatch, error: int, left: list[int]
) -> None:
    def fails(_: int) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match=os.strerror(error)):
        three.keep(at(31))

    assert names(three) == [f"step-{step:09d}" for step in left]


def test_on_a_full_disk_the_older_one_makes_room(
    three: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def full(file: int) -> None:
        if (three.path / "step-000000002").exists():
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        fsync(file)

    monkeypatch.setattr(os, "fsync", full)
    three.keep(at(31))

    assert names(three) == ["step-000000030", "step-000000031"]


def test_each_that_is_whole_comes_once_though_it_cannot_be_taken_away(three: Checkpoints) -> None:
    """As those of another user, or under the lock of another process."""
    theirs = replace(three, ours=False)
    (three.path / "step-000000030" / "state.json").write_text("{")
    told: list[str] = []
    steps = []
    for checkpoint in theirs.whole(lambda path, _: told.append(path.name)):
        steps.append(checkpoint.step)
        theirs.drop(theirs.of_step(checkpoint.step))

    assert (steps, told) == ([2], ["step-000000030"])
    assert names(three) == ["step-000000002", "step-000000030"]


def test_all_of_them_can_be_taken_away(three: Checkpoints) -> None:
    three.remove()

    assert not three.path.exists()
    assert three.any() is False
