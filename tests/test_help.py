from tlrun.build import GROUPS, shipped
from tlrun.help import screen


def test_it_teaches_in_one_screen() -> None:
    lines = screen().splitlines()

    assert len(lines) <= 40
    assert max(map(len, lines)) <= 120
    assert "does it hurt?" in lines[0]
    assert sum(line.startswith("  tl-run") for line in lines) >= 5


def test_every_group_is_listed_with_its_names() -> None:
    shown = screen()

    for group in (*GROUPS, "experiment"):
        line = next(line for line in shown.splitlines() if line.startswith(f"  {group} "))
        assert all(name in line for name in shipped(group))
