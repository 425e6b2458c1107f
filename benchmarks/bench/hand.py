"""Loops as people write them."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from bench.nets import Predict, build, precision, tensors
from bench.rounds import Clock
from bench.rows import Work


def as_written(work: Work, clock: Clock) -> Predict:
    """TensorDataset, DataLoader, Adam, and the loss read in every step, as tutorials have it."""
    net = build(work)
    return _trained(work, clock, net, torch.optim.Adam(net.parameters(), lr=work.lr))


def improved(work: Work, clock: Clock) -> Predict:
    """The same with what a line or two make better: channels_last, and Adam in one kernel."""
    layout = torch.channels_last if len(work.shape) == 3 else torch.contiguous_format
    net = build(work).to(memory_format=layout)
    optimizer = torch.optim.Adam(net.parameters(), lr=work.lr, fused=True)
    return _trained(work, clock, net, optimizer, layout)


def _trained(
    work: Work,
    clock: Clock,
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    layout: torch.memory_format | None = None,
) -> Predict:
    """The loop itself. layout: what inputs are brought to; None: nobody thinks of it."""
    loader = DataLoader(TensorDataset(*tensors(work)), batch_size=work.batch, shuffle=True)
    criterion = nn.CrossEntropyLoss()
    net.train()
    step, running = 0, 0.0
    clock.begin()
    while step < work.steps:
        for batch, labels in loader:
            inputs = batch if layout is None else batch.to(memory_format=layout)
            optimizer.zero_grad()
            with precision(work):
                loss = criterion(net(inputs), labels)
            loss.backward()
            optimizer.step()
            running += loss.item()
            step += 1
            if step == work.steps:
                break
    clock.end()
    return net


def bare(work: Work, clock: Clock) -> Predict:
    """The floor: no loader, no loss read; what is left is the arithmetic and torch's own calls."""
    layout = torch.channels_last if len(work.shape) == 3 else torch.contiguous_format
    inputs, labels = tensors(work)
    net = build(work).to(memory_format=layout)
    optimizer = torch.optim.Adam(net.parameters(), lr=work.lr, fused=True)
    net.train()
    step = 0
    clock.begin()
    while step < work.steps:
        for rows in torch.randperm(work.n).split(work.batch):
            batch = inputs.index_select(0, rows).to(memory_format=layout)
            with precision(work):
                loss = nn.functional.cross_entropy(net(batch), labels.index_select(0, rows))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            if step == work.steps:
                break
    clock.end()
    return net
