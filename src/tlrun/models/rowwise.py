"""Whether φ computes each row of a batch by itself, so that several batches may be one."""

from __future__ import annotations

from torch import nn

from tlrun.models.blocks import chain, part
from tlrun.models.preparation import Preparation
from tlrun.models.text_layers import Bigrams, Pool, Recurrent, TokenDropout, TokenEmbedding

# What each gives for a row depends on that row and on its weights alone, in training too. A list of
# what is known to: of a class from elsewhere nobody can tell what it does with a batch. Layers of
# images are not on it: on a CPU a convolution of many small batches is the slower for being one.
BY_ROWS = {
    nn.Sequential,
    nn.Identity,
    nn.Flatten,
    nn.Linear,
    nn.LayerNorm,
    nn.ReLU,
    nn.LeakyReLU,
    nn.ELU,
    nn.GELU,
    nn.SiLU,
    nn.Tanh,
    nn.Sigmoid,
    nn.EmbeddingBag,
    Preparation,
    TokenEmbedding,
    Recurrent,
    Bigrams,
    Pool,
}
# These too, unless they draw: what is drawn for a batch depends on what was before it.
DROPS = {nn.Dropout, TokenDropout}


def by_rows(phi: nn.Module, passed: int = 0) -> bool:
    """Whether z of a row is known to depend on that row alone, whatever its domain and batch.

    It is not where φ has buffers, which domains may have for themselves (statistics of BatchNorm),
    nor where dropout is at work.

    phi: φ, in the mode in which it is to compute. passed: how many of its modules are left out.
    """
    if not chain(phi)[passed:]:
        return True
    for module in part(phi, slice(passed, None)).modules():
        if type(module) not in BY_ROWS and (type(module) not in DROPS or module.training):
            return False
        if any(True for _ in module.buffers(recurse=False)):
            return False
    return True
