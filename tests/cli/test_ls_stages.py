import os
from pathlib import Path
from typing import Any

import pytest
import torch

from tlrun.cli.ls import ls
from tlrun.cli.ls_stages import kept, size_of, utc
from tlrun.core.errors import UserError
from tlrun.store.entries import Entry
from tlrun.store.stages import HOME, FinishedStage, stage_entry, write_stage


def content(**changes: Any) -> dict[str, Any]:
    return {
        "stage": "source",
        "domains": [{"name": "source", "tasks": [{"name": "digit"}]}],
        "backbone": {
            "name": "conv",
            "channels": [32, 64],
            "norm": "none",
        },
        "trainer": {"steps": 20},
        "seed": 7,
        **changes,
    }


def made(runs_dir: Path, key: str, used: float, **changes: Any) -> Entry:
    place = stage_entry(runs_dir, key)
    write_stage(place, content(**changes), FinishedStage({"w": torch.ones(300_000)}, [], 1.26))
    os.utime(place.path / "manifest.json", (used, used))
    return place


def rows(runs_dir: Path, capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """The table's rows by words, without its head; the closing line last."""
    assert ls(["--stages", "--runs-dir", str(runs_dir)]) == 0
    return [line.split() for line in capsys.readouterr().out.splitlines()[1:] if line]


def test_the_oldest_use_comes_first_and_every_fact_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = {"name": "digit"}
    made(tmp_path, "aaa", 86400 * 365)
    domains = [{"name": "source", "tasks": [task, task]}, {"name": "target", "tasks": [task]}]
    made(tmp_path, "bbb", 60, domains=domains, stage="both")

    first, second, last = rows(tmp_path, capsys)

    assert (
        " ".join(first)
        == "bbb both source (2 tasks)+target conv 32,64 7 20 1.3 1.2 MB 1970-01-01 00:01"
    )
    assert " ".join(second) == "aaa source source conv 32,64 7 20 1.3 1.2 MB 1971-01-01 00:00"
    assert last[:5] == ["2", "stages,", "2.4", "MB", "in"]
    assert " ".join(last).endswith(f"Free them: tl-run clean --stages --runs-dir {tmp_path}")


def test_pretrained_weights_were_trained_by_no_domain_and_no_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backbone = {"name": "timm", "model": "resnet10t", "weights": "0123456789abcdef" * 4}
    nothing: dict[str, Any] = {"domains": [], "trainer": None, "seed": None}
    made(tmp_path, "aaa", 60, stage="pretrained weights", backbone=backbone, **nothing)

    row, last = rows(tmp_path, capsys)

    shown = "aaa pretrained weights – timm resnet10t 0123456789ab – – 1.3 1.2 MB 1970-01-01 00:01"
    assert " ".join(row) == shown
    assert last[:2] == ["1", "stage,"]


@pytest.mark.parametrize(("told", "shown"), [
    ({"name": "mlp", "hidden": [8], "norm": "batch"}, "mlp 8 batch"),
    ({"name": "identity"}, "identity"),
    ({"name": "net", "deep": True, "wide": False, "rate": 0.5, "drop": 0.0}, "net deep rate 0.5"),
])  # fmt: skip
def test_options_that_are_off_are_left_out(
    told: dict[str, Any], shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path, "aaa", 60, backbone=told)

    assert f" {shown} 7 20 " in " ".join(rows(tmp_path, capsys)[0])


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"seconds": "x"}', "[" * 100_000, '{"domains": 3}', "\udcff"]
)
def test_what_cannot_be_read_is_damaged(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = made(tmp_path, "aaa", 60)
    (place.path / "stage.json").write_bytes(text.encode(errors="surrogateescape"))
    made(tmp_path, "bbb", 120)

    damaged, _, last = rows(tmp_path, capsys)

    assert damaged[:3] == ["aaa", "damaged", "–"]
    assert " ".join(last).startswith("1 stage and 1 that are not whole, 2.")


@pytest.mark.parametrize("name", ["stage.json", "manifest.json"])
def test_a_stage_without_one_of_its_files_is_damaged(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (made(tmp_path, "aaa", 60).path / name).unlink()

    assert rows(tmp_path, capsys)[0][:2] == ["aaa", "damaged"]


def test_half_written_or_being_made_tells_the_lock(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = stage_entry(tmp_path, "aaa")
    (tmp_path / HOME / ".aaa.123").mkdir(parents=True)

    assert rows(tmp_path, capsys)[0][:2] == [".aaa.123", "half-written"]
    assert not (tmp_path / ".locks").exists()  # to look leaves nothing behind
    with place.locked(print, "training"):
        assert rows(tmp_path, capsys)[0][:3] == [".aaa.123", "being", "made"]


def test_looking_is_no_use_and_no_control_character_comes_through(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path, "aaa", 60, stage="\x1b[31m[bold]so")

    assert rows(tmp_path, capsys)[0][1] == "�[31m[bold]so"
    assert kept(tmp_path, HOME)[0].used == 60


def test_none_yet_says_what_makes_one(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ls(["--stages"]) == 0
    told = (
        "no finished stages in runs/.stages yet; a first one: tl-run strategy=structure_transfer\n"
    )
    assert capsys.readouterr().out == told
    assert list(here.iterdir()) == []


def test_on_a_narrow_terminal_no_number_is_cut(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path, "fb189b99592f", 60)
    (tmp_path / HOME / ".aaa.1").mkdir()
    monkeypatch.setattr("tlrun.report.console.PIPE_WIDTH", 80)

    whole, half, _ = rows(tmp_path, capsys)
    assert " ".join(whole) == "fb189b99592f source source 7 20 1.3 1.2 MB 1970-01-01 00:01"
    assert half[:2] == [".aaa.1", "half-written"]


@pytest.mark.parametrize("beside", ["--all", "seed=0", "--stage"])
def test_stages_stand_alone(beside: str) -> None:
    with pytest.raises(
        UserError,
        match=f"ls --stages: expected --runs-dir PATH or nothing beside it, found {beside}",
    ):
        ls([beside, "--stages"])


def test_an_entry_that_goes_meanwhile_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path, "aaa", 60)
    gone = stage_entry(tmp_path, "bbb")
    monkeypatch.setattr(
        "tlrun.cli.ls_stages.entries", lambda *_: [stage_entry(tmp_path, "aaa"), gone]
    )

    assert [found.entry.path.name for found in kept(tmp_path, HOME)] == ["aaa"]


def test_a_folder_that_cannot_be_read_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> list[Entry]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tlrun.cli.ls_stages.entries", refuse)
    with pytest.raises(
        UserError, match=r"expected a folder that can be read, found .*\.stages: Permission denied"
    ):
        kept(tmp_path, HOME)


def test_sizes_and_times_are_for_people(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_bytes(bytes(1000))
    (tmp_path / "out").write_bytes(bytes(5000))
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")

    assert 1000 < size_of(tmp_path / "in") < 2000  # the link itself
    assert utc(1e18) == "–"
    assert utc(0) == "1970-01-01 00:00"
