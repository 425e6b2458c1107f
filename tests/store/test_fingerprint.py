import platform
from importlib import metadata, resources
from pathlib import Path

import pytest
import torch

from tlrun.store.fingerprint import NOT_DECISIVE, cpu_capability, differences, fingerprint


def test_the_capability_is_the_one_torch_chooses() -> None:
    if platform.machine() != "x86_64" or platform.system() != "Linux":
        pytest.skip("torch's own name is compared on x86 Linux only")
    assert cpu_capability().split()[-1] == torch.backends.cpu.get_cpu_capability()


def test_it_holds_what_decides_the_bits() -> None:
    found = fingerprint(1, "cpu", {})

    assert found["torch"] == metadata.version("torch")
    assert found["threads"] == 1
    assert found == fingerprint(1, "cpu", {})
    assert found != fingerprint(2, "cpu", {})
    assert found != fingerprint(1, "a GPU, CUDA 13.0", {})
    assert found != fingerprint(1, "cpu", {"Mine": "0123"})


def test_every_source_it_leaves_out_exists() -> None:
    root = Path(str(resources.files("tlrun")))

    assert all((root / name).exists() for name in NOT_DECISIVE if name != "configs")


def test_differences_are_named_both_ways() -> None:
    assert differences({"torch": "1", "threads": 1}, {"torch": "1", "threads": 1}) == ""
    assert differences({"torch": "1"}, {"torch": "2"}) == "torch 1 then, 2 now"
    assert differences({"torch": "1"}, {"torch": "1", "cpu": "X"}) == "cpu unknown then, X now"
    assert differences({"old": 1}, {}) == "old 1 then, unknown now"
