"""What docs/ and CONTRIBUTING.md name is there, and what a table prints has a word in docs/."""

import re
import shlex
from collections.abc import Iterator
from html import unescape
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from rich.table import Table
from test_house import FLOORS

from tlrun.cli.subcommands import SUBCOMMANDS
from tlrun.config.overrides import rewrite
from tlrun.config.preflight import preflight
from tlrun.core.errors import UserError

from problems import TINY, Watcher, peers, problem
from texts import reviews

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
# that one has a test of its own
PAGES = [page for page in sorted(DOCS.glob("*.md")) if page.name != "extending.md"]
LINES = [
    shlex.split(line, comments=True)[1:]
    for page in PAGES
    for line in re.findall(r"^tl-run .*$", page.read_text("utf-8"), flags=re.MULTILINE)
]
COMMANDS = [shlex.join(words) for words in LINES if words[0] not in SUBCOMMANDS]
POINT = re.compile(r"∞|\d+(\.\d+)?")  # of a curve along λ
OTHERS = [shlex.join(words) for words in LINES if words[0] in SUBCOMMANDS]


def test_pages_and_commands_are_seen() -> None:
    assert [page.name for page in PAGES] == [
        "backbones.md",
        "clinical_table.md",
        "data.md",
        "deliver.md",
        "design.md",
        "fairness.md",
        "gallery.md",
        "glossary.md",
        "lambda.md",
        "multitask.md",
        "performance.md",
        "predict.md",
        "python.md",
        "reliability.md",
        "results.md",
        "settings.md",
        "sources.md",
        "storage.md",
        "strategies.md",
        "sweeps.md",
        "verdict.md",
    ]
    assert len(COMMANDS) == 61
    assert len(OTHERS) == 21


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_composes(command: str) -> None:
    words = [rewrite(word) for word in shlex.split(command)]

    assert preflight([word for word in words if word != "-m"], multirun="-m" in words).jobs


@pytest.mark.parametrize("command", OTHERS)
def test_every_other_command_has_the_flags_it_names(command: str) -> None:
    name, *words = shlex.split(command)
    usage = import_module(f"tlrun.cli.{name}").USAGE

    assert usage.startswith(f"tl-run {name}")
    assert [word for word in words if word.startswith("--") and word not in usage] == []


def anchors(page: Path) -> set[str]:
    """What a link to a heading of `page` may be called."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, CONTRIBUTING], ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8")):
        file, _, heading = link.partition("#")
        place = page.parent / file if file else page

        assert place.exists(), link
        assert not heading or heading in anchors(place), link


@pytest.mark.parametrize(
    ("page", "fewest"), [("CONTRIBUTING.md", 90), ("docs/design.md", 30), ("docs/glossary.md", 0)]
)
def test_every_path_it_names_is_one(page: str, fewest: int) -> None:
    """From the root of the repository, from src/tlrun, or (a link) from the page itself."""
    text = (ROOT / page).read_text("utf-8")
    named = set(re.findall(r"(?<![\w<>/.-])(?:[\w.-]+/)+[\w.-]+\.(?:py|md|yaml|toml)\b", text))
    homes = (ROOT, ROOT / "src" / "tlrun", (ROOT / page).parent)

    assert len(named) >= fewest
    assert [
        path for path in sorted(named) if not any((home / path).is_file() for home in homes)
    ] == []


def test_contributing_draws_the_floors_of_the_house() -> None:
    drawn = re.findall(r"^ +(\d+) +(\w+) ", CONTRIBUTING.read_text("utf-8"), flags=re.MULTILINE)
    rooms = [name for name in FLOORS if not name.startswith("__")]

    assert [(int(floor), room) for floor, room in reversed(drawn)] == list(enumerate(rooms, 1))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_it_names_is_one(page: Path) -> None:
    """A key in the text, with or without a value, is a key of some class of its group."""
    from tlrun.config.registry import find, names
    from tlrun.core.options import fields

    for group in ("strategy", "dataset", "backbone"):
        known = {key for name in names(group) for key in fields(find(group, name))}
        prose = re.sub(r"```text.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
        named = set(re.findall(rf"(?<!/)\b{group}\.(\w+)", prose))
        assert named <= known


@pytest.mark.parametrize("command", [command for command in COMMANDS if "houses.csv" in command])
def test_the_commands_on_a_table_can_start(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a table with the columns that the page shows."""
    from tlrun.runs.plan import plan
    from tlrun.runs.remembered import ProblemCache

    header = next(
        line
        for line in (DOCS / "data.md").read_text("utf-8").splitlines()
        if line.startswith("rooms,")
    )
    cells = (
        (
            k % 6 + k / 1000,
            ("north", "south")[k % 2],
            k % 11,
            "" if k % 9 == 0 else 7 * k,
            ("yes", "no")[k % 3 == 0],
        )
        for k in range(120)
    )
    rows = [",".join(map(str, row)) for row in cells]
    (tmp_path / "houses.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    words = [rewrite(word) for word in shlex.split(command)]
    (job,) = preflight(words, multirun=False).jobs

    assert plan(job.run, ProblemCache(), Watcher()).stages


def test_the_table_commands_are_seen() -> None:
    assert sum("houses.csv" in command for command in COMMANDS) == 3


def entries() -> set[str]:
    """Every name that the glossary explains: the code at the start of its bullets."""
    bullets = re.split(r"\n(?=- |#|\n)", (DOCS / "glossary.md").read_text("utf-8"))
    heads = [" ".join(b.split()).split(": ")[0] for b in bullets if b.startswith("- `")]
    return {name for head in heads for name in re.findall(r"`([^`]+)`", head)}


def explained(name: str) -> bool:
    """Whether the glossary has a word, or the words that it is made of.

    Those are over, and a control; a score in a report, which is one in test; and on a curve the
    number of a point, and what it means.
    """
    known = entries()
    point, _, meaning = name.partition(" ")
    parts = (name, f"test {name}", name.removeprefix("over "))
    on_curve = POINT.fullmatch(point) is not None and meaning in known
    return on_curve or any(part in known for part in parts)


def test_the_glossary_is_read() -> None:
    assert len(entries()) > 200
    assert {"λ", "φ", "L_S", "gain", "Δm", "heads apart", "over scratch", "λ*"} <= entries()
    assert not explained("over nothing")
    assert not explained("0 nothing")


@pytest.fixture
def heads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The head of every column of every table that is made from now on."""
    found: list[str] = []
    add_column = Table.add_column

    def noted(self: Table, header: Any = "", *arguments: Any, **options: Any) -> None:
        found.append(" ".join(str(header).replace("_\n", "_").split()))
        add_column(self, header, *arguments, **options)

    monkeypatch.setattr(Table, "add_column", noted)
    monkeypatch.setattr("tlrun.report.console.PIPE_WIDTH", 300)
    return found


def unexplained(names: set[str]) -> list[str]:
    """Those without an entry, less numbers, and what a data set calls its domains and tasks."""
    data = {"noise", "occlusion", "inverted", "identity", "parity", "size", ""}
    return sorted(
        name for name in names - data if not POINT.fullmatch(name) and not explained(name)
    )


def test_every_column_has_an_entry_in_the_glossary(
    here: Path, capsys: pytest.CaptureFixture[str], heads: list[str]
) -> None:
    from tlrun.cli.main import run

    tasks = [*TINY, "strategy=task_relation", "strategy.relation=mean", "dataset=digits_domains"]
    kinds = [*TINY, "strategy=shared_parameters", "dataset=digits_tasks", "controls=false"]
    sealed = [*TINY, "dataset.sealed=0.3"]
    tasks = [*tasks, "lam.value=0"]
    commands = (tasks, [*tasks, "--wide"], kinds, sealed, ["ls"], ["ls", "--stages"])
    for command in (*commands, ["show", "digits_tasks/"], ["final", "feature_transfer/"]):
        assert run(command) == 0
    shown = re.sub(r".* bytes\n", "", capsys.readouterr().out)  # files are no facts
    facts = {
        fact.strip() for fact in re.findall(r"^  (\w[\w ]{9}\S?) *\S", shown, flags=re.MULTILINE)
    }

    assert {"run", "gain", "FLOPs", "r2", "domain/task", "rows that differ"} <= {*heads}
    assert {"started", "stages", "test set", "made with", "last row"} <= facts
    missing = unexplained({*heads, *facts})
    assert missing == [], missing


def test_every_head_of_a_report_has_an_entry_in_the_glossary(
    here: Path, capsys: pytest.CaptureFixture[str], heads: list[str]
) -> None:
    """On a terminal: of the leaderboard, the curve and the task table; on the page: of all."""
    from tlrun.cli.main import run
    from tlrun.report.study.build import build_report

    many = [*TINY, "strategy=task_relation", "strategy.relation=mean", "dataset=digits_domains"]
    transfers = [*TINY, "strategy=structure_transfer", "dataset=digits"]
    for sweep in ([*many, "lam.value=0,inf"], [*transfers, "lam.value=0,1,inf"]):
        assert run(["-m", "hydra/launcher=basic", *sweep, "--wide"]) == 0
    shown = capsys.readouterr().out
    pages = [page.read_text("utf-8") for page in Path("runs/.studies").glob("*.html")]
    columns = [
        [unescape(part) for part in re.split(r"<[^>]*>", cell) if part.strip()]
        for page in pages
        for cell in re.findall(r'<th [^>]*scope="col"[^>]*>(.*?)</th>', page, flags=re.DOTALL)
    ]
    on_page = {" ".join(part.split()) for parts in columns for part in parts}
    costs = {
        name.partition(",")[0]
        for study in build_report([Path("runs")]).studies
        for name, _ in study.cost
    }

    assert {"arm", "λ", "mean accuracy %", "over single_task", "verdict", "s", "FLOPs"} <= {*heads}
    assert {"0 no relation", "0 source only", "1 as in the equation", "Δm %", "setting"} <= {*heads}
    assert {"decides", "Holm’s p", "seeds above 0", "examples seen", "seconds"} <= on_page
    assert {"labels", "runs", "tuning", "heads apart"} <= costs
    assert all(f"\n{cost}" in shown for cost in costs)
    assert unexplained({*heads, *on_page, *costs}) == []


def test_every_word_of_a_report_has_an_entry_in_the_glossary() -> None:
    from tlrun.report.render.leaderboard import BEST
    from tlrun.report.statistics.axis import NO_PEAK
    from tlrun.report.study.build import WORDS

    assert {*WORDS, "INNER PEAK", "FLAT", NO_PEAK, BEST, "control", "no network"} <= entries()


def variants(cls: type) -> Iterator[Any]:
    """A strategy at its defaults, and with each choice of each of its options."""
    from tlrun.core.options import fields

    yield cls()
    for key, hint in fields(cls).items():
        for value in get_args(hint) if get_origin(hint) is Literal else ():
            try:
                yield cls(**{key: value})
            except UserError:
                continue  # a choice that needs another option beside it


def test_every_row_has_an_entry_in_the_glossary() -> None:
    from tlrun.config.registry import find, names

    rows = set(names("strategy"))
    for name in names("strategy"):
        for strategy in variants(find("strategy", name)):
            for on in (problem(), peers("source", "source", "target"), reviews("source", "target")):
                rows |= set(strategy.controls(on))

    assert {
        "scratch",
        "unlearnt structure",
        "not fused",
        "ridge",
        "single_task, total budget",
        "tfidf, pooled",
    } <= rows
    assert sorted(row for row in rows if not explained(row)) == []


def test_every_score_has_an_entry_in_the_glossary() -> None:
    from tlrun.core.metrics import MEAN, METRICS, TARGET
    from tlrun.report.formatting import with_unit

    metrics = {metric for found in METRICS.values() for metric in found}

    assert metrics
    assert metrics <= entries()
    for metric in metrics | {"score"}:
        assert {f"test {with_unit(f'{of}{metric}')}" for of in (TARGET, MEAN)} <= entries()
