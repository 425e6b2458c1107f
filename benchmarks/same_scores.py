"""Whether the runs of two folders score the same, run by run.

    tl-run -m strategy=feature_transfer lam.value=0.1,1,inf seeds=10 runs_dir=together
    tl-run -m … sweep.engine=loop runs_dir=apart
    python benchmarks/same_scores.py together apart

It names how the runs of each folder were trained, counts those whose test score is equal to the
last digit, and tells the largest difference of a score, of a loss and of an output.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file


def runs(folder: Path) -> dict[str, Path]:
    """The folders of finished runs, by their names, which are the same for the same run."""
    found = {}
    for record in folder.glob("*/*/*/run.json"):
        if json.loads(record.read_text())["status"] == "finished":
            found[record.parent.name] = record.parent
    return found


def read(run: Path, name: str) -> Any:
    """A JSON file of a run."""
    return json.loads((run / name).read_text(encoding="utf-8"))


def main() -> None:
    """Compare two folders."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs=2, type=Path)
    one, other = (runs(folder) for folder in parser.parse_args().folders)
    both = sorted(one.keys() & other.keys())
    engines = [
        sorted({read(each[name], "run.json")["engine"] for name in both}) for each in (one, other)
    ]
    scores, losses, outputs = [], [], []
    for name in both:
        mine, theirs = (read(each[name], "result.json") for each in (one, other))
        scores.append(abs(mine["headline"]["test"] - theirs["headline"]["test"]))
        for key, of_task in mine["metrics"]["test"].items():
            losses.append(abs(of_task["loss"] - theirs["metrics"]["test"][key]["loss"]))
        said = [load_file(each[name] / "predictions.safetensors") for each in (one, other)]
        for key, tensor in said[0].items():
            if key.count("/") == 1:  # the outputs of a task
                outputs.append(float((tensor - said[1][key]).abs().max() / tensor.abs().max()))
    print(f"{len(both)} runs in both folders, by {engines[0]} and {engines[1]}")
    print(f"{sum(not apart for apart in scores)} have equal scores; largest difference:")
    print(f"  of a score {max(scores):.3g}, of a loss {max(losses):.3g}")
    print(f"  of an output {max(outputs):.3g} of the largest")


if __name__ == "__main__":
    main()
