import gzip
from pathlib import Path

import pytest
from image_sets import put_mnist, put_usps

from tlrun.core.errors import UserError
from tlrun.data.datasets.pair import Pair
from tlrun.data.images.on_disk import files_of, folder_of, under


def test_the_files_of_a_set_are_those_that_are_there(tmp_path: Path) -> None:
    put_mnist(tmp_path)
    folder = folder_of("mnist", tmp_path)
    assert folder is not None
    first = files_of("mnist", folder)[0]
    packed = first.with_name(f"{first.name.removesuffix('.gz')}.gz")
    plain = packed.with_suffix("")
    for path in (packed, plain):
        path.unlink(missing_ok=True)

    packed.write_bytes(gzip.compress(b"x"))
    assert files_of("mnist", folder)[0] == packed
    plain.write_bytes(b"x")
    assert files_of("mnist", folder)[0] == plain
    packed.unlink()
    plain.unlink()
    assert folder_of("mnist", tmp_path) is None


def test_a_pair_names_the_files_of_both_sets_or_none(tmp_path: Path) -> None:
    pair = Pair(root=str(tmp_path), download=False)
    put_mnist(tmp_path)
    assert pair.files() == []
    put_usps(tmp_path)

    assert len(pair.files()) == 6
    assert all(path.is_file() for path in pair.files())


def test_nobodys_home_is_refused() -> None:
    with pytest.raises(UserError, match=r"dataset\.root: .*nobody's home"):
        under("~nobody-of-that-name/data")
