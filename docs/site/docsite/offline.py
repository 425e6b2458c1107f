"""That no page of the site has a browser fetch anything from a host."""

from __future__ import annotations

import re
from pathlib import Path

HOST = r"(?:https?:)?//[^\"')\s]+"
IN_HTML = re.compile(
    rf"<(?:script|link|img|iframe|source|object|embed)\b[^>]*\b(?:src|href|data)=[\"']({HOST})"
)
IN_CSS = re.compile(rf"(?:url\(\s*|@import\s+)[\"']?({HOST})")


def fetched(html: Path) -> list[str]:
    """What the pages and style sheets below `html` load from elsewhere, `file: address` each.

    Links that a reader may follow are not among them.
    """
    found = []
    for file in sorted(html.rglob("*")):
        if file.suffix in {".html", ".css"}:
            text = file.read_text(encoding="utf-8")
            patterns = [IN_CSS, IN_HTML] if file.suffix == ".html" else [IN_CSS]
            name = file.relative_to(html).as_posix()
            found += [f"{name}: {address}" for one in patterns for address in one.findall(text)]
    return found
