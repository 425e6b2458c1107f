"""A page as a strict reader sees it: every tag closed in order, its ids, headings and texts."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link"}  # the page has no other element without an end


@dataclass
class Element:
    """An element with its attributes, what it holds, and the text directly in it."""

    name: str
    attributes: dict[str, str]
    inside: list["Element"] = field(default_factory=list)
    words: list[str] = field(default_factory=list)  # of it and of all that it holds, in order

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


class Reader(HTMLParser):
    """Reads a page; an AssertionError where an end does not match its start."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("root", {})
        self.open = [self.root]
        self.elements: list[Element] = []
        self.feed(page)
        self.close()
        assert self.open == [self.root], [element.name for element in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(element)
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].name == tag, (tag, [element.name for element in self.open])
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.words.append(data)

    def named(self, *names: str) -> list[Element]:
        """The elements of some names, in order."""
        return [element for element in self.elements if element.name in names]
