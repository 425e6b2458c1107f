from tlrun.core.errors import RunBusy, RunFailed, TlrunError, UserError, nearest


def test_exit_codes_tell_a_mistake_from_a_failed_run() -> None:
    assert UserError("x").exit_code == 2
    assert RunFailed("x").exit_code == RunBusy("x").exit_code == TlrunError("x").exit_code == 1


def test_a_user_error_keeps_its_lines_apart() -> None:
    error = UserError("one", "two")

    assert error.lines == ("one", "two")
    assert str(error) == "one\ntwo"


def test_nearest_names_the_nearest_and_all() -> None:
    assert nearest("freez", ["freeze", "name"]) == "; did you mean freeze? (one of: freeze, name)"
    assert nearest("qqqqq", ["freeze"]) == " (one of: freeze)"
    assert nearest("x", []) == " (there are none)"
