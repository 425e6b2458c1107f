from pathlib import Path

import pytest

from tlrun.config.user_folder import check_folder, unread
from tlrun.core.errors import UserError

from problems import own_folder

HEADER = "# @package _global_\n"
BOMB = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (BOMB, "expected every value written out, found the alias *a"),
        ("a: " + "[" * 200 + "]" * 200, "expected at most 50 levels, found more"),
        ("a: &a [*a]", "expected every value written out, found the alias *a"),
        ("# " + "x" * 2**20, "expected at most 1048576 bytes of YAML, found"),
    ],
)
def test_what_would_hang_hydra_is_found_before_it_is_composed(
    tmp_path: Path, text: str, line: str
) -> None:
    mine = own_folder(tmp_path, text)
    with pytest.raises(UserError) as caught:
        check_folder(mine)

    assert line in caught.value.lines[0]
    assert "x.yaml" in caught.value.lines[0]


@pytest.mark.parametrize("how", ["hidden", "linked"])
def test_no_folder_hides_a_bomb(tmp_path: Path, how: str) -> None:
    mine = own_folder(tmp_path / (".hidden" if how == "hidden" else "seen"), BOMB)
    if how == "linked":
        (tmp_path / "links").mkdir()
        (tmp_path / "links" / "experiment").symlink_to(mine / "experiment")
        mine = tmp_path / "links"
    with pytest.raises(UserError, match="expected every value written out"):
        check_folder(mine)


def test_a_yaml_that_is_no_file_is_a_line(tmp_path: Path) -> None:
    mine = own_folder(tmp_path, HEADER)
    (mine / "gone.yaml").symlink_to(mine / "nowhere")
    with pytest.raises(UserError, match=r"gone\.yaml: expected a file, found something else"):
        check_folder(mine)


@pytest.mark.parametrize("there", ["nothing", "a file"])
def test_a_folder_that_is_none_is_refused(tmp_path: Path, there: str) -> None:
    place = tmp_path / "x"
    if there == "a file":
        place.write_text("")
    with pytest.raises(UserError, match=f"--config-dir: expected a folder, found {there} at"):
        check_folder(place)


@pytest.mark.parametrize(
    ("entry", "refused"),
    [
        ("override /hydra/launcher: basic", True),
        ("/hydra/output: x", True),
        ("hydra/job_logging: none", True),
        ("override hydra/help: x", True),
        ("override /dataset: digits", False),
        ("_self_", False),
        ("{}", False),
        ("[hydra/output]", False),
    ],
)
def test_a_yaml_picks_none_of_hydras_own(tmp_path: Path, entry: str, refused: bool) -> None:
    """It would be without effect: ours are picked first."""
    mine = own_folder(tmp_path, f"{HEADER}defaults:\n- {entry}\n")
    if not refused:
        check_folder(mine)
        return
    with pytest.raises(UserError, match=r"x.yaml, line 3: expected no YAML of Hydra's own in def"):
        check_folder(mine)


def test_what_nothing_closes_is_told_with_its_line(tmp_path: Path) -> None:
    mine = own_folder(tmp_path, f"{HEADER}seed: ${{threads}}\ndevice: '${{x'\n")
    with pytest.raises(UserError, match=r"x.yaml, line 3: expected a } for every \$\{ of device"):
        check_folder(mine)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("null: 3", "KeyValidationError"),
        ("seed: !!set {a, b}", "Value 'set' is not a supported"),
        ("seed: !!int abc", "invalid literal for int"),
        ("seed: !!map [1]", "TypeError"),
        (f"seed: {'9' * 6000}", "Exceeds the limit"),
    ],
)
def test_a_file_that_hydra_cannot_read_is_named_once_it_could_not(
    tmp_path: Path, text: str, why: str
) -> None:
    mine = own_folder(tmp_path, HEADER + text)
    (mine / "experiment" / "whole.yaml").write_text(f"{HEADER}seed: 1")
    check_folder(mine)
    (mistake,) = unread(mine)

    assert mistake.key == str(mine / "experiment" / "x.yaml")
    assert why in mistake.found


def test_a_number_in_base_60_is_told_with_its_line(tmp_path: Path) -> None:
    mine = own_folder(tmp_path, f"{HEADER}seed: 1\ntrainer: {{steps: 1:30}}\n")
    with pytest.raises(UserError, match=r"x.yaml, line 3: expected a number without : for steps"):
        check_folder(mine)
