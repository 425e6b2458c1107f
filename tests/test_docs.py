"""Every command in docs/ composes, and every file it points to is there."""

import re
import shlex
from pathlib import Path

import pytest

from tlrun.config.overrides import rewrite
from tlrun.config.preflight import preflight

from problems import Watcher

DOCS = Path(__file__).parents[1] / "docs"
# that one has a test of its own
PAGES = [page for page in sorted(DOCS.glob("*.md")) if page.name != "extending.md"]
COMMANDS = [
    line
    for page in PAGES
    for line in re.findall(r"^tl-run .*$", page.read_text("utf-8"), flags=re.MULTILINE)
]


def test_pages_and_commands_are_seen() -> None:
    assert [page.name for page in PAGES] == ["data.md", "multitask.md", "results.md"]
    assert len(COMMANDS) == 11


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_composes(command: str) -> None:
    words = [rewrite(word) for word in shlex.split(command)[1:]]

    assert preflight([word for word in words if word != "-m"], multirun="-m" in words).jobs


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8"))

    assert all((DOCS / link).exists() for link in links)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_it_names_is_one(page: Path) -> None:
    """A key in the text, with or without a value, is a key of some class of its group."""
    from tlrun.config.registry import find, names
    from tlrun.core.options import fields

    for group in ("strategy", "dataset"):
        known = {key for name in names(group) for key in fields(find(group, name))}
        named = set(re.findall(rf"\b{group}\.(\w+)", page.read_text("utf-8")))
        assert named <= known


@pytest.mark.parametrize("command", [command for command in COMMANDS if "houses.csv" in command])
def test_the_commands_on_a_table_can_start(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a table with the columns that the page shows."""
    from tlrun.runs.plan import plan

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
    words = [rewrite(word) for word in shlex.split(command)[1:]]
    (job,) = preflight(words, multirun=False).jobs

    assert plan(job.config, Watcher()).stages


def test_the_table_commands_are_seen() -> None:
    assert sum("houses.csv" in command for command in COMMANDS) == 3
