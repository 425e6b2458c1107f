import hashlib
import json
import os
import pickle
import re
import struct
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from tlrun.core import packed
from tlrun.core.errors import UserError
from tlrun.models.backbone import WeightsFile
from tlrun.store import weights
from tlrun.store.weights import read_weights, weights_digest

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.zeros(2)}


def saved(path: Path, thing: Any) -> WeightsFile:
    torch.save(thing, path)
    return WeightsFile(path, name=path.name, hint="give another")


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return found.keys() == expected.keys() and all(
        torch.equal(found[name], expected[name]) for name in expected
    )


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_digest_is_that_of_the_file_and_follows_it(tmp_path: Path) -> None:
    file = saved(tmp_path / "w.pth", STATE)
    first = weights_digest(file)
    assert first == digest_of(file.path)

    torch.save({"b": torch.ones(3)}, file.path)

    assert weights_digest(file) == digest_of(file.path) != first


def test_an_unchanged_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = saved(tmp_path / "w.pth", STATE)
    first = weights_digest(file)
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("read again"))

    assert weights_digest(file) == first


@pytest.mark.parametrize(
    ("path", "words"),
    [("none.pth", "No such file or directory"), ("", "Is a directory"), ("a\0b", "null byte")],
)
def test_a_file_that_is_not_there_is_a_line(tmp_path: Path, path: str, words: str) -> None:
    with pytest.raises(
        UserError, match=f"backbone.weights: expected weights at .*, found .*{words}; give another"
    ):
        weights_digest(WeightsFile(tmp_path / path, hint="give another"))


def test_another_digest_is_refused_naming_both(tmp_path: Path) -> None:
    file = saved(tmp_path / "resnet18-f37072fd.pth", STATE)
    wrong = WeightsFile(file.path, "f37072fd")

    with pytest.raises(UserError, match=f"begins with f37072fd, found {digest_of(file.path)} of"):
        weights_digest(wrong)
    assert file.path.exists()


def test_a_missing_file_with_a_url_is_downloaded(tmp_path: Path) -> None:
    source = saved(tmp_path / "source.pth", STATE)
    digest = digest_of(source.path)
    file = WeightsFile(tmp_path / "cache" / "w.pth", digest[:8], source.path.as_uri())

    assert weights_digest(file) == digest
    assert same(read_weights(tmp_path / "runs", file), STATE)


def test_a_download_that_fails_is_a_line(tmp_path: Path) -> None:
    file = WeightsFile(tmp_path / "w.pth", url=(tmp_path / "none.pth").as_uri())

    with pytest.raises(UserError, match=r"expected file:.* to be downloaded to .*; fetch it by .*"):
        weights_digest(file)
    assert not file.path.exists()


@pytest.mark.parametrize("wrapper", ["", "state_dict", "model", "model_state_dict", "model_ema"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_state_dicts_are_found(tmp_path: Path, wrapper: str, prefix: str) -> None:
    state: Any = OrderedDict((prefix + name, nn.Parameter(t)) for name, t in STATE.items())
    thing = {wrapper: state, "epoch": 3, "optimizer": {"lr": 0.1}} if wrapper else state
    found = read_weights(tmp_path / "runs", saved(tmp_path / "w.pth", thing))

    assert same(found, STATE)
    assert not any(tensor.requires_grad for tensor in found.values())


def test_views_and_shared_tensors_become_their_own(tmp_path: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    state = {"all": base, "again": base, "turned": base.T, "part": base[:, 1]}
    found = read_weights(tmp_path / "runs", saved(tmp_path / "w.pth", state))

    assert same(found, state)
    assert all(tensor.is_contiguous() for tensor in found.values())
    assert len({tensor.data_ptr() for tensor in found.values()}) == 4


class Code:
    def __reduce__(self) -> Any:
        return os.system, ("touch ran",)


def test_code_is_never_run(here: Path) -> None:
    file = saved(here / "w.pth", {"state_dict": STATE, "more": Code()})

    with pytest.raises(
        UserError, match=r"weights_only refuses .*: it names \w+.system, which is no"
    ):
        read_weights(here / "runs", file)
    (here / "w.pth").write_bytes(pickle.dumps(Code()))
    with pytest.raises(UserError, match="weights_only refuses"):
        read_weights(here / "runs", file)
    assert sorted(path.name for path in here.iterdir()) == ["w.pth"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "torch.save did not write it"),
        (b"<html>404</html>", "torch.save did not write it"),
        (b"PK\3\4 cut off", "torch.save did not write it"),
    ],
)
def test_a_file_that_is_no_weights_is_a_line(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(content)

    with pytest.raises(UserError, match=f"expected a state dict.*{words}") as refused:
        read_weights(tmp_path / "runs", WeightsFile(path))
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        ([torch.ones(1)], "holds no dict but a list"),
        ({}, "holds a dict of other things"),
        ({"a": 1, "b": torch.ones(1)}, r"holds a dict of other things \(a, b\)"),
        ({"model": {"a": torch.ones(2).to_sparse()}}, r"other things \(model\)"),
        ({1: torch.ones(2)}, r"other things \(1\)"),
        ({"a": torch.empty(2**45, device="meta")}, r"other things \(a\)"),
        ({"a": torch.zeros(1).expand(2**33)}, "tensors of at most 268,435,456 bytes in all"),
        ({f"{k}": torch.zeros(1).expand(2**26) for k in range(2)}, "at most 268,435,456 bytes"),
        ({"a": bytearray(3)}, "it names bytearray, which is no tensor"),
    ],
)
def test_other_things_are_refused(tmp_path: Path, thing: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        read_weights(tmp_path / "runs", saved(tmp_path / "w.pth", thing))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_tensors_of_several_shapes_in_one_are_refused(tmp_path: Path) -> None:
    nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])

    with pytest.raises(UserError, match=r"holds a dict of other things \(a\)"):
        read_weights(tmp_path / "runs", saved(tmp_path / "w.pth", {"a": nested}))


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.parametrize("kind", [torch.float8_e4m3fn, torch.float8_e5m2, torch.complex64])
def test_types_that_no_model_has_are_refused(
    tmp_path: Path, kind: torch.dtype, ending: str
) -> None:
    file = WeightsFile(tmp_path / f"w{ending}")
    save = torch.save if ending == ".pth" else safetensors.torch.save_file
    save({"a": torch.zeros(4, dtype=kind)}, file.path)

    with pytest.raises(UserError, match=f"or of whole numbers, found {str(kind)[6:]} in a of .*w"):
        read_weights(tmp_path / "runs", file)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("kind", sorted(weights.TYPES))
def test_types_that_a_model_may_have_are_read(tmp_path: Path, kind: str) -> None:
    state = {"a": torch.ones(2, 3, dtype=getattr(torch, kind))}

    assert same(read_weights(tmp_path / "runs", saved(tmp_path / "w.pth", state)), state)


@pytest.mark.parametrize("shape", [[0, 2**62, 2**62], [0, 2**64 - 1], [2**40]])
def test_a_head_that_lies_is_a_line(tmp_path: Path, shape: list[int]) -> None:
    head = json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}}).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(struct.pack("<Q", len(head)) + head)

    with pytest.raises(UserError, match="is no safetensors file") as refused:
        read_weights(tmp_path / "runs", WeightsFile(path))
    assert len(str(refused.value).splitlines()) == 1


def test_any_number_of_axes_is_read(tmp_path: Path) -> None:
    """What does not fit the model is told where it is put into it."""
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file({"a": torch.ones([1] * 100)}, path)

    assert read_weights(tmp_path / "runs", WeightsFile(path))["a"].dim() == 100


def test_a_packed_archive_is_read_to_the_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = saved(tmp_path / "w.pth", {"a": torch.zeros(10**5)})
    with (
        zipfile.ZipFile(file.path) as stored,
        zipfile.ZipFile(tmp_path / "small.pth", "w", zipfile.ZIP_DEFLATED) as small,
    ):
        for entry in stored.infolist():
            small.writestr(entry.filename, stored.read(entry))
    small_file = WeightsFile(tmp_path / "small.pth")
    monkeypatch.setattr(packed, "TIMES", 0)
    monkeypatch.setattr(packed, "MOST", 10**5)

    with pytest.raises(UserError, match=r"refuses .*small\.pth: it unpacks to more than 100,000"):
        read_weights(tmp_path / "runs", small_file)
    monkeypatch.setattr(packed, "MOST", 10**6)
    assert same(read_weights(tmp_path / "runs", small_file), read_weights(tmp_path / "runs", file))


def test_too_little_memory_is_not_said_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(torch, "load", full)
    with pytest.raises(RuntimeError, match="allocate memory"):
        read_weights(tmp_path / "runs", saved(tmp_path / "w.pth", STATE))


def test_a_script_is_refused(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # torch.jit is deprecated; such files are about all the same
        torch.jit.save(torch.jit.script(nn.Linear(2, 2)), tmp_path / "w.pt")

    with pytest.raises(UserError, match="it is a TorchScript archive"):
        read_weights(tmp_path / "runs", WeightsFile(tmp_path / "w.pt"))


def test_a_pickle_is_read_once_and_kept_as_safetensors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = saved(tmp_path / "w.pth", STATE)
    digest = weights_digest(file)
    assert same(read_weights(tmp_path, file), STATE)
    folder = tmp_path / ".cache" / "weights" / digest[:16]
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("read again"))

    assert sorted(p.name for p in folder.iterdir()) == [
        *("manifest.json", "source.json", "weights.safetensors"),
    ]
    assert same(read_weights(tmp_path, file), STATE)


@pytest.mark.parametrize("name", ["manifest.json", "source.json", "weights.safetensors"])
def test_what_is_damaged_is_made_again(tmp_path: Path, name: str) -> None:
    file = saved(tmp_path / "w.pth", STATE)
    read_weights(tmp_path, file)
    kept = tmp_path / ".cache" / "weights" / weights_digest(file)[:16] / name
    whole = kept.read_bytes()
    kept.write_bytes(b"x" + whole[1:])

    assert same(read_weights(tmp_path, file), STATE)
    assert kept.read_bytes() == whole


def test_where_nothing_can_be_kept_it_is_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert same(read_weights(tmp_path / "file", saved(tmp_path / "w.pth", STATE)), STATE)


def test_safetensors_are_read_where_they_are(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file(STATE, path)

    assert same(read_weights(tmp_path / "runs", WeightsFile(path)), STATE)
    assert not (tmp_path / "runs").exists()
    path.write_bytes(b"no tensors")
    with pytest.raises(UserError, match="is no safetensors file"):
        read_weights(tmp_path / "runs", WeightsFile(path))


def test_a_file_that_changes_under_its_digest_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = saved(tmp_path / "w.pth", STATE)
    monkeypatch.setattr(weights, "weights_digest", lambda _: "0" * 64)

    with pytest.raises(UserError, match=re.escape("it changed while it was read; give another")):
        read_weights(tmp_path / "runs", file)


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, ending: str, value: float) -> None:
    state = {"a.weight": torch.ones(2, 3), "a.bias": torch.tensor([0.0, value])}
    file = WeightsFile(tmp_path / f"w{ending}")
    if ending == ".pth":
        torch.save(state, file.path)
    else:
        safetensors.torch.save_file(state, file.path)

    with pytest.raises(UserError, match=r"that are finite, found nan or infinity in a\.bias"):
        read_weights(tmp_path / "runs", file)
    assert not (tmp_path / "runs").exists()
