import pytest

from tlrun.core.json_text import parsed


@pytest.mark.parametrize("text", ["", "{", "nul", b"\xff\xff", "9" * 5000])
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parsed(text)


@pytest.mark.parametrize("mark", ["[", '{"a":'])
def test_so_is_what_is_nested_without_an_end(mark: str) -> None:
    with pytest.raises(ValueError, match="JSON that is nested too deeply"):
        parsed(mark * 100_000)


def test_json_is_read_as_it_is() -> None:
    assert parsed('{"a": [1, 2.5, null, true, "ä"]}') == {"a": [1, 2.5, None, True, "ä"]}
