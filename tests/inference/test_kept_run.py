"""A run's folder is proved before anything of it is used, and nothing in it is executed."""

import json
import pickle
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml
from answering import on_table

import tlrun
from tlrun.core.errors import UserError
from tlrun.inference.kept_run import open_run
from tlrun.store.digests import OWN, sealed

from problems import sign

DECISIVE = ("config.yaml", "data.json", "preprocessing.json", "model.safetensors")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return on_table(tmp_path_factory.mktemp("kept"))


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    return shutil.copytree(kept, tmp_path / "copy")


class Mine:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (Path.touch, (self.mark,))


def refusal(folder: Path) -> str:
    with pytest.raises(UserError) as raised:
        tlrun.load(folder)
    (line,) = raised.value.lines
    assert "\n" not in line
    return line


def test_a_run_writes_the_digest_of_every_file(kept: Path) -> None:
    digests = json.loads((kept / "run.json").read_text())["digests"]

    assert {*digests, "run.json"} == {file.name for file in kept.iterdir()}
    assert {*digests} > {*DECISIVE}
    for name, digest in digests.items():
        assert sha256((kept / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("name", DECISIVE)
def test_a_flipped_byte_or_a_missing_file_is_refused(name: str, folder: Path) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    assert f"{name} is damaged: it does not match its digest" in refusal(folder)
    (folder / name).unlink()
    assert f"{name}: No such file" in refusal(folder)


def test_a_file_that_was_put_there_later_is_refused(folder: Path) -> None:
    (folder / "structure.json").write_text('{"backbone": "mlp", "options": {"hidden": [3]}}')
    assert "structure.json: expected its digest in run.json, found none" in refusal(folder)


def test_what_is_scored_may_be_gone(folder: Path) -> None:
    (folder / "predictions.safetensors").unlink()
    assert tlrun.load(folder).tasks == ("table/ill",)


def test_a_pickle_is_never_opened(folder: Path) -> None:
    mark = folder.parent / "mark"
    (folder / "model.safetensors").write_bytes(pickle.dumps(Mine(mark)))
    assert "model.safetensors is damaged: it does not match its digest" in refusal(folder)
    sign(folder)
    assert "model.safetensors: expected the model of this run" in refusal(folder)
    assert not mark.exists()
    pickle.loads((folder / "model.safetensors").read_bytes())
    assert mark.exists()


@pytest.mark.parametrize("group", ["backbone", "strategy", "trainer"])
def test_a_config_names_nothing_but_what_is_registered(group: str, folder: Path) -> None:
    mark = folder.parent / "mark"
    config = yaml.safe_load((folder / "config.yaml").read_text())
    calls = {"_target_": "os.system", "command": f"touch {mark}"}
    (folder / "config.yaml").write_text(yaml.safe_dump({**config, group: calls}))
    sign(folder)
    assert f"{group}" in refusal(folder)
    named = {**config, group: {**config[group], "_target_": "os.system"}}
    (folder / "config.yaml").write_text(yaml.safe_dump(named))
    sign(folder)
    assert f"{group}._target_" in refusal(folder)
    tag = f"!!python/object/apply:os.system ['touch {mark}']"
    (folder / "config.yaml").write_text(f"seed: 0\n{group}: {tag}\n")
    sign(folder)
    assert "ConstructorError" in refusal(folder)
    assert not mark.exists()


def test_a_run_of_an_older_tl_run_has_no_digests_and_loads(folder: Path) -> None:
    record = json.loads((folder / "run.json").read_text())
    older = {key: record[key] for key in record.keys() - {OWN, "run", "digests"}}
    (folder / "run.json").write_text(json.dumps(older))
    assert tlrun.load(folder).tasks == ("table/ill",)


@pytest.mark.parametrize("key", ["digests", "inexact", OWN, "run", "fingerprint"])
def test_a_byte_of_a_key_of_run_json_is_damage(key: str, folder: Path) -> None:
    """Else what it says is lost, such as the digests or a warning."""
    sign(folder, inexact="torch 1 then, 2 now")
    text = (folder / "run.json").read_text()
    (folder / "run.json").write_text(text.replace(f'"{key}"', f'"{key[:-1]}_"'))
    assert refusal(folder) == f"{folder}: run.json is damaged: it does not match its own digest"


def test_a_result_that_is_not_what_it_was_is_damage(folder: Path) -> None:
    """It says whether there are folds, and whether it has diverged."""
    result = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps({**result, "folds": 1}))
    assert refusal(folder) == f"{folder}: result.json is damaged: it does not match its digest"
    (folder / "result.json").unlink()
    assert "result.json: No such file" in refusal(folder)


def test_a_run_that_is_none_is_refused(folder: Path) -> None:
    record = json.loads((folder / "run.json").read_text())
    wrong: Any
    for wrong in ([], {"config.yaml": 3}):
        (folder / "run.json").write_text(json.dumps(sealed(record | {"digests": wrong})))
        refusal(folder)
    for threads in ("1", 0, 10**9):
        sign(folder, fingerprint={"threads": threads})
        assert "expected a whole number of threads" in refusal(folder)
    (folder / "run.json").write_text(json.dumps({**record, "status": "failed"}))
    assert "expected a finished run, found failed" in refusal(folder)
    (folder / "run.json").write_text("{")
    assert "run.json: expected the files of a finished run, found JSONDecodeError" in refusal(
        folder
    )


def test_what_it_is_about(kept: Path) -> None:
    run = open_run(kept)
    assert run.about == ("table",)
    assert run.roles == {"table": "peer"}
    (key,) = run.tasks(run.forms[0])
    assert str(key) == "table/ill"


def test_a_run_that_has_diverged_or_is_inexact_says_so(folder: Path) -> None:
    assert open_run(folder).spoilt == ()
    far = {"task": "table/ill", "loss": 3e30, "constant": 0.7}
    sign(folder, diverged=far, inexact="torch 1 then, 2 now")

    diverged, inexact = open_run(folder).spoilt
    assert diverged.startswith(f"{folder.name} has diverged: test loss 3e+30 of table/ill")
    assert "smaller optimizer.lr" in diverged
    assert inexact.startswith(f"{folder.name} is inexact")
    assert "torch 1 then, 2 now" in inexact
