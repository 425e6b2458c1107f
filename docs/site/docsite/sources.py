"""The sources of the site, put together in one folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from docsite.api import api_pages
from docsite.links import IMAGES, file_page, page_of, relinked
from docsite.pages import BENEATH, SETTINGS, documents, navigation, toctree
from docsite.settings import settings_page


def written_pages() -> dict[str, str]:
    """The Markdown of every page, by its name: documents, API, settings and files linked to.

    Raises FileNotFoundError where a document links to a file that is not there.
    """
    text, shown = settings_page()
    pages = {SETTINGS: text} | api_pages()
    for page, document in documents().items():
        pages[page], files = relinked(document.read_text(encoding="utf-8"), document, page)
        shown |= files
    for page, beneath in BENEATH.items():
        pages[page] += toctree(list(beneath))
    pages["index"] += toctree(["Start <self>"])
    for heading, names in navigation().items():
        pages["index"] += toctree(names, caption=heading)
    return pages | {page_of(file): file_page(file) for file in shown}


def write_sources(folder: Path) -> None:
    """Write every page, and the images, into `folder`, which is not there yet."""
    shutil.copytree(IMAGES, folder / "images")
    for page, text in written_pages().items():
        path = folder / f"{page}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
