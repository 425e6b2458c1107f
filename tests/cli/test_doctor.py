import sys
from pathlib import Path

import pytest
from packages import package

from tlrun.cli import doctor
from tlrun.cli.doctor import findings
from tlrun.config import plugins
from tlrun.store.finished import Finished, finish
from tlrun.store.rundir import RunDir


def test_a_sound_machine_has_nothing_to_mend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor.doctor(["--runs-dir", str(tmp_path)]) == 0
    shown = capsys.readouterr().out

    assert shown.strip().endswith("Nothing is wrong.")
    for word in ("torch ", "hydra-core 1.3", "cores", "joblib", "none yet", "device"):
        assert word in shown


def test_a_study_that_is_not_as_it_was_declared_is_named(tmp_path: Path) -> None:
    """And what can be done about it."""
    (tmp_path / ".studies").mkdir()
    (tmp_path / ".studies" / "abc.json").write_text("{}")
    (found,) = [finding for finding in findings(tmp_path) if finding.what == "study"]

    assert found.found.startswith(f"{tmp_path}/.studies/abc.json: a file that is damaged")
    assert found.fix.startswith("put the file back as it was, or move it away")


def test_damaged_runs_are_counted(tmp_path: Path) -> None:
    run = RunDir(tmp_path, "digits/scratch", "seed=0_abc")
    run.begin("", {})
    finish([Finished(run, {"headline": {}}, {}, {}, {})])
    (found,) = [finding for finding in findings(tmp_path) if finding.what == "damaged"]

    assert found.found == "1 run: tl-run ls status=damaged"
    assert found.fix


def test_what_is_wrong_comes_with_its_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A torchvision of another build, a broken plug-in, one that takes our name, no disk, and a
    file for a folder."""
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setattr(doctor, "FREE", 2**80)
    monkeypatch.setattr(plugins, "announced", plugins.announced.__wrapped__)
    package(
        tmp_path / "site",
        "pkg_ill",
        "raise ValueError('no')",
        {"tlrun.strategies": "ill = pkg_ill:X\njoint = pkg_ill:X"},
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert doctor.doctor([f"--runs-dir={tmp_path}"]) == 1
    wrong = {finding.what: finding for finding in findings(tmp_path) if finding.fix}
    shown = capsys.readouterr().out

    assert set(wrong) == {"PyTorch", "plug-in", "runs"}
    assert "torchvision" in wrong["PyTorch"].fix
    assert "4 things to mend." in shown
    assert "cannot be imported: ValueError: no" in shown
    assert "that name is tl-run's own" in shown
    (tmp_path / "file").write_text("")
    assert [f.fix for f in findings(tmp_path / "file") if f.what == "runs"] == [
        "choose another folder: runs_dir=PATH"
    ]
