"""The commands that the harness carries out: small ones of every kind."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

STEPS = ("checkpoint.steps=3", "trainer.steps=12", "trainer.batch_size=8", "trainer.eval_every=4")
TINY = (*STEPS, "backbone=mlp", "backbone.hidden=[8]", "device=cpu", "controls=false")
WORDS = ("plot", "actor", "scene", "long", "day", "film", "very", "slow", "loud", "old")


def texts() -> Path:
    """The file, the same for all processes of a user, in a folder of its own."""
    home = Path(tempfile.gettempdir(), f"tl-run-reliability-{os.getuid()}")
    home.mkdir(exist_ok=True)
    lines = ["domain,mood,text"]
    chance = random.Random(0)
    for number in range(120):
        mood = chance.choice(("good", "bad"))
        said = chance.choice(
            (mood, mood, "good", "bad")
        )  # not always, so that there is a best step
        words = [*chance.choices(WORDS, k=6), said, f"n{number}"]
        lines.append(f"{'ab'[number % 2]},{mood},{' '.join(words)}")
    file, aside = home / "reviews.csv", home / f"{os.getpid()}"
    if not file.exists():
        aside.write_text("\n".join(lines) + "\n", encoding="utf-8")
        aside.replace(file)
    return file


def of_texts() -> tuple[str, ...]:
    """Words for a run on them: dropout, a schedule, and the best step of each stage."""
    file = texts()
    return (
        *STEPS, "device=cpu", "controls=false",
        "dataset=text_csv", f"dataset.path={file}", f"dataset.cache={file.parent}",
        "dataset.text=text", "dataset.predict=mood", "dataset.task=domain", "dataset.target=b",
        "dataset.val_share=0.3", "trainer.select=best", "backbone=bag", "backbone.embedding=4",
        "backbone.buckets=64", "backbone.dropout=0.4", "optimizer=adamw",
        "optimizer.schedule=cosine", "optimizer.lr=0.6",
    )  # fmt: skip


STRATEGIES = {
    # two stages, the source's shared between runs
    "parameter_transfer": (*TINY, "strategy=parameter_transfer", "lam.value=1"),
    "structure_transfer": (*TINY, "strategy=structure_transfer", "lam.value=1"),
    "feature_transfer": (*TINY, "strategy=feature_transfer", "lam.value=inf"),
    "task_relation": (*TINY, "strategy=task_relation", "dataset=digits_binary", "lam.value=1"),
    "shared_parameters": (*TINY, "strategy=shared_parameters", "dataset=digits_tasks"),
    "texts": (*of_texts(), "strategy=parameter_transfer", "lam.value=1"),
    "unshared": (*of_texts(), "strategy=parameter_transfer", "stages=false"),
    "folds": (*of_texts(), "strategy=scratch", "dataset.test_folds=2"),
}
