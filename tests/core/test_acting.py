from dataclasses import dataclass, field
from typing import ClassVar, Literal

from tlrun.core.acting import Acts, Where, changed, idle


@dataclass(frozen=True)
class Inner:
    strength: float = 1.0
    kind: Literal["weak", "strong"] = "weak"
    acts: ClassVar[Acts] = {"strength": Where("kind", "strong")}


@dataclass(frozen=True)
class Outer:
    price: float | None = None
    fast: bool = False
    part: Inner = field(default_factory=Inner)
    kept: float = 0.5
    acts: ClassVar[Acts] = {
        "price": Where("fast", True),
        "kept": (Where("fast", True), Where("price", 2.0, 3.0)),
    }


@dataclass(frozen=True)
class Whole:
    part: Inner | Outer = field(default_factory=Inner)
    weight: float = 1.0
    acts: ClassVar[Acts] = {"weight": Where("part", "outer")}


def told(thing: object) -> list[tuple[str, str]]:
    return list(idle(thing, "node"))


def test_what_is_not_set_is_never_idle() -> None:
    assert told(Outer()) == []
    assert told(Inner()) == []
    assert told(Outer(fast=True)) == []
    assert told(Whole()) == []


def test_an_option_that_is_set_is_idle_without_the_choice_it_acts_with() -> None:
    assert told(Outer(price=2.0)) == [("node.price", "node.fast=false")]
    assert told(Outer(price=2.0, fast=True)) == []
    assert told(Inner(2.0)) == [("node.strength", "node.kind=weak")]
    assert told(Inner(2.0, "strong")) == []


def test_of_several_conditions_each_that_does_not_hold_is_a_reason() -> None:
    assert told(Outer(kept=0.1)) == [
        ("node.kept", "node.fast=false"),
        ("node.kept", "node.price=null"),
    ]
    assert told(Outer(3.0, fast=True, kept=0.1)) == []


def test_a_node_within_a_node_is_named_and_looked_through() -> None:
    assert told(Whole(weight=2.0)) == [("node.weight", "node.part=inner")]
    assert told(Whole(Outer(price=1.0), weight=2.0)) == [
        ("node.part.price", "node.part.fast=false")
    ]


def test_what_an_object_has_left_aside_counts_as_set() -> None:
    outer = Outer()
    object.__setattr__(outer, "unused", ("price",))

    assert told(outer) == [("node.price", "node.fast=false")]


def test_what_is_changed_differs_from_its_default() -> None:
    assert changed(Outer()) == []
    assert changed(Outer(fast=True, kept=0.5, price=0.0)) == ["price", "fast"]


def test_a_condition_in_words_is_what_a_command_line_has() -> None:
    assert Where("split", None).words == "split=null"
    assert Where("structure", "mask", "width").words == "structure=mask or width"
    assert Where("fast", True).words == "fast=true"
