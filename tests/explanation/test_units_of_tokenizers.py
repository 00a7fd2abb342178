"""Real tokenizers of the four usual kinds, trained here on a few sentences."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from setfit_explain.explanation.units import Grouping, group_tokens

CORPUS = [
    "I absolutely loved the acting, but don't waste 3.50 on it!",
    "well-made films aren't unlovable; naïve café é ﬁne ①",
    "東京タワーは最高でした。我爱你。",
    "ดีมาก नमस्ते الفيلم 👨‍👩‍👧 🇫🇷 👍🏽",
    "first line\nsecond  line",
] * 4

EXPECTED = {
    "I don't waste 3.50!": ["I", "don't", "waste", "3.50", "!"],
    "well-made café": ["well", "-", "made", "café"],
    "ﬁne ①": ["ﬁne", "①"],
    "👨‍👩‍👧 🇫🇷": ["👨‍👩‍👧", "🇫🇷"],
    "unlovable نامعلوم": ["unlovable", "نامعلوم"],
    "first\nsecond": ["first", "second"],
}


def word_piece() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=["[UNK]"], show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def byte_bpe() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=330, initial_alphabet=alphabet, show_progress=False)
    )
    return tokenizer


def unigram() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=180, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def byte_fallback() -> Tokenizer:
    """Return a tokenizer like Gemma's: no pre-tokenizer, so that the whole text is one group."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<unk>", *bytes_], limit_alphabet=30, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


KINDS: dict[str, Callable[[], Tokenizer]] = {
    "WordPiece": word_piece,
    "byte BPE": byte_bpe,
    "Unigram": unigram,
    "byte fallback": byte_fallback,
}


@pytest.fixture(scope="module", params=KINDS.values(), ids=KINDS.keys())
def tokenizer(request: Any) -> Tokenizer:
    return request.param()


def group(tokenizer: Tokenizer, text: str, granularity: Any) -> Grouping:
    spans = tokenizer.encode(text).offsets
    return group_tokens(text, np.array(spans).reshape(-1, 2), ["text"] * len(spans), granularity)


@pytest.mark.parametrize("text", EXPECTED)
def test_units_are_unions_of_whole_words(tokenizer: Tokenizer, text: str) -> None:
    """A tokenizer may join words; it never splits one, and nothing visible is left out."""
    units = group(tokenizer, text, "word").units
    assert "".join("".join(unit.text.split()) for unit in units) == "".join(EXPECTED[text]).replace(" ", "")
    starts, position = set(), 0
    for word in EXPECTED[text]:
        position = text.index(word, position)
        starts.add(position)
        position += len(word)
    assert {unit.start for unit in units} <= starts


@pytest.mark.parametrize("kind", ["WordPiece", "byte BPE", "Unigram"])
@pytest.mark.parametrize("text", [text for text in EXPECTED if "\n" not in text and "made" not in text])
def test_words_are_the_same_under_every_tokenizer_that_keeps_them_apart(kind: str, text: str) -> None:
    # Byte BPE and Unigram write a rare word's white space as a token of its own, which is no unit.
    assert [unit.text for unit in group(KINDS[kind](), text, "word").units] == EXPECTED[text]


@pytest.mark.parametrize("text", [*EXPECTED, *CORPUS[:5], "", "   "])
@pytest.mark.parametrize("granularity", ["token", "word", "sentence"])
def test_units_and_gaps_spell_the_text(tokenizer: Tokenizer, text: str, granularity: str) -> None:
    grouping = group(tokenizer, text, granularity)
    spelled, position = "", 0
    for unit in grouping.units:
        if unit.special is None:
            assert unit.start >= position
            spelled += text[position : unit.start] + unit.text
            position = unit.end
    assert spelled + text[position:] == text
