"""What a reader has to know before believing a study, each a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tlrun.core.errors import printable
from tlrun.data.load_report import ENOUGH, few
from tlrun.report.answer import Arm
from tlrun.report.study.compare import Row, word_of
from tlrun.report.study.evidence import Evidence
from tlrun.report.study.grouping import Grouped
from tlrun.report.study.terms import Terms


def warnings(
    study: Grouped, rows: Sequence[Row], terms: Terms, tested: int, evidence: Evidence
) -> Iterator[str]:
    """Of small test sets, unusual runs, and how often the test examples have been looked at.

    rows: of the leaderboard. tested: how many test examples there are.
    """
    first = rows[0].series.first
    rare = []
    for key, one in evidence.about(first).items():
        for k, name in enumerate(one.task.classes):
            count = int((one.labels == k).sum())
            if count < ENOUGH:
                rare.append(f"{count} of {name!r} of {key}")
    if rare:
        yield printable(
            f"A gain is mostly chance where fewer than {ENOUGH} test examples are of a class: "
            f"{few(rare)}."
        )
    yield from _unusual(rows)
    for row in rows:
        runs = row.series.runs.values()
        if unread := sum(map(evidence.unread, runs)):
            yield printable(
                f"{_name(row.arm)}: the outputs of {unread} of {len(runs)} runs cannot be read: "
                "its gains have no interval and no word, which take every test example."
            )
    if study.look > 1:
        yield from _looked(study.look, rows, terms, tested)


def _unusual(rows: Sequence[Row]) -> Iterator[str]:
    """What is unusual about the runs of rows, once for all of which the same is true."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        alike.setdefault(row.arm.states, []).append(_name(row.arm))
    for states, names in alike.items():
        if states:
            yield printable(f"{'; '.join(names)}: {'; '.join(states)}.")


def _looked(look: int, rows: Sequence[Row], terms: Terms, tested: int) -> Iterator[str]:
    """That the same test examples have answered before, and what words are left if that counts.

    The k-th study at α/(k(k+1)), which from k = 2 on sum to α/2 however many there are: with the
    first, which had all of α, a false word comes with probability 3α/2 at most.
    """
    yield (
        f"Study {look} on these {tested:,} test examples: exploratory, for who looks often enough "
        "finds something."
    )
    alpha = terms.alpha / (look * (look + 1))
    for row in rows:
        if row.arm.word in ("HELPS", "HURTS", "SAME"):
            metric = row.series.first.result["headline"]["name"]
            found = word_of(row.compared, row.counts, replace(terms, alpha=alpha), metric)
            kept = "stays" if found.word == row.arm.word else f"becomes {found.word or 'no word'}"
            of = f"{row.arm.word} of {_name(row.arm)}"
            yield f"Counting the looks (α = {alpha:.2g}), {of} {kept}."


def _name(arm: Arm) -> str:
    if arm.lam == "–" or arm.chosen or arm.role != "arm":
        return arm.label
    return f"{arm.label} at λ={arm.lam}"
