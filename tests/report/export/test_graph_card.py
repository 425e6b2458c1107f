"""The card beside a graph says what it was made of, and a stranger's text stays text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tlrun.core.task import TaskKey
from tlrun.inference.graph.inputs import Port
from tlrun.report.export.graph_card import BEGIN, graph_card

KEY = TaskKey("t", "ill")
AGE = Port("age", "double", ("N", 1), "a number", 3.5)
SAID = Port("prediction", "string", ("N",), "the most likely class")


def put(folder: Path, name: str, content: dict[str, Any]) -> None:
    (folder / name).write_text(json.dumps(content), encoding="utf-8")


def finished(folder: Path) -> Path:
    scores = {"t/ill": {"accuracy": 0.75, "loss": 0.5, "auc": None}}
    put(folder, "result.json", {"metrics": {"test": scores}})
    row = {"domain": "t", "task": "ill", "role": "target", "labels": 1200}
    put(folder, "data.json", {"splits": [{**row, "split": "train"}, {**row, "split": "test"}]})
    return folder


def card(folder: Path, *inputs: Port, tokenizer: str | None = None) -> str:
    return graph_card("m.onnx", folder, inputs, [SAID], ["A note"], tokenizer, "compared", [KEY])


def test_a_run(tmp_path: Path) -> None:
    said = card(finished(tmp_path), AGE)

    assert said.startswith(BEGIN)
    assert "| <code>age</code> | double | [N, 1] | a number |" in said
    assert "- A note." in said
    assert "'age': np.array([[3.5]])," in said
    assert "t/ill, on the run's test rows: accuracy % 75.0." in said
    assert "Learnt from 1,200 labels of t/ill, the target." in said
    assert "- Compared." in said


def test_a_stack_says_its_members_and_its_promise(tmp_path: Path) -> None:
    members = [{"folder": "members/a", "weight": 0.25, "temperature": 2.0}]
    put(tmp_path, "delivered.json", {"tasks": {"t/ill": {"members": members}}})
    test = {"metric": "accuracy", "score": 0.5, "rows": 40}
    put(tmp_path, "card.json", {"tasks": {"t/ill": {"test": test}}, "statement": "on 0 of 9"})

    said = card(tmp_path, AGE)

    assert "t/ill: members/a, weight 0.250, temperature 2.000" in said
    assert "t/ill: accuracy % 50.0 on 40 test rows." in said
    assert "On 0 of 9." in said


def test_texts_of_a_stranger_stay_texts(tmp_path: Path) -> None:
    name = 'a|b`c"<script>\nimport os 😀'

    said = card(finished(tmp_path), Port(name, "string", ("N", 1), "one of '\n```'", '"""\n```\n'))

    program = said.split("```python\n")[1].split("\n```\n")[0]
    compile(program, "card", "exec")
    assert "<script>" not in said.split("```python")[0]
    assert "\\|" in said
    assert "\nimport os" not in said


def test_a_tokenizer_beside_is_used(tmp_path: Path) -> None:
    ids = Port("input_ids", "int64", ("N", "L"), "ids")

    said = card(finished(tmp_path), ids, tokenizer="m.tokenizer.json")

    assert "Tokenizer.from_file('m.tokenizer.json')" in said
    assert "'input_ids': ids," in said
