"""A delivered folder answers by its members' weights and temperatures, all of it proved first."""

import json
import os
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from answering import cells, columns_of, of_test, on_table, without
from scipy.special import expit

import tlrun
from tlrun.core.errors import UserError
from tlrun.store.digests import sealed

NEW = without(columns_of(cells()[:9]), "site", "weight")
NAMES = ("net", "linear")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("members")
    return {
        "net": on_table(place / "net"),
        "linear": on_table(place / "linear", {"name": "linear_model"}),
        "number": on_table(place / "number", predict="weight"),
        "other": on_table(place / "other", {"name": "linear_model"}, predict="weight"),
    }


def delivered(
    place: Path, runs: dict[str, Path], names: tuple[str, ...] = NAMES, **changes: Any
) -> Path:
    """A folder of two members, the first weighing 3/4; `changes` replace keys of each."""
    members = []
    for name, weight, temperature in zip(names, (0.75, 0.25), (2.0, 1.0), strict=True):
        shutil.copytree(runs[name], place / "members" / name)
        member = {"folder": f"members/{name}", "weight": weight, "temperature": temperature}
        members.append({**member, "name": name, **changes})
    task, combine = "ill", "probabilities"
    if "number" in names:
        task, combine = "weight", "numbers"
    write(place, {f"table/{task}": {"combine": combine, "members": members}})
    return place


def write(place: Path, tasks: dict[str, Any]) -> None:
    files = [file for file in place.rglob("*") if file.is_file() and file.name != "delivered.json"]
    digests = {
        file.relative_to(place).as_posix(): sha256(file.read_bytes()).hexdigest() for file in files
    }
    kept = {"version": 1, "problem": "p", "tasks": tasks, "digests": digests}
    (place / "delivered.json").write_text(json.dumps(kept))


def refusal(place: Path) -> str:
    with pytest.raises(UserError) as raised:
        tlrun.load(place)
    (line,) = raised.value.lines
    return line


def test_classes_are_answered_by_weighted_probabilities(
    tmp_path: Path, runs: dict[str, Path]
) -> None:
    place = delivered(tmp_path / "d", runs)
    for path in runs.values():
        assert path.exists()
    said = {name: of_test(runs[name], "table/ill") for name in NAMES}
    rows = said["net"][1]
    assert np.array_equal(rows, said["linear"][1])
    table = cells()
    new = without(columns_of([table[row] for row in rows]), "ill", "site")
    z = {name: of[0][:, 0].astype(np.float64) for name, of in said.items()}
    with pytest.warns(UserWarning, match="missing numbers") as told:
        p = tlrun.load(place).predict_proba(new)

    np.testing.assert_allclose(p[:, 1], 0.75 * expit(z["net"] / 2) + 0.25 * expit(z["linear"]))
    assert len(told) == 1  # once, though two have read them
    assert tlrun.load(place).tasks == ("table/ill",)


def test_numbers_are_answered_by_their_weighted_mean(tmp_path: Path, runs: dict[str, Path]) -> None:
    place = delivered(tmp_path / "d", runs, ("number", "other"))
    with pytest.warns(UserWarning, match="missing numbers"):
        together = tlrun.load(place).predict(NEW)
    with pytest.warns(UserWarning, match="missing numbers"):
        apart = [tlrun.load(runs[name]).predict(NEW) for name in ("number", "other")]
    np.testing.assert_allclose(together, 0.75 * apart[0] + 0.25 * apart[1])


@pytest.mark.parametrize(
    "changes",
    [
        {"weight": -0.5}, {"weight": 0.7}, {"weight": "1"}, {"temperature": 0},
        {"temperature": float("nan")}, {"weight": float("inf")}, {"weight": True},
    ],
)  # fmt: skip
def test_numbers_that_combine_nothing_are_refused(
    changes: dict[str, Any], tmp_path: Path, runs: dict[str, Path]
) -> None:
    assert "delivered.json: expected weights" in refusal(delivered(tmp_path, runs, **changes))


@pytest.mark.parametrize(
    "folder", ["../net", "/etc", "members/../members/net", "", "C:/x", "members\\net", "link"]
)
def test_a_path_that_leads_out_is_refused(
    folder: str, tmp_path: Path, runs: dict[str, Path]
) -> None:
    place = delivered(tmp_path / "d", runs)
    (place / "link").symlink_to(runs["net"])
    kept = json.loads((place / "delivered.json").read_text())
    kept["tasks"]["table/ill"]["members"][0]["folder"] = folder
    (place / "delivered.json").write_text(json.dumps(kept))
    assert "expected paths inside the folder, without links, found" in refusal(place)


def test_what_was_changed_is_refused(tmp_path: Path, runs: dict[str, Path]) -> None:
    place = delivered(tmp_path / "d", runs)
    record = place / "members" / "net" / "run.json"
    original = record.read_bytes()
    record.write_bytes(original + b" ")
    assert "net/run.json: expected the file as it was written" in refusal(place)
    record.write_bytes(original)
    (place / "members" / "net" / "structure.json").write_text("{}")
    assert "expected the digest of members/net/structure.json, found none" in refusal(place)
    (place / "members" / "net" / "structure.json").unlink()
    (place / "members" / "net" / "result.json").unlink()
    assert "members/net/result.json: No such file" in refusal(place)


def test_what_is_no_stack_is_refused(tmp_path: Path, runs: dict[str, Path]) -> None:
    place = delivered(tmp_path / "d", runs)
    kept = json.loads((place / "delivered.json").read_text())
    for key, value, what in (
        ("version", 2, "expected version 1, found 2"),
        ("tasks", {}, "expected a task, found none"),
        ("tasks", {"table/other": kept["tasks"]["table/ill"]}, "expected a model that answers"),
        ("tasks", [], "expected what was delivered"),
        ("digests", {}, "expected the digest of members/net/run.json"),
    ):
        (place / "delivered.json").write_text(json.dumps({**kept, key: value}))
        assert what in refusal(place)
    of = {**kept["tasks"]["table/ill"], "combine": "numbers"}
    (place / "delivered.json").write_text(json.dumps({**kept, "tasks": {"table/ill": of}}))
    assert "one kind of answer" in refusal(place)


def test_a_weight_that_was_changed_is_refused(tmp_path: Path, runs: dict[str, Path]) -> None:
    place = delivered(tmp_path / "d", runs)
    before = tlrun.load(place).tasks  # of an older tl-run, without a digest of its own
    file = place / "delivered.json"
    kept = sealed(json.loads(file.read_text()))
    file.write_text(json.dumps(kept))
    assert tlrun.load(place).tasks == before
    for member, weight in zip(kept["tasks"]["table/ill"]["members"], (0.25, 0.75), strict=True):
        member["weight"] = weight
    file.write_text(json.dumps(kept))
    assert "delivered.json is damaged: it does not match its own digest" in refusal(place)


def test_a_pipe_in_place_of_a_file_is_refused(tmp_path: Path, runs: dict[str, Path]) -> None:
    place = delivered(tmp_path / "d", runs)
    (place / "members" / "net" / "model.safetensors").unlink()
    os.mkfifo(place / "members" / "net" / "model.safetensors")
    assert "net/model.safetensors: it is no file" in refusal(place)
    older = shutil.copytree(runs["net"], tmp_path / "older")
    record = json.loads((older / "run.json").read_text())
    for key in ("own digest", "run", "digests"):
        del record[key]
    (older / "run.json").write_text(json.dumps(record))
    (older / "model.safetensors").unlink()
    os.mkfifo(older / "model.safetensors")
    assert "model.safetensors: it is no file" in refusal(older)
