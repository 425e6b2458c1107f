import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.notes import (
    EntryDamaged,
    LamHasNoEffect,
    Note,
    NotKept,
    ReadingData,
    RunAnew,
    StageLoaded,
    StatisticsPooled,
    StrategyWarning,
    StructureLearnt,
    Waiting,
)

COUNTED: list[type[Note]] = [
    EntryDamaged,
    LamHasNoEffect,
    NotKept,
    ReadingData,
    RunAnew,
    StageLoaded,
    StatisticsPooled,
    StrategyWarning,
    StructureLearnt,
    Waiting,
]
PATHS = st.none() | st.sampled_from([Path("runs/a"), Path("runs/b")])


@pytest.mark.parametrize("kind", COUNTED)
@given(data=st.data())
def test_notes_that_differ_in_their_folder_alone_are_counted_as_one(
    kind: type[Note], data: st.DataObject
) -> None:
    note = data.draw(st.builds(kind, path=PATHS))
    plain = note.without_path()

    assert plain.path is None
    assert type(plain) is kind
    assert {plain: 1}[note.without_path().without_path()] == 1
    assert plain == note.without_path()
    assert note.path is None or note != plain


@pytest.mark.parametrize("kind", COUNTED)
@given(data=st.data())
def test_a_note_goes_from_process_to_process_whole(kind: type[Note], data: st.DataObject) -> None:
    """As the processes of a sweep hand theirs over."""
    note = data.draw(st.builds(kind, path=PATHS))
    other = pickle.loads(pickle.dumps(note))

    assert type(other) is kind
    assert repr(other) == repr(note)  # a nan in it is equal to no other


def test_what_is_said_of_a_run_is_a_note_of_its_own() -> None:
    one = RunAnew(why="damaged", details="result.json")

    assert one != RunAnew(why="damaged", details="model.safetensors")
    assert one != RunAnew(why="outdated", details="result.json")
    kinds: set[Note] = {LamHasNoEffect(), StrategyWarning(text="")}
    assert len(kinds) == 2
