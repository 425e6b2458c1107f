import numpy as np
import pytest
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from tlrun.core.task import Task
from tlrun.strategies.estimator import Documents, Fitted
from tlrun.strategies.tfidf import NO_WORDS, WORD, Tfidf

from texts import MOOD, STARS, part

NEW = ["a FINE word1, and word2", "poor poor", "", "unseen words alone", "5 word7 word7 5"]
THREE = Task("three", "multiclass", ("a", "b", "c"))


def documents(texts: list[str], domains: np.ndarray | None = None) -> Documents:
    return Documents(texts, np.zeros((len(texts), 0)) if domains is None else domains)


def drawn(n: int = 60) -> tuple[list[str], np.ndarray]:
    ours = part(0, n)
    return ours.inputs.documents(), ours.labels["mood"]  # type: ignore[attr-defined]


def terms_of(fitted: Fitted) -> list[str]:
    return fitted.weights["terms"].tobytes().decode().split("\n")


def vectorizer(ngrams: int) -> TfidfVectorizer:
    return TfidfVectorizer(token_pattern=WORD, ngram_range=(1, ngrams), min_df=2, sublinear_tf=True)


@pytest.mark.parametrize("ngrams", [1, 2])
@pytest.mark.parametrize("C", [1.0, 30.0])
def test_it_is_the_pipeline_of_scikit_learn(ngrams: int, C: float) -> None:
    texts, moods = drawn()
    strategy = Tfidf(ngrams=ngrams, C=C)  # type: ignore[arg-type]  # one of the two
    ours = strategy.fit(MOOD, documents(texts), moods, 0).outputs(documents(NEW))
    theirs = make_pipeline(vectorizer(ngrams), LogisticRegression(C=C)).fit(texts, moods)

    assert np.allclose(ours[:, 0], theirs.decision_function(NEW))
    numbers = strategy.fit(STARS, documents(texts), moods + 0.5, 0).outputs(documents(NEW))
    line = make_pipeline(vectorizer(ngrams), Ridge(alpha=1 / C, tol=1e-8)).fit(texts, moods + 0.5)
    assert np.allclose(numbers[:, 0], line.predict(NEW), atol=1e-6)


def test_a_row_is_what_the_equation_says() -> None:
    """x_t = (1 + ln n_t)(1 + ln (1+N)/(1+N_t)), x/‖x‖, read off the ridge by a unit coefficient."""
    texts, moods = ["a a b", "b c", "c a b", "b"], np.array([0.0, 1.0, 0.5, 0.2])
    fitted = Tfidf(ngrams=1).fit(STARS, documents(texts), moods, 0)
    n, n_t = np.array([3.0, 1.0, 0.0]), np.array([2.0, 4.0, 2.0])
    x = np.where(n > 0, 1 + np.log(np.maximum(n, 1)), 0) * (1 + np.log(5 / (1 + n_t)))
    by_hand = (
        fitted.weights["coefficients"][0] @ (x / np.linalg.norm(x)) + fitted.weights["intercept"]
    )

    assert terms_of(fitted) == ["a", "b", "c"]
    assert np.allclose(fitted.weights["idf"], 1 + np.log(5 / (1 + n_t)))
    assert np.allclose(fitted.outputs(documents(["a B a zzz A"]))[0], by_hand)


@pytest.mark.parametrize("task", [MOOD, THREE, STARS], ids=lambda task: task.kind)
def test_what_is_kept_gives_the_outputs_again(task: Task) -> None:
    """Terms, idf, coefficients, intercept; with two domains, whose columns are the last."""
    texts, moods = drawn()
    labels = moods + np.arange(60) % 2 if task == THREE else moods
    where = np.eye(2)[np.arange(60) % 2]
    fitted = Tfidf().fit(task, documents(texts, where), labels, 0)
    kept, terms = fitted.weights, terms_of(fitted)
    again = TfidfVectorizer(
        token_pattern=WORD, ngram_range=(1, 2), vocabulary=terms, sublinear_tf=True
    )
    again.idf_ = kept["idf"]
    asked = np.eye(2)[[0, 1, 0, 1, 1]]
    rows = np.concatenate([again.transform(NEW).toarray(), asked], axis=1)
    by_hand = rows @ kept["coefficients"].T + kept["intercept"]
    outputs = fitted.outputs(documents(NEW, asked))

    assert kept["terms"].dtype == np.uint8
    assert kept["coefficients"].shape[1] == len(terms) + 2
    if task == THREE:
        assert np.allclose(softmax(outputs, axis=1), softmax(by_hand, axis=1))
    else:
        assert np.allclose(outputs, by_hand)


def test_a_text_of_no_known_word_is_answered_by_the_intercept() -> None:
    texts, moods = drawn()
    fitted = Tfidf().fit(MOOD, documents(texts), moods, 0)

    outputs = fitted.outputs(documents(["", "never seen", "!?"]))
    assert np.allclose(outputs, fitted.weights["intercept"])
    assert not {"never", "seen"} & set(terms_of(fitted))


def test_a_class_that_was_not_seen_gets_one_of_n_and_k() -> None:
    texts, moods = drawn(30)
    outputs = Tfidf().fit(THREE, documents(texts), 2 * moods, 0).outputs(documents(NEW))

    assert np.allclose(softmax(outputs, axis=1)[:, 1], 1 / (30 + 3))


def test_a_word_of_one_text_alone_is_left_out_unless_nothing_would_be_left() -> None:
    labels = np.array([0, 1, 1])
    some = Tfidf(ngrams=1).fit(MOOD, documents(["x one", "x two", "y"]), labels, 0)
    every = Tfidf(ngrams=1).fit(MOOD, documents(["one", "two", "Y"]), labels, 0)

    assert terms_of(some) == ["x"]
    assert terms_of(every) == ["one", "two", "y"]


@pytest.mark.parametrize("task", [MOOD, STARS], ids=lambda task: task.kind)
def test_without_a_word_the_answer_is_constant_and_told(task: Task) -> None:
    fitted = Tfidf().fit(task, documents(["", "...", "!"]), np.array([0, 1, 1]), 0)
    outputs = fitted.outputs(documents(NEW))

    assert outputs.shape == (len(NEW), 1)
    assert np.ptp(outputs) == 0.0
    assert fitted.warnings == (NO_WORDS,)


def test_a_domain_has_an_intercept_of_its_own() -> None:
    """Of texts that say nothing, only what knows the domain can tell the mood."""
    where = np.eye(2)[np.arange(40) % 2]
    fitted = Tfidf().fit(MOOD, documents(["same words"] * 40, where), np.arange(40) % 2, 0)
    outputs = fitted.outputs(documents(["same words"] * 2, np.eye(2)))

    assert outputs[0, 0] < 0 < outputs[1, 0]
