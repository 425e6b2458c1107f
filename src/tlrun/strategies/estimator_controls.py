"""The controls from outside: what a network has to beat on a table or on texts to be worthwhile."""

from __future__ import annotations

from collections import Counter

from tlrun.core.options import name_of_class
from tlrun.core.problem import Problem
from tlrun.strategies.base import Control
from tlrun.strategies.constant_prediction import ConstantPrediction
from tlrun.strategies.estimator import EstimatorStrategy
from tlrun.strategies.gradient_boosting import GradientBoosting
from tlrun.strategies.linear_model import LinearModel
from tlrun.strategies.tfidf import Tfidf


def estimator_controls(problem: Problem) -> dict[str, Control]:
    """The controls from outside, by name; none where inputs are images.

    One answer for all rows and, where inputs are vectors, as the rows of a table are, a linear
    model and boosted trees; where they are texts, a linear model of their words. All but the first
    also of all domains together, where several have the task that is asked about.
    """
    methods: tuple[type[EstimatorStrategy], ...] = (LinearModel, GradientBoosting)
    if problem.inputs.kind == "tokens":
        methods = (Tfidf,)
    elif len(problem.shape) != 1:
        return {}
    about = problem.only("target") if problem.named("target") else problem
    tasks = Counter(key.task for key in problem.task_keys)
    controls = {"constant_prediction": Control(ConstantPrediction())}
    for method in methods:
        name = name_of_class(method)
        controls[name] = Control(method())
        if any(tasks[key.task] > 1 for key in about.task_keys):
            controls[f"{name}, pooled"] = Control(method(rows="pooled"))
    return controls
