import socket
from pathlib import Path

import numpy as np
import pytest
from image_sets import TRAIN, known, offline, online, put_cifar10
from torchvision.datasets import utils

from tlrun.core.errors import UserError
from tlrun.data.images import stand_in_images
from tlrun.data.images.stand_in import FOLDER, HASTE, files, is_real, load
from tlrun.store.downloads import PATIENCE


@pytest.fixture(autouse=True)
def _fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stand_in_images, "TRAIN", 100)
    monkeypatch.setattr(stand_in_images, "TEST", 50)


@pytest.mark.parametrize("stand_in", [False, True])
def test_real_files_are_read_whatever_was_asked(
    stand_in: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_cifar10(tmp_path)
    known(monkeypatch, tmp_path)
    offline(monkeypatch)
    before = sorted(tmp_path.rglob("*"))
    found = load(str(tmp_path), True, stand_in)

    assert not found.is_stand_in
    assert len(found.images.train.labels) == TRAIN
    assert is_real(str(tmp_path))
    assert {path.name for path in files(str(tmp_path), stand_in)} == {
        path.name for path in before if path.is_file()
    }
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("stand_in", [False, True])
def test_what_can_be_downloaded_is_downloaded(
    stand_in: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_cifar10(tmp_path / "server")
    served = online(monkeypatch, tmp_path / "server")
    root = tmp_path / "root"

    assert not load(str(root), True, stand_in).is_stand_in
    assert served == ["cifar-10-python.tar.gz"]
    assert not (root / FOLDER).exists()


def test_without_being_asked_there_is_no_stand_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline(monkeypatch)
    for download in (True, False):
        with pytest.raises(
            UserError, match=r"^dataset.root: expected cifar10 as .*, or dataset.stand_in=true to"
        ) as caught:
            load(str(tmp_path), download, False)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / FOLDER).exists()


@pytest.mark.parametrize("download", [True, False])
def test_where_there_is_nothing_it_stands_in(
    download: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    offline(monkeypatch)
    found = load(str(tmp_path), download, True)
    said = capsys.readouterr().err

    assert found.is_stand_in
    assert np.bincount(found.images.train.labels).tolist() == [10] * 10
    assert f"making a stand-in for cifar10 into {tmp_path / FOLDER}, once\n" in said
    assert ("no network" in said) == download
    assert not is_real(str(tmp_path))
    assert len(files(str(tmp_path), True)) == 8
    assert not files(str(tmp_path), False)
    again = load(str(tmp_path), download, True)
    assert again.images is found.images
    assert capsys.readouterr().err == ""  # and no download was tried


def test_real_files_that_come_later_are_read_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(str(tmp_path), False, True).is_stand_in
    put_cifar10(tmp_path)
    known(monkeypatch, tmp_path)

    assert not load(str(tmp_path), False, True).is_stand_in
    assert all(FOLDER not in path.parts for path in files(str(tmp_path), True))


def test_nothing_stands_in_for_damaged_files(tmp_path: Path) -> None:
    put_cifar10(tmp_path)  # whose md5 is not CIFAR-10's
    with pytest.raises(UserError, match="with the md5 that torchvision knows"):
        load(str(tmp_path), True, True)

    assert not (tmp_path / FOLDER).exists()


@pytest.mark.parametrize(("stand_in", "patience"), [(True, HASTE), (False, PATIENCE)])
def test_who_can_do_without_a_network_does_not_wait_long_for_one(
    stand_in: bool, patience: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float | None] = []

    def silent(*_: object, **__: object) -> str:
        waits.append(socket.getdefaulttimeout())
        raise TimeoutError("timed out")

    monkeypatch.setattr(utils, "_get_redirect_url", silent)
    if stand_in:
        assert load(str(tmp_path), True, stand_in).is_stand_in
    else:
        with pytest.raises(UserError, match="timed out"):
            load(str(tmp_path), True, stand_in)

    assert waits == [patience]
    assert HASTE < PATIENCE
    assert socket.getdefaulttimeout() is None
