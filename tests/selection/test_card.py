"""The card says what was computed, in JSON and in words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from selection.conftest import Finished

from tlrun.core.task import TaskKey
from tlrun.selection.card import card, lines, markdown
from tlrun.selection.deliver import METHODS, Method, choose

KEY = TaskKey("target", "digit")


def made(finished: Finished, method: Method) -> dict[str, Any]:
    choices = choose(finished.arms, finished.held, method, 8.0)
    procedure = {"method": method, "prior": 8.0, "folds": 3}
    return card(finished.arms, finished.held, choices, procedure)


@pytest.mark.parametrize("method", METHODS)
def test_it_is_strict_json_and_every_number_is_said(finished: Finished, method: Method) -> None:
    found = made(finished, method)
    task = found["tasks"]["target/digit"]

    json.dumps(found, allow_nan=False)
    text = "\n".join(lines(found, "FOLDER"))
    for member in task["members"]:
        weight = f"{member['weight']:.2f} " if len(task["members"]) > 1 else ""
        assert f"{weight}{member['name']}" in text
    assert f"{100 * task['test']['score']:.1f} %" in text
    assert found["statement"] in text
    assert "tl-run predict FOLDER" in text
    assert ("gate:" in text) == (method == "gate")


def test_of_one_arm_it_says_what_the_run_itself_has_said(finished: Finished) -> None:
    task = made(finished, "best")["tasks"]["target/digit"]
    (member,) = task["members"]
    (arm,) = [arm for arm in finished.arms.every if arm.name == member["name"]]

    assert task["test"]["score"] == pytest.approx(arm.outcome.result["headline"]["test"])
    assert task["over the best single arm"]["gain"] == 0
    scratch = finished.arms.every[finished.arms.safe].outcome.result["headline"]["test"]
    assert task["over scratch"]["gain"] == pytest.approx(task["test"]["score"] - scratch)


def test_the_page_has_a_row_an_arm_and_no_name_breaks_it(finished: Finished) -> None:
    found = made(finished, "stack")
    found["tasks"]["target/digit"]["members"][0]["name"] = "a|b\x1b[31m"

    page = markdown(found, "FOLDER")

    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + len(found["tasks"]["target/digit"]["members"])
    assert "a\\|b" in page
    assert "\x1b" not in page
