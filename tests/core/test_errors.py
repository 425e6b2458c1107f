import copy
import errno
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.errors import (
    Mistake,
    RunBusy,
    RunFailed,
    TlrunError,
    UserError,
    disk_full,
    nearest,
    of_machine,
    out_of_memory,
)  # fmt: skip

WORDS = st.text("λμφ=1", min_size=1, max_size=8)  # none of them in the words between the parts
NAMES = st.text("abc_", min_size=1, max_size=4)
KEYS = st.lists(NAMES, min_size=1, max_size=4).map(".".join)
MISTAKES = st.builds(
    Mistake,
    KEYS,
    expected=st.just("") | WORDS,
    found=WORDS,
    hint=st.just("") | WORDS | st.sampled_from(["try {key}=1", "try {node}.other=2"]),
)


def test_exit_codes_tell_a_mistake_from_a_failed_run() -> None:
    assert UserError(Mistake("x", found="y")).exit_code == 2
    assert RunFailed("x").exit_code == RunBusy("x").exit_code == TlrunError("x").exit_code == 1


@pytest.mark.parametrize(
    ("mistake", "line"),
    [
        (Mistake("k", "E", "F", "do H"), "k: expected E, found F; do H"),
        (Mistake("k", "E", "F"), "k: expected E, found F"),
        (Mistake("k", found="S", hint="do H"), "k: S; do H"),
        (Mistake("k", found="S"), "k: S"),
    ],
)
def test_a_line_is_the_key_then_what_was_expected_and_found_then_what_to_do(
    mistake: Mistake, line: str
) -> None:
    assert str(mistake) == line


@given(MISTAKES)
def test_a_line_holds_all_that_is_said_and_nothing_else(mistake: Mistake) -> None:
    node = mistake.key.rpartition(".")[0]
    hint = mistake.hint.replace("{key}", mistake.key).replace("{node}", node)
    rest = str(mistake)
    for part in filter(None, (mistake.key, mistake.expected, mistake.found, hint)):
        before, there, rest = rest.partition(part)
        assert there
        assert before in {"", ": ", ": expected ", ", found ", "; "}
    assert rest == ""


def test_the_key_and_its_node_are_filled_in_in_a_hint_and_nowhere_else() -> None:
    """What was expected and found may hold what a user has typed."""
    typed = "{node}.two, not {key}"

    assert str(Mistake("a.b.one", "E", "F", typed)).endswith("; a.b.two, not a.b.one")
    assert str(Mistake("k.x", typed, typed)) == f"k.x: expected {typed}, found {typed}"


@given(MISTAKES, KEYS, KEYS)
def test_moving_renames_a_node_and_what_is_in_it_and_leaves_the_rest(
    mistake: Mistake, before: str, after: str
) -> None:
    moved = mistake.moved(before, after)
    path, node = mistake.key.split("."), before.split(".")
    if path[: len(node)] == node:
        assert moved.key.split(".") == [*after.split("."), *path[len(node) :]]
    else:
        assert moved == mistake
    assert replace(moved, key=mistake.key) == mistake


@given(MISTAKES, NAMES)
def test_what_is_moved_can_be_moved_back(mistake: Mistake, name: str) -> None:
    node = mistake.key.partition(".")[0]
    assert mistake.moved(node, f"new.{name}").moved(f"new.{name}", node) == mistake


def test_a_name_that_only_begins_alike_is_another_key() -> None:
    for key in ("strategy", "strategy.scope"):
        assert Mistake(key).moved("strategy", "x").key.startswith("x")
    for key in ("strategies.scope", "strategy_2", "lam.strategy", "strateg"):
        assert Mistake(key).moved("strategy", "x").key == key


def test_a_hint_names_the_options_of_the_node_that_the_mistake_was_moved_to() -> None:
    mistake = Mistake("strategy.scope", "E", "F", "try {key}=heads or {node}.graph=null")
    assert str(mistake.moved("strategy", "strategy.first")).endswith(
        "; try strategy.first.scope=heads or strategy.first.graph=null"
    )


@given(st.lists(MISTAKES, min_size=1, max_size=4))
def test_a_user_error_has_a_line_for_each_mistake_in_order(mistakes: list[Mistake]) -> None:
    error = UserError(*mistakes)
    assert error.mistakes == tuple(mistakes)
    assert error.lines == tuple(map(str, mistakes))
    assert str(error) == "\n".join(map(str, mistakes))


@given(st.lists(MISTAKES, min_size=1, max_size=4), KEYS, KEYS)
def test_an_error_moves_all_its_mistakes_and_stays_as_it_was(
    mistakes: list[Mistake], before: str, after: str
) -> None:
    error = UserError(*mistakes)
    moved = error.moved(before, after)
    assert moved.mistakes == tuple(mistake.moved(before, after) for mistake in mistakes)
    assert moved.lines == tuple(map(str, moved.mistakes))
    assert error.mistakes == tuple(mistakes)


@given(st.lists(MISTAKES, min_size=1, max_size=4))
def test_a_user_error_goes_from_process_to_process_whole(mistakes: list[Mistake]) -> None:
    """As the jobs of a sweep hand theirs over."""
    error = UserError(*mistakes)
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(other) is UserError
        assert other.mistakes == error.mistakes
        assert other.lines == error.lines
        assert other.exit_code == error.exit_code
        assert other.moved("a", "b").lines == error.moved("a", "b").lines


def test_nearest_names_the_nearest_and_all() -> None:
    assert nearest("freez", ["freeze", "name"]) == "did you mean freeze? (one of: freeze, name)"
    assert nearest("qqqqq", ["freeze"]) == "one of: freeze"
    assert nearest("x", []) == "there are none"


@given(NAMES, st.lists(NAMES, unique=True, max_size=5))
def test_nearest_is_a_hint_with_every_valid_name(name: str, valid: list[str]) -> None:
    hint = nearest(name, valid)
    assert ", ".join(valid) in hint
    if name in valid:
        assert hint.startswith(f"did you mean {name}?")
    assert str(Mistake("k", found="F", hint=hint)) == f"k: F; {hint}"


REALLY: list[Callable[[], object]] = [
    lambda: np.empty((10**9, 10**9), dtype=np.uint8),
    lambda: np.empty((10**18, 10**18)),
    lambda: torch.empty(10**16),
    lambda: torch.empty(10**18, 10**18),
    lambda: bytearray(10**17),
    lambda: torch.nn.Linear(10**15, 64),
]
BY_HAND: list[BaseException] = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nGPU 0 has …"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("std::bad_alloc"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    pa.ArrowMemoryError("malloc of size 64 failed"),
]


@pytest.mark.parametrize("number", range(len(REALLY) + len(BY_HAND)))
def test_memory_that_is_not_there_is_told_in_a_line_with_what_to_try(number: int) -> None:
    """In the clothes of Python, numpy, torch, CUDA, Arrow and the system."""
    if number < len(REALLY):
        with pytest.raises(Exception) as raised:  # noqa: PT011  # each in its own clothes
            REALLY[number]()
        error: BaseException = raised.value
    else:
        error = BY_HAND[number - len(REALLY)]
    said = out_of_memory(error)

    assert said.startswith(
        "out of memory; try a smaller trainer.batch_size, sweep.jobs or backbone"
    )
    assert "trainer.precision=bf16" in said
    assert "\n" not in said
    assert type(error).__name__ in said


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), RuntimeError("mat1 and mat2 cannot be multiplied"), OSError(28, "No space")],
)
def test_no_other_error_is_taken_for_it(error: BaseException) -> None:
    assert out_of_memory(error) == ""


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded", "runs/x/model.safetensors"),
        RuntimeError("I/O error: No space left on device (os error 28)"),  # as of safetensors
        shutil.Error([("a", "b", "[Errno 28] No space left on device: 'b'")]),
        shutil.Error([("a", "b", "[Errno 122] Disk quota exceeded: 'b'")]),
    ],
)
def test_a_full_disk_is_told_with_what_to_do(error: BaseException) -> None:
    said = disk_full(error)

    assert said == (
        "no space left on the disk; free some (tl-run clean), then the same command goes on"
    )
    assert disk_full(OSError(errno.EACCES, "Permission denied")) == ""
    assert disk_full(ValueError(errno.ENOSPC)) == ""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "runs/x"), "runs/x: Permission denied"),
        (OSError(errno.EIO, "Input/output error"), "OSError: [Errno 5] Input/output error"),
        (OSError("cannot identify\nthe file"), "OSError: cannot identify the file"),
        (OSError(errno.ENOSPC, "No space left on device", "x"), "no space left on the disk; free"),
        (MemoryError(), "out of memory; try a smaller"),
        (ValueError("x"), ""),
        (RuntimeError("mat1 and mat2 cannot be multiplied"), ""),
    ],
)
def test_what_the_machine_is_to_blame_for_is_one_line_and_a_bug_is_none(
    error: Exception, said: str
) -> None:
    assert of_machine(error).startswith(said)
    assert bool(of_machine(error)) == bool(said)
    assert "\n" not in of_machine(error)


def test_code_that_cannot_be_loaded_is_told_with_both_reasons_that_there_are() -> None:
    """The loader says the same of too little memory, and of a disk that is mounted noexec."""
    said = "libtorch_cuda.so: failed to map segment from shared object"
    told = out_of_memory(ImportError(said))

    assert told.startswith("too little memory, or code on a file system that may run none")
    assert said in told
    assert out_of_memory(ImportError("No module named 'torch'")) == ""
