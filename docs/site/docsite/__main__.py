"""Make the site: `python -m docsite`, with docs/site on the path, or `make docs`."""

from __future__ import annotations

import shutil
import sys

from sphinx.cmd.build import build_main

from docsite.offline import fetched
from docsite.pages import ROOT
from docsite.sources import write_sources

BUILT = ROOT / "build" / "docs"


def main() -> int:
    """Put the sources together and have them made into HTML. Returns the exit code.

    A warning is an error, and so is a page that would fetch something. All is made anew: of a page
    that is as it was Sphinx tells no warning a second time, and its navigation would stay too.
    """
    shutil.rmtree(BUILT, ignore_errors=True)
    write_sources(BUILT / "source")
    conf = ROOT / "docs" / "site"
    folders = ["-c", str(conf), "-d", str(BUILT / "doctrees")]
    where = [str(BUILT / "source"), str(BUILT / "html")]
    code: int = build_main(["-W", "--keep-going", "-q", "-j", "auto", *folders, *where])
    if code:
        return code
    if elsewhere := fetched(BUILT / "html"):
        print("expected pages that fetch nothing, found", *elsewhere, sep="\n  ", file=sys.stderr)
        return 1
    print(f"Open {(BUILT / 'html' / 'index.html').relative_to(ROOT)} in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
