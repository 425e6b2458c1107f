"""The page in a real browser: Chromium, driven by Playwright, where both are there."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tlrun.report.page.page import page

from report.page.examples import many_arms, noise_study, report_of, tasks_study
from report.page.test_page import HOSTILE, renamed

pytestmark = pytest.mark.long
playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright (pip)")
PLACES = ("chromium", "chromium-browser", "google-chrome", "chrome")

REPORTS = {
    "noise": report_of(noise_study()),
    "two": report_of(noise_study(), tasks_study()),
    "many": report_of(many_arms(30)),
    "none": report_of(),
    "long": renamed(report_of(noise_study(), tasks_study()), "n" * 200),
    "hostile": renamed(report_of(noise_study(), tasks_study()), HOSTILE["quotes"]),
    "script": renamed(report_of(noise_study()), HOSTILE["script"]),
}
EVERY = pytest.mark.parametrize("name", REPORTS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PLACES)), None)
    if program is None:
        pytest.skip("needs a Chromium on the path, or its place in CHROMIUM")
    with playwright.sync_playwright() as driver:
        yield (made := driver.chromium.launch(executable_path=program, args=["--no-sandbox"]))
        made.close()


class Visit:
    """A page opened from a file; what it said, asked for, and whether a script ran."""

    def __init__(self, browser: Any, folder: Path, name: str, **context: Any) -> None:
        file = folder / "report.html"
        file.write_text(page(REPORTS[name]), encoding="utf-8")
        self.said: list[str] = []
        self.asked: list[str] = []
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", self._dismiss)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri())
        self.uri = file.as_uri()

    def _dismiss(self, dialog: Any) -> None:
        self.said.append("dialog")
        dialog.dismiss()


@pytest.mark.parametrize("width", [390, 768, 1280, 1600])
@EVERY
def test_nothing_overflows_runs_or_is_fetched(
    browser: Any, tmp_path: Path, name: str, width: int
) -> None:
    visit = Visit(browser, tmp_path, name, viewport={"width": width, "height": 900})

    assert visit.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    for summary in visit.page.locator("summary").all():
        summary.click()
    assert visit.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert visit.said == []
    assert {url for url in visit.asked if not url.startswith("data:")} == {visit.uri}
    visit.context.close()


def test_a_scheme_changes_the_ground_and_the_letters(browser: Any, tmp_path: Path) -> None:
    found = {}
    for scheme in ("light", "dark"):
        visit = Visit(browser, tmp_path, "noise", color_scheme=scheme)
        look = "(({backgroundColor, color}) => [backgroundColor, color])(getComputedStyle({}))"
        found[scheme] = visit.page.evaluate(look.replace("({})", "(document.body)"))
        visit.context.close()

    assert found["light"][0] != found["dark"][0]
    assert found["light"][1] != found["dark"][1]


@pytest.mark.parametrize(
    ("width", "shown", "hidden"), [(390, "narrow", "wide"), (1280, "wide", "narrow")]
)
def test_a_chart_is_drawn_once_at_a_width(
    browser: Any, tmp_path: Path, width: int, shown: str, hidden: str
) -> None:
    visit = Visit(browser, tmp_path, "noise", viewport={"width": width, "height": 900})

    assert visit.page.locator(f"svg.{shown}").first.is_visible()
    assert not visit.page.locator(f"svg.{hidden}").first.is_visible()
    letters = visit.page.locator(f"svg.{shown} text").first.evaluate(
        "e => parseFloat(getComputedStyle(e).fontSize) * e.ownerSVGElement.getScreenCTM().a"
    )
    assert letters >= 10
    visit.context.close()


@pytest.mark.parametrize("name", ["noise", "two", "many", "long"])
def test_a_page_prints_with_every_table_open_in_light(
    browser: Any, tmp_path: Path, name: str
) -> None:
    visit = Visit(
        browser, tmp_path, name, color_scheme="dark", viewport={"width": 718, "height": 900}
    )
    visit.page.emulate_media(media="print", color_scheme="dark")

    assert visit.page.pdf(format="A4").startswith(b"%PDF")
    tables = visit.page.locator("details:not(.folders) table")
    assert tables.count() > 0
    assert all(table.bounding_box()["height"] > 10 for table in tables.all())
    ground = visit.page.evaluate(
        "getComputedStyle(document.querySelector('.card')).backgroundColor"
    )
    assert ground == "rgb(255, 255, 255)"
    if name != "long":
        assert visit.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    visit.context.close()
