import dataclasses
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest

from tlrun.report.answer import Figure, Study
from tlrun.report.page.page import page
from tlrun.report.page.tables import STRONGEST

from report.page.examples import arm, many_arms, noise_study, report_of, tasks_study
from report.page.reading import Reader

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "quotes": "\"'><img src=x onerror=alert(1)>",
    "markup": "[red]x[/] {{ 7*7 }} {% raw %}",
    "direction": "abc\u202egpj.exe\u2066\u2069\u202a",
    "terminal": "\x1b[31mred\x1b[0m\x00\x07\r\n\x9b2J",
    "comment": "--><!-- ]]> </style> </title> </svg>",
    "entity": "&lt;b&gt; &amp; &#x3c;",
    "long": "n" * 5000,
    "emoji": "🦊👍🏽",
    "chinese": "参数迁移",
    "surrogate": "\ud800",
}
# Fields whose values are of a closed set that the report itself decides.
CLOSED = {"role", "word", "shown", "kind", "better", "unit"}
NAMES = {
    "html", "head", "meta", "title", "link", "style", "body", "a", "main", "header", "h1",
    "h2", "h3", "h4", "p", "nav", "ol", "li", "span", "article", "div", "section", "table",
    "thead", "tbody", "tr", "th", "td", "small", "b", "details", "summary", "figure",
    "figcaption", "dl", "dt", "dd", "ul", "pre", "code", "footer", "time", "svg", "desc",
    "path", "rect", "text", "g", "polyline", "polygon", "line", "circle",
}  # fmt: skip


def renamed(part: Any, name: str) -> Any:
    """A report with `name` put behind every text of it that a stranger may have chosen."""
    if isinstance(part, str):
        return part + name
    if isinstance(part, tuple):
        return tuple(renamed(each, name) for each in part)
    if isinstance(part, dict):
        return {renamed(key, name): renamed(value, name) for key, value in part.items()}
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        changed = {
            field.name: renamed(getattr(part, field.name), name)
            for field in dataclasses.fields(part)
            if field.name not in CLOSED
        }
        return replace(part, **changed)
    return part


def figures(part: Any) -> Iterator[Figure]:
    """Every figure in a report."""
    if isinstance(part, Figure):
        yield part
    elif isinstance(part, tuple):
        for each in part:
            yield from figures(each)
    elif dataclasses.is_dataclass(part):
        for field in dataclasses.fields(part):
            yield from figures(getattr(part, field.name))


REPORTS = {
    "none": report_of(),
    "one": report_of(noise_study()),
    "three": report_of(noise_study(), tasks_study(), noise_study()),
    "many arms": report_of(many_arms(30)),
    "one arm": report_of(replace(noise_study(), arms=(arm("a", "1", 50, (None, None, None)),))),
    "bare": report_of(
        replace(
            noise_study(),
            verdict="", question="", more=(), arms=(), charts=(), tested=(), others=(), cost=(),
            warnings=(), scope="", command="", declared="", delta=None,
        )
    ),
    "long": renamed(report_of(noise_study(), tasks_study()), "n" * 200),
}  # fmt: skip
EVERY = pytest.mark.parametrize("name", REPORTS)


@cache
def html_of(name: str) -> str:
    return page(REPORTS[name])


@cache
def read_of(name: str) -> Reader:
    return Reader(html_of(name))


@EVERY
def test_a_page_is_well_formed_and_its_ids_are_its_own(name: str) -> None:
    read = read_of(name)

    ids = [e.attributes["id"] for e in read.elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for element in read.elements:
        for pointer in ("aria-labelledby", "href"):
            target = element.attributes.get(pointer, "")
            if pointer == "aria-labelledby" and target:
                assert target in ids
            if target.startswith("#"):
                assert target[1:] in ids
    assert {element.name for element in read.elements} <= NAMES


@EVERY
def test_headings_are_in_order_under_one_first(name: str) -> None:
    read = read_of(name)

    levels = [int(e.name[1]) for e in read.named("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(e.text for e in read.named("h1", "h2", "h3", "h4"))


@EVERY
def test_a_page_asks_for_nothing_from_outside(name: str) -> None:
    html, read = html_of(name), read_of(name)

    policy = next(e for e in read.named("meta") if "http-equiv" in e.attributes)
    assert "default-src 'none'" in policy.attributes["content"]
    assert read.named("script", "iframe", "object", "embed", "img", "base", "form") == []
    for element in read.elements:
        assert not any(key.startswith("on") for key in element.attributes)
        for link in ("src", "href", "srcset", "action", "data", "poster", "xlink:href"):
            assert re.match(r"$|#|data:", element.attributes.get(link, ""))
    assert not re.search(r"url\(|@import|https?://|image-set\(", html)


@EVERY
def test_every_drawing_has_its_name_and_every_chart_its_table(name: str) -> None:
    read = read_of(name)

    for svg in read.named("svg"):
        assert svg.attributes["role"] == "img"
        assert [child.name for child in svg.inside[:2]] == ["title", "desc"]
        assert svg.inside[0].text
        assert svg.inside[1].text
    for section in read.named("section"):
        names = [child.name for child in section.inside]
        if "figure" in names:
            assert "details" in names


@EVERY
def test_every_number_of_the_report_stands_in_the_page(name: str) -> None:
    read = read_of(name)

    report, text = REPORTS[name], read.root.text
    for figure in figures(report):
        assert " ".join(figure.text.split()) in text
    for study in report.studies:
        for sentence in (study.verdict, *study.more, *study.warnings, *study.deviations):
            assert sentence in text
        for one in study.arms:
            assert all(run in text for run in one.runs)
            assert all(state in text for state in one.states)
        for other in study.others:
            assert other.path in text
            assert other.why in text


@EVERY
def test_what_scrolls_can_be_reached_and_is_named(name: str) -> None:
    for element in read_of(name).elements:
        if "scroll" in element.attributes.get("class", "").split():
            assert element.attributes["tabindex"] == "0"
            assert element.attributes["role"] == "region"
            assert element.attributes["aria-label"]


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_names_of_strangers_stay_text(name: str) -> None:
    html = page(renamed(report_of(noise_study(), tasks_study()), name))

    read = Reader(html)
    assert {element.name for element in read.elements} <= NAMES
    assert read.named("script", "img") == []
    assert not any(a.startswith("on") for e in read.elements for a in e.attributes)
    assert all(line.isprintable() for line in html.split("\n"))
    html.encode("utf-8")
    shown = "".join(c if c.isprintable() else "�" for c in name)
    assert " ".join(shown.split()) in read.root.text
    plain = read_of("long")
    for kind in ("article", "table", "tr", "svg", "h2", "h3"):
        assert len(read.named(kind)) == len(plain.named(kind))


def test_the_same_report_gives_the_same_page() -> None:
    report = report_of(noise_study(), tasks_study())

    assert page(report) == page(report)


def test_one_study_leads_with_its_verdict_and_several_with_a_list_of_them() -> None:
    one, two = noise_study(), tasks_study()

    alone = Reader(page(report_of(one)))
    assert alone.named("h1")[0].text == one.verdict
    assert alone.named("nav") == []
    both = Reader(page(report_of(one, two)))
    links = [e.text for e in both.named("a") if e.attributes["href"].startswith("#study-")]
    assert links == [one.verdict, two.verdict]


def test_a_verdict_is_a_word_and_not_a_colour_alone() -> None:
    read = Reader(page(report_of(noise_study())))

    table = read.named("table")[0]
    for row, one in zip(table.inside[1].inside, noise_study().arms, strict=True):
        assert row.inside[-1].text == (one.word or "control")
        assert ("best or not shown worse" in row.inside[0].text) == one.best


def test_what_no_figure_defines_is_said_in_words() -> None:
    study = noise_study()
    none = Figure("–", math.nan)
    lines = tuple(
        replace(line, points=tuple(replace(p, figure=none) for p in line.points))
        for line in study.charts[0].lines
    )
    chart = replace(study.charts[0], lines=lines, levels=())
    blank = replace(study, charts=(chart,), arms=tuple(replace(a, score=none) for a in study.arms))

    read = Reader(page(report_of(blank)))

    assert "Nothing to draw" in read.root.text
    assert [e for e in read.named("svg") if "chart" in e.attributes["class"]] == []


def eight_arms() -> Study:
    """The study of the sketch with eight rows."""
    study = noise_study()
    more = (
        arm("task relation", "1", 44.0, (6.9, -3.6, -7.0), "UNCLEAR"),
        arm("ridge", "–", 39.0, (1.9, -8.6, -12.0), role="outside"),
    )
    return replace(study, arms=study.arms + more)


def test_pages_stay_small() -> None:
    assert len(page(report_of(eight_arms())).encode()) < 100_000
    assert len(page(report_of(*[eight_arms()] * 20)).encode()) < 1_000_000


# Contrast, as WCAG 2.2 defines it: (L₁ + 0.05)/(L₂ + 0.05) of relative luminances L₁ ≥ L₂.
def schemes() -> dict[str, dict[str, str]]:
    """The colours of the style by their names, in light and in dark."""
    style = files("tlrun.report.page").joinpath("style.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root\s*\{([^}]*)\}", style)
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in blocks)
    return {"light": light, "dark": dark}


def channels(colour: str) -> list[float]:
    return [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]


def luminance(rgb: list[float]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: list[float], other: list[float]) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_as_defined() -> None:
    assert contrast(channels("#000000"), channels("#ffffff")) == pytest.approx(21)
    assert contrast(channels("#777777"), channels("#ffffff")) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_in_both_schemes(scheme: str) -> None:
    colours = schemes()[scheme]
    assert colours.keys() == schemes()["light"].keys()
    words = ("ink", "soft", "good", "bad", "even", "link", *(f"c{k}" for k in range(6)))

    for name in words:
        for ground in ("paper", "card"):
            found = contrast(channels(colours[name]), channels(colours[ground]))
            assert found >= 4.5, (name, ground, found)
    assert contrast(channels(colours["ink"]), channels(colours["note"])) >= 4.5
    for sign in ("edge", "soft"):
        assert contrast(channels(colours[sign]), channels(colours["card"])) >= 3
    for shade in ("c0", "c1"):
        both = zip(channels(colours[shade]), channels(colours["card"]), strict=True)
        mixed = [STRONGEST * a + (1 - STRONGEST) * b for a, b in both]
        assert contrast(channels(colours["ink"]), mixed) >= 4.5
