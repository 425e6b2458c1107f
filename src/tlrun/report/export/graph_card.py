"""The card that lies beside a graph: what goes in, what comes out, what it scored, how to ask it.

Of each column, class and level the name is a stranger's text, and stands as text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlrun.core.errors import printable
from tlrun.core.metrics import TABLE
from tlrun.report.formatting import number, with_unit
from tlrun.store.files import read_json

if TYPE_CHECKING:
    from tlrun.core.task import TaskKey
    from tlrun.inference.graph.inputs import Port

BEGIN = "<!-- written by tl-run export --onnx -->"
EXAMPLES = {  # of a tensor, by its type
    "double": "np.array([[{example}]])",
    "float": "np.zeros({shape}, np.float32)",
    "string": "np.array([[{example}]], object)",
    "uint8": "np.zeros({shape}, np.uint8)",
    "int64": "ids",
}
UNSAID = (
    "- The classes stand in the graph's metadata, in order. N is at least 1.",
    "- Probabilities are as calibrated as training, or the temperatures of a stack, made them.",
)
LONG = 300  # characters of a meaning that are shown


def graph_card(
    file: str,
    folder: Path,
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    notes: Sequence[str],
    tokenizer: str | None,
    parity: str,
    tasks: Sequence[TaskKey],
) -> str:
    """The card, as Markdown.

    file: the graph's name. folder: of the run or stack that it was made of. notes: what rows have
    been through before. tokenizer: the name of the file beside. parity: how it was compared.
    tasks: what it answers.
    """
    lines = [BEGIN, f"# {file}", "", *_made_of(folder), "", "## What goes in", ""]
    lines += [*_table(inputs), "", *(f"- {_text(note)}." for note in notes), ""]
    lines += ["## What comes out", "", *_table(outputs), ""]
    lines += ["## How to ask it", "", "```python", *_python(file, inputs, tokenizer), "```", ""]
    lines += [
        "## What is known of it",
        "",
        f"- {parity[:1].upper()}{parity[1:]}.",
        *_scores(folder, tasks),
        *_learnt(folder),
    ]
    if any(port.type == "double" for port in inputs):
        lines.append("- Numbers in another unit are not looked for, as `tl-run predict` does.")
    lines += UNSAID
    return "\n".join([*lines, ""])


def _made_of(folder: Path) -> list[str]:
    name = "/".join(folder.parts[-3:])
    if not (folder / "delivered.json").is_file():
        return [f"Made of the run `{_text(name)}` by `tl-run export --onnx`."]
    kept = read_json(folder / "delivered.json")
    lines = [f"Made of the stack `{_text(folder.name)}` by `tl-run export --onnx`:", ""]
    for key, of in kept["tasks"].items():
        for member in of["members"]:
            where = f"{member['folder']}, weight {member['weight']:.3f}"
            lines.append(f"- {_text(key)}: {_text(where)}, temperature {member['temperature']:.3f}")
    return lines


def _table(ports: Sequence[Port]) -> Iterator[str]:
    """The tensors, a row each."""
    yield "| name | type | shape | meaning |"
    yield "|---|---|---|---|"
    for port in ports:
        shape = f"[{', '.join(map(str, port.shape))}]"
        said = port.meaning if len(port.meaning) <= LONG else f"{port.meaning[:LONG]} …"
        yield f"| <code>{_text(port.name)}</code> | {port.type} | {shape} | {_text(said)} |"


def _python(file: str, inputs: Sequence[Port], tokenizer: str | None) -> Iterator[str]:
    """A program that asks the graph one row."""
    yield "import numpy as np"
    yield "import onnxruntime"
    if tokenizer is not None:
        yield "from tokenizers import Tokenizer"
        yield ""
        yield f"tokenizer = Tokenizer.from_file({tokenizer!a})"
        yield "tokenizer.encode_special_tokens = True  # what a text says is text"
        yield 'encoded = tokenizer.encode_batch(["a new text"])'
        yield "ids = np.array([one.ids for one in encoded], np.int64)"
    yield ""
    yield f"session = onnxruntime.InferenceSession({file!a})"
    yield "row = {"
    for port in inputs:
        shape = tuple(1 if isinstance(size, str) else size for size in port.shape)
        value = EXAMPLES[port.type].format(shape=shape, example=ascii(port.example))
        yield f"    {port.name!a}: {value},"
    yield "}"
    yield "names = [output.name for output in session.get_outputs()]"
    yield "print(dict(zip(names, session.run(None, row))))"


def _scores(folder: Path, tasks: Sequence[TaskKey]) -> Iterator[str]:
    """What it scored on test rows: of a stack, its own card says so."""
    if (folder / "card.json").is_file():
        found: Mapping[str, Any] = read_json(folder / "card.json")
        for key, of in found["tasks"].items():
            test = of["test"]
            score = number(test["metric"], test["score"])
            name = with_unit(test["metric"])
            yield f"- {_text(key)}: {name} {score} on {test['rows']} test rows."
        promise = _text(str(found["statement"]))
        yield f"- {promise[:1].upper()}{promise[1:]}."
        return
    result = read_json(folder / "result.json")
    scores = result.get("metrics", {}).get("test", {})
    of_folds = ", each row by the model of a fold that had not learnt from it"
    for key in map(str, tasks):
        said = [
            f"{with_unit(name)} {number(name, value)}"
            for name, value in scores.get(key, {}).items()
            if name in TABLE and value is not None
        ]
        if said:
            how = of_folds if "folds" in result else ""
            yield f"- {_text(key)}, on the run's test rows{how}: {', '.join(said)}."


def _learnt(folder: Path) -> Iterator[str]:
    """From how many labels a run learnt."""
    if not (folder / "data.json").is_file():
        return
    for row in read_json(folder / "data.json")["splits"]:
        if row["split"] == "train":
            what = f"{row['labels']:,} labels of {row['domain']}/{row['task']}, the {row['role']}"
            yield f"- Learnt from {_text(what)}."


def _text(said: str) -> str:
    """A stranger's text in a cell, as text."""
    shown = printable(said).replace("`", "&#96;").replace("|", "\\|")
    return shown.replace("<", "&lt;").replace(">", "&gt;")
