"""A run answers new rows from its folder alone, as it answered when it was tested."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from answering import cells, columns_of, csv_of, of_test, on_table, trained, without
from film_reviews import film_reviews, folder_of
from safetensors.numpy import load_file
from scipy.special import expit, softmax

import tlrun
from tlrun.config.build import build
from tlrun.core.errors import UserError
from tlrun.core.problem import Split
from tlrun.core.task import Task
from tlrun.data.tables.notation import Notation
from tlrun.data.tables.preprocessing import Preprocessing
from tlrun.inference.frames import opened
from tlrun.runs.trained_model import model_of
from tlrun.training.evaluation import outputs_of

from photos import put_classes
from problems import config, sign
from reviews import domains_csv

ROWS = cells()


@pytest.fixture(scope="module")
def ill(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return on_table(tmp_path_factory.mktemp("ill"))


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("peers")
    return on_table(place, {"name": "shared_parameters"}, task="site", ignore=None)


def inputs(rows: np.ndarray, *out: str) -> dict[str, Any]:
    return without(columns_of([ROWS[row] for row in rows]), "ill", *out)


@pytest.mark.parametrize("name", ["single_task", "linear_model", "constant_prediction"])
@pytest.mark.parametrize("column", ["ill", "weight"])
def test_a_table(name: str, column: str, tmp_path: Path) -> None:
    folder = on_table(tmp_path, {"name": name}, predict=column)
    said, rows = of_test(folder, f"table/{column}")
    new = without(columns_of([ROWS[row] for row in rows]), "site", column)
    with pytest.warns(UserWarning, match="missing numbers, read as the mean: "):
        answers = tlrun.load(folder).predict(new)

    if column == "weight":
        assert answers.dtype == np.float64
        assert np.array_equal(answers, said[:, 0])
        assert 40 < answers.mean() < 100
        return
    assert answers.tolist() == [("no", "yes")[int(one > 0)] for one in said[:, 0]]
    with pytest.warns(UserWarning, match="missing"):
        p = tlrun.load(folder).predict_proba(new)
    assert np.array_equal(p[:, 1], expit(said[:, 0].astype(np.float64)))
    assert tlrun.load(folder).classes.tolist() == ["no", "yes"]


@pytest.mark.parametrize("train", ["all", "head"])
def test_a_transfer_of_digits_is_about_its_target(train: str, tmp_path: Path) -> None:
    """Where φ was held fixed, it is computed first, as it was in the run."""
    dataset = {"name": "digits_domains", "target": "noise"}
    strategy = {"name": "parameter_transfer", "train": train}
    backbone = {"name": "conv", "channels": [4, 6], "norm": "batch"}
    folder = trained(tmp_path, dataset, strategy=strategy, backbone=backbone)
    asked = config(tmp_path, dataset=dataset)
    test = build(asked).dataset.load(0).test.open()["noise"]
    (key,) = (key for key in tlrun.load(folder).tasks if key.startswith("noise/"))
    said, rows = of_test(folder, key)

    assert np.array_equal(rows, test.index)
    p = tlrun.load(folder).predict_proba(test.array)
    assert np.array_equal(p, softmax(said.astype(np.float64), axis=1))
    np.save(tmp_path / "new.npy", test.array)
    assert np.array_equal(tlrun.load(folder).predict_proba(tmp_path / "new.npy"), p)
    with pytest.raises(UserError, match=r"new rows: expected float32 of shape \[N, 1, 8, 8\], fou"):
        tlrun.load(folder).predict(test.array[:, 0])
    with pytest.raises(UserError, match=r"expected float32 of shape.*found uint8"):
        tlrun.load(folder).predict(test.array.astype(np.uint8))


@pytest.mark.parametrize("strategy", ["tfidf", "single_task", "constant_prediction"])
def test_texts(strategy: str, tmp_path: Path) -> None:
    file = domains_csv(tmp_path / "a.csv", 30, ("books",))
    dataset = {"name": "text_csv", "path": str(file), "cache": str(tmp_path / "cache")}
    dataset |= {"predict": "label", "text": "text"}
    texts = pd.read_csv(file).text
    backbone = {"name": "bag", "embedding": 6}
    folder = trained(tmp_path, dataset, strategy={"name": strategy}, backbone=backbone)
    shutil.rmtree(tmp_path / "cache")
    file.unlink()
    predictor = tlrun.load(folder)
    said, rows = of_test(folder, predictor.tasks[0])
    chosen = texts[rows].tolist()

    p = predictor.predict_proba(chosen)
    assert np.array_equal(p[:, 1], expit(said[:, 0].astype(np.float64)))
    assert np.array_equal(predictor.predict_proba(pd.DataFrame({"text": chosen})), p)
    assert np.array_equal(predictor.predict_proba({"text": chosen}), p)
    with pytest.raises(UserError, match="expected a text in every row of text, found none in row"):
        predictor.predict(["good", " "])
    with pytest.raises(UserError, match="new rows: expected a text in every row, found 3 in row 2"):
        predictor.predict(["good", 3])


def test_reviews_of_films_are_read_without_their_line_breaks(tmp_path: Path) -> None:
    files = film_reviews()
    dataset = {"name": "imdb", "path": str(folder_of(files, tmp_path)), "by": None, "min_count": 1}
    dataset |= {"cache": str(tmp_path / "cache"), "download": False}
    backbone = {"name": "bag", "embedding": 6}
    folder = trained(tmp_path, dataset, strategy={"name": "single_task"}, backbone=backbone)
    said, _ = of_test(folder, "imdb/sentiment")
    raw = [content.decode() for name, content in files.items() if "/test/" in name]

    p = tlrun.load(folder).predict_proba(raw)[:, 1]

    assert all("<br />" in text for text in raw)
    np.testing.assert_allclose(np.sort(p), np.sort(expit(said[:, 0].astype(np.float64))), atol=1e-6)


def test_photos(tmp_path: Path) -> None:
    put_classes(tmp_path / "in", ("car", "van"), 12)
    dataset = {"name": "image_folder", "path": str(tmp_path / "in"), "size": 8}
    dataset |= {"cache": str(tmp_path / "cache"), "test_share": 0.3}
    backbone = {"name": "conv", "channels": [4, 6]}
    folder = trained(tmp_path, dataset, strategy={"name": "single_task"}, backbone=backbone)
    files = sorted((tmp_path / "in").rglob("*.png"))
    kept = tmp_path / "kept"
    shutil.move(tmp_path / "in", kept)
    shutil.rmtree(tmp_path / "cache")
    predictor = tlrun.load(folder)
    said, rows = of_test(folder, predictor.tasks[0])
    chosen = [kept / files[row].relative_to(tmp_path / "in") for row in rows]

    p = predictor.predict_proba(chosen)
    assert np.array_equal(p, softmax(said.astype(np.float64), axis=1))
    assert predictor.predict(str(chosen[0])).tolist() == [predictor.classes[p[0].argmax()]]
    assert len(predictor.predict(kept)) == 24
    (kept / "car" / "broken.png").write_bytes(b"x")
    with pytest.raises(UserError, match=r"expected an image, found .*broken.png: no image"):
        predictor.predict(kept)


def test_folds_are_answered_by_the_mean_of_their_models(tmp_path: Path) -> None:
    """Each with its own means and deviations."""
    folder = on_table(tmp_path, test_folds=3, val_share=0.0)
    predictor = tlrun.load(folder)
    said, rows = of_test(folder, "table/ill")
    with pytest.warns(UserWarning, match="missing"):
        p = predictor.predict_proba(inputs(rows, "site"))

    assert p.shape == (len(ROWS), 2)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    of_folds = np.zeros((3, len(ROWS)))
    for fold in range(3):
        model = model_of(folder, fold)
        form = json.loads((folder / "preprocessing.json").read_text())["folds"][fold]
        table = opened(inputs(rows, "site"), Notation(), ",", "utf-8", {})
        x = Preprocessing.from_json(form).encode(table)
        task = Task("ill", "binary", ("no", "yes"))
        z = outputs_of(model, "table", (task,), Split(x, {}, np.arange(len(x))))["ill"]
        of_folds[fold] = expit(z.double().numpy())[:, 0]
    np.testing.assert_allclose(p[:, 1], of_folds.mean(axis=0), atol=1e-7)
    mine = load_file(folder / "predictions.safetensors")["table/ill/fold"]
    np.testing.assert_allclose(of_folds[mine, np.arange(len(rows))], expit(said[:, 0]), atol=1e-6)


def test_the_rows_of_several_domains_say_which_is_theirs(peers: Path) -> None:
    predictor = tlrun.load(peers)
    every: dict[int, float] = {}
    for domain in "AB":
        said, rows = of_test(peers, f"{domain}/ill")
        every |= dict(zip(rows.tolist(), expit(said[:, 0].astype(np.float64)), strict=True))
    rows = np.array(sorted(every))
    with pytest.warns(UserWarning, match="missing"):
        p = predictor.predict_proba(inputs(rows))

    np.testing.assert_allclose(p[:, 1], [every[row] for row in rows], atol=1e-6)
    assert predictor.tasks == ("A/ill", "B/ill")
    of_a = of_test(peers, "A/ill")[1][5:8]
    assert np.array_equal(
        predictor.predict_proba(inputs(of_a, "site"), domain="A"),
        predictor.predict_proba(inputs(of_a), task="A/ill"),
    )
    with pytest.raises(UserError, match="domain: expected the domain of the new rows, found none"):
        predictor.predict(inputs(of_a, "site"))
    with pytest.raises(UserError, match="domain: C is none"):
        predictor.predict(inputs(of_a, "site"), domain="C")
    with pytest.raises(UserError, match=r"task: sick is none; .*ill"):
        predictor.predict(inputs(of_a), task="sick")
    other = {**inputs(of_a), "site": ["A", "A", "C"]}
    with pytest.raises(UserError, match="every row of column site, found another in row 3"):
        predictor.predict(other)
    with pytest.warns(UserWarning, match="site: 1 row of another domain, answered as B"):
        predictor.predict({**inputs(of_a), "site": ["B", "B", "A"]}, domain="B")


def test_several_tasks_are_answered_by_name(tmp_path: Path) -> None:
    strategy = {"name": "shared_parameters"}
    predictor = tlrun.load(on_table(tmp_path, strategy, predict=["ill", "weight"]))
    new = inputs(np.arange(3), "site", "weight")
    answers = predictor.predict(new)

    assert list(answers) == ["ill", "weight"]
    assert answers["weight"].dtype == np.float64
    assert np.array_equal(predictor.predict(new, task="weight"), answers["weight"])
    assert predictor.classes["weight"] is None
    with pytest.raises(UserError, match="task: expected a task of classes, found weight, of numb"):
        predictor.predict_proba(new)
    assert predictor.predict_proba(new, task="ill").shape == (3, 2)


def test_every_form_of_the_same_rows_is_answered_alike(ill: Path, tmp_path: Path) -> None:
    new = inputs(np.arange(4, 20), "site")
    predictor = tlrun.load(ill)
    expected = predictor.predict_proba(new)
    frame = pd.DataFrame(new)[["weight", "colour", "age"]]  # in another order
    frame = frame.astype({"weight": float, "age": float, "colour": "category"})
    frame.to_csv(tmp_path / "new.csv", index=False)
    frame.to_csv(tmp_path / "new.tsv", index=False, sep="\t")
    frame.to_json(tmp_path / "new.jsonl", orient="records", lines=True)
    frame.to_parquet(tmp_path / "new.parquet")

    assert np.array_equal(predictor.predict_proba(frame), expected)
    for name in ("new.csv", "new.tsv", "new.jsonl", "new.parquet"):
        assert np.array_equal(predictor.predict_proba(tmp_path / name), expected), name


def test_what_is_not_as_it_was_is_told_or_refused(ill: Path) -> None:
    predictor = tlrun.load(ill)
    new = inputs(np.arange(4, 8), "site")
    with pytest.warns(UserWarning, match="colour: 2 rows with 'pink', never learnt from"):
        predictor.predict({**new, "colour": ["pink", "red", "pink", "red"]})
    with pytest.warns(UserWarning, match="columns that are not used: id"):
        predictor.predict({**new, "id": [1, 2, 3, 4]})
    with pytest.warns(UserWarning, match=r"weight: half of its numbers are over .* another unit"):
        predictor.predict({**new, "weight": [70_000, 71_000, 65_000, 80_000]})
    with pytest.raises(UserError, match=r"new rows: expected column age, .* found none"):
        predictor.predict(without(new, "age"))
    with pytest.raises(UserError, match=r"numbers in column age, .* found 'old' in row 2"):
        predictor.predict({**new, "age": ["51", "old", "53", "54"]})
    with pytest.raises(UserError, match=r"new rows: expected a data frame, .* found a ndarray"):
        predictor.predict(np.zeros((3, 3), np.float32))


def test_an_estimator_of_which_nothing_is_kept_is_refused(tmp_path: Path) -> None:
    folder = on_table(tmp_path, {"name": "gradient_boosting"})
    with pytest.raises(UserError, match="found gradient_boosting, of which no model is kept"):
        tlrun.load(folder)
    with pytest.raises(UserError, match=r"expected a finished run, found no run.json"):
        tlrun.load(tmp_path)


@pytest.mark.slow
def test_a_fresh_process_says_the_same(ill: Path, tmp_path: Path) -> None:
    said, rows = of_test(ill, "table/ill")
    (tmp_path / "new.csv").write_text(csv_of([ROWS[row] for row in rows]))
    script = f"""
import tlrun, sys
for p in tlrun.load({str(ill)!r}).predict_proba("new.csv")[:, 1].tolist():
    print(repr(p))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert list(map(float, done.stdout.split())) == expit(said[:, 0].astype(np.float64)).tolist()


def test_each_answer_of_a_run_that_is_inexact_warns_of_it(ill: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ill, tmp_path / ill.name))
    sign(folder, inexact="torch 1 then, 2 now")
    predictor = tlrun.load(folder)
    for _ in range(2):
        with pytest.warns(UserWarning, match=f"^{folder.name} is inexact.*torch 1 then, 2 now"):
            predictor.predict(inputs(np.arange(4, 16), "site"))
