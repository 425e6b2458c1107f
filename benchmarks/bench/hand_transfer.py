"""A feature transfer on the digits as people write it by hand: one job, or a whole sweep.

    python hand_transfer.py --lams 0.1 --seeds 0 --out OUT                 one job
    python hand_transfer.py --lams 0.1,1,10 --seeds 0,1 --out OUT          a sweep in one script
    python hand_transfer.py --loop bare --lams 0.1,1,10 --out OUT          the same, made fast

It does what `tl-run strategy=feature_transfer` does by default: φ (convolutions of 32 and 64) and a
head are trained on the source's 719 digits, then a new head on the frozen φ by
(L_S + λ L_T)/(1+λ), on the source and 50 noisy digits of the target. Every head is evaluated on
both test sets; its scores, weights and outputs are written, and a table is printed.

--loop as_written: DataLoader, torch.optim.Adam, the loss read in every step. bare: indexed tensors,
    fused Adam, channels_last, no loss read.
--features once: φ's features are computed once a seed, and heads are trained on them. every_step:
    φ is passed in every step, as in a job that trains one head and nobody thought of it.

It knows nothing of tl-run, and imports what such a script needs alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # torch's own spelling
from torch.utils.data import DataLoader, TensorDataset

BATCH, RATE = 64, 1e-3
Pair = tuple[Tensor, Tensor]  # inputs and labels


def problem(seed: int) -> dict[str, Pair]:
    """The digits: the first half the source, the second under noise the target, of 5 a class."""
    images, digits = load_digits(return_X_y=True)
    images = (images / 16.0).reshape(-1, 1, 8, 8)
    half = len(images) // 2
    noise = np.random.default_rng(0).standard_normal(images[half:].shape)
    noisy = (images[half:] + 0.6 * noise).clip(0.0, 1.0)
    x, x_test, y, y_test = train_test_split(
        images[:half], digits[:half], test_size=179, stratify=digits[:half], random_state=0
    )
    xt, xt_test, yt, yt_test = train_test_split(
        noisy, digits[half:], test_size=541, stratify=digits[half:], random_state=0
    )
    rng = np.random.default_rng(seed)
    few = np.concatenate([rng.permutation(np.flatnonzero(yt == k))[:5] for k in range(10)])
    found = {
        "source": (x, y),
        "target": (xt[few], yt[few]),
        "source_test": (x_test, y_test),
        "target_test": (xt_test, yt_test),
    }
    return {
        name: (torch.tensor(inputs, dtype=torch.float32), torch.tensor(labels))
        for name, (inputs, labels) in found.items()
    }


def backbone() -> nn.Sequential:
    """φ, from [B, 1, 8, 8] to [B, 256]."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
    )  # fmt: skip


def batches(data: Pair, loop: str) -> Iterator[Pair]:
    """Batches without end, drawn anew in every epoch."""
    inputs, labels = data
    if loop == "as_written":
        loader = DataLoader(TensorDataset(inputs, labels), batch_size=BATCH, shuffle=True)
        yield from chain.from_iterable(repeat(loader))
    while True:
        for rows in torch.randperm(len(labels)).split(BATCH):
            yield inputs.index_select(0, rows), labels.index_select(0, rows)


def train_source(data: Pair, steps: int, loop: str) -> nn.Sequential:
    """φ, learnt on the source under a head of its own, frozen."""
    phi, head = backbone(), nn.Linear(256, 10)
    if loop == "bare":
        phi.to(memory_format=torch.channels_last)
    parameters = [*phi.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=RATE, fused=loop == "bare")
    running = 0.0
    for _, (x, y) in zip(range(steps), batches(data, loop), strict=False):
        optimizer.zero_grad()
        loss = F.cross_entropy(head(phi(x)), y)
        loss.backward()
        optimizer.step()
        if loop == "as_written":
            running += loss.item()
    return phi.eval().requires_grad_(requires_grad=False)


def train_head(
    phi: nn.Module,
    source: Pair,
    target: Pair,
    lam: float,
    steps: int,
    loop: str,
    width: int = 256,
) -> nn.Linear:
    """A new head on φ, by (L_S + λ L_T)/(1+λ). phi: nn.Identity where the pairs hold features."""
    head = nn.Linear(width, 10)
    optimizer = torch.optim.Adam(head.parameters(), lr=RATE, fused=loop == "bare")
    running = 0.0
    drawn = zip(range(steps), batches(source, loop), batches(target, loop), strict=False)
    for _, (x_s, y_s), (x_t, y_t) in drawn:
        with torch.no_grad():
            z_s, z_t = phi(x_s), phi(x_t)
        optimizer.zero_grad()
        loss_s, loss_t = F.cross_entropy(head(z_s), y_s), F.cross_entropy(head(z_t), y_t)
        loss = (loss_s + lam * loss_t) / (1 + lam)
        loss.backward()
        optimizer.step()
        if loop == "as_written":
            running += loss.item()
    return head


@torch.no_grad()
def evaluated(phi: nn.Module, head: nn.Module, data: Pair) -> tuple[dict[str, float], Tensor]:
    """Scores on a test set, and the outputs they are of."""
    inputs, labels = data
    outputs = head(phi(inputs))
    chances, found = outputs.softmax(1).numpy(), outputs.argmax(1)
    return {
        "loss": float(F.cross_entropy(outputs, labels)),
        "accuracy": float((found == labels).double().mean()),
        "balanced_accuracy": float(balanced_accuracy_score(labels, found)),
        "auc": float(roc_auc_score(labels, chances, multi_class="ovr")),
    }, outputs


def train_heads(
    phi: nn.Module,
    network: nn.Module,
    data: dict[str, Pair],
    lams: list[float],
    seed: int,
    steps: int,
    loop: str,
    out: Path,
) -> list[tuple[float, float, int]]:
    """Train and write a head for each λ; the target's accuracy, λ and seed of each.

    phi: what the pairs of `data` are yet to pass. network: φ, as it is kept.
    """
    lines = []
    for lam in lams:
        head = train_head(phi, data["source"], data["target"], lam, steps, loop)
        scores, outputs = {}, {}
        for name in ("source_test", "target_test"):
            scores[name], outputs[name] = evaluated(phi, head, data[name])
        folder = out / f"lam={lam}_seed={seed}"
        folder.mkdir(parents=True)
        kept = {"lam": lam, "seed": seed, "steps": steps, "scores": scores}
        (folder / "result.json").write_text(json.dumps(kept, indent=2))
        weights = {"backbone": network.state_dict(), "head": head.state_dict()}
        torch.save(weights, folder / "model.pt")
        torch.save(outputs, folder / "predictions.pt")
        lines.append((scores["target_test"]["accuracy"], lam, seed))
    return lines


def sweep(asked: argparse.Namespace) -> None:
    """Train and write every head, and print a line for each."""
    lines = []
    for seed in asked.seeds:
        torch.manual_seed(seed)
        data = problem(seed)
        phi: nn.Module = train_source(data["source"], asked.steps, asked.loop)
        network = phi
        if asked.features == "once":
            with torch.no_grad():
                data = {name: (phi(inputs), labels) for name, (inputs, labels) in data.items()}
            phi = nn.Identity()
        lines += train_heads(
            phi, network, data, asked.lams, seed, asked.steps, asked.loop, asked.out
        )
    for accuracy, lam, seed in sorted(lines, reverse=True):
        print(f"lam {lam:<8g} seed {seed:<3} target accuracy {100 * accuracy:.1f} %")


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lams", type=lambda text: [float(k) for k in text.split(",")])
    parser.add_argument("--seeds", type=lambda text: [int(k) for k in text.split(",")], default=[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--loop", choices=("as_written", "bare"), default="as_written")
    parser.add_argument("--features", choices=("once", "every_step"), default="once")
    parser.add_argument("--out", type=Path, required=True)
    sweep(parser.parse_args())


if __name__ == "__main__":
    main()
