"""A file that is changed, cut short or gone is named; one that is as it was is not."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from tlrun.store.digests import DECISIVE, check_digests, digests_of, proved


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


def test_what_is_proved_of_a_run_is_what_decides_and_what_came_out(tmp_path: Path) -> None:
    decides = ["config.yaml", "data.json", "model.safetensors", "structure_fold1.json"]
    for name in (*decides, "result.json", "metrics.jsonl", "run.json", "final.json"):
        (tmp_path / name).touch()

    assert proved(tmp_path, DECISIVE) == decides
    assert proved(tmp_path) == sorted([*decides, "result.json"])
