"""Which file is which page of the site, and in which order they are read."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
API = "api"
SETTINGS = "every_setting"

# A heading of the navigation and its pages, by their names in docs/; the start page is the README.
NAVIGATION: dict[str, tuple[str, ...]] = {
    "Read an answer": ("gallery", "verdict", "lambda", "fairness", "glossary"),
    "Bring your data": ("data", "clinical_table"),
    "Choose a method": ("strategies", "sources", "multitask", "backbones"),
    "Run it": ("settings", SETTINGS, "sweeps", "storage", "reliability"),
    "Take the winner home": ("deliver", "predict"),
    "Use it from Python": ("python", "extending", API),
    "What was measured": ("results", "performance", "how_fast"),
    "Carry it on": ("design", "contributing", "changelog"),
}
# Pages of the site whose text stands outside docs/.
ELSEWHERE = {
    "index": ROOT / "README.md",
    "contributing": ROOT / "CONTRIBUTING.md",
    "changelog": ROOT / "CHANGELOG.md",
    "how_fast": ROOT / "benchmarks" / "README.md",
    "how_fast_table": ROOT / "benchmarks" / "results" / "table.md",
}
BENEATH = {"how_fast": ("how_fast_table",)}  # pages that are reached from another one
WRITTEN = (API, SETTINGS)  # pages whose text is made when the site is


def documents() -> dict[str, Path]:
    """The Markdown file of every page that is somebody's text, by the name of the page."""
    return {page.stem: page for page in sorted(DOCS.glob("*.md"))} | ELSEWHERE


def navigation() -> dict[str, list[str]]:
    """The pages under each heading, those that are there."""
    there = {*documents(), *WRITTEN}
    return {
        heading: [page for page in pages if page in there] for heading, pages in NAVIGATION.items()
    }


def toctree(pages: list[str], *, caption: str = "") -> str:
    """The directive that puts `pages` into the navigation, under `caption`."""
    options = [":hidden:", *([f":caption: {caption}"] if caption else [])]
    return "\n".join(["", "```{toctree}", *options, "", *pages, "```", ""])
