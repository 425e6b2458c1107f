"""The page of every setting, made from the YAMLs that ship: their values and their comments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from docsite.docstrings import escaped
from docsite.links import page_of
from docsite.pages import ROOT

CONFIGS = ROOT / "configs"
RUN = CONFIGS / "run.yaml"
# The groups in the order they are met, and what each chooses.
GROUPS = {
    "strategy": "how what is learnt is shared",
    "lam": "λ over a stage",
    "dataset": "what is learnt, from which examples",
    "backbone": "φ, the network below the heads",
    "optimizer": "how weights are updated",
    "trainer": "how long, how many at a time, and what is chosen",
    "experiment": "a whole study",
}
INTRODUCTION = (
    "Each key of each configuration that ships, with its default. This page is made of the YAMLs "
    "when the site is made, so it says what the program does. `tl-run --cfg job` prints the keys "
    "of one command; what the most used ones are for: [settings](settings.md)."
)
HIDDEN = ("defaults", "hydra")  # how Hydra puts a run together: no settings of a user's


@dataclass(frozen=True)
class Setting:
    """One key of a YAML. default: as it is written there. comment: what is said beside it."""

    key: str
    default: str
    comment: str


def group_names() -> list[str]:
    """Every folder of configs/, those of `GROUPS` first."""
    there = {path.name for path in CONFIGS.iterdir() if path.is_dir() and any(path.glob("*.yaml"))}
    return [*(name for name in GROUPS if name in there), *sorted(there - set(GROUPS))]


def leaves(node: yaml.MappingNode, prefix: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """Every key with its path and its value; of a mapping in several lines, those in it."""
    for key, value in node.value:
        path = f"{prefix}{key.value}"
        if prefix.count(".") == 0 and path in HIDDEN:
            continue
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            yield from leaves(value, f"{path}.")
        else:
            yield path, key, value


def settings(file: Path, prefix: str = "") -> list[Setting]:
    """The settings of a YAML, in its order. prefix: what is written before a key, `dataset.`."""
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()
    found = []
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    for path, key, value in leaves(root, ""):
        if prefix and path == "name":
            continue
        default = text[value.start_mark.index : value.end_mark.index].strip()
        after = lines[key.start_mark.line].partition("  # ")[2]
        found.append(Setting(f"{prefix}{path}", default, after))
    return found


def first_comment(file: Path) -> tuple[str, str, str]:
    """What a YAML says of itself: a sentence, the command it is used by, and the lines below."""
    lines = file.read_text(encoding="utf-8").splitlines()
    said: list[str] = []
    for line in lines:
        if not line.startswith("#"):
            break
        if "@package" not in line:
            said.append(line.removeprefix("#").strip())
    sentence, _, command = said[0].partition("   ")
    return sentence.strip(), command.strip(), " ".join(said[1:])


def code(value: str) -> str:
    """`value` as code in a cell of a table."""
    return f"`{value.replace('|', chr(92) + '|')}`" if value else "(empty)"


def table(found: list[Setting], anchor: str) -> list[str]:
    """Settings as the rows of a table, each with an anchor that begins with `anchor`."""
    rows = [
        f"| [`{one.key}`]{{#{anchor}-{one.key.rpartition('.')[2]}}} | {code(one.default)} "
        f"| {escaped(one.comment)} |"
        for one in found
    ]
    return ["| setting | default | what it does |", "|---|---|---|", *rows, ""] if rows else []


def choice_part(group: str, file: Path) -> list[str]:
    """What is said of one name of a group: its equation or question, its command, its settings."""
    sentence, command, more = first_comment(file)
    parts = [f"### {group}={file.stem}", "", escaped(sentence), ""]
    if command:
        parts += ["```sh", command, "```", ""]
    if more:
        parts += [escaped(more), ""]
    if group == "experiment":
        return [*parts, f"[The file]({page_of(file)}.md) has its axes.", ""]
    return [*parts, *table(settings(file, f"{group}."), f"{group}-{file.stem}")]


def settings_page() -> tuple[str, set[Path]]:
    """The page, and the files that it links to."""
    parts = [
        "# Every setting",
        "",
        INTRODUCTION,
        "",
        "## Of a run",
        "",
        *table(settings(RUN), "run"),
    ]
    linked: set[Path] = set()
    for group in group_names():
        parts += [f"## {group}: {GROUPS[group]}" if group in GROUPS else f"## {group}", ""]
        for file in sorted((CONFIGS / group).glob("*.yaml")):
            parts += choice_part(group, file)
            linked |= {file} if group == "experiment" else set()
    return "\n".join(parts), linked
