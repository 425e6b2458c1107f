"""Texts become ids of a vocabulary that only the texts it was learnt from decide."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

from tlrun.core.errors import UserError
from tlrun.core.tokens import PADDING
from tlrun.data.texts.tokenizer import PAD, Reader, Vocabulary, read_file

WORDS = Vocabulary("word", 1000, 1, lowercase=True)
TEXTS = ["The cat sat.", "the Dog sat, the cat did not!", "a cat a dog"]


def ids_of(reader: Reader, texts: list[str]) -> list[list[int]]:
    found = []
    for part in reader.read(texts):
        found += [ids.tolist() for ids in np.split(part.values, part.offsets[1:-1])]
    return found


def words_of(reader: Reader, text: str) -> list[str]:
    vocabulary = {place: word for word, place in json.loads(reader.text)["model"]["vocab"].items()}
    return [vocabulary[place] for place in ids_of(reader, [text])[0]]


def test_a_word_is_a_token_and_so_is_a_mark() -> None:
    reader = Reader(WORDS.learn(TEXTS).to_str(), 9, "x")

    assert words_of(reader, "The DOG, the bird.") == ["the", "dog", ",", "the", "[UNK]", "."]
    kept = Vocabulary("word", 1000, 1, lowercase=False).learn(TEXTS).to_str()
    assert words_of(Reader(kept, 9, "x"), "The dog") == ["The", "dog"]


def test_rare_words_and_those_beyond_the_size_are_unknown() -> None:
    often = Reader(Vocabulary("word", 1000, 3, lowercase=True).learn(TEXTS).to_str(), 9, "x")
    few = Reader(Vocabulary("word", 10, 1, lowercase=True).learn(TEXTS).to_str(), 9, "x")

    assert words_of(often, "the cat sat") == ["the", "cat", "[UNK]"]
    assert few.size == 10
    with pytest.raises(UserError, match="a word that stands 9 times in the texts to learn from"):
        Vocabulary("word", 1000, 9, lowercase=True).learn(TEXTS)


def test_texts_without_a_word_twice_are_sent_to_parts_of_words() -> None:
    with pytest.raises(UserError, match="tokenizer=bpe reads texts without spaces"):
        Vocabulary("word", 1000, 2, lowercase=True).learn(["很好看的书", "不好看的书"])
    assert Vocabulary("bpe", 1000, 2, lowercase=True).learn(["很好看的书", "不好看的书"])


@pytest.mark.parametrize("kind", ["word", "bpe"])
@given(order=st.permutations(TEXTS * 3))
def test_the_order_of_the_texts_changes_no_vocabulary(kind: str, order: list[str]) -> None:
    vocabulary = Vocabulary(kind, 40, 1, lowercase=True)  # type: ignore[arg-type]  # one of two

    assert vocabulary.learn(order).to_str() == vocabulary.learn(TEXTS * 3).to_str()


def test_parts_of_words_spell_words_that_were_never_seen() -> None:
    reader = Reader(Vocabulary("bpe", 60, 1, lowercase=True).learn(TEXTS).to_str(), 20, "x")
    found = ids_of(reader, ["dogcat"])[0]

    assert reader.unknown not in found
    assert len(found) < 6  # longer parts than letters


@given(st.lists(st.text(max_size=40), min_size=1, max_size=8))
def test_no_text_has_the_id_of_padding_or_more_tokens_than_it_may(texts: list[str]) -> None:
    text = WORDS.learn(TEXTS).to_str()
    short, long = Reader(text, 3, "x"), Reader(text, 1000, "x")
    whole = ids_of(long, texts)

    assert ids_of(short, texts) == [ids[:3] for ids in whole]
    assert all(PADDING not in ids for ids in whole)
    cut = np.concatenate([part.cut for part in short.read(texts)])
    assert cut.tolist() == [max(0, len(ids) - 3) for ids in whole]


@pytest.mark.parametrize("kind", ["word", "bpe"])
def test_a_text_that_names_a_special_token_has_the_words_of_its_name(kind: str) -> None:
    texts = [*TEXTS, "[PAD] and [UNK]"]
    vocabulary = Vocabulary(kind, 60, 1, lowercase=True)  # type: ignore[arg-type]  # one of two
    reader = Reader(vocabulary.learn(texts).to_str(), 1000, "x")

    for ids in ids_of(reader, ["the [PAD] [UNK] cat", "[PAD]"]):
        assert PADDING not in ids
        assert reader.unknown not in ids
    (part,) = Reader(with_marks(), 1000, "x").read(["the[SEP]cat"])
    assert part.values.tolist().count(3) == 1


def with_marks() -> str:
    """A tokenizer as BERT's: texts between two marks, to be padded and cut."""
    vocabulary = {PAD: 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "the": 4, "cat": 5}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.add_special_tokens([PAD, "[UNK]", "[CLS]", "[SEP]"])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_padding(length=128)
    tokenizer.enable_truncation(2)
    return str(tokenizer.to_str())


def test_marks_of_a_foreign_tokenizer_stay_where_a_text_is_cut() -> None:
    reader = Reader(with_marks(), 4, "x")
    (part,) = reader.read(["the cat the cat the", "cat"])

    assert part.values.tolist() == [2, 4, 5, 3, 2, 5, 3]
    assert part.cut.tolist() == [3, 0]
    assert reader.marks == {2, 3}
    assert reader.unknown == 1
    assert reader.size == 6


def test_no_text_has_padding_though_its_tokenizer_knows_the_word() -> None:
    tokenizer = Tokenizer(models.WordLevel({PAD: 0, "[UNK]": 1, "the": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    reader = Reader(tokenizer.to_str(), 9, "x")

    assert ids_of(reader, [f"the {PAD} the", PAD]) == ids_of(reader, ["the the", ""])


def test_a_tokenizer_whose_padding_is_a_word_is_refused() -> None:
    """Of padding the library takes id 0, whatever token that is."""
    tokenizer = Tokenizer(models.WordLevel({"the": 0, "[UNK]": 1}, unk_token="[UNK]"))
    tokenizer.enable_padding()

    with pytest.raises(UserError, match="one whose id 0 is 'the', and no padding"):
        Reader(tokenizer.to_str(), 9, "mine.json")


def test_a_tokenizer_of_another_shape_is_refused_in_a_line(
    tmp_path: "pytest.TempPathFactory",
) -> None:
    plain = Tokenizer(models.BPE({"a": 0, "b": 1}, []))
    plain.decoder = decoders.BPEDecoder()
    huge = Tokenizer(models.WordLevel({PAD: 0, "[UNK]": 1, "a": 9_000_000}, unk_token="[UNK]"))
    for text, found in (
        ("{}", "found"),
        ("not JSON", "found"),
        (plain.to_str(), "one whose id 0 is 'a', and no padding"),
        (huge.to_str(), "ids up to 9,000,000, beyond 1,000,000"),
    ):
        with pytest.raises(UserError, match=r"dataset\.tokenizer: expected word, bpe") as told:
            Reader(text, 9, "mine.json")
        assert found in str(told.value)
        assert "\n" not in str(told.value)
    with pytest.raises(UserError, match=r"dataset\.max_tokens: expected more tokens, found 2"):
        Reader(with_marks(), 2, "mine.json")
    with pytest.raises(UserError, match="No such file"):
        read_file(Path("nowhere/tokenizer.json"))
