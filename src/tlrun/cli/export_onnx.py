"""tl-run export RUN --onnx FILE: a finished run or a delivered stack as an ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from rich.text import Text

from tlrun.cli.flags import valued_flags
from tlrun.cli.new_file import check_place, write
from tlrun.cli.show import chosen
from tlrun.core.errors import Mistake, RunFailed, UserError, printable, say
from tlrun.core.paths import own_path
from tlrun.report.console import make_console
from tlrun.report.export.graph_card import BEGIN, graph_card
from tlrun.store.found import below

ONNX = "--onnx"
FLAGS = {ONNX: ONNX, "--domain": "--domain"}
NEEDED = ("onnx", "onnxscript", "onnxruntime")
ENDING, CARD = ".onnx", ".md"
FIRST = 64  # bytes, among which the name of a graph's producer stands


def export_onnx(arguments: Sequence[str]) -> int:
    """Write a graph, its card, and its tokenizer where it has one. Returns the exit code.

    Raises UserError for what cannot be asked, has no graph or cannot be written, and RunFailed
    where the graph does not answer as the run does: nothing is written then.
    """
    runs_dir, rest = below(arguments)
    values, words = valued_flags("export", rest, FLAGS)
    if len(words) != 1:
        hint = "as in tl-run export RUN --onnx model.onnx"
        raise UserError(Mistake("--onnx", "one run", f"{len(words)} words", hint))
    place = own_path(values["--onnx"], "--onnx")
    if place.suffix != ENDING:
        raise UserError(Mistake("--onnx", f"a file that ends in {ENDING}", str(place)))
    lacking = [name for name in NEEDED if find_spec(name) is None]
    if lacking:
        hint = "pip install 'tl-run[export]'"
        raise UserError(Mistake("--onnx", f"the package {lacking[0]}", "it is not installed", hint))
    folder = own_path(words[0], "export", "a run")
    if not any((folder / name).is_file() for name in ("delivered.json", "run.json")):
        folder = chosen("export", words[0], runs_dir).run_dir.path
    contents, difference = _made(folder, values.get("--domain"), place)
    for file, content in contents.items():
        write(ONNX, file, content)
    console = make_console()
    for line in (*contents, difference):
        console.print(Text(printable(str(line))), soft_wrap=True)
    return 0


def _made(folder: Path, domain: str | None, place: Path) -> tuple[Mapping[Path, bytes], str]:
    """The files, by their places, and how the graph was compared with the run."""
    from tlrun.inference.graph.build import graph_of, inputs_of
    from tlrun.inference.graph.check import parity
    from tlrun.inference.graph.outputs import outputs_of
    from tlrun.inference.predictor import load

    predictor = load(folder)
    domain, parts = predictor.of_domain(domain)
    members = list(dict.fromkeys(part.member for of in parts.values() for part in of))
    inputs = inputs_of(members)
    beside = {place.with_suffix(ending): of for ending, of in inputs.files().items()}
    for file in (place, place.with_suffix(CARD), *beside):
        check_place(ONNX, "export", file, _is_ours)
    say(f"tracing {len(members)} network{'s' * (len(members) > 1)}: some seconds each")
    about = {"made of": "/".join(folder.absolute().parts[-3:]), "domain": domain}
    tasks = {key: of[0].member.tasks[key] for key, of in parts.items()}
    outputs = outputs_of(tasks, inputs)
    graph = graph_of(parts, inputs, outputs, about).SerializeToString()
    same = parity(graph, predictor, inputs, outputs, domain)
    batches = " and ".join(f"{count:,}" for count in same.batches)
    said = (
        f"largest difference from tl-run predict {same.difference:.1e}, on random rows in batches "
        f"of {batches}"
    )
    if not same.close:
        raise RunFailed(f"the graph does not answer as the run does: {said}; nothing was written")
    runtime = f"{said} (ONNX Runtime {version('onnxruntime')}, CPU)"
    tokenizer = next((path.name for path in beside), None)
    card = graph_card(
        place.name, folder.absolute(), inputs.ports, outputs.ports, inputs.notes(), tokenizer,
        runtime, list(tasks),
    )  # fmt: skip
    return {place: graph, place.with_suffix(CARD): card.encode(), **beside}, said


def _is_ours(place: Path) -> bool:
    """Whether a file was written here: a tokenizer is, where a graph of texts is beside it."""
    from tlrun.inference.graph.texts import ENDING as TOKENIZER
    from tlrun.inference.graph.texts import IDS

    if place.name.endswith(TOKENIZER):
        graph = place.with_name(place.name.removesuffix(TOKENIZER) + ENDING)
        return graph.is_file() and _is_ours(graph) and IDS.encode() in graph.read_bytes()
    with place.open("rb") as file:
        begin = file.read(FIRST)
    return begin.startswith(BEGIN.encode()) if place.suffix == CARD else b"tl-run" in begin
