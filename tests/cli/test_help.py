from tlrun.cli.help import screen
from tlrun.config.registry import GROUPS, shipped


def test_it_teaches_in_one_screen() -> None:
    lines = screen().splitlines()

    assert len(lines) <= 40
    assert max(map(len, lines)) <= 120
    assert "does it hurt?" in lines[0]
    assert sum(line.startswith("  tl-run") for line in lines) >= 5


def test_every_group_is_listed_with_its_names() -> None:
    shown = screen()

    for group in (*GROUPS, "experiment"):
        _, _, rest = shown.partition(f"\n  {group} ")
        listed = rest.replace("\n" + " " * 13, " ").splitlines()[0]  # a long list goes on below
        assert set(listed.replace(",", "").split()) == set(shipped(group))
