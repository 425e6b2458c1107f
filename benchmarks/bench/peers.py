"""The loops of frameworks: the same net, examples, Adam and batch size, each in its own manner.

Their set-up (trainer, checks, loggers) is outside the loop's time and inside that of the whole
call; each says by its own hook where its loop begins and ends.
"""

from __future__ import annotations

import tempfile
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # torch's own spelling
from torch.utils.data import DataLoader, Dataset, TensorDataset

from bench.nets import Predict, build, tensors
from bench.rounds import Clock
from bench.rows import Work


def _loader(work: Work) -> DataLoader[tuple[Tensor, ...]]:
    return DataLoader(TensorDataset(*tensors(work)), batch_size=work.batch, shuffle=True)


def lightning_default(work: Work, clock: Clock) -> Predict:
    """As its first page has it: a log line, a progress bar, a checkpoint an epoch."""
    return _lightning(work, clock, log=True)


def lightning_lean(work: Work, clock: Clock) -> Predict:
    """Everything switched off that can be."""
    return _lightning(
        work,
        clock,
        log=False,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _lightning(work: Work, clock: Clock, log: bool, **options: bool) -> Predict:
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = build(work)

        def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
            inputs, labels = batch
            loss = F.cross_entropy(self.net(inputs), labels)
            if log:
                self.log("train_loss", loss, prog_bar=True)
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=work.lr)

        def on_train_start(self) -> None:
            clock.begin()

        def on_train_end(self) -> None:
            clock.end()

    module = Module()
    with tempfile.TemporaryDirectory() as folder:
        trainer = lightning.Trainer(
            accelerator="cpu",
            devices=1,
            max_steps=work.steps,
            max_epochs=-1,
            precision="bf16-mixed" if work.precision == "bf16" else "32-true",
            default_root_dir=folder,
            **options,
        )
        trainer.fit(module, _loader(work))
    return module.net.train()


def hf_trainer(work: Work, clock: Clock) -> Predict:
    """With its defaults for the loop, but no files, no bar, no log, no clipping, a constant lr."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    class Marks(TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            clock.begin()

        def on_train_end(self, *_: Any, **__: Any) -> None:
            clock.end()

    net = build(work)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            use_cpu=True,
            bf16=work.precision == "bf16",
            max_steps=work.steps,
            per_device_train_batch_size=work.batch,
            learning_rate=work.lr,
            lr_scheduler_type="constant",
            max_grad_norm=0.0,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
        )
        trainer = Trainer(
            _WithLoss(net), arguments, train_dataset=_Dicts(work), callbacks=[Marks()]
        )
        trainer.train()
    return net.train()


class _WithLoss(nn.Module):
    """A net that gives its own loss, as the Trainer wants it."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.net(inputs)
        return {"loss": F.cross_entropy(logits, labels), "logits": logits}


class _Dicts(Dataset[dict[str, Tensor]]):
    """Examples as dicts, as the Trainer wants them."""

    def __init__(self, work: Work) -> None:
        self.inputs, self.labels = tensors(work)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"inputs": self.inputs[index], "labels": self.labels[index]}


def accelerate_loop(work: Work, clock: Clock) -> Predict:
    """The hand loop as accelerate's first page changes it."""
    from accelerate import Accelerator

    accelerator = Accelerator(
        cpu=True, mixed_precision="bf16" if work.precision == "bf16" else "no"
    )
    bare = build(work)
    net, optimizer, loader = accelerator.prepare(
        bare, torch.optim.Adam(bare.parameters(), lr=work.lr), _loader(work)
    )
    net.train()
    step, running = 0, 0.0
    clock.begin()
    while step < work.steps:
        for inputs, labels in loader:
            optimizer.zero_grad()
            with accelerator.autocast():
                loss = F.cross_entropy(net(inputs), labels)
            accelerator.backward(loss)
            optimizer.step()
            running += loss.item()
            step += 1
            if step == work.steps:
                break
    clock.end()
    return net
