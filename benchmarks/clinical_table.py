"""A stranger's clinical table, as docs/clinical_table.md walks through it: invented, not measured.

    python benchmarks/clinical_table.py clinic.csv

Six sites write one file together: semicolons between cells, decimal commas, NA and empty cells,
patient numbers, a date, two outcomes, and one site where hardly anybody dies.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

# Patients of each site, and how its mortality and its length of stay differ (log odds, days).
SITES = {
    "Aachen": (190, 0.4, 1.5),
    "Bern": (160, -0.2, -0.5),
    "Cork": (140, 0.0, 0.5),
    "Delft": (120, 0.3, 0.0),
    "Gent": (110, -0.4, -1.0),
    "Évora": (80, -1.6, 0.8),
}
HEAD = "patient;site;admitted;age;sex;crp;creatinine;stage;died;days"


def rows(seed: int = 0) -> list[str]:
    """The lines of the table, its header first."""
    rng = np.random.default_rng(seed)
    lines, patient = [HEAD], 10_300
    for site, (count, odds, stay) in SITES.items():
        for _ in range(count):
            patient += int(rng.integers(1, 9))
            age, stage = rng.normal(66, 11), int(rng.integers(1, 5))
            crp, creatinine = rng.lognormal(3.2, 0.8), rng.lognormal(4.4, 0.3)
            risk = -1.0 + odds + 0.05 * (age - 66) + 0.5 * (stage - 2.5) + 0.012 * (crp - 30)
            risk += 0.012 * (creatinine - 85)
            died = int(rng.random() < 1 / (1 + np.exp(-risk)))
            days = max(1.0, 9 + stay + 2.0 * (stage - 2.5) + 0.05 * crp + rng.normal(0, 2.5))
            lines.append(
                ";".join(
                    [
                        str(patient),
                        site,
                        f"2024-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}",
                        f"{age:.0f}",
                        str(rng.choice(["f", "m"])),
                        "NA" if rng.random() < 0.08 else comma(crp),
                        "" if rng.random() < 0.05 else comma(creatinine),
                        ["I", "II", "III", "IV"][stage - 1],
                        "NA" if rng.random() < 0.03 else str(died),
                        comma(days),
                    ]
                )
            )
    return lines


def comma(number: float) -> str:
    """A number with a decimal comma."""
    return f"{number:.1f}".replace(".", ",")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text("\n".join([*rows(), ""]), encoding="utf-8")
