"""Elements of a drawing, as text."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from tlrun.core.errors import printable


def element(name: str, *inside: str, **attributes: object) -> Markup:
    """An element `name` of SVG that holds `inside`: elements as they are, other text escaped.

    attributes: by their names with _ for -, and `class_` for class; numbers are rounded to tenths,
    None is left out.
    """
    head = [name]
    for key, value in attributes.items():
        if value is not None:
            written = tenths(value) if isinstance(value, float) else str(value)
            head.append(f'{key.rstrip("_").replace("_", "-")}="{text(written)}"')
    body = Markup("").join(text(part) for part in inside)
    opened = " ".join(head)
    return Markup(f"<{opened}>{body}</{name}>" if inside else f"<{opened}/>")  # noqa: S704 - escaped


def text(part: str) -> Markup:
    """`part` fit for a page: printable and escaped, unless it is an element already."""
    return part if isinstance(part, Markup) else escape(printable(part))


def drawing(
    width: float, height: float, kind: str, title: str, description: str, *inside: str
) -> Markup:
    """A whole SVG of `width` and `height`, of the class `kind`, which a screen reader can name."""
    named = (element("title", title), element("desc", description))
    box = f"0 0 {width:g} {height:g}"
    return element("svg", *named, *inside, viewBox=box, role="img", class_=kind)


def mark(
    places: Sequence[tuple[float, float]],
    shape: int,
    radius: float = 4.0,
    class_: str | None = None,
) -> Markup:
    """The same mark around each of `places`: its `shape` tells it apart where colours do not.

    shape: 0 disc, 1 square, 2 diamond, 3 triangle, 4 triangle on its tip, 5 hexagon; then again.
    """
    r = radius
    x0, y0, outline = (
        (-r, 0.0, f"a{r:g} {r:g} 0 1 0 {2 * r:g} 0 {r:g} {r:g} 0 1 0-{2 * r:g} 0"),
        (-0.9 * r, -0.9 * r, f"h{1.8 * r:.3g}v{1.8 * r:.3g}h{-1.8 * r:.3g}"),
        (0.0, -1.3 * r, _legs(r, (1.3, 1.3), (-1.3, 1.3), (-1.3, -1.3))),
        (0.0, -1.2 * r, _legs(r, (1.2, 2.1), (-2.4, 0))),
        (0.0, 1.2 * r, _legs(r, (1.2, -2.1), (-2.4, 0))),
        (-1.2 * r, 0.0, _legs(r, (0.6, -1), (1.2, 0), (0.6, 1), (-0.6, 1), (-1.2, 0))),
    )[shape % 6]
    drawn = (f"M{tenths(x + x0)} {tenths(y + y0)}{outline}z" for x, y in places)
    return element("path", d="".join(drawn), class_=class_)


def _legs(size: float, *steps: tuple[float, float]) -> str:
    """Straight lines of a mark, each from where the one before has ended, in units of `size`."""
    return "l" + " ".join(f"{size * x:.3g} {size * y:.3g}" for x, y in steps)


def stroke(x: float, y: float, right: float = 0, down: float = 0, **attributes: object) -> Markup:
    """A straight line from (x, y), so far to the right or down."""
    way = f"l{tenths(right)} {tenths(down)}"
    if not right or not down:
        way = f"h{tenths(right)}" if right else f"v{tenths(down)}"
    return element("path", d=f"M{tenths(x)} {tenths(y)}{way}", **attributes)


def path(places: list[tuple[float, float]]) -> str:
    """The points of a line or polygon, rounded to tenths."""
    return " ".join(f"{tenths(x)},{tenths(y)}" for x, y in places)


def tenths(value: float) -> str:
    """A length as an attribute has it: to a tenth, in at most six digits."""
    return f"{round(value, 1):g}"
