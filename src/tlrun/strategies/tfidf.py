"""Control: a linear model of the words of a text, as scikit-learn fits it, untuned.

    x_t = (1 + ln n_t) (1 + ln (1+N)/(1+N_t)),   then x ← x/‖x‖           TF-IDF
    of classes  min_{w,b} C Σ_j -log p(y_j | w x_j + b) + ½‖w‖²           logistic regression
    of numbers  min_{w,b} C Σ_j (y_j - w x_j - b)² + ‖w‖²                 ridge regression, α=1/C

over the N texts j that are learnt from. t is a word or, with `ngrams: 2`, a pair of neighbours; n_t
is how often it stands in the text (x_t is 0 where it does not), N_t in how many of the N texts it
stands. Words are runs of letters and digits in lower case, those of one letter too. What stands in
one text alone is left out, unless nothing would be left. Pooled, x has a column of 0 and 1 more for
each domain, an intercept of its own; it is no part of ‖x‖.

C is 10, where scikit-learn has 1: rows x have length 1, so that of few texts the penalty would
outweigh the losses. On reviews of 16 domains (FDU-MTL), of 1, 3 and 10 it is 10 that tells other
training texts best from 20, 50, 100, 200 or 800 of one domain, and from 50 on by log loss too.

Words and weights are those of the texts that are learnt from, so a word that is in test texts alone
counts nothing, and a text of such words is answered by the intercept. Where a plug-in has ids of
tokens and no texts, the ids are the words.

Kept of it: `terms`, UTF-8 text with a term a line, in the order of `idf` and of the columns of
`coefficients`, after which come those of the domains. Where there is no word, the constant
as `answer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from tlrun.core.inputs import Kind
from tlrun.core.options import Range
from tlrun.core.task import Task
from tlrun.strategies.constant_prediction import constant
from tlrun.strategies.estimator import Documents, EstimatorStrategy, Fitted
from tlrun.strategies.linear_model import logistic, ridge

if TYPE_CHECKING:
    import numpy as np

# one letter or digit is a word too: "I", "5 stars", and ids where texts are not at hand
WORD = r"(?u)\b\w+\b"
NO_WORDS = "no word in the texts to learn from, so it is a constant"


@dataclass(frozen=True)
class Tfidf(EstimatorStrategy):
    """TF-IDF, then logistic regression of classes, ridge regression of numbers.

    ngrams: 1, words alone; 2, pairs of neighbours too. C: as in the equation; the larger, the less
        the coefficients are drawn to 0.
    """

    ngrams: Literal[1, 2] = 2
    C: Annotated[float, Range(1e-6, 1e6)] = 10.0
    takes: ClassVar[tuple[Kind, ...]] = ("tokens",)

    def fit(self, task: Task, inputs: Documents, labels: np.ndarray, seed: int) -> Fitted:
        """Count the words and solve for the coefficients; nothing is drawn."""
        import numpy as np

        vectorizer = _vectorizer(inputs.texts, self.ngrams)
        if vectorizer is None:
            return replace(constant(task, labels), warnings=(NO_WORDS,))
        rows = matrix(vectorizer, inputs)
        if task.kind == "regression":
            linear = ridge(rows, labels, alpha=1 / self.C)
        else:
            linear = logistic(task, rows, labels, self.C)
        terms = "\n".join(vectorizer.get_feature_names_out()).encode()
        words = {"terms": np.frombuffer(terms, np.uint8).copy(), "idf": vectorizer.idf_}
        return Fitted(
            lambda new: linear.outputs(matrix(vectorizer, new)),
            {**linear.weights, **words},
            linear.warnings,
        )


def _vectorizer(texts: Sequence[str], ngrams: int) -> Any:
    """What makes rows x of texts, its terms those of `texts`; None where there is no word."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    for fewest in (2, 1):
        vectorizer = TfidfVectorizer(
            token_pattern=WORD, ngram_range=(1, ngrams), min_df=fewest, sublinear_tf=True
        )
        try:
            return vectorizer.fit(texts)
        except ValueError:  # so it says that there is no term
            continue
    return None


def vectorizer_of(terms: Sequence[str], idf: np.ndarray, ngrams: int) -> Any:
    """The vectorizer whose `terms` and `idf` were kept: it makes of texts what it made before."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        token_pattern=WORD, ngram_range=(1, ngrams), sublinear_tf=True, vocabulary=list(terms)
    )
    vectorizer.idf_ = idf
    return vectorizer


def matrix(vectorizer: Any, documents: Documents) -> Any:
    """Texts as sparse rows, float64 [N, d + k]: their d terms, then their k domains."""
    from scipy.sparse import csr_matrix, hstack

    return hstack([vectorizer.transform(documents.texts), csr_matrix(documents.domains)], "csr")
