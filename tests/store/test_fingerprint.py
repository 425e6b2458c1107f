import platform
import shutil
from collections.abc import Iterator
from importlib import metadata, resources
from pathlib import Path

import pytest
import torch

from tlrun.store import fingerprint as fingerprints
from tlrun.store.fingerprint import (
    LIBRARIES,
    NOT_DECISIVE,
    cpu_capability,
    differences,
    fingerprint,
)

PACKAGE = Path(str(resources.files("tlrun")))
# A new room must be put into one of the two: does a change of it leave every bit of a result?
DECIDE = {"core", "data", "models", "runs", "store", "strategies", "training"}
ONLY_TELL = {
    "api", "cli", "config", "configs", "inference", "report", "selection", "sweeps",
    "__init__.py", "__main__.py",
}  # fmt: skip


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package, which is what `fingerprint` reads from here on."""
    leave_out = shutil.ignore_patterns("__pycache__", "configs")
    copy = shutil.copytree(PACKAGE, tmp_path / "tlrun", ignore=leave_out)
    monkeypatch.setattr("importlib.resources.files", lambda _: copy)
    return copy


def sources() -> object:
    """The digest of the sources as they are now."""
    fingerprints._sources.cache_clear()
    return fingerprint(1, "cpu", {})["tlrun sources"]


@pytest.fixture(autouse=True)
def _read_anew_afterwards() -> Iterator[None]:
    yield
    fingerprints._sources.cache_clear()


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


@pytest.mark.parametrize("library", LIBRARIES)
def test_another_version_of_a_library_that_computes_is_another_fingerprint(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, version = fingerprint(1, "cpu", {}), metadata.version
    monkeypatch.setattr(
        "importlib.metadata.version", lambda name: "0" if name == library else version(name)
    )
    fingerprints.versions.cache_clear()
    after = fingerprint(1, "cpu", {})
    fingerprints.versions.cache_clear()

    assert {*LIBRARIES} >= {"torch", "numpy", "scipy", "scikit-learn"}
    assert differences(before, after) == f"{library} {before[library]} then, 0 now"


def test_another_python_is_another_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint(1, "cpu", {})
    monkeypatch.setattr("platform.python_version", lambda: "3.0.0")

    assert "python" in differences(before, fingerprint(1, "cpu", {}))


def test_another_processor_is_another_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch is told to use of it counts as the processor it has."""
    if platform.machine() != "x86_64" or platform.system() != "Linux":
        pytest.skip("the name of the platform stands for the processor elsewhere")
    before = fingerprint(1, "cpu", {})
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "another")
    cpu_capability.cache_clear()
    after = fingerprint(1, "cpu", {})
    cpu_capability.cache_clear()

    assert differences(before, after).startswith("cpu ")


def test_every_room_decides_or_does_not() -> None:
    there = {path for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"}
    rooms = {path.name for path in there} - {"__pycache__"}

    assert rooms | {"configs"} == DECIDE | ONLY_TELL
    assert set(NOT_DECISIVE) == ONLY_TELL


def test_one_byte_of_any_file_that_decides_moves_the_digest_and_of_no_other(copied: Path) -> None:
    before = sources()
    files = sorted(copied.rglob("*.py"))
    moved = set()
    for path in files:
        text = path.read_bytes()
        path.write_bytes(text + b"#")
        if sources() != before:
            moved.add(path)
        path.write_bytes(text)

    assert moved == {path for path in files if path.relative_to(copied).parts[0] in DECIDE}
    assert {
        copied / "training" / "loop.py",
        copied / "strategies" / "terms" / "penalties.py",
    } < moved
    assert sources() == before


def test_a_file_more_a_file_less_and_a_file_elsewhere_move_it_too(copied: Path) -> None:
    loop, found = copied / "training" / "loop.py", {sources()}
    loop.with_name("more.py").write_text("")
    found.add(sources())
    loop.with_name("more.py").rename(copied / "models" / "more.py")
    found.add(sources())
    (copied / "models" / "more.py").unlink()
    loop.unlink()
    found.add(sources())

    assert len(found) == 4


def test_differences_are_named_both_ways() -> None:
    assert differences({"torch": "1", "threads": 1}, {"torch": "1", "threads": 1}) == ""
    assert differences({"torch": "1"}, {"torch": "2"}) == "torch 1 then, 2 now"
    assert differences({"torch": "1"}, {"torch": "1", "cpu": "X"}) == "cpu unknown then, X now"
    assert differences({"old": 1}, {}) == "old 1 then, unknown now"
