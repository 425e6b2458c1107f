"""tl-run export RUN --onnx FILE: what it writes, what it refuses, and that its card is true."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from answering import on_table

import tlrun
from tlrun.cli import export_onnx as module
from tlrun.cli.export import export
from tlrun.core.errors import RunFailed, UserError

pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(on_table(tmp_path_factory.mktemp("run")))


def python_of(card: Path) -> str:
    """The program that a card shows."""
    return card.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]


def test_a_graph_and_its_card_whose_program_runs(
    run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "ill.onnx"

    assert export([run, "--onnx", str(place)]) == 0

    told = capsys.readouterr()
    assert told.out.splitlines()[:2] == [str(place), str(tmp_path / "ill.md")]
    assert "largest difference from tl-run predict" in told.out
    assert "batches of 1 and 1,000" in told.out
    card = (tmp_path / "ill.md").read_text(encoding="utf-8")
    of_test = "table/ill, on the run's test rows"
    for words in ("| <code>age</code> | double | [N, 1] |", "<code>unseen</code>", of_test):
        assert words in card
    done = subprocess.run(
        [sys.executable, "-c", python_of(tmp_path / "ill.md")],
        cwd=tmp_path, capture_output=True, text=True, check=True, env=dict(os.environ),
    )  # fmt: skip
    assert "'prediction': array(['" in done.stdout
    row = {"age": [float(card.split("about ")[1].split(" ±")[0])], "colour": ["blue"]}
    weight = float(card.split("weight</code>")[1].split("about ")[1].split(" ±")[0])
    said = tlrun.load(run).predict({**row, "weight": [weight]})
    assert f"'prediction': array(['{said[0]}']" in done.stdout

    assert export([run, "--onnx", str(place)]) == 0  # what is ours is written again


def test_what_is_not_ours_is_never_written_over(run: str, tmp_path: Path) -> None:
    for name in ("a.onnx", "a.md"):
        (tmp_path / name).write_text("mine")
        with pytest.raises(UserError, match=r"expected a new place, found .*not made"):
            export([run, "--onnx", str(tmp_path / "a.onnx")])
        assert (tmp_path / name).read_text() == "mine"
        (tmp_path / name).unlink()
    assert not list(tmp_path.iterdir())


def test_a_tokenizer_is_ours_beside_a_graph_of_texts_alone(run: str, tmp_path: Path) -> None:
    place = tmp_path / "a.tokenizer.json"
    place.write_text("mine")

    assert not module._is_ours(place)
    assert export([run, "--onnx", str(tmp_path / "a.onnx")]) == 0
    assert not module._is_ours(place)  # that graph is of a table
    (tmp_path / "a.onnx").write_bytes(b"\x08\x0a\x12\x06tl-run ... input_ids")
    assert module._is_ours(place)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--onnx", "a.onnx"], "--onnx: expected one run, found 0 words"),
        (["a", "b", "--onnx", "a.onnx"], "--onnx: expected one run, found 2 words"),
        (["RUN", "--onnx", "a.pb"], "expected a file that ends in .onnx, found a.pb"),
        (["RUN", "--onnx"], "--onnx: expected a value after it, found nothing"),
        (["RUN", "--onnx", "no/a.onnx"], "expected a file in a folder that is there"),
        (["RUN", "--onnx", "a.onnx", "--csv", "b"], "found --csv"),
        (["RUN", "--onnx", "a.onnx", "--domain", "tabel"], "did you mean table"),
    ],
)
def test_what_cannot_be_asked(
    arguments: list[str], words: str, run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UserError) as caught:
        export([run if word == "RUN" else word for word in arguments])

    assert words in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_package_that_is_not_there(
    run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NEEDED", ("onnx", "no_such_package"))

    with pytest.raises(UserError, match=r"no_such_package.*pip install 'tl-run\[export\]'"):
        export([run, "--onnx", str(tmp_path / "a.onnx")])


def test_a_graph_that_answers_otherwise_is_not_written(
    run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tlrun.inference.predictor import Predictor

    answers = Predictor.answers

    def shifted(self: Predictor, *asked: object) -> object:
        found, rows = answers(self, *asked)  # type: ignore[arg-type]
        return {
            name: type(each)(each.task, each.values + 0.1) for name, each in found.items()
        }, rows

    monkeypatch.setattr(Predictor, "answers", shifted)

    with pytest.raises(RunFailed, match="does not answer as the run does: largest difference"):
        export([run, "--onnx", str(tmp_path / "a.onnx")])
    assert not list(tmp_path.iterdir())


def test_a_changed_byte_is_refused(run: str, tmp_path: Path) -> None:
    file = Path(run) / "model.safetensors"
    kept = file.read_bytes()
    file.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    try:
        with pytest.raises(UserError, match=r"model\.safetensors"):
            export([run, "--onnx", str(tmp_path / "a.onnx")])
    finally:
        file.write_bytes(kept)


def test_a_graph_is_read_without_anything_of_ours(run: str, tmp_path: Path) -> None:
    export([run, "--onnx", str(tmp_path / "a.onnx")])
    program = (
        "import sys, onnxruntime\n"
        "session = onnxruntime.InferenceSession('a.onnx')\n"
        "assert not {'torch', 'tlrun', 'onnx'} & set(sys.modules)\n"
        "print(*[each.name for each in session.get_inputs()])\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout.split() == ["age", "weight", "colour"]
