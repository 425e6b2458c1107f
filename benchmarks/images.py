"""How fast a folder of photos comes to the model, against torchvision's ImageFolder and DataLoader.

    python benchmarks/images.py                          20,000 JPEGs of 64x64, 7 rounds
    python benchmarks/images.py --images 2000 --side 64 --rounds 3 --steps 10 --folder photos

Three questions, a Markdown table each, medians with [least..largest] over interleaved rounds:

- what the first start costs, which decodes the folder into an empty cache, and every later one,
  against one pass of torchvision's ImageFolder. Each in a process of its own, imports not counted;
  the files themselves lie in the page cache;
- how many examples a second an epoch of batches of 64 gives, float32, normalised as for ImageNet,
  in one order for all. `kept`: the bytes of the whole set in memory, as tl-run does up to
  data.batches.KEPT bytes; `from the map`: rows of the file, read batch by batch. Making the batches
  (reading the set, listing the folder) is not in it and is shown beside; starting the workers is in
  it, as in every epoch of a DataLoader as people write it;
- how much of a training step that is: the same before tl-run's default conv net and SGD, over
  --steps steps; `one batch again` has no data to wait for.

torch has one thread in every process. --folder keeps the images, and uses them again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import datasets
from torchvision.transforms import v2

import tlrun.data.batches
from bench.image_starts import CLASSES, PASSES, starts, write
from bench.records import busy_cores, origin
from bench.rounds import Clock, Sample, Spread, interleaved, ratios, spread
from tlrun.core.problem import Split
from tlrun.data.batches import Batches
from tlrun.data.datasets.image_folder import ImageFolder
from tlrun.models.backbone import Pixels
from tlrun.models.backbones.conv import Conv
from tlrun.models.preparation import Preparation
from tlrun.models.torchvision_models import IMAGENET_DEVIATION, IMAGENET_MEAN

BATCH = 64
KEPT = tlrun.data.batches.KEPT
Use = Callable[[Tensor, Tensor], None]  # what is done with a batch
Taken = Mapping[str, list[Sample]]
LOADERS = [f"torchvision, {workers} workers" for workers in (0, 2)]


def whole(folder: Path, cache: Path, side: int) -> Split:
    """Every image of the folder, mapped, in the order in which torchvision lists them."""
    problem = ImageFolder(path=str(folder), cache=str(cache), size=side).load(0)
    (domain,) = problem.domains.values()
    labels = np.array(datasets.ImageFolder(str(folder)).targets)
    return Split(replace(domain.train.inputs, rows=None), {"class": labels}, np.arange(len(labels)))


def ours(split: Split, steps: int, kept: int, use: Callable[[], Use]) -> Sample:
    """Batches of tl-run, and its preparation. kept: bytes up to which the set is in memory."""
    tlrun.data.batches.KEPT = kept
    clock, used = Clock(), use()
    prepare = Preparation(Pixels(IMAGENET_MEAN, IMAGENET_DEVIATION))
    batches = Batches(split, "photos", BATCH, seed=0)
    clock.begin()
    for batch in islice(batches, steps):
        used(prepare(batch.inputs), batch.labels["class"])
    clock.end()
    return clock.read()


def theirs(folder: Path, order: Sequence[int], workers: int, use: Callable[[], Use]) -> Sample:
    """Batches of torchvision's ImageFolder through a DataLoader. order: of the examples drawn."""
    clock, used = Clock(), use()
    loader = _loader(folder, order, workers)
    clock.begin()
    for inputs, labels in loader:
        used(inputs, labels)
    clock.end()
    return clock.read()


def again(inputs: Tensor, labels: Tensor, steps: int, use: Callable[[], Use]) -> Sample:
    """One batch, again and again."""
    clock, used = Clock(), use()
    clock.begin()
    for _ in range(steps):
        used(inputs, labels)
    clock.end()
    return clock.read()


def _loader(folder: Path, order: Sequence[int], workers: int) -> DataLoader[tuple[Tensor, Tensor]]:
    normalised = v2.Compose(
        [
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(IMAGENET_MEAN, IMAGENET_DEVIATION),
        ]
    )
    data = datasets.ImageFolder(str(folder), normalised)
    return DataLoader(data, BATCH, sampler=order, num_workers=workers, drop_last=True)


def nothing() -> Use:
    """A batch that is there is all that is wanted."""
    return lambda _, __: None


def training(side: int) -> Use:
    """A step of SGD of a fresh net, tl-run's default one."""
    torch.manual_seed(0)
    conv, shape = Conv(), (3, side, side)
    net = nn.Sequential(conv.build(shape), nn.Linear(conv.width(shape), CLASSES))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)

    def step(inputs: Tensor, labels: Tensor) -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(inputs), labels).backward()
        optimizer.step()

    return step


def same(split: Split, folder: Path) -> tuple[list[int], Tensor, Tensor]:
    """The order of an epoch, and its first batch; the same batch of both, or this ends."""
    rows = replace(split, labels={"row": np.arange(len(split)), **split.labels})
    drawn = islice(Batches(rows, "photos", BATCH, seed=0), len(split) // BATCH)
    first = next(iter(Batches(rows, "photos", BATCH, seed=0)))
    order = torch.cat([batch.labels["row"] for batch in drawn]).tolist()
    prepare = Preparation(Pixels(IMAGENET_MEAN, IMAGENET_DEVIATION))
    mine, (other, labels) = prepare(first.inputs), next(iter(_loader(folder, order, 0)))
    if not torch.equal(labels, first.labels["class"]) or (mine - other).abs().max() > 1e-4:
        sys.exit("expected the same batch from tl-run and torchvision, found two")
    return order, mine, labels


def measured(arms: Mapping[str, Callable[[], Sample]], rounds: int) -> Taken:
    """Run all arms in turn; raises what one of them does."""
    taken: dict[str, list[Sample]] = {name: [] for name in arms}
    for number, name, sample in interleaved(list(arms), rounds, lambda name: arms[name]()):
        if isinstance(sample, Exception):
            raise sample
        print(f"round {number}: {name}: {sample.loop_wall:.2f} s", file=sys.stderr)
        if number:
            taken[name].append(sample)
    return taken


def table(taken: Taken, head: str, cell: Callable[[float], float], against: Sequence[str]) -> None:
    """A row an arm. head: of its second column. cell: from seconds to what stands there."""
    print(f"\n| | {head} | making it, s |", *(f"times as fast as {name} |" for name in against))
    print("|---|---|---|" + "---|" * len(against))
    seconds = {name: [s.loop_wall or s.wall for s in each] for name, each in taken.items()}
    for name, each in taken.items():
        made = spread([s.wall - (s.loop_wall or s.wall) for s in each])
        row = [name, _words(spread([cell(s) for s in seconds[name]])), f"{made.median:.2f}"]
        row += [_words(ratios(seconds[other], seconds[name])) for other in against]
        print("|", " | ".join(row), "|")


def _words(found: Spread) -> str:
    return f"{found.median:,.3g} [{found.least:,.3g}..{found.largest:,.3g}]"


def batches(
    split: Split, folder: Path, order: Sequence[int], steps: int, use: Callable[[], Use]
) -> dict[str, Callable[[], Sample]]:
    """The arms of the other two: `steps` batches, each used as `use` says."""
    drawn = order[: steps * BATCH]
    return {
        "tl-run, kept": lambda: ours(split, steps, KEPT, use),
        "tl-run, from the map": lambda: ours(split, steps, 0, use),
        **{name: partial(theirs, folder, drawn, int(name.split()[-2]), use) for name in LOADERS},
    }


def compare(folder: Path, cache: Path, asked: argparse.Namespace) -> None:
    """Measure and print all three."""
    facts, busy = origin(), busy_cores()
    print(
        f"{facts['machine']}, {facts['cores']} cores, of which others kept {busy} busy, torch "
        f"{facts['versions']['torch']}, torchvision {facts['versions']['torchvision']}, commit "
        f"{facts['commit']}; `python {' '.join(sys.argv)}`"
    )
    split = whole(folder, cache, asked.side)
    size = split.inputs.dtype.itemsize * int(np.prod(split.inputs.shape))
    kept = "fits" if size <= KEPT else "does not fit: both read the map"
    print(f"\n{len(split):,} images, {size / 1e6:,.0f} MB of bytes; KEPT is {KEPT:,}: {kept}")
    taken = measured(starts(folder, cache, asked.side), asked.rounds)
    table(taken, "start, s", lambda seconds: seconds, PASSES)
    order, inputs, labels = same(split, folder)
    epoch = len(split) // BATCH
    taken = measured(batches(split, folder, order, epoch, nothing), asked.rounds)
    table(taken, "examples/s", lambda seconds: epoch * BATCH / seconds, LOADERS)
    steps = min(asked.steps, epoch)
    use = partial(training, asked.side)
    arms = batches(split, folder, order, steps, use)
    arms["one batch again"] = lambda: again(inputs, labels, steps, use)
    taken = measured(arms, asked.rounds)
    table(taken, "step, ms", lambda seconds: 1000 * seconds / steps, LOADERS)
    alone = [sample.loop_wall or sample.wall for sample in taken.pop("one batch again")]
    print("\n| | share of a step that is data |\n|---|---|")
    for name, each in taken.items():
        found = ratios(alone, [sample.loop_wall or sample.wall for sample in each])
        middle, ends = 1 - found.median, f"{1 - found.largest:.1%}..{1 - found.least:.1%}"
        print(f"| {name} | {middle:.1%} [{ends}] |")


def main() -> None:
    """Make the images, where they are not there yet, and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=50, help="of a training; default: 50")
    parser.add_argument("--folder", type=Path, help="of the images; default: a temporary one")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = (asked.folder or Path(name) / "photos").absolute()
        write(folder, asked.images, asked.side)
        compare(folder, Path(name) / "cache", asked)


if __name__ == "__main__":
    main()
