"""The suite of benchmarks: its numbers, its choice of rows, what it shows; that its loops run."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import commands, records, workers
from bench.render import in_order, markdown, overview, sheet
from bench.rounds import Clock, Sample, interleaved, ratios, spread
from bench.rows import ROWS, Arm, choose, tiny
from bench.summary import headlines

ROOT = Path(__file__).parents[1]
WORK = {"classes": 10, "batch": 64, "steps": 10, "precision": "fp32"}


def arm(name: str, kind: str, taken: Sequence[float], loss: float = 0.1) -> dict[str, Any]:
    """An arm whose loop takes what is given, and whose set-up takes a second more."""
    samples = [
        {"cpu": t + 1, "wall": t + 1, "loop_cpu": t, "loop_wall": t, "loss": loss} for t in taken
    ]
    return {"name": name, "kind": kind, "state": "measured", "samples": samples}


def record(*arms: dict[str, Any], sense: str = "speed") -> dict[str, Any]:
    return {
        "row": "conv8_fp32",
        "title": "a net",
        "clock": "cpu",
        "sense": sense,
        "cpu known": True,
        "work": WORK,
        "rounds": 3,
        "machine": "a machine",
        "cores": 2,
        "busy cores before": 0.0,
        "python": "3.11",
        "versions": {"torch": "2.14.1"},
        "commit": "0000000",
        "date": "2026-11-26T00:00:00+00:00",
        "arms": list(arms),
    }


def test_a_ratio_is_taken_within_each_round() -> None:
    """A round in which the whole machine is slow moves none of them."""
    found = ratios([2.0, 20.0, 2.2], [1.0, 10.0, 1.0])

    assert (found.median, found.least, found.largest, found.n) == (2.0, 2.0, 2.2, 3)
    assert spread([20.0, 2.0, 2.2]).median / spread([1.0, 1.0, 10.0]).median != found.median


def test_every_round_runs_every_arm_and_none_is_always_first() -> None:
    seen = list(interleaved(["a", "b", "c"], 3, lambda _: Sample(1.0, 1.0)))

    orders = [[name for number, name, _ in seen if number == round_] for round_ in range(4)]
    assert orders == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]


def test_an_arm_that_fails_is_told_once_and_the_others_go_on() -> None:
    def once(name: str) -> Sample:
        if name == "broken":
            raise workers.ArmFailed("why")
        return Sample(1.0, 1.0)

    seen = list(interleaved(["broken", "whole"], 2, once))

    assert [str(taken) for _, name, taken in seen if name == "broken"] == ["why"]
    assert [number for number, name, _ in seen if name == "whole"] == [0, 1, 2]


def test_the_loop_is_a_part_of_the_call() -> None:
    clock = Clock()
    sum(range(1000))
    clock.begin()
    sum(range(1000))
    clock.end()
    sample = clock.read()

    assert sample.loop_wall is not None
    assert 0.0 < sample.loop_wall < sample.wall


def test_the_headline_is_against_the_strongest_of_each_kind() -> None:
    ours = arm("tl-run", "tl-run", [1.0, 1.0, 1.0])
    hand = arm("hand loop", "hand", [3.0, 3.0, 3.0])
    better = arm("better", "hand", [1.5, 1.2, 1.8])
    peer = arm("peer", "framework", [4.0, 4.0, 4.0])
    floor = arm("bare", "floor", [0.5, 0.5, 0.5])
    found = headlines(record(ours, hand, better, peer, floor))

    assert [(each.arm, each.ratio.median) for each in found] == [("better", 1.5), ("peer", 4.0)]
    (cost, _) = headlines(record(ours, better, peer, sense="cost"))
    assert cost.ratio.median == pytest.approx(1 / 1.5)


@pytest.mark.parametrize("loss", [2.3, float("nan")])
def test_a_loop_that_does_not_learn_is_no_rival_and_has_no_claim(loss: float) -> None:
    ours, hand = arm("tl-run", "tl-run", [1.0]), arm("hand loop", "hand", [2.0])
    lazy = arm("lazy", "hand", [0.1], loss)
    (found,) = headlines(record(ours, hand, lazy))

    assert found.arm == "hand loop"
    assert headlines(record(arm("tl-run", "tl-run", [1.0], loss), hand)) == []
    assert "has not learnt" in str(sheet(record(ours, hand, lazy), {}).lines[2])
    assert "has not learnt" not in str(sheet(record(ours, hand, lazy), {}).lines[:2])


def test_what_is_not_installed_or_fails_is_shown_with_the_reason() -> None:
    ours, hand = arm("tl-run", "tl-run", [1.0]), arm("hand loop", "hand", [2.0])
    absent = {**arm("peer", "framework", []), "state": "not installed: peer"}
    broken = {**arm("other", "framework", [1.0]), "state": "failed: TypeError: bf16"}
    page = markdown({"conv8_fp32": record(ours, hand, absent, broken)})

    assert "| peer | not installed: peer |" in page
    assert "| other | failed: TypeError: bf16 |" in page
    assert [each.arm for each in headlines(record(ours, hand, absent, broken))] == ["hand loop"]
    lost = record({**ours, "state": "failed: why"}, hand)
    assert overview([lost]).lines == [("a net", "conv8_fp32", "failed: why", "-", "-", "3")]


def test_every_line_of_a_table_has_every_column() -> None:
    ours, hand = arm("tl-run", "tl-run", [1.0, 2.0]), arm("hand loop", "hand", [2.0, 3.0])
    absent = {**arm("peer", "framework", []), "state": "not installed: peer"}
    page = markdown({"conv8_fp32": record(ours, hand, absent)})

    for table in re.findall(r"(?:^\|.*\n)+", page, flags=re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1
    assert "1.75x [1.5..2]" in page


def test_the_processor_time_of_commands_is_shown_where_it_is_known() -> None:
    one, other = arm("tl-run", "tl-run", [1.0]), arm("import torch", "command", [3.0])
    whole = {**record(one, other, sense="cost"), "work": None}

    assert sheet(whole, {}).lines[1] == ("import torch", "4", "4", "0.5x")
    assert sheet({**whole, "cpu known": False}, {}).lines[1] == ("import torch", "-", "4", "0.5x")
    assert [row.name for row in ROWS if not row.alone] == ["sweep"]


def test_a_record_is_kept_under_its_row_and_read_again(tmp_path: Path) -> None:
    ours = record(arm("tl-run", "tl-run", [1.0, 2.0]))
    records.save(ours, tmp_path)
    records.save(ours, tmp_path)

    assert records.saved(tmp_path) == {"conv8_fp32": ours}
    assert in_order({**records.saved(tmp_path), "a row that is no more": ours}) == [ours]


def test_rows_are_chosen_by_name_in_their_own_order() -> None:
    assert choose([]) == list(ROWS)
    assert [row.name for row in choose(["help", "conv8_fp32"])] == ["conv8_fp32", "help"]
    with pytest.raises(SystemExit, match="found conv9"):
        choose(["conv9", "help"])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_rows_are_whole(row: Any) -> None:
    assert len({arm.name for arm in row.arms}) == len(row.arms) > 1
    assert row.sense == "rate" or [arm.kind for arm in row.arms].index("tl-run") == 0
    for each in row.arms:
        assert bool(each.run) != bool(each.command)
        work = each.work or row.work
        assert bool(work) == bool(each.run)
        assert work is None or work.n % work.batch == 0
    assert all((each.work or tiny(row).work or WORK) != row.work for each in tiny(row).arms)


def test_a_package_that_is_not_there_is_missed() -> None:
    peer = Arm("peer", "framework", "bench.peers:none", needs=("torch", "no_such_package"))

    assert workers.missing(peer) == ["no_such_package"]
    row = replace(choose(["help"])[0], arms=(peer,))
    made = records.measured(row, 1, lambda _: None)
    assert made["arms"][0]["state"] == "not installed: no_such_package"


def test_a_command_is_timed_and_its_exit_code_is_checked(tmp_path: Path) -> None:
    busy = ("{python}", "-c", "sum(range(10**6)); raise SystemExit('over')")
    sample = commands.once(busy, tmp_path, status=1)

    assert sample.cpu > 0.0
    assert sample.loop_cpu is None
    with pytest.raises(workers.ArmFailed, match="exit code 1: over"):
        commands.once(busy, tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("head64", marks=pytest.mark.slow),
        pytest.param("conv8_fp32", marks=pytest.mark.long),
    ],
)
def test_the_loops_run_and_absent_peers_are_named(name: str) -> None:
    environment = dict(os.environ)
    paths = [str(ROOT / "benchmarks"), environment.get("PYTHONPATH", "")]
    environment |= {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    said = subprocess.run(
        [sys.executable, "-m", "bench", "--smoke", "--rows", name],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    ).stdout

    (row,) = choose([name])
    assert row.title in said
    for each in row.arms:
        (line,) = re.findall(rf"^│ {re.escape(each.name)} +│ (.*)$", said, re.MULTILINE)[:1]
        assert "failed" not in line
        assert workers.missing(each) == [] or "not installed" in line
