"""Named random streams, so that the arms of one seed share what they can and nothing else.

    labels        which examples are labelled
    source-init   weights of a model that starts on the source
    target-init   weights of a model that starts on the target (independent of source-init)
    head-init     weights of a head, by task and by where the model starts
    order         the order in which a domain's examples are drawn
    augment       what is done to a domain's images, by epoch
    dropout       whatever a backbone draws while it trains, by the number of the stage
    structure     a structure drawn by chance, by weight tensor
    estimator     whatever an estimator of scikit-learn draws, by task
    split         the test set and the shift, from the data set's own `split_seed`

A stream is a 63-bit integer: the head of sha256 over the seed and the words that name the stream.
Adding a stream never moves another.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

Stream = Literal[
    "labels", "source-init", "target-init", "head-init", "order", "augment", "dropout", "structure",
    "estimator", "split",
]  # fmt: skip


def stream(seed: int, name: Stream, *keys: str | int) -> int:
    """The seed, in [0, 2^63), of the stream `name` of a run.

    seed: the run's. keys: what narrows the stream, such as the name of a task.
    """
    words = json.dumps([seed, name, *keys]).encode()
    return int.from_bytes(hashlib.sha256(words).digest()[:8], "big") >> 1


@contextmanager
def drawing_from(seed: int) -> Iterator[None]:
    """Draw torch's global random numbers, which module initialisers use, from `seed`.

    At the end the global generators, of GPUs in use too, are as they were before.
    """
    import torch

    gpus = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()  # type: ignore[no-untyped-call]  # theirs
    with torch.random.fork_rng(devices=gpus):
        torch.manual_seed(seed)
        yield


@contextmanager
def exactly(threads: int) -> Iterator[None]:
    """Compute so that one fingerprint gives the same bits; at the end all is as it was before.

    That takes a fixed number of `threads`, deterministic kernels only, and float32 that is not
    rounded to TF32 on the way.
    """
    import torch

    # what cuBLAS needs to be deterministic
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    deterministic: Any = torch.utils.deterministic  # whose property no type checker sees
    threads_before, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    filling, tf32 = deterministic.fill_uninitialized_memory, torch.backends.cudnn.allow_tf32
    torch.set_num_threads(threads)
    # `use_deterministic_algorithms` does the same, and imports torch's compiler for two seconds
    torch.set_deterministic_debug_mode("error")
    deterministic.fill_uninitialized_memory = False  # no kernel reads it, and writing it costs
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_num_threads(threads_before)
        torch.set_deterministic_debug_mode(mode)
        deterministic.fill_uninitialized_memory = filling
        torch.backends.cudnn.allow_tf32 = tf32
