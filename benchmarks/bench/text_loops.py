"""Loops over texts: tl-run's own, and those that people write by hand, of one net's weights.

Shapes: B texts in a batch, L places, V tokens of the vocabulary, d features.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, TensorDataset

import tlrun.data.batches
from bench.made_texts import Phases, read, tokens_of
from bench.memory import Peak
from bench.ours import SEED, Silent
from bench.rounds import Clock, Sample
from tlrun.core.inputs import spec_of
from tlrun.core.problem import Domain, HeldOutTest, Problem, Split
from tlrun.core.seeding import drawing_from, exactly, stream
from tlrun.core.task import Task
from tlrun.core.tokens import PADDING, Tokens
from tlrun.data.batches import Batch, Batches
from tlrun.models.backbones.lstm import Lstm
from tlrun.models.build import draw_model
from tlrun.models.model import Model
from tlrun.strategies.schedules import Constant
from tlrun.strategies.scratch import Scratch
from tlrun.training.forward import forward
from tlrun.training.loop import fit
from tlrun.training.optimizers import Adam
from tlrun.training.options import TrainerOptions
from tlrun.training.state import TrainState

BATCH, RATE = 32, 1e-3
TASK = Task("class", "multiclass", ("against", "for"))
KEPT = tlrun.data.batches.KEPT


class Texts(NamedTuple):
    """All texts, as each loop wants them. split: as tl-run has them. rows: ids and label of each.

    matrix: int32 [N, L], all padded to the longest.
    """

    split: Split
    rows: list[tuple[Tensor, Tensor]]
    matrix: Tensor


def texts_of(tokens: Tokens) -> Texts:
    """Of tokens, with a label each, by chance."""
    labels = np.random.default_rng(1).integers(0, 2, len(tokens))
    drawn = torch.from_numpy(labels)
    rows = list(torch.from_numpy(tokens.values).split(tokens.lengths.tolist()))
    matrix = torch.from_numpy(tokens[:])
    split = Split(tokens, {TASK.name: labels}, np.arange(len(tokens)))
    return Texts(split, list(zip(rows, drawn, strict=True)), matrix)


def domain_of(split: Split) -> Domain:
    """A target of all these texts."""
    return Domain("target", "target", (TASK,), split)


def model_of(split: Split) -> Model:
    """tl-run's default LSTM and a head, fresh."""
    return draw_model(Lstm(), spec_of(split.inputs), {"target": [TASK]}, "target", SEED)


class Net(nn.Module):
    """The same net as people write it: both layers in one nn.LSTM, a mean over the text."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        phi, (head,) = model.backbone, model.heads.values()
        vocabulary, width = phi.embedding.weight.shape
        hidden = phi.lstm1.hidden_size
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=PADDING)
        self.lstm = nn.LSTM(width, hidden, num_layers=2, batch_first=True)
        self.head = nn.Linear(hidden, len(TASK.classes))
        self.embedding.load_state_dict(phi.embedding.state_dict())
        self.lstm.load_state_dict(
            {
                f"{name.removesuffix('0')}{layer}": tensor
                for layer in (0, 1)
                for name, tensor in phi.get_submodule(f"lstm{layer + 1}").state_dict().items()
            }
        )
        self.head.load_state_dict(head.state_dict())

    def forward(self, ids: Tensor, lengths: Tensor | None) -> Tensor:
        """Of ids [B, L] logits [B, 2]. lengths: [B] of each text, to pack them; None: padded."""
        x = self.embedding(ids)
        if lengths is None:
            there = (ids != PADDING).unsqueeze(-1)
            mean = (self.lstm(x)[0] * there).sum(1) / there.sum(1)
        else:
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            hidden, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
            mean = hidden.sum(1) / lengths.unsqueeze(-1)
        return self.head(mean)


def ours(texts: Texts, steps: int, position: int = 0) -> Sample:
    """tl-run's `fit`, over `steps` batches from `position` on."""
    clock = Clock()
    _trained(texts.split, steps, position, clock, Peak())
    return clock.read()


def _trained(split: Split, steps: int, position: int, clock: Clock, peak: Peak) -> None:
    domains = {"target": domain_of(split)}
    problem = Problem(domains, HeldOutTest({}), digest="bench")
    trainer = TrainerOptions(steps=steps, batch_size=BATCH, eval_every=steps)
    strategy = Scratch()
    (stage,) = strategy.stages(problem, Constant(math.inf), steps)
    with peak.phase("model and batches"):
        model = model_of(split)
        batches = {"target": Batches(split, "target", BATCH, SEED, position=position)}
    with exactly(threads=1), drawing_from(stream(SEED, "dropout", 0)):
        state = TrainState.begin(stage, model, Adam(lr=RATE), batches)
        clock.begin()
        with peak.phase(f"{steps} steps"):
            fit(stage, model, domains, strategy, trainer, state, Silent())
        clock.end()


def by_hand(texts: Texts, steps: int, how: str) -> Sample:
    """A loop as people write it, over batches drawn by chance. how: see `loader`."""
    clock = Clock()
    net = Net(model_of(texts.split))
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE, fused=True)
    batches = loader(texts, how)
    clock.begin()
    for _, (ids, labels, lengths) in zip(range(steps), batches, strict=False):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(ids, lengths), labels)
        loss.backward()
        optimizer.step()
        loss.item()
    clock.end()
    return clock.read()


def loader(texts: Texts, how: str) -> Iterable[tuple[Tensor, Tensor, Tensor | None]]:
    """Batches of a DataLoader. how: padded to a batch's longest, packed, or fixed, to the set's."""
    if how == "fixed":
        labels = torch.stack([label for _, label in texts.rows])
        whole = DataLoader(TensorDataset(texts.matrix, labels), BATCH, shuffle=True)
        return ((*batch, None) for batch in whole)

    def collated(rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor | None]:
        every, labels = zip(*rows, strict=True)
        lengths = torch.tensor([len(ids) for ids in every]) if how == "packed" else None
        return pad_sequence(list(every), batch_first=True), torch.stack(labels), lengths

    return DataLoader(texts.rows, BATCH, shuffle=True, collate_fn=collated)


def drawn(batches: Iterable[object], steps: int) -> Sample:
    """What it takes to draw batches, and do nothing with them."""
    clock = Clock()
    clock.begin()
    for _ in zip(range(steps), batches, strict=False):
        pass
    clock.end()
    return clock.read()


def our_batches(texts: Texts, kept: int) -> Batches:
    """kept: bytes of inputs up to which a split is padded once and kept."""
    tlrun.data.batches.KEPT = kept
    try:
        return Batches(texts.split, "target", BATCH, SEED)
    finally:
        tlrun.data.batches.KEPT = KEPT


def gradients_apart(texts: Texts) -> tuple[float, float]:
    """The largest difference between tl-run's and the packed net's gradients; the largest of them.

    Of one batch that is drawn by chance, so that its texts are of all lengths.
    """
    model = model_of(texts.split)
    net = Net(model)
    ids, labels, lengths = next(iter(loader(texts, "packed")))
    domain = domain_of(texts.split)
    step = forward(model, domain, Batch(ids, {TASK.name: labels}), {TASK.name: 1.0})
    step.losses[TASK.name].backward()
    nn.functional.cross_entropy(net(ids, lengths), labels).backward()
    pairs = zip(model.parameters(), net.parameters(), strict=True)
    mine, theirs = zip(*((a.grad, b.grad) for a, b in pairs), strict=True)
    apart = max(float((a - b).abs().max()) for a, b in zip(mine, theirs, strict=True))
    return apart, max(float(gradient.abs().max()) for gradient in theirs)


def widths(texts: Texts) -> Tensor:
    """Of every batch that tl-run draws in an epoch, how many places a text has; int64."""
    count = len(texts.rows) // BATCH
    batches = our_batches(texts, KEPT)
    return torch.tensor([next(batches).inputs.shape[1] for _ in range(count)])


def typical(found: Tensor, steps: int, count: int) -> list[int]:
    """`count` positions from which `steps` batches have, together, as many places as on average.

    found: of `widths`. So few batches of like length would else be longer or shorter by chance.
    """
    sums = found.double().unfold(0, min(steps, len(found)), 1).mean(1)
    nearest = (sums - found.double().mean()).abs().argsort(stable=True)
    return [int(nearest[k % len(nearest)]) for k in range(count)]


def places(texts: Texts, found: Tensor) -> dict[str, float]:
    """How many places a batch has on average, by how it is put together. found: of `widths`."""
    lengths = torch.from_numpy(texts.split.inputs.lengths)
    chance = lengths[torch.randperm(len(lengths))][: len(found) * BATCH].view(-1, BATCH)
    return {
        "tl-run": float(BATCH * found.double().mean()),
        "padded": float(BATCH * chance.amax(1).double().mean()),
        "fixed": float(BATCH * texts.matrix.shape[1]),
        "packed": float(chance.sum(1).double().mean()),
    }


def training(path: str, cache: str, steps: str, kept: str) -> Phases:
    """By phase, the memory of a training; for `in_child`. kept: as of `our_batches`."""
    tlrun.data.batches.KEPT = int(kept)
    peak = Peak()
    torch.set_num_threads(1)
    with peak.phase("texts"):
        texts = read(Path(path))
    with peak.phase("tokens, from the cache"):
        tokens = tokens_of(texts, Path(cache))
    labels = np.random.default_rng(1).integers(0, 2, len(tokens))
    split = Split(tokens, {TASK.name: labels}, np.arange(len(tokens)))
    _trained(split, int(steps), 0, Clock(), peak)
    return peak.found
