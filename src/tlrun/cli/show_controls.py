"""What `tl-run show` says of a run's controls: their scores on the same seed, and the gains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.report.formatting import gain_of, number, with_unit
from tlrun.store.digests import check_file
from tlrun.store.found import FoundRun

NOT_THERE = "not there"
OTHER_ROWS = "tested on other rows"


@dataclass(frozen=True)
class Compared:
    """One control of a run, by the name it has for it. found: None where it is not there."""

    name: str
    found: FoundRun | None


def controls_of(run: FoundRun, others: Iterable[FoundRun]) -> list[Compared]:
    """The controls of a run, each with its finished run on the same problem and seed.

    others: the runs below the same folder.
    """
    controls = run.record.get("controls")
    if not isinstance(controls, Mapping):
        return []
    by_setting: dict[object, FoundRun] = {}
    for other in others:
        same = all(other.record.get(key) == run.record.get(key) for key in ("problem", "seed"))
        if same and other.status == "finished" and other.result:
            by_setting[other.record.get("setting")] = other
    return [Compared(str(name), by_setting.get(setting)) for name, setting in controls.items()]


def same_rows(run: FoundRun, control: FoundRun) -> bool:
    """Whether both were tested on the same examples, as far as they have tasks in common.

    Their records tell where all tasks are in common. A method from outside may have no more than
    the target's, so that then the examples themselves are compared.
    """
    if control.record.get("test_examples") == run.record.get("test_examples"):
        return True
    from safetensors import SafetensorError

    try:
        one, other = (_tested(each) for each in (run, control))
    except (OSError, ValueError, SafetensorError):
        return False
    common = one.keys() & other.keys()
    return bool(common) and all(one[key] == other[key] for key in common)


def _tested(run: FoundRun) -> dict[str, bytes]:
    """Which examples tested a run, by domain and task."""
    from safetensors.numpy import load_file

    check_file(run.run_dir.path, "predictions.safetensors", run.record)
    tensors = load_file(run.run_dir.path / "predictions.safetensors")
    return {key: rows.tobytes() for key, rows in tensors.items() if key.endswith("/index")}


def controls_table(run: FoundRun, compared: Iterable[Compared]) -> Table:
    """A row a control: its score, and by how much the run is better."""
    headline = run.result["headline"]
    name, score = headline["name"], headline["test"]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("control", overflow="fold")
    table.add_column(Text(f"test {printable(with_unit(name))}"), justify="right")
    table.add_column("gain", justify="right", no_wrap=True)
    table.add_column("run", overflow="fold")
    table.add_row("this run", number(name, score), "", run.run_dir.name[-12:])
    for one in compared:
        if one.found is None:
            table.add_row(Text(printable(one.name)), "–", "–", NOT_THERE)
            continue
        base = one.found.result["headline"]["test"]
        gain = gain_of(name, score, base)
        where = one.found.run_dir.name[-12:]
        if not same_rows(run, one.found):
            gain, where = None, f"{where}, {OTHER_ROWS}"
        table.add_row(
            Text(printable(one.name)),
            number(name, base),
            number(name, gain, signed=True),
            Text(printable(where)),
        )
    return table
