"""Curves as CSV, for a spreadsheet or pandas, and as JSON: a row a number."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from io import StringIO
from typing import Any

from tlrun.core.options import strict
from tlrun.report.export.curves import Curves

COLUMNS = (
    "run", "dataset", "strategy", "lam_label", "seed", "fold", "stage", "step", "overall_step",
    "quantity", "value",
)  # fmt: skip
CONTENT = "curves of tl-run"  # what a file of ours says it holds
OURS_CSV = ",".join(COLUMNS).encode() + b"\n"
OURS_JSON = f'{{\n "content": "{CONTENT}",'.encode()


def as_csv(curves: Sequence[Curves]) -> bytes:
    """A header, then a row for each number of each run.

    A number that is undefined is empty; ∞ is inf. A value is written with every digit it has.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in curves:
        run = each.run
        about = (run.path.name, each.dataset, run.strategy, run.lam_label, run.seed)
        for row in each.rows:
            writer.writerow([*about, *row])
    return text.getvalue().encode()


def as_json(curves: Sequence[Curves]) -> bytes:
    """The runs, each with its config, its scores and its curves; strict, ∞ is the text inf."""
    document = {"content": CONTENT, "runs": [_run(each) for each in curves]}
    text = json.dumps(strict(document), indent=1, allow_nan=False, ensure_ascii=False)
    return f"{text}\n".encode()


def _run(curves: Curves) -> dict[str, Any]:
    run = curves.run
    rows = [row._asdict() for row in curves.rows]
    for row in rows:
        row["overall_step"] = row.pop("overall")
    return {
        "run": run.path.name,
        "path": str(run.path),
        "dataset": curves.dataset,
        "strategy": run.strategy,
        "lam": run.lam,
        "lam_label": run.lam_label,
        "seed": run.seed,
        "config": dict(curves.config),
        "headline": run.result["headline"],
        "labels": run.result["labels"],
        "seconds": run.seconds,
        "diverged": run.diverged,
        "inexact": run.inexact or None,
        "curves": rows,
    }
