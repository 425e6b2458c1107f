"""How fast texts are read as tokens and trained on, against loops that people write by hand.

    python benchmarks/texts.py                                      2,000 texts, a minute
    python benchmarks/texts.py --texts 100000 --rounds 7 --steps 15
    python benchmarks/texts.py --parts loops --folder made          keeps texts and tokens, for more

The texts are made, from one seed: words by Zipf's law, as many as IMDB's have (lognormal, median
170), cut at 256 tokens. A part, a Markdown table or two each; medians with [least..largest]:

- `reading`: CPU seconds to learn the vocabulary and read all texts as tokens, and the second time,
  when both come from the cache; the most memory of the process, and what was left after. Each round
  is a process of its own with an empty cache;
- `loops`: examples a CPU second of training the default LSTM (embedding 300, hidden 128, 2 layers),
  batches of 32, one thread, of tl-run's own `fit` against loops by hand over the same texts, with
  the same first weights and Adam in one kernel. `padded`: batches drawn by chance, filled up to the
  longest of each; `fixed`: to the longest of all; `packed`: packed sequences, of a fifth of the
  steps. A ratio is taken within a round. tl-run's batches are of like length, so the few of a round
  begin where they have as many places as an epoch's on average. *Places*: numbers of a batch's ids,
  padding included, over an epoch: what any loop has to compute; their ratio is the best that
  leaving out padding can give. Below, what drawing a batch takes alone;
- `gradients`: the largest difference between tl-run's gradients and the packed loop's;
- `memory`: what a training of all texts holds, a phase a row, in a process of its own: with tokens
  padded once and kept (data.batches.KEPT), and read batch by batch.

Processor seconds, for others may be on the machine. Only where /proc/self/clear_refs is (Linux).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from bench.made_texts import in_child, read, reading, tokens_of, write
from bench.records import busy_cores, origin
from bench.rounds import Sample, Spread, interleaved, ratios, spread
from bench.text_loops import (
    BATCH,
    KEPT,
    Texts,
    by_hand,
    drawn,
    gradients_apart,
    loader,
    our_batches,
    ours,
    places,
    texts_of,
    training,
    typical,
    widths,
)

BY_HAND = ("padded", "fixed", "packed")
GOALS = {"padded": 1.4, "packed": 6.0}
PARTS = ("reading", "loops", "gradients", "memory")
MB = 1e6


def measured(arms: Mapping[str, Callable[[int], Sample]], rounds: int) -> dict[str, list[Sample]]:
    """Run all arms in turn, each told the number of the round; raises what one of them does."""
    taken: dict[str, list[Sample]] = {name: [] for name in arms}
    number = dict.fromkeys(arms, 0)

    def once(name: str) -> Sample:
        number[name] += 1
        return arms[name](number[name] - 1)

    for which, name, sample in interleaved(list(arms), rounds, once):
        if isinstance(sample, Exception):
            raise sample
        print(f"round {which}: {name}: {sample.loop_cpu:.2f} s", file=sys.stderr)
        if which:
            taken[name].append(sample)
    return taken


def show_reading(path: Path, asked: argparse.Namespace) -> None:
    """The table of `reading`."""
    every = []
    for _ in range(asked.readings):
        with tempfile.TemporaryDirectory(dir=path.parent) as cache:
            every.append(in_child(reading, path, cache))
    print(
        f"\n| n={asked.readings} | CPU s | texts/s | MB at most | MB left |\n|---|---|---|---|---|"
    )
    for name in every[0]:
        phases = [each[name] for each in every]
        seconds = [phase["cpu"] for phase in phases]
        memory = [spread([phase[key] / MB for phase in phases]) for key in ("most", "left")]
        rate = spread([asked.texts / max(each, 1e-9) for each in seconds])
        cells = [_words(each) for each in (spread(seconds), rate, *memory)]
        print("|", " | ".join([name, *cells]), "|")
    print(f"\nBefore, with all imported: {every[0][name]['begun'] / MB:,.0f} MB")


def show_loops(texts: Texts, asked: argparse.Namespace) -> None:
    """The tables of `loops`."""
    found = widths(texts)
    begin = typical(found, asked.steps, asked.rounds + 1)
    few = {name: max(1, asked.steps // 5) if name == "packed" else asked.steps for name in BY_HAND}
    arms: dict[str, Callable[[int], Sample]] = {
        "tl-run": lambda number: ours(texts, asked.steps, begin[number]),
        **{name: lambda _, n=name: by_hand(texts, few[n], n) for name in BY_HAND},
    }
    taken = measured(arms, asked.rounds)
    each = {
        name: [sample.loop_cpu / few.get(name, asked.steps) for sample in samples]
        for name, samples in taken.items()
    }
    size = places(texts, found)
    print(
        f"\n| n={asked.rounds} | steps | examples/s | step, ms | tl-run is faster | goal "
        "| places of a batch | times tl-run's |\n|---|---|---|---|---|---|---|---|"
    )
    for name, seconds in each.items():
        rate = _words(spread([BATCH / one for one in seconds]))
        milliseconds = _words(spread([1000 * one for one in seconds]))
        faster = f"{_words(ratios(seconds, each['tl-run']))} times"
        goal = f"≥ {GOALS[name]}" if name in GOALS else ""
        more = f"{size[name]:,.0f} | {size[name] / size['tl-run']:.2f}"
        steps = few.get(name, asked.steps)
        print(f"| {name} | {steps} | {rate} | {milliseconds} | {faster} | {goal} | {more} |")
    show_drawing(texts, asked.rounds, spread(each["tl-run"]).median)


def show_drawing(texts: Texts, rounds: int, step: float) -> None:
    """What it takes to draw a batch. step: seconds of one of tl-run's."""
    count = len(texts.rows) // BATCH
    arms: dict[str, Callable[[int], Sample]] = {
        "tl-run, padded once and kept": lambda _: drawn(our_batches(texts, KEPT), count),
        "tl-run, read batch by batch": lambda _: drawn(our_batches(texts, 0), count),
        **{name: lambda _, n=name: drawn(loader(texts, n), count) for name in BY_HAND[:2]},
    }
    taken = measured(arms, rounds)
    print(f"\n| n={rounds} | a batch drawn, ms | of a step of tl-run |\n|---|---|---|")
    for name, samples in taken.items():
        found = spread([1000 * sample.loop_cpu / count for sample in samples])
        print(f"| {name} | {_words(found)} | {found.median / 1000 / step:.1%} |")


def show_memory(path: Path, cache: Path, steps: int) -> None:
    """The table of `memory`."""
    kinds = {"padded once and kept": KEPT, "read batch by batch": 0}
    found = [in_child(training, path, cache, steps, kept) for kept in kinds.values()]
    head = " | ".join(f"{kind}: MB at most | left" for kind in kinds)
    print(f"\n| | {head} |\n|---|---|---|---|---|")
    for name in found[0]:
        cells = [f"{each[name][key] / MB:,.0f}" for each in found for key in ("most", "left")]
        print("|", " | ".join([name, *cells]), "|")
    print(f"\nBefore, with all imported: {found[0][name]['begun'] / MB:,.0f} MB")


def show_gradients(texts: Texts) -> None:
    """What `gradients` finds; ends where they are not the same."""
    apart, largest = gradients_apart(texts)
    print(
        f"\nGradients of a batch by chance, tl-run's less the packed loop's: at most {apart:.1e}, "
        f"the largest being {largest:.2g}"
    )
    if apart > 1e-6:
        sys.exit("expected gradients that agree to 1e-6")


def _words(found: Spread) -> str:
    return f"{found.median:,.3g} [{found.least:,.3g}..{found.largest:,.3g}]"


def compare(folder: Path, asked: argparse.Namespace) -> None:
    """Measure and print the parts that are asked for."""
    facts, busy = origin(), busy_cores()
    print(
        f"{facts['machine']}, {facts['cores']} cores, of which others kept {busy} busy, torch "
        f"{facts['versions']['torch']}, commit {facts['commit']}; `python {' '.join(sys.argv)}`"
    )
    path, cache = folder / f"texts{asked.texts}.txt", folder / "cache"
    if not path.exists():
        write(path, asked.texts)
    if "reading" in asked.parts:
        show_reading(path, asked)
    if {"loops", "gradients"} & set(asked.parts):
        texts = texts_of(tokens_of(read(path), cache))
        tokens = texts.split.inputs
        print(
            f"\n{len(tokens):,} texts of {tokens.lengths.mean():.0f} tokens on average, "
            f"{(tokens.lengths == tokens.longest).mean():.0%} of {tokens.longest}; "
            f"{tokens.vocabulary:,} different ones"
        )
        if "gradients" in asked.parts:
            show_gradients(texts)
        if "loops" in asked.parts:
            show_loops(texts, asked)
    if "memory" in asked.parts:
        tokens_of(read(path), cache)
        show_memory(path, cache, asked.steps)


def main(words: Sequence[str] | None = None) -> None:
    """Make the texts, where they are not there yet, and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3, help="of loops; default: 3")
    parser.add_argument("--readings", type=int, default=1, help="rounds of reading; default: 1")
    parser.add_argument("--steps", type=int, default=5, help="of a training; default: 5")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--folder", type=Path, help="of the texts; default: a temporary one")
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = (asked.folder or Path(name)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        compare(folder, asked)


if __name__ == "__main__":
    main()
