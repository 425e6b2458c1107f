import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from tlrun.report.page.svg import drawing, element, mark, path, stroke, tenths, text


@given(st.text(), st.text())
def test_names_stay_text_inside_and_in_attributes(inside: str, value: str) -> None:
    read = ET.fromstring(element("text", inside, class_=value))

    assert list(read) == []
    assert (read.text or "") == "".join(c if c.isprintable() else "�" for c in inside)
    assert read.get("class") == "".join(c if c.isprintable() else "�" for c in value)


def test_an_element_within_another_is_not_escaped_twice() -> None:
    assert element("g", element("text", "a<b")) == "<g><text>a&lt;b</text></g>"
    assert text(Markup("<b>")) == "<b>"
    assert text("\x1b[31m\u202e") == "�[31m�"


def test_attributes_are_named_rounded_and_left_out() -> None:
    made = element("rect", x=1.26, width=3, class_=None, text_anchor="end")

    assert made == '<rect x="1.3" width="3" text-anchor="end"/>'


def test_a_drawing_says_what_it_is_first() -> None:
    read = ET.fromstring(drawing(10, 20, "strip", "a title", "what it shows", element("g", "")))

    assert [child.tag for child in read] == ["title", "desc", "g"]
    assert read.get("role") == "img"
    assert read.get("viewBox") == "0 0 10 20"


def test_marks_of_six_kinds_differ_and_then_come_again() -> None:
    drawn = [mark([(50, 50)], shape) for shape in range(12)]

    assert len(set(drawn[:6])) == 6
    assert drawn[6:] == drawn[:6]


@pytest.mark.parametrize("shape", range(6))
def test_a_line_of_marks_is_one_element_with_a_start_for_each(shape: int) -> None:
    read = ET.fromstring(mark([(10, 20), (30, 40.04), (50, 60)], shape))

    starts = re.findall(r"M(\S+) ([\d.]+)", read.get("d", ""))
    across = [float(x) for x, _ in starts]
    down = [float(y) for _, y in starts]
    assert across[1] - across[0] == pytest.approx(20)
    assert down[2] - down[1] == pytest.approx(20, abs=0.11)


def test_strokes_go_where_they_are_sent() -> None:
    assert 'd="M1 2h3.5"' in stroke(1, 2, 3.5)
    assert 'd="M1 2v-4"' in stroke(1, 2, down=-4)
    assert 'd="M1 2l3 -4"' in stroke(1, 2, 3, -4)


@given(st.floats(-9999, 9999))
def test_a_length_is_right_to_a_tenth(value: float) -> None:
    assert float(tenths(value)) == pytest.approx(value, abs=0.0501)


def test_a_path_is_pairs() -> None:
    assert path([(1, 2.26), (3.04, 4)]) == "1,2.3 3,4"
