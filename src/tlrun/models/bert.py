"""A BERT encoder (Devlin et al., 2019) of torch's own layers, as a chain of one-tensor modules.

As in `text_layers`, a place that is padding holds a vector of zeros from the first module on. With
E the three embeddings, LN a LayerNorm and MLP two layers with a gelu between:

    h_0 = LN(E_word[x_t] + E_place[t] + E_type[0])
    a_l = LN(h_{l-1} + W_o attention(W_q h_{l-1}, W_k h_{l-1}, W_v h_{l-1}))
    h_l = LN(a_l + MLP(a_l))

Shapes: B texts in a batch, L places, d numbers at each. sizes: of all modules.
"""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # as everyone calls it

from tlrun.core.tokens import PADDING
from tlrun.models.backbone import too_long
from tlrun.models.bert_files import Sizes
from tlrun.models.pretrained import fill
from tlrun.models.text_layers import Pool, present

# What BERT calls the modules of a block.
IN_FILE = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attended": "attention.output.dense",
    "attended_norm": "attention.output.LayerNorm",
    "inner": "intermediate.dense",
    "outer": "output.dense",
    "norm": "output.LayerNorm",
}
# Of the file, what learnt to fill gaps and to classify, and a count of places of older ones.
LEFT_OUT = ("pooler.", "cls.", "classifier.", "embeddings.position_ids")


class Embeddings(nn.Module):
    """h_0: each token's own vector, that of its place and that of the first type, normalised."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(sizes.vocabulary, sizes.width, padding_idx=PADDING)
        self.position_embeddings = nn.Embedding(sizes.positions, sizes.width)
        self.token_type_embeddings = nn.Embedding(sizes.types, sizes.width)
        self.norm = nn.LayerNorm(sizes.width, sizes.epsilon)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, ids: Tensor) -> Tensor:
        """Of ids [B, L] their vectors [B, L, d]. Raises UserError for more places than it knows."""
        places = self.position_embeddings.weight
        if ids.shape[1] > len(places):
            raise too_long(len(places), ids.shape[1])
        words = self.word_embeddings(ids)
        x = words + self.token_type_embeddings.weight[0] + places[: ids.shape[1]]
        embedded: Tensor = self.dropout(self.norm(x)) * (ids != PADDING).unsqueeze(-1)
        return embedded


class Block(nn.Module):
    """h_l of h_{l-1}: attention and two layers, each added to what it reads, then normalised."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        d = sizes.width
        self.heads, self.attention_dropout = sizes.heads, sizes.attention_dropout
        self.query, self.key, self.value = nn.Linear(d, d), nn.Linear(d, d), nn.Linear(d, d)
        self.attended, self.attended_norm = nn.Linear(d, d), nn.LayerNorm(d, sizes.epsilon)
        self.inner, self.outer = nn.Linear(d, sizes.inner), nn.Linear(sizes.inner, d)
        self.norm = nn.LayerNorm(d, sizes.epsilon)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Of h_{l-1} [B, L, d] h_l [B, L, d], 0 where there is padding."""
        there = present(x)
        a = self.attended_norm(x + self.dropout(self.attended(self._attention(x, there))))
        outer = self.outer(F.gelu(self.inner(a)))
        h: Tensor = self.norm(a + self.dropout(outer)) * there
        return h

    def _attention(self, x: Tensor, there: Tensor) -> Tensor:
        """Of each place [B, L, d] what it takes from those that are `there`, bool [B, L, 1]."""
        q, k, v = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        # a text without a token: torch gives zeros where nothing is there to attend to
        mask = there.squeeze(-1)[:, None, None, :]
        dropout = self.attention_dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
        return mixed.transpose(1, 2).flatten(2)


class ToLength(nn.Module):
    """Each vector scaled to one length; a vector of zeros stays one."""

    def __init__(self, length: float) -> None:
        super().__init__()
        self.length = length

    def forward(self, z: Tensor) -> Tensor:
        """Of [B, d] the same directions [B, d]."""
        return F.normalize(z, dim=-1) * self.length


def encoder(sizes: Sizes) -> nn.Sequential:
    """φ, from ids [B, L] to sentence vectors [B, d] of length √d, with fresh weights.

    They are drawn from torch's global generator as BERT's were: normal, of `sizes.deviation`,
    biases 0.
    """
    modules: OrderedDict[str, nn.Module] = OrderedDict(embeddings=Embeddings(sizes))
    for layer in range(sizes.layers):
        modules[f"layer{layer}"] = Block(sizes)
    modules["pool"] = Pool("mean")
    modules["scale"] = ToLength(math.sqrt(sizes.width))
    phi = nn.Sequential(modules)
    with torch.no_grad():
        for module in phi.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                module.weight.normal_(0.0, sizes.deviation)
            if isinstance(module, nn.Linear):
                module.bias.zero_()
    return phi


def load(phi: nn.Module, tensors: Mapping[str, Tensor], of: str) -> None:
    """Fill φ with tensors of BERT's names, in a file of an encoder or of a whole model of BERT.

    of: what φ is called. Raises UserError for others.
    """
    own = {}
    for name, tensor in tensors.items():
        short = name.removeprefix("bert.")
        # what the first files called weight and bias of LayerNorm
        short = short.replace("LayerNorm.gamma", "LayerNorm.weight")
        own[short.replace("LayerNorm.beta", "LayerNorm.bias")] = tensor
    fill(phi, own, of, name_in_file, LEFT_OUT)


def name_in_file(name: str) -> str:
    """What the tensor `name` of φ is called in a file of BERT."""
    block = re.fullmatch(r"layer(\d+)\.(\w+)\.(\w+)", name)
    if block is None:
        return name.replace("embeddings.norm.", "embeddings.LayerNorm.")
    return f"encoder.layer.{block[1]}.{IN_FILE[block[2]]}.{block[3]}"
