"""The site that `make docs` builds: every page, name, setting and file linked to is in it."""

import inspect
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

import tlrun
from docsite.api import api_pages, names_in
from docsite.docstrings import escaped, markdown
from docsite.links import LINK, file_page, page_of, relinked
from docsite.offline import fetched
from docsite.pages import BENEATH, DOCS, ROOT, WRITTEN, documents, navigation
from docsite.settings import CONFIGS, HIDDEN, first_comment, group_names, settings
from docsite.sources import write_sources, written_pages

YAMLS = sorted(path for path in CONFIGS.rglob("*.yaml") if path.parent.name != "experiment")


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return written_pages()


def test_every_page_is_in_the_navigation_once() -> None:
    shown = [page for names in navigation().values() for page in names]
    beneath = [page for names in BENEATH.values() for page in names]

    assert sorted([*shown, *beneath, "index"]) == sorted({*documents(), *WRITTEN})
    assert {path.stem for path in DOCS.glob("*.md")} <= set(shown)
    assert len(shown) > 15


def test_the_navigation_is_on_the_start_page(pages: dict[str, str]) -> None:
    trees = re.findall(r"```\{toctree\}\n(.*?)```", pages["index"], flags=re.DOTALL)
    listed = {line for tree in trees for line in tree.splitlines()}

    assert {page for names in navigation().values() for page in names} <= listed


def test_every_public_name_has_an_entry_and_a_line(pages: dict[str, str]) -> None:
    entries = [
        name
        for page, text in pages.items()
        if page.startswith("api/")
        for name in re.findall(r"^::::\{py:\w+\} tlrun\.(\w+)", text, flags=re.MULTILINE)
    ]

    assert sorted(entries) == sorted(tlrun.__all__)
    assert all(f"(#tlrun.{name})" in pages["api"] for name in tlrun.__all__)


def test_a_new_public_name_gets_its_entry_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tlrun, "PUBLIC", {**tlrun.PUBLIC, "store.locks": ("locked",)})
    monkeypatch.setattr(tlrun, "HOMES", {**tlrun.HOMES, "locked": "store.locks"})
    monkeypatch.setattr(tlrun, "__all__", [*tlrun.__all__, "locked"])

    made = api_pages()

    assert "{py:function} tlrun.locked(" in made["api/store"]
    assert "[`locked`](#tlrun.locked)" in made["api"]
    assert "api/store\n" in made["api"]


@pytest.mark.parametrize("file", YAMLS, ids=lambda file: file.relative_to(CONFIGS).as_posix())
def test_every_option_of_every_yaml_is_on_the_page(file: Path, pages: dict[str, str]) -> None:
    """With its default: as another reader of YAML reads the file."""
    node: Any = OmegaConf.to_container(OmegaConf.load(file))
    group = "" if file.parent == CONFIGS else f"{file.parent.name}."
    expected = {
        f"{group}{key}": value
        for key, value in node.items()
        if key not in HIDDEN and not (group and key == "name")
    }
    found = settings(file, group)
    text = pages["every_setting"]
    part = text.split(f"### {file.parent.name}={file.stem}\n")[1] if group else text
    part = part.split("\n##")[0] if group else part

    assert {one.key if group else one.key.partition(".")[0] for one in found} == {*expected}
    assert all(f"| [`{one.key}`]" in part for one in found)
    for one in found:
        if one.key in expected:
            (value,) = OmegaConf.create(f"[{one.default}]")
            assert value == expected[one.key]
        assert f"| {escaped(one.comment)} |" in part


def test_every_yaml_of_a_group_is_a_heading(pages: dict[str, str]) -> None:
    heads = re.findall(r"^### (\w+)=(\w+)$", pages["every_setting"], flags=re.MULTILINE)
    files = [path for group in group_names() for path in sorted((CONFIGS / group).glob("*.yaml"))]

    assert heads == [(path.parent.name, path.stem) for path in files]
    assert set(CONFIGS.rglob("*.yaml")) - {*files} == {CONFIGS / "run.yaml"}
    assert all(escaped(first_comment(path)[0]) in pages["every_setting"] for path in files)


def test_a_link_to_a_document_is_one_to_its_page_and_to_a_file_one_to_its_text() -> None:
    text = "[a](../README.md#how), [b](data.md), [c](#here), [d](../pyproject.toml)"

    changed, files = relinked(text, DOCS / "verdict.md", "verdict")
    inner, _ = relinked("[a](docs/data.md)", ROOT / "README.md", "api/index")

    assert changed == "[a](index.md#how), [b](data.md), [c](#here), [d](files/pyproject.toml.md)"
    assert files == {ROOT / "pyproject.toml"}
    assert inner == "[a](../data.md)"


@pytest.mark.parametrize("link", ["nowhere.md", "../configs", "../../../outside.md"])
def test_a_link_to_what_is_no_file_of_the_repository_is_an_error(link: str) -> None:
    with pytest.raises(FileNotFoundError, match=re.escape(link)):
        relinked(f"[x]({link})", DOCS / "verdict.md", "verdict")


def test_what_is_in_a_fence_is_left_alone() -> None:
    text = "```text\n[x](nowhere.md)\n```\n"

    assert relinked(text, DOCS / "verdict.md", "verdict") == (text, set())


def test_every_file_that_is_linked_to_has_a_page_of_its_text(pages: dict[str, str]) -> None:
    linked = {
        (Path(page).parent / link).as_posix()
        for page, text in pages.items()
        for link in re.findall(r"\]\((files/[^)#]+)\.md", text)
    }

    assert linked == {page for page in pages if page.startswith("files/")}
    assert len(linked) > 30
    for page in linked:
        assert (ROOT / page.removeprefix("files/")).read_text("utf-8").strip("\n") in pages[page]


def test_the_fence_around_a_text_is_longer_than_those_in_it(tmp_path: Path) -> None:
    page = file_page(DOCS / "extending.md")

    assert page_of(DOCS / "extending.md") == "extending"
    assert page.count("````{code-block}") == 1
    assert page.rstrip().endswith("\n````")


def test_a_docstring_becomes_prose_items_and_blocks() -> None:
    docstring = """The mean of x [N] < 1.

x: numbers. most: how
    many of them.
kind: one of
    a  the first
    b  the second

    an equation = 2

Raises ValueError where x is empty.
"""

    assert markdown(docstring, ["x", "most", "kind"]).split("\n\n") == [
        r"The mean of x \[N\] \< 1.",
        "- `x`: numbers.\n- `most`: how many of them.\n- `kind`: one of",
        "```text\na  the first\nb  the second\n```",
        "```text\nan equation = 2\n```",
        "Raises ValueError where x is empty.",
    ]


@pytest.mark.parametrize("name", tlrun.__all__)
def test_no_word_of_a_docstring_is_lost(name: str) -> None:
    docstring = inspect.getdoc(getattr(tlrun, name)) or ""

    def words(text: str) -> list[str]:
        return re.findall(r"[\wλφθ]+", text)

    made = markdown(docstring, names_in(getattr(tlrun, name))).replace("```text", "")
    found = words(made.replace("\\", ""))

    assert len(docstring) > 10
    assert found == words(docstring)


def test_every_page_is_written_where_its_links_lead(tmp_path: Path, pages: dict[str, str]) -> None:
    write_sources(tmp_path)

    for page, text in pages.items():
        file = tmp_path / f"{page}.md"
        assert file.read_text("utf-8") == text
        links = LINK.findall(re.sub(r"(?ms)^(`{3,}).*?^\1", "", text))
        targets = {link.partition("#")[0] for link in links} - {""}
        assert [target for target in targets if not (file.parent / target).is_file()] == [], page


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", '<script defer src="https://host/x.js"></script>'),
        ("a.html", '<link rel="stylesheet" href="//host/x.css">'),
        ("a.html", "<style>p {background: url('https://host/x.png')}</style>"),
        ("b/a.css", '@import "https://host/x.css";'),
    ],
)
def test_what_a_browser_would_fetch_is_found(name: str, text: str, tmp_path: Path) -> None:
    page = tmp_path / name
    page.parent.mkdir(exist_ok=True)
    local = '<script src="x.js"></script><a href="https://host/">a link</a>'
    page.write_text(local, encoding="utf-8")

    assert fetched(tmp_path) == []

    page.write_text(local + text, encoding="utf-8")

    assert [one.partition(": ")[0] for one in fetched(tmp_path)] == [name]


def test_sphinx_and_its_like_are_an_extra_of_their_own() -> None:
    """The site is no part of tl-run: neither its packages nor its dependencies are."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

    needed = project["project"]["optional-dependencies"]["docs"]
    assert [re.split(r"[<>=]", one)[0] for one in needed] == ["sphinx", "myst-parser", "furo"]
    assert not any("docsite" in package for package in project["tool"]["setuptools"]["packages"])
