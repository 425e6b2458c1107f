"""What a command has left, and how that differs from what an uninterrupted one leaves."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reliability.harness_trial import Ended

# of a file or folder that is written aside, by process or by chance
ASIDE = re.compile(r"^\..+\.(\d+|tmp)$|^\.tmp|\.partial$|^tmp\w{8}$")
UNEQUAL = (".locks", ".superseded", ".sweeps", "logs")  # folders with nothing that has to be equal
# of run.json: times and processes, and what follows from them
TIMES = ("pid", "host", "started", "ended", "seconds", "large", "own digest")
Picture = Mapping[str, str]


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder, by name."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def is_checkpoint(path: Path) -> bool:
    """Whether a file is of a checkpoint, which goes with the run."""
    return any(part == "checkpoints" or part.endswith(".checkpoints") for part in path.parts)


def picture(runs_dir: Path) -> Picture:
    """A digest of every file that has to be equal, without times and processes, by its path."""
    found = {}
    for path in files_below(runs_dir):
        inside = path.relative_to(runs_dir)
        if set(inside.parts) & set(UNEQUAL) or is_checkpoint(inside) or _is_aside(inside):
            continue
        found[str(inside)] = _digest(path)
    return found


def _digest(path: Path) -> str:
    content = path.read_bytes()
    try:
        if path.name == "run.json":
            content = _without_times(json.loads(content))
        elif path.name == "stage.json":
            content = _text({**json.loads(content), "seconds": 0})
        elif path.name == "manifest.json":
            # of a stage: the digest of stage.json goes with its seconds
            manifest = json.loads(content)
            if "stage.json" in manifest["files"]:
                manifest["files"]["stage.json"] = manifest["manifest"] = ""
                content = _text(manifest)
    except (ValueError, KeyError, TypeError):
        content = b"broken " + content
    return hashlib.sha256(content).hexdigest()


def _without_times(record: Any) -> bytes:
    for name in TIMES:
        record.pop(name, None)
    for stage in record.get("stages", ()):
        stage.pop("seconds", None)
        stage.pop("found", None)
    return _text(record)


def _text(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def differences(reference: Picture, runs_dir: Path, stores: bool = True) -> list[str]:
    """The files that are not what they are in `reference`, each with how.

    stores: whether kept stages and caches have to be there as well; if not, those that are there
    have to be equal or known by their digests not to be whole: they are made again when needed.
    """
    found = picture(runs_dir)
    lines = []
    for name in sorted(reference.keys() | found.keys()):
        if reference.get(name) == found.get(name):
            continue
        manifest = (runs_dir / name).with_name("manifest.json")
        may_differ = name.startswith(".") and not stores
        if may_differ and (name not in found or _unlike(manifest, None)):
            continue
        how = "missing" if name not in found else "too much" if name not in reference else "another"
        lines.append(f"{name} is {how}")
    return lines


def leftovers(runs_dir: Path) -> list[str]:
    """What was written aside and is still there, without what newer runs have superseded."""
    inside = (path.relative_to(runs_dir) for path in sorted(runs_dir.rglob("*")))
    return [str(path) for path in inside if _is_aside(path) and path.parts[0] != ".superseded"]


def _is_aside(inside: Path) -> bool:
    return any(ASIDE.search(part) for part in inside.parts)


def broken(runs_dir: Path) -> list[str]:
    """Files that stand under their own name and are not whole, after no more than a kill."""
    found = []
    for path in files_below(runs_dir):
        inside = path.relative_to(runs_dir)
        if _is_aside(inside):
            continue
        if path.name == "manifest.json":
            found += _unlike(path, json.loads(path.read_text()).get("files", {}))
        elif path.suffix == ".json" and not _is_json(path):
            found.append(f"{inside} is no JSON")
        elif path.name == "run.json":
            found += _unlike(path, json.loads(path.read_text()).get("digests", {}))
    return found


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text())
    except ValueError:
        return False
    return True


def _unlike(manifest: Path, digests: Mapping[str, str] | None) -> list[str]:
    """The files beside a manifest that are not what their digests say. digests: None: its own."""
    if digests is None:
        try:
            digests = json.loads(manifest.read_text())["files"]
        except (OSError, ValueError, KeyError, TypeError):
            return [f"{manifest} is not whole"]
    found = []
    for name, digest in digests.items():
        file = manifest.parent / name
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            found.append(f"{file} is not what {manifest.name} says")
    return found


def complaints(ended: Ended) -> list[str]:
    """What is wrong with how a command ended that has to succeed."""
    found = []
    if ended.code:
        found.append(f"exit code {ended.code}: {ended.screen[-1500:]}")
    if "Traceback" in ended.screen:
        found.append(f"a traceback: {ended.screen[-3000:]}")
    return found


def refused(ended: Ended) -> list[str]:
    """What is wrong with how a command says that it cannot be carried out: in one line."""
    said = [line for line in ended.screen.splitlines() if line.startswith("tl-run: ")]
    found = []
    if ended.code not in {1, 2}:
        found.append(f"exit code {ended.code}: {ended.screen[-1500:]}")
    if "Traceback" in ended.screen:
        found.append(f"a traceback: {ended.screen[-3000:]}")
    elif len(said) != 1:
        found.append(f"expected one line, found {len(said)}: {ended.screen[-1500:]}")
    return found


def recovered(ended: Ended, runs_dir: Path, reference: Picture, stores: bool = False) -> list[str]:
    """What is wrong after a command that has made good what happened before.

    stores: as of `differences`.
    """
    found = complaints(ended) + differences(reference, runs_dir, stores)
    of_runs = [path for path in leftovers(runs_dir) if not path.startswith(".")]
    return found + [f"{path} was left" for path in of_runs]
