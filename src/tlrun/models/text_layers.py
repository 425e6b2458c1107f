"""Layers of backbones that read texts, each a module of φ's chain.

A text is ids, padded with 0 at its end. From the first module on, a place that is padding holds a
vector of zeros, by which every later module knows it; so each takes one tensor, and φ can be
trained in part. Shapes: B texts in a batch, L places, d numbers at each.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tlrun.core.tokens import PADDING
from tlrun.models.backbone import Pooling

MULTIPLIER, PRIME = 1_000_003, 2**31 - 1  # of the hash of two ids; both prime


class TokenEmbedding(nn.Embedding):
    """E[t] for every token t of a text, and 0 for padding.

    vocabulary: how many different ids there are. width: d.
    """

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__(vocabulary, width, padding_idx=PADDING)

    def forward(self, ids: Tensor) -> Tensor:
        """Of ids [B, L] their vectors [B, L, d]."""
        # whatever the row for padding has become: a structure draws every row
        return super().forward(ids) * (ids != PADDING).unsqueeze(-1)


class Recurrent(nn.LSTM):
    """One layer of an LSTM, in the direction of reading: padding at the end changes nothing.

    Sequences are never packed, which takes several times as long on a CPU.
    """

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__(width_in, width, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]  # of one tensor, as a chain is
        """Of [B, L, d] the hidden states [B, L, width], 0 where there is padding."""
        if x.is_cuda:
            hidden, _ = super().forward(x)
        else:  # oneDNN has an LSTM in bfloat16 on some processors alone
            with torch.autocast(x.device.type, enabled=False):
                hidden, _ = super().forward(x.float())
        return hidden * present(x)


class Pool(nn.Module):
    """One vector a text, of the vectors at its places: their mean or maximum, or the last."""

    def __init__(self, pooling: Pooling) -> None:
        super().__init__()
        self.pooling = pooling

    def forward(self, x: Tensor) -> Tensor:
        """Of [B, L, d] one vector a text [B, d]; 0 of a text without a token."""
        there = present(x)
        counts = there.sum(dim=1)
        if self.pooling == "mean":
            return x.sum(dim=1) / counts.clamp(min=1)
        if self.pooling == "max":
            highest = x.masked_fill(~there, -torch.inf).amax(dim=1)
            return highest.masked_fill(counts == 0, 0.0)
        place = (counts - 1).clamp(min=0).unsqueeze(-1).expand(-1, 1, x.shape[-1])
        return x.gather(1, place).squeeze(1)


def present(x: Tensor) -> Tensor:
    """Which places of texts [B, L, d] are none of padding, bool [B, L, 1]."""
    x = x.detach()
    # the same as `(x != 0).any(-1)`, nan included, in a quarter of the time on a CPU
    return (x.amax(dim=-1, keepdim=True) != 0) | (x.amin(dim=-1, keepdim=True) != 0)


class Bigrams(nn.Module):
    """Ids of a text's tokens, then an id of every two of them side by side.

    vocabulary: how many ids tokens have. buckets: how many there are for pairs, from `vocabulary`
    on; a pair has the one that a hash of it says.
    """

    def __init__(self, vocabulary: int, buckets: int) -> None:
        super().__init__()
        self.vocabulary, self.buckets = vocabulary, buckets

    def forward(self, ids: Tensor) -> Tensor:
        """Of ids [B, L] ids [B, 2L-1]; a pair with padding is padding."""
        first, second = ids[:, :-1].long(), ids[:, 1:].long()
        pairs = (first * MULTIPLIER + second) % PRIME % self.buckets + self.vocabulary
        pairs = pairs.masked_fill(second == PADDING, PADDING)
        return torch.cat([ids, pairs.to(ids.dtype)], dim=1)


class TokenDropout(nn.Module):
    """Leaves out tokens at random in training: each with probability `share`."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, ids: Tensor) -> Tensor:
        """Ids [B, L], those that are left out being padding."""
        if not self.training:
            return ids
        dropped = torch.rand(ids.shape, device=ids.device) < self.share
        return ids.masked_fill(dropped, PADDING)
