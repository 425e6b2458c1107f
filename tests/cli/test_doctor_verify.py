"""`tl-run doctor --verify` names every changed file, and nothing else."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch

from tlrun.cli.doctor import doctor
from tlrun.cli.main import run
from tlrun.runs.attempts import own_stage
from tlrun.runs.plan import THIS
from tlrun.store.checkpoints import Checkpoint, Checkpoints
from tlrun.store.digests import digests_of, sealed
from tlrun.store.entries import entry
from tlrun.store.openings import Opening, write_down
from tlrun.store.rundir import CHECKPOINTS, RunDir

from problems import TINY, Watcher, config, performed, planned

WHAT = ("run.json", "manifest.json", "safetensors", "features.npy", "metrics.jsonl", "stage.json")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("runs")
    asked = config(home, strategy={"name": "feature_transfer"})
    performed(planned(asked, Watcher()), THIS, Watcher())
    return home


@pytest.fixture
def home(kept: Path, tmp_path: Path) -> Path:
    return shutil.copytree(kept, tmp_path / "runs")


def verified(home: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    code = doctor(["--verify", "--runs-dir", str(home)])
    return code, capsys.readouterr().out.splitlines()


def test_every_changed_file_is_named_whatever_its_time_of_writing(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, (counts,) = verified(home, capsys)
    assert code == 0
    assert counts.startswith("1 run, 4 entries, ")
    assert counts.endswith("s; nothing is damaged.")
    files = [file for file in sorted(home.rglob("*")) if file.is_file() and file.suffix != ".lock"]
    assert {word for word in WHAT for file in files if file.name.endswith(word)} == set(WHAT)
    for file in files:
        content, times = file.read_bytes(), (file.stat().st_atime_ns, file.stat().st_mtime_ns)
        for changed in (content[:-9] + bytes([content[-9] ^ 1]) + content[-8:], b"", None):
            file.write_bytes(changed or b"")
            os.utime(file, ns=times)
            if changed is None:
                file.unlink()
            code, (named, fix, counts) = verified(home, capsys)
            assert (code, counts.endswith("; 1 damaged.")) == (1, True), file
            assert named.startswith(f"✗ {file.parent}: "), file
            assert file.name in named, file
            assert "anew" in fix
        file.write_bytes(content)
        os.utime(file, ns=times)
    assert verified(home, capsys)[0] == 0


def test_what_stands_at_the_place_of_another_is_named(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run,) = (home / "digits" / "feature_transfer").iterdir()
    (stage,) = (home / ".stages").iterdir()
    run.rename(run.with_name("seed=9_another"))
    stage.rename(stage.with_name("another"))

    code, (first, _, second, _, counts) = verified(home, capsys)
    assert code == 1
    assert f"that of .stages/{stage.name}, which was moved or copied here" in first
    assert f"that of digits/feature_transfer/{run.name}, which was moved or copied here" in second
    assert counts.endswith("; 2 damaged.")


def test_a_run_of_an_older_tl_run_is_counted_and_one_under_way_is_not(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run,) = (home / "digits" / "feature_transfer").iterdir()
    record = json.loads((run / "run.json").read_text())
    for key in ("own digest", "run", "digests", "large"):
        del record[key]
    (run / "run.json").write_text(json.dumps(record))
    assert verified(home, capsys)[1][1:] == [
        "1 finished run of an older tl-run without digests, so not verified"
    ]
    (run / "run.json").write_text(json.dumps(record | {"status": "running"}))
    assert len(verified(home, capsys)[1]) == 1


def test_checkpoints_are_verified_where_there_are_any(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = tmp_path / "digits" / "scratch" / "seed=0_a" / CHECKPOINTS / "k2"
    for path, key in ((tmp_path / ".stages" / ".k1.checkpoints", "k1"), (alone, "k2")):
        for step in (4, 8):
            tensors = {"w": torch.ones(3)}
            Checkpoints(path, key).keep(Checkpoint(step, tensors, {}, [], 1.0))
    code, (counts,) = verified(tmp_path, capsys)
    assert code == 0
    assert counts.startswith("0 runs, 0 entries, 4 checkpoints, ")
    damaged, *_, last = sorted(alone.glob("step-*"))
    (damaged / "state.json").write_text("{}")
    last.rename(last.with_name("step-000000009"))

    code, (one, _, other, fix, counts) = verified(tmp_path, capsys)
    assert (code, counts.endswith("; 2 damaged.")) == (1, True)
    assert "state.json is damaged" in one
    assert "that of k2/step-000000008, which was moved or copied here" in other
    assert "the one before it counts" in fix
    assert damaged.exists()


def test_a_stage_of_a_run_that_is_over_is_verified_where_it_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = RunDir(tmp_path, "digits/scratch", "seed=0_a")
    kept = own_stage(run, "0123456789ab")
    kept.write({"stage.json": b"{}"})
    assert verified(tmp_path, capsys)[1][0].startswith("0 runs, 0 entries, 1 checkpoint, ")
    (kept.path / "stage.json").write_text("{ }")

    code, (line, *_) = verified(tmp_path, capsys)
    assert code == 1
    assert "stage.json is damaged" in line


def test_proving_is_no_use_of_an_entry(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (stage,) = (home / ".stages").iterdir()
    before = entry(home, ".stages", stage.name).used
    os.utime(stage / "manifest.json", (before - 100, before - 100))
    assert verified(home, capsys)[0] == 0

    assert entry(home, ".stages", stage.name).used == pytest.approx(before - 100)


def test_an_empty_folder_has_nothing_to_verify(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, (counts,) = verified(tmp_path / "none", capsys)
    assert code == 0
    assert counts.startswith("0 runs, 0 entries, 0 B verified")


def test_what_was_delivered_is_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack = tmp_path / ".delivered" / "0123"
    member = stack / "members" / "a" / "run.json"
    member.parent.mkdir(parents=True)
    member.write_text("{}")
    digests = digests_of(stack, ["members/a/run.json"])
    kept = sealed({"weight": 0.5, "digests": digests})
    (stack / "delivered.json").write_text(json.dumps(kept))
    (stack / "card.json").write_text(json.dumps(sealed({"score": 0.5})))
    code, (counts,) = verified(tmp_path, capsys)
    assert (code, counts.startswith("0 runs, 0 entries, 1 delivered stack, ")) == (0, True)
    for file, content in (
        (member, "[]"),
        (stack / "delivered.json", json.dumps({**kept, "weight": 0.6})),
        (stack / "card.json", json.dumps({"score": 0.6})),
    ):
        before = file.read_text()
        file.write_text(content)
        code, (named, fix, counts) = verified(tmp_path, capsys)
        assert (code, counts.endswith("; 1 damaged.")) == (1, True)
        assert named.startswith(f"✗ {stack}: ")
        assert file.name in named
        assert "tl-run deliver" in fix
        file.write_text(before)
    (stack / "delivered.json").write_text(json.dumps({"weight": 0.6, "digests": digests}))
    code, (counts, older) = verified(tmp_path, capsys)
    assert code == 0
    assert older.startswith("1 delivered stack of an older tl-run without a digest of delivered")


@pytest.fixture
def studied(tmp_path: Path) -> Path:
    """A study, its sweep and an opening."""
    home = tmp_path / "runs"
    assert (
        run([*TINY, "strategy=scratch", "controls=false", "-m", "seed=0,1", f"runs_dir={home}"])
        == 0
    )
    rows = Opening("digits/scratch/a", "2026-01-01", "e", {"target": [3]}, {})
    write_down(home, "0123", rows)
    return home


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        (".studies/*.json", "study"),
        (".sweeps/*/sweep.json", "sweep"),
        (".sealed/*.json", "opening"),
    ],
)
def test_a_record_of_another_shape_is_named(
    studied: Path, place: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, (counts,) = verified(studied, capsys)
    assert (code, f", 1 {kind}, " in counts) == (0, True)
    (file,) = studied.glob(place)
    whole = file.read_bytes()
    for content in (
        b"[]",
        b"",
        whole[:-9],
        b"\xff",
        whole.replace(b'"runs": ', b'"runs": 1, "x": '),
    ):
        if content == whole:
            continue
        file.write_bytes(content)
        code, (named, fix, counts) = verified(studied, capsys)

        assert (code, counts.endswith("; 1 damaged.")) == (1, True), content
        assert named.startswith(f"✗ {file}: ")
        assert fix.startswith("  → ")
