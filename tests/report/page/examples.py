"""Reports as a sweep would give them: the study of noisy digits, tasks, and ones of any size."""

from dataclasses import replace
from typing import Literal

from tlrun.report.answer import (
    Arm,
    Chart,
    Figure,
    Gain,
    Line,
    Matrix,
    OtherRun,
    Point,
    Report,
    Study,
    TaskRow,
    TaskTable,
    Tested,
    Word,
)

CONTROLS = ("scratch", "source model untouched", "pooled (joint)")
LAMS = ((0.0, "0"), (0.1, "0.1"), (1.0, "1"), (10.0, "10"), (float("inf"), "∞"))
WORDS = {
    "HELPS": "the gain's interval lies above 0 against every control that decides.",
    "HURTS": "the gain's interval lies below 0 against at least one control that decides.",
    "SAME": "the gain's interval lies within ±δ against every control that decides.",
    "UNCLEAR": "none of these can be said from these seeds and these test rows.",
    "gain": "the arm's score less the control's of the same seed; above 0 is better.",
    "λ": "how strongly the target counts beside the source: (L_S + λ L_T)/(1+λ); ∞: alone.",
}


def score(mean: float, half: float | None, n: int = 10) -> Figure:
    """A score in %, of which 1 is 0.01."""
    if half is None:
        return Figure(f"{mean:.1f}", mean / 100, n=n)
    return Figure(
        f"{mean:.1f} ± {half:.1f}", mean / 100, (mean - half) / 100, (mean + half) / 100, n
    )


def gain(over: str, mean: float, half: float, n: int = 10) -> Gain:
    """A gain in points, and what its interval says."""
    shown: Literal["above", "below", "neither"] = "neither"
    if abs(mean) > half:
        shown = "above" if mean > 0 else "below"
    sure = abs(mean) > half
    ends = ((mean - half) / 100, (mean + half) / 100)
    figure = Figure(f"{mean:+.1f} ± {half:.1f}", mean / 100, *ends, n, 0.95)
    ups = n if mean > half else n // 2 * (mean > -half)
    primary = over != CONTROLS[2]
    return Gain(over, primary, figure, shown, ups, 0.0004 if sure else 0.31, 88)


def arm(
    label: str,
    lam: str,
    mean: float,
    gains: tuple[float | None, float | None, float | None],
    word: Word = "",
    role: Literal["arm", "control", "outside"] = "arm",
    half: float = 1.3,
) -> Arm:
    """An arm with its gains over CONTROLS; None for itself."""
    pairs = [gain(o, g, half) for o, g in zip(CONTROLS, gains, strict=True) if g is not None]
    name = label.replace(" ", "_")
    return Arm(
        label,
        name,
        lam,
        role,
        score(mean, half),
        tuple(pairs),
        word,
        labels=50,
        steps=1200.0,
        examples=38400.0,
        seconds=2.13,
        parameters=9290,
        seeds=tuple(range(10)),
        runs=tuple(f"digits/{name}/lam={lam}_seed={k}_3fa2b1c09d4e" for k in range(10)),
    )


def lam_chart() -> Chart:
    """Accuracy along λ, of two strategies and three controls."""
    means = {
        "parameter transfer": (47.7, 52.0, 52.1, 50.9, 50.1),
        "feature transfer, φ frozen": (48.2, 50.2, 49.6, 44.5, 41.5),
    }
    lines = tuple(
        Line(
            label,
            tuple(Point(at, name, score(y, 1.2)) for (at, name), y in zip(LAMS, ys, strict=True)),
        )
        for label, ys in means.items()
    )
    levels = ((CONTROLS[2], score(51.0, 1.9)), (CONTROLS[1], score(47.6, 1.1)))
    return Chart(
        "lam",
        "How strong: accuracy along λ",
        "λ",
        "target accuracy",
        "%",
        lines,
        (*levels, (CONTROLS[0], score(37.1, 1.6))),
        {"0": "source only", "1": "as in the equation", "∞": "fine-tuning, or a probe"},
        "Bands: 95 % intervals of each mean, over seeds.",
    )


def curves(count: int = 2, steps: int = 12) -> Chart:
    """Validation accuracy while training."""
    lines = tuple(
        Line(
            f"arm {k}",
            tuple(
                Point(float(s), str(s), score(30 + k + 25 * (1 - 0.99 ** (s / 3)), None))
                for s in range(0, 50 * steps + 1, 50)
            ),
        )
        for k in range(count)
    )
    return Chart("steps", "Learning curves", "steps", "validation accuracy", "%", lines)


def labels_chart() -> Chart:
    """Accuracy by labels of the target."""
    ats = (1, 2, 5, 10, 50)
    lines = (
        Line(
            "parameter transfer",
            tuple(Point(a, f"{a}", score(40 + 4 * k, 2.0)) for k, a in enumerate(ats)),
        ),
        Line(
            "scratch",
            tuple(Point(a, f"{a}", score(25 + 8 * k, 2.0)) for k, a in enumerate(ats)),
            control=True,
        ),
    )
    return Chart("labels", "How many labels", "labels a class", "target accuracy", "%", lines)


def noise_study() -> Study:
    """The study of the sketch: digits, noisy ones as the target."""
    chosen = "λ chosen on the other seeds' validation loss: 0.1 for 8 of 10 seeds"
    arms = (
        replace(
            arm("parameter transfer", "0.1", 52.0, (14.9, 4.4, 1.1), "HELPS"),
            chosen=chosen,
            best=True,
        ),
        replace(arm("pooled (joint)", "1", 51.0, (13.9, 3.3, None), role="control"), best=True),
        replace(arm("feature transfer", "0.1", 50.2, (13.0, 2.6, -0.7), "HELPS"), best=True),
        arm("source model untouched", "–", 47.6, (10.5, None, -3.3), role="control"),
        replace(
            arm("feature transfer", "∞", 41.5, (4.3, -6.2, -9.4), "HURTS"),
            why="the source model left alone is better",
            states=("1 of 10 runs was found under older versions and reused",),
        ),
        arm("scratch", "–", 37.1, (None, -10.5, -13.9), role="control"),
    )
    return Study(
        id="plan 7c1f09ab",
        problem="digits: clean to noisy",
        dataset="digits_domains, noise 0.6",
        question="Does transferring help on the noisy digits, how strong, does it hurt?",
        verdict="Yes: parameter transfer helps, by 15 points over scratch and 4 over the source "
        "model left alone.",
        more=(
            "Best at λ between 0.1 and 1, above both ends of the axis.",
            "Pooling the data is as good, as far as ten seeds can tell.",
            "The linear probe (λ=∞, φ frozen) hurts: the source model left alone is better.",
        ),
        metric="target accuracy",
        unit="%",
        better="higher",
        n=10,
        arms_planned=6,
        alpha=0.05,
        delta=0.01,
        look=1,
        tested_rows=541,
        declared="2026-11-26T21:04:11+00:00",
        deviations=(),
        warnings=("One source and one data set: another source may answer otherwise.",),
        arms=arms,
        charts=(lam_chart(), labels_chart(), curves()),
        tasks=(),
        matrices=(),
        tested=(Tested("target/digit", 541, {str(k): 49 + k % 8 for k in range(10)}),),
        others=(
            OtherRun(
                "digits/scratch/seed=10_5d0c3e", "interrupted", "–", "stopped at step 310 of 600"
            ),
            OtherRun(
                "digits/joint/lam=1_seed=3_77ab12", "finished", "50.4", "under older versions"
            ),
        ),
        scope="95 % intervals over draws of labels, weights and new test examples, for 6 arms "
        "together. Holds for this source and this data set.",
        cost=(
            ("labels", "719 source, 50 target (5 a class; validation labels among them)"),
            ("runs", "130 (40 of them controls), 4 min 31 s on two cores"),
            ("tuned", "learning rate, 3 trials each, the same for every arm"),
        ),
        command="tl-run -m strategy=parameter_transfer,feature_transfer lam.value=0,0.1,1,10,inf",
    )


def tasks_study() -> Study:
    """A study of several tasks: gains task by task and a learnt relation."""
    names = ("even", "large", "round")
    rows = tuple(
        TaskRow(
            f"task relation, {kind}",
            "1",
            score(2.3, 1.1),
            (score(1.2, 0.8), score(-0.3, 0.9), Figure("–")),
        )
        for kind in ("mean", "graph")
    )
    return replace(
        noise_study(),
        id="plan tasks",
        verdict="Not shown: sharing a trunk neither helps nor hurts the three tasks.",
        more=(),
        deviations=("Seeds 10 to 12 were added after the plan was declared.",),
        charts=(),
        tasks=(TaskTable(names, rows, "Points of accuracy over each task alone."),),
        matrices=(
            Matrix(
                "Learnt relation of tasks",
                names,
                ((1.0, 0.42, -0.2), (0.42, 1.0, 0.05), (-0.2, 0.05, 1.0)),
            ),
        ),
    )


def many_arms(count: int) -> Study:
    """A study of `count` arms, with as many lines in its charts."""
    made = noise_study()
    arms = tuple(
        arm(f"method {k}", "1", 40 + k % 9, (k % 9 + 1.5, k % 5 - 2.5, 0.4), "UNCLEAR")
        for k in range(count)
    )
    chart = lam_chart()
    lines = tuple(replace(chart.lines[0], label=f"method {k}") for k in range(count))
    return replace(
        made, arms=arms, charts=(replace(chart, lines=lines), labels_chart(), curves(count))
    )


def report_of(*studies: Study) -> Report:
    """A report of some studies."""
    return Report("2026-11-26T23:10:00+00:00", "0.1.0", "runs", 130, WORDS, studies)
