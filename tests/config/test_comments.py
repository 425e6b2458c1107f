import pytest
import yaml

from tlrun.config.comments import Written, head, keys_in

TEXT = """\
# @package _global_
# What is it?   tl-run experiment=x
# More, 1 ± 2.
# And more.
a: 1  # one
b: [1, two]  # a list
c: "# no comment"  # but this is
d:  # of the node
  e: null  # inside
  f: {g: x}
# above
# the key
h: .inf
i:
  - 1
  - 2
j: ","
k:  # of nothing
"""


def test_the_head_is_the_meaning_the_command_and_the_rest() -> None:
    assert head(TEXT) == ("What is it?", "tl-run experiment=x", ["More, 1 ± 2.", "And more."])
    assert head("a: 1") == ("", "", [])
    assert head("# No command.") == ("No command.", "", [])


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("a", Written("1", "one")),
        ("b", Written("[1,two]", "a list")),
        ("c", Written('"# no comment"', "but this is")),
        ("d", Written("{e: null, f: {g: x}}", "of the node")),
        ("d.e", Written("null", "inside")),
        ("d.f.g", Written("x", "")),
        ("h", Written("inf", "above the key")),
        ("i", Written("[1,2]", "")),
        ("j", Written('","', "")),
        ("k", Written("", "of nothing")),
    ],
)
def test_a_key_has_its_value_and_its_comment(key: str, written: Written) -> None:
    assert keys_in(TEXT)[key] == written


def test_the_keys_are_those_of_the_file_in_its_order() -> None:
    assert [key for key in keys_in(TEXT) if "." not in key] == list("abcdhijk")
    assert keys_in("- 1") == keys_in("") == {}
    with pytest.raises(yaml.YAMLError):
        keys_in("a: [")
