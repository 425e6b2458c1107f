import unicodedata

import pytest

from tlrun.config.look_alikes import DASHES, MEANT, as_meant, look_alike


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1e\u22123", "\u2212 (U+2212, minus sign) is not -"),
        ("seed=\u00a03", "(U+00A0, no break space) where a space was meant"),
        ("\u201ca\u201d", '\u201c (U+201C, left double quotation mark) is not "'),
        ("a\tb", "(U+0009, tab) where a space was meant"),
        ("größe=λ-1", ""),
    ],
)
def test_a_character_that_looks_like_another_is_named(text: str, said: str) -> None:
    assert look_alike(text) == said


def test_what_was_meant_is_typed_on_every_keyboard() -> None:
    assert all(char not in as_meant(char) for char in MEANT)
    assert all(as_meant(char).isascii() for char in MEANT)
    assert all(
        "DASH" in unicodedata.name(c)
        or "MINUS" in unicodedata.name(c)
        or "HYPHEN" in unicodedata.name(c)
        for c in DASHES
    )
    assert as_meant("1e\u22123\u200b") == "1e-3"
