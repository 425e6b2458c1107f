"""Pretrained weights: proved by their digest, read without running code, kept as safetensors.

    <runs_dir>/.cache/weights/<first 16 digits of the file's sha256>/
      weights.safetensors   what a .pth held, by the names that it has there
      source.json           the whole sha256 of the file it was read from
      manifest.json         digests

A .pth is a pickle, which can hold code: torch reads it with `weights_only`, which refuses anything
but tensors and plain containers. A .safetensors file holds no code, and is read where it is.
"""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlrun.core.errors import Mistake, UserError, out_of_memory
from tlrun.core.json_text import parsed
from tlrun.core.packed import TooMuch, most_bytes, unpacked_zip
from tlrun.models.backbone import WeightsFile
from tlrun.store.downloads import DownloadFailed, described, download
from tlrun.store.entries import Damaged, Entry, entry

if TYPE_CHECKING:
    from torch import Tensor

HOME = ".cache/weights"
KEPT, SOURCE = "weights.safetensors", "source.json"
KEY = "backbone.weights"
EXPECTED = "a state dict: tensors by name"
# Under what training scripts put a state dict, beside an optimizer's state and the like.
WRAPPERS = ("state_dict", "model", "model_state_dict", "model_ema")
PARALLEL = "module."  # what DataParallel puts before every name
# How torch names what a pickle wants to call.
FORBIDDEN = re.compile(r"GLOBAL ([\w.]+)")
# What torch would call, though it is no tensor: with a number it makes so many bytes.
MAKES_ANY = b"\nbytearray\n"
# Those that a model may have; float8 has a scale elsewhere, without which it is another number.
TYPES = {
    *("float64", "float32", "float16", "bfloat16"),
    *("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool"),
}

# Digests of files that this process has read, by path, size, times and inode.
_known: dict[tuple[Any, ...], str] = {}


def weights_digest(file: WeightsFile) -> str:
    """sha256, in hex, of the whole file; it is downloaded first where it is missing and has a url.

    A file that was read before in this process, and has not changed since, is not read again.

    Raises UserError where it is not there, cannot be downloaded, or has another digest.
    """
    if not file.path.exists() and file.url:
        try:
            download(file.url, file.path, file.sha256)
        except DownloadFailed as error:
            expected = f"{file.url} to be downloaded to {file.path}"
            hint = "fetch it by other means and put it there, or set {key} to a file or null"
            raise UserError(Mistake(KEY, expected, str(error), hint)) from None
    try:
        status = file.path.stat()
        times = (status.st_mtime_ns, status.st_ctime_ns)
        state = (str(file.path.absolute()), status.st_size, *times, status.st_ino)
        if state not in _known:
            with open(file.path, "rb") as opened:
                _known[state] = hashlib.file_digest(opened, "sha256").hexdigest()
    except (OSError, ValueError) as error:  # ValueError: a path that holds a NUL
        raise UserError(_unread(file, described(error))) from None
    digest = _known[state]
    if not digest.startswith(file.sha256):
        expected = f"a file whose sha256 begins with {file.sha256}"
        found = f"{digest} of {file.path}"
        raise UserError(Mistake(KEY, expected, found, "remove the file, or give its own path"))
    return digest


def read_weights(runs_dir: Path, file: WeightsFile) -> dict[str, Tensor]:
    """The tensors of the file by name, on the CPU, contiguous, none sharing memory with another.

    runs_dir: where what a pickle held is kept as safetensors; later it is read from there. Nothing
    is kept where that cannot be written.

    Raises UserError where the file is not there, has another digest, or holds no state dict.
    """
    import safetensors.torch

    digest = weights_digest(file)
    if file.path.suffix == ".safetensors":
        return _checked(file, _from_safetensors(file, _content(file, digest)))
    place = entry(runs_dir, HOME, digest[:16])
    kept = _kept(place, digest)
    if kept is None:
        tensors = _checked(file, _from_pickle(file, _content(file, digest)))
        kept = safetensors.torch.save(tensors)
        source = json.dumps({"sha256": digest, "name": file.name}).encode()
        with suppress(OSError):
            place.write({KEPT: kept, SOURCE: source})
    return safetensors.torch.load(kept)


def _checked(file: WeightsFile, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors, each of one of TYPES and finite. Raises UserError where one is not."""
    for name, tensor in tensors.items():
        kind = str(tensor.dtype).removeprefix("torch.")
        if kind not in TYPES:
            expected = "weights of float16, bfloat16, float32 or float64, or of whole numbers"
            raise UserError(Mistake(KEY, expected, f"{kind} in {name} of {file.path}"))
        if not bool(tensor.reshape(-1).isfinite().all()):
            found = f"nan or infinity in {name} of {file.path}"
            raise UserError(Mistake(KEY, "weights that are finite", found, "take another file"))
    return tensors


def _kept(place: Entry, digest: str) -> bytes | None:
    """What was kept of the file with this digest, if it is there and whole."""
    try:
        files = place.read()
        if files is None or parsed(files[SOURCE])["sha256"] != digest:
            return None
        return files[KEPT]
    except (Damaged, OSError, KeyError, TypeError, ValueError):
        return None


def _content(file: WeightsFile, digest: str) -> bytes:
    """All bytes of the file, proved to be those of the digest. Raises UserError if they are not."""
    try:
        content = file.path.read_bytes()
    except OSError as error:
        raise UserError(_unread(file, described(error))) from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise UserError(_unread(file, "it changed while it was read"))
    return content


def _from_safetensors(file: WeightsFile, content: bytes) -> dict[str, Tensor]:
    import safetensors.torch

    try:
        return safetensors.torch.load(content)
    except Exception as error:  # a head that lies raises errors of any kind
        if out_of_memory(error):  # which says nothing about the file
            raise
        found = f"{file.path} is no safetensors file ({described(error)[:120]})"
        raise UserError(Mistake(KEY, EXPECTED, found)) from None


def _from_pickle(file: WeightsFile, content: bytes) -> dict[str, Tensor]:
    """The state dict in what torch.save wrote. Raises UserError for anything else."""
    import torch

    most = most_bytes(len(content))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of files that it then refuses
            loaded = _loaded(content)
    except Exception as error:  # bytes of any kind raise errors of any kind
        if out_of_memory(error):  # which says nothing about the file
            raise
        found = f"weights_only refuses {file.path}: {_refused(error)}"
        hint = "take a file that holds tensors alone, or its .safetensors"
        raise UserError(Mistake(KEY, EXPECTED, found, hint)) from None
    state = _state_dict(loaded)
    if state is None:
        found = f"{file.path} holds {_what(loaded)}"
        hint = f"such a dict may stand under {', '.join(WRAPPERS)}"
        raise UserError(Mistake(KEY, EXPECTED, found, hint))
    if sum(tensor.numel() * tensor.element_size() for tensor in state.values()) > most:
        found = f"more in {file.path}"  # views of a few numbers, which a copy would write out
        raise UserError(Mistake(KEY, f"tensors of at most {most:,} bytes in all", found))
    if all(name.startswith(PARALLEL) for name in state):
        state = {name.removeprefix(PARALLEL): tensor for name, tensor in state.items()}
    # each a copy of its own: files keep views and shared tensors, safetensors does not
    plain = torch.contiguous_format
    return {name: t.detach().clone(memory_format=plain) for name, t in state.items()}


def _loaded(content: bytes) -> object:
    """What stands in a pickle. Raises TooMuch, and errors of any kind."""
    import torch

    if content.startswith(b"PK"):
        content = unpacked_zip(content)
    if MAKES_ANY in content:
        raise ValueError("GLOBAL bytearray")
    return torch.load(BytesIO(content), map_location="cpu", weights_only=True)


def _state_dict(loaded: object) -> dict[str, Tensor] | None:
    """What was loaded, or what stands in it under one of WRAPPERS, if it is tensors by name."""
    if not isinstance(loaded, dict):
        return None
    for state in (loaded, *(loaded[name] for name in WRAPPERS if name in loaded)):
        if isinstance(state, dict) and state and all(_is_weight(*item) for item in state.items()):
            return state
    return None


def _is_weight(name: object, tensor: object) -> bool:
    import torch

    if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
        return False
    plain = tensor.layout == torch.strided and not tensor.is_quantized and not tensor.is_nested
    return plain and tensor.device.type == "cpu"  # meta has no numbers


def _unread(file: WeightsFile, found: str) -> Mistake:
    return Mistake(KEY, f"weights at {file.path}", found, file.hint)


def _what(loaded: object) -> str:
    """What was found in place of a state dict, in words."""
    if not isinstance(loaded, dict):
        return f"no dict but a {type(loaded).__name__}"
    names = ", ".join(map(str, list(loaded)[:3]))
    return f"a dict of other things ({names}{', …' if len(loaded) > 3 else ''})"


def _refused(error: Exception) -> str:
    """Why torch refuses to read a file, in one line: its own words go on for a page."""
    words = str(error)
    if isinstance(error, TooMuch):
        return words
    if code := FORBIDDEN.search(words):
        return f"it names {code[1]}, which is no tensor"
    if "TorchScript" in words:
        return "it is a TorchScript archive"
    return f"torch.save did not write it ({type(error).__name__})"
