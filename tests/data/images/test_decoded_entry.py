from pathlib import Path

import numpy as np

from tlrun.data.examples import row_hashes
from tlrun.data.images.decoded_entry import begin, finish, kept, key_of
from tlrun.data.images.decoded_job import Job
from tlrun.data.images.decoding import Form


def job(cache: Path, count: int = 3) -> Job:
    digests = [f"{k:02x}" * 32 for k in range(count)]
    paths = [Path(f"/somewhere/{k}.png") for k in range(count)]
    return Job(paths, digests, Form(8, "crop", 1), cache, lambda _: None)


def test_an_entry_is_found_once_it_is_finished(tmp_path: Path) -> None:
    asked = job(tmp_path)
    assert kept(asked) is None
    images, keys, done = begin(asked)
    assert not done.any()
    images[:2] = np.arange(2 * 64).reshape(2, 1, 8, 8)
    for row in (0, 1):
        keys[row] = key_of(images[row])
    del images, keys
    assert begin(asked)[2].tolist() == [True, True, False]
    assert kept(asked) is None
    finish(asked, {2: "an empty file"})

    found = kept(job(tmp_path))
    assert found is not None
    assert found.unreadable == {2: "an empty file"}
    assert found.images[:2].ravel().tolist() == list(range(128))
    assert [key.tobytes() for key in found.keys[:2]] == list(row_hashes(found.images[:2]))
    assert begin(job(tmp_path, 4))[2].tolist() == [True, True, False, False]  # what is here is lent
