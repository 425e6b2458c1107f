"""The time, its zone, a network that is gone and others at the same run change no bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from reliability.conftest import Of
from reliability.harness_circumstances import (
    CIRCUMSTANCES,
    OTHERS,
    first_of_many,
    one_of_many,
    under,
)
from reliability.harness_commands import STRATEGIES
from reliability.harness_server import Job, Server


@pytest.mark.parametrize("name", CIRCUMSTANCES)
def test_no_bit_depends_on_circumstances(server: Server, reference_of: Of, name: str) -> None:
    of = reference_of("parameter_transfer")

    assert server.run([(under, (of.words, of.picture, name))]) == [[]]


@pytest.mark.slow
@pytest.mark.parametrize("name", CIRCUMSTANCES)
@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "parameter_transfer"])
def test_nor_does_one_of_another_strategy(
    server: Server, reference_of: Of, strategy: str, name: str
) -> None:
    of = reference_of(strategy)

    assert server.run([(under, (of.words, of.picture, name))]) == [[]]


def test_of_eight_at_once_one_has_the_run_and_the_others_are_told_who(
    reference_of: Of, tmp_path: Path
) -> None:
    of = reference_of("shared_parameters")
    rows = [k for k, each in enumerate(of.operations) if each.path.endswith("metrics.jsonl")]
    jobs: list[Job] = [(first_of_many, (of.words, of.picture, str(tmp_path), rows[0]))]
    jobs += [(one_of_many, (of.words, str(tmp_path), number)) for number in range(OTHERS)]
    crowd = Server(at_once=len(jobs))
    try:
        assert crowd.run(jobs) == [[]] * len(jobs)
    finally:
        crowd.close()
