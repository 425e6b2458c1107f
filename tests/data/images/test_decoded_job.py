from pathlib import Path

from tlrun.data.images.decoded_job import Job
from tlrun.data.images.decoding import Form

FORM = Form(8, "crop", 3)


def job(names: list[str], digests: list[str], form: Form = FORM) -> Job:
    return Job([Path("/somewhere", name) for name in names], digests, form, Path("/cache"), print)


def test_an_entry_is_called_by_what_its_files_hold_and_become() -> None:
    one, other = "11" * 32, "22" * 32
    first = job(["a.png", "b.jpg"], [one, other])

    assert first.name == job(["A.PNG", "c.jpg"], [one, other]).name
    assert first.shape == (2, 3, 8, 8)
    assert first.contents.shape == (2, 32)
    assert first.contents[1].tolist() == [0x22] * 32
    assert first.entry.parent == first.partial.parent == Path("/cache")
    different = [
        job(["a.png", "b.heic"], [one, other]),
        job(["a.png", "b.jpg"], [other, one]),
        job(["a.png"], [one]),
        job(["a.png", "b.jpg"], [one, other], Form(9, "crop", 3)),
        job(["a.png", "b.jpg"], [one, other], Form(8, "pad", 3)),
        job(["a.png", "b.jpg"], [one, other], Form(8, "crop", 1)),
    ]
    assert len({each.name for each in [first, *different]}) == 7
    assert [each.kind == first.kind for each in different] == [True] * 3 + [False] * 3
