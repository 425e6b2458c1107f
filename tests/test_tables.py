"""What is read of a table is what was written into it, or one line refuses it."""

from pathlib import Path

import numpy as np
import pytest
from generated_tables import FAULTS, Made, make

from tlrun.core.errors import UserError
from tlrun.core.problem import Problem
from tlrun.data.datasets.table_csv import TableCsv
from tlrun.data.tables.table_file import _parsed

FEW, MANY = range(150), range(150, 2150)


def load(made: Made) -> Problem:
    _parsed.cache_clear()  # a test rewrites a file faster than its time changes
    return TableCsv(**made.options).load(seed=0)


def check_read_as_written(seed: int, folder: Path) -> None:
    made = make(seed, folder, faulty=False)
    problem = load(made)
    rows, inputs, tested, source = [], [], [], []
    domains: dict[int, str] = {}
    labels: dict[int, object] = {}
    (task,) = problem.tasks.values()
    for name, domain in problem.domains.items():
        for split, tests in ((domain.train, False), (problem.test.open()[name], True)):
            rows += split.index.tolist()
            inputs.append(split.array)
            tested += [tests] * len(split)
            source += [domain.role == "source"] * len(split)
            domains |= dict.fromkeys(split.index.tolist(), name)
            given = split.labels[task.name].tolist()
            if task.classes:
                given = [task.classes[label] for label in given]
            labels |= dict(zip(split.index.tolist(), given, strict=True))
    order = np.argsort(rows)
    n = len(made.labels)
    assert sorted(rows) == list(range(n))
    fits = (~np.array(tested) & np.array(source))[order]
    if not fits.any():
        fits = ~np.array(tested)[order]

    assert np.allclose(np.concatenate(inputs)[order], expected(made, fits, problem), atol=1e-4)
    if made.domains is not None:
        assert [domains[row] for row in range(n)] == [d.replace("/", "_") for d in made.domains]
    if task.classes:
        assert [labels[row] for row in range(n)] == made.labels
    else:
        read, written = np.array([labels[row] for row in range(n)]), np.asarray(made.labels)
        learnt = written[fits]
        assert np.array_equal(read, written)
        assert np.allclose([task.location, task.scale], [learnt.mean(), learnt.std()])


def expected(made: Made, fits: np.ndarray, problem: Problem) -> np.ndarray:
    """The inputs as what was written says, in the order of the file's columns."""
    order = [name for name in header(made) if name in made.numbers or name in made.categories]
    features = []
    for name in (name for name in order if name in made.numbers):
        values = made.numbers[name]
        known = values[fits][~np.isnan(values[fits])]
        scaled = np.zeros(len(values))
        if len(known) and known.max() > known.min():
            scaled = np.nan_to_num((values - known.mean()) / known.std())
        features.append(scaled)
    for name in (name for name in order if name in made.categories):
        words = made.categories[name]
        levels = {word for word, fit in zip(words, fits, strict=True) if fit}
        for level in sorted(levels, key=lambda word: (word is not None, word or "")):
            one = [float(word == level) for word in words]
            features.append(np.array(one))
    return np.stack(features, axis=1)


def header(made: Made) -> list[str]:
    from tlrun.data.tables.table_file import read

    asked = TableCsv(**made.options)
    return list(read(asked.path, asked.separator, asked.encoding, asked.notation).columns)


def check_refused(seed: int, folder: Path) -> None:
    made = make(seed, folder, faulty=True)
    with pytest.raises(UserError) as caught:
        load(made)
    assert len(caught.value.lines) == 1
    assert f"column {made.faulty}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    for seed in FEW:
        check_read_as_written(seed, tmp_path)


def test_a_faulty_column_is_refused_by_name(tmp_path: Path) -> None:
    for seed in FEW:
        check_refused(seed, tmp_path)


@pytest.mark.slow
def test_two_thousand_tables_are_read_as_they_were_written(tmp_path: Path) -> None:
    for seed in MANY:
        check_read_as_written(seed, tmp_path)


@pytest.mark.slow
def test_two_thousand_faulty_columns_are_refused_by_name(tmp_path: Path) -> None:
    for seed in MANY:
        check_refused(seed, tmp_path)


def test_every_fault_is_met(tmp_path: Path) -> None:
    met = {make(seed, tmp_path, faulty=True).faulty for seed in FEW}

    assert met == {f"bad {kind}" for kind in FAULTS}
