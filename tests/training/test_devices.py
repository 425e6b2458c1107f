import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tlrun.core.errors import UserError
from tlrun.core.options import expected, fits
from tlrun.training import devices

GPU = SimpleNamespace(
    is_available=lambda: True,
    device_count=lambda: 2,
    get_device_name=lambda name: f"a GPU called {name}",
)


@pytest.fixture(autouse=True)
def _asked_anew() -> None:
    devices.resolve.cache_clear()


def test_cpu_is_cpu_and_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it raises

    assert devices.resolve("cpu") == "cpu"
    monkeypatch.setattr(devices, "has_driver", lambda: False)
    assert devices.resolve("auto") == "cpu"


def test_auto_takes_the_first_gpu_and_a_number_takes_that_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch, "cuda", GPU)
    monkeypatch.setattr(devices, "has_driver", lambda: True)

    assert [devices.resolve(name) for name in ("auto", "cuda", "cuda:1")] == [
        "cuda:0",
        "cuda:0",
        "cuda:1",
    ]
    assert devices.describe("cuda:1") == f"a GPU called cuda:1, CUDA {torch.version.cuda}"
    with pytest.raises(
        UserError, match=r"^device: expected a GPU from cuda:0 to cuda:1, found cuda:2$"
    ):
        devices.resolve("cuda:2")


def test_a_gpu_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "cuda", SimpleNamespace(is_available=lambda: False))
    monkeypatch.setattr(devices, "has_driver", lambda: True)

    assert devices.resolve("auto") == "cpu"
    with pytest.raises(
        UserError, match=r"^device: expected CUDA for cuda, found PyTorch .*; try device=cpu$"
    ):
        devices.resolve("cuda")


@pytest.mark.parametrize(
    ("text", "good"), [("auto", True), ("cuda:3", True), ("gpu", False), ("cuda:", False)]
)
def test_how_a_device_is_written(text: str, good: bool) -> None:
    from typing import Annotated

    hint = Annotated[str, devices.DEVICE]

    assert fits(text, hint) is good
    assert not fits(3, hint)
    assert expected(hint) == "auto, cpu, cuda or cuda:N"


@pytest.mark.parametrize(
    ("cpuinfo", "expected_answer"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 avx2\n", "avx512_bf16"),
        ("processor : 0\nflags : avx512_bf16 amx_bf16\n", "amx_bf16 avx512_bf16"),
        ("Features : fp asimd bf16\n", "bf16"),
        ("flags\t\t: fpu avx2 avx512f\n", ""),
        ("bf16 : no flag of that name\n", ""),
        (None, ""),
    ],
)
def test_bf16_is_what_the_processor_says(
    cpuinfo: str | None, expected_answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "cpuinfo"
    if cpuinfo is not None:
        place.write_text(cpuinfo)
    monkeypatch.setattr(devices, "CPUINFO", place)
    devices._cpu_flags.cache_clear()

    assert devices.bf16_instructions("cpu") == expected_answer
    devices._cpu_flags.cache_clear()


@pytest.mark.parametrize(
    ("capability", "answer"), [((7, 5), False), ((8, 0), True), ((9, 0), True)]
)
def test_bf16_on_a_gpu_is_a_question_of_its_generation(
    capability: tuple[int, int], answer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)

    assert bool(devices.bf16_instructions("cuda:0")) is answer
