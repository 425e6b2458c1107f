"""Links between files of the repository, made links between pages of the site.

A document becomes a page, any other file a page that shows its text: no link leaves the site for a
host that may not be there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from docsite.pages import ROOT, documents

LINK = re.compile(r"(?<=\]\()[^()\s]+(?=\))")
FENCED = re.compile(r"^(`{3,}|~{3,}).*?^\1", flags=re.MULTILINE | re.DOTALL)
IMAGES = ROOT / "docs" / "images"  # each is copied, not shown as text
LANGUAGES = {".py": "python", ".yaml": "yaml", ".json": "json", ".toml": "toml"}


def outside_fences(text: str, change: Callable[[str], str]) -> str:
    """`text` with what stands outside fenced blocks changed."""
    parts, end = [], 0
    for block in FENCED.finditer(text):
        parts += [change(text[end : block.start()]), block.group()]
        end = block.end()
    return "".join([*parts, change(text[end:])])


def page_of(file: Path) -> str:
    """The page that shows `file`: of a document its own, of another one of its text."""
    for page, document in documents().items():
        if document == file:
            return page
    return f"files/{file.relative_to(ROOT).as_posix()}"


def relinked(text: str, document: Path, page: str) -> tuple[str, set[Path]]:
    """The text of a document with its links to files made links to pages.

    page: where the text will stand. Returns the files that need a page of their text too. Raises
    FileNotFoundError where a link leads to no file of the repository.
    """
    shown: set[Path] = set()

    def to_page(link: re.Match[str]) -> str:
        target, mark, heading = link.group().partition("#")
        if not target or "://" in target:
            return link.group()
        file = (document.parent / target).resolve()
        if not (file.is_file() and file.is_relative_to(ROOT)):
            raise FileNotFoundError(f"{document.relative_to(ROOT)}: no file {target} to link to")
        if file.is_relative_to(IMAGES):
            copied = Path("images", file.relative_to(IMAGES))
            return os.path.relpath(copied, Path(page).parent)
        if file not in documents().values():
            shown.add(file)
        there = os.path.relpath(f"{page_of(file)}.md", Path(page).parent)
        return f"{there}{mark}{heading}"

    return outside_fences(text, lambda part: LINK.sub(to_page, part)), shown


def file_page(file: Path) -> str:
    """The page with the text of a file of the repository."""
    name = file.relative_to(ROOT).as_posix()
    language = LANGUAGES.get(file.suffix, "text")
    text = file.read_text(encoding="utf-8").rstrip("\n")
    ticks = max([2, *(len(run) for run in re.findall("`{3,}", text))]) + 1
    fence = "`" * ticks
    head = ["---", "orphan: true", "---", "", f"# {name}", ""]
    return "\n".join([*head, f"{fence}{{code-block}} {language}", ":linenos:", "", text, fence, ""])
