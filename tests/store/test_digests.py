"""A file that is changed, cut short or gone is named; one that is as it was is not."""

from __future__ import annotations

import json
import math
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tlrun.store.digests import (
    OWN,
    check_deciding,
    check_digests,
    check_file,
    check_sealed,
    deciding,
    digest_of,
    digest_of_json,
    digests_of,
    kept_facts,
    sealed,
)


def test_a_digest_is_sha256_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"some bytes")

    assert digests_of(tmp_path, ["a"]) == {"a": sha256(b"some bytes").hexdigest()}


@pytest.mark.parametrize("place", [0, 4, 9])
def test_a_flipped_byte_is_noticed_wherever_it_is(tmp_path: Path, place: int) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"some bytes")
    digests = digests_of(tmp_path, ["a"])
    check_digests(tmp_path, digests)

    changed = bytearray(file.read_bytes())
    changed[place] ^= 1
    file.write_bytes(changed)

    with pytest.raises(ValueError, match=r"a: expected the file as it was written"):
        check_digests(tmp_path, digests)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="b: No such file"):
        check_digests(tmp_path, {"b": "0" * 64})


def test_what_decides_answers_is_no_log_and_no_score(tmp_path: Path) -> None:
    decides = ["config.yaml", "data.json", "model.safetensors", "structure_fold1.json"]
    for name in (*decides, "result.json", "metrics.jsonl", "run.json", "final.json"):
        (tmp_path / name).touch()

    assert deciding(tmp_path) == decides


@pytest.mark.parametrize("size", [0, 1, 2**18 - 1, 2**18, 2**18 + 1, 2**20])
def test_the_digest_of_a_file_is_that_of_all_its_bytes(tmp_path: Path, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    (tmp_path / "a").write_bytes(content)

    assert digest_of(tmp_path / "a") == sha256(content).hexdigest()


def test_every_file_but_run_json_has_its_digest_and_large_ones_their_state(tmp_path: Path) -> None:
    for name, size in (("a", 3), ("large", 2**20), ("run.json", 5), (".run.json.7", 5)):
        (tmp_path / name).write_bytes(bytes(size))
    (tmp_path / "folder").mkdir()
    kept = kept_facts(tmp_path)

    assert kept["files"] == ["a", "large", "run.json"]
    assert set(kept["digests"]) == {"a", "large"}
    assert kept["large"] == {"large": [2**20, (tmp_path / "large").stat().st_mtime_ns]}


def test_a_large_file_is_as_it_was_while_its_size_and_time_are(tmp_path: Path) -> None:
    """Else its digest decides, and where that is asked for."""
    file = tmp_path / "large"
    file.write_bytes(bytes(2**20))
    kept, before = kept_facts(tmp_path), file.stat()
    file.write_bytes(bytes(2**20 - 1) + b"1")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    check_file(tmp_path, "large", kept, deep=False)
    with pytest.raises(ValueError, match="large is damaged"):
        check_file(tmp_path, "large", kept)
    os.utime(file, ns=(0, 0))
    with pytest.raises(ValueError, match="large is damaged"):
        check_file(tmp_path, "large", kept, deep=False)
    file.write_bytes(bytes(2**20))
    check_file(tmp_path, "large", kept, deep=False)
    file.unlink()
    with pytest.raises(ValueError, match="large: No such file"):
        check_file(tmp_path, "large", kept, deep=False)


@pytest.mark.parametrize(
    "record",
    [
        {"digests": []},
        {"digests": "a"},
        {"digests": {"../a": "0"}},
        {"digests": {"a": None}, "large": {"a": [1, 1]}},
        {"digests": {"a": 3}, "large": [1]},
    ],
)
def test_digests_of_another_shape_prove_nothing(tmp_path: Path, record: dict[str, Any]) -> None:
    (tmp_path / "a").write_bytes(b"")
    if record["digests"] == {"a": None}:
        check_file(tmp_path, "a", record)
        return
    with pytest.raises(ValueError, match="is damaged"):
        check_file(tmp_path, "a", record)


def test_a_record_is_proved_by_its_own_digest_however_it_is_written(tmp_path: Path) -> None:
    record = {"b": [1.5, (0.1 + 0.2, math.inf)], "a": {"é": None}, "run": "digits/scratch/x"}
    kept = json.loads(json.dumps(sealed(record)))
    check_sealed(kept)
    check_sealed(dict(reversed(kept.items())))
    check_sealed({"status": "finished"})  # of an older tl-run
    for key in kept:
        lacking = {name: value for name, value in kept.items() if name != key}
        for changed in (lacking, {**kept, key: 1}):
            with pytest.raises(ValueError, match=r"run\.json is damaged"):
                check_sealed(changed)
    assert OWN in kept


def test_json_of_too_many_levels_has_no_digest() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="fewer levels"):
        digest_of_json(deep)


def test_what_decides_is_proved_and_nothing_is_added_to_it(tmp_path: Path) -> None:
    for name in ("config.yaml", "structure_fold1.json", "metrics.jsonl", "result.json"):
        (tmp_path / name).write_text(name)
    kept = kept_facts(tmp_path)
    for name in ("metrics.jsonl", "result.json"):  # of which no answer comes
        (tmp_path / name).write_text("another")
    check_deciding(tmp_path, kept)
    (tmp_path / "structure.json").write_text("new")
    with pytest.raises(ValueError, match=r"structure\.json: .* put there later"):
        check_deciding(tmp_path, kept)
    check_deciding(tmp_path, {})  # of an older tl-run
    (tmp_path / "structure.json").unlink()
    (tmp_path / "config.yaml").write_text("another")
    with pytest.raises(ValueError, match=r"config\.yaml is damaged"):
        check_deciding(tmp_path, kept)
    (tmp_path / "config.yaml").unlink()
    with pytest.raises(ValueError, match=r"config\.yaml: No such file"):
        check_deciding(tmp_path, kept)


@pytest.mark.parametrize("record", [{"digests": {"a": "0" * 64}}, {}])
def test_a_pipe_and_a_device_are_no_files_and_are_not_read(
    tmp_path: Path, record: dict[str, Any]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    for target in (tmp_path / "pipe", Path("/dev/zero")):
        (tmp_path / "a").unlink(missing_ok=True)
        (tmp_path / "a").symlink_to(target)
        with pytest.raises(ValueError, match="a: it is no file"):
            check_file(tmp_path, "a", record)
        with pytest.raises(OSError, match="it is no file"):
            digest_of(tmp_path / "a")
