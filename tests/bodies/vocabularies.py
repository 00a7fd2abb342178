"""Tokenizers of every family, made in memory of the tests' texts."""

from __future__ import annotations

from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from tests.models import LONG, TEXTS, pieces_of_words, scored_pieces

CORPUS = [*TEXTS, LONG]
SPECIALS = ["<pad>", "<unk>", "<s>", "</s>", "<mask>"]


def word_piece(**settings: Any) -> PreTrainedTokenizerFast:
    """BERT's family: continuation pieces with ``##``."""
    tokenizer = Tokenizer(models.WordPiece(pieces_of_words(SPECIALS), unk_token="<unk>"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return fast(tokenizer, "<s> $A </s>", **settings)


def byte_bpe(template: str = "<s> $A </s>", **settings: Any) -> PreTrainedTokenizerFast:
    """GPT-2's family: byte pairs, spaces as part of the word."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=SPECIALS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.decoder = decoders.ByteLevel()
    return fast(tokenizer, template, **settings)


def metaspace_bpe(template: str = "<s> $A", **settings: Any) -> PreTrainedTokenizerFast:
    """Gemma's family: byte pairs over the whole text, spaces as U+2581, bytes for unknown characters."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    trainer = trainers.BpeTrainer(
        vocab_size=430,
        special_tokens=[*SPECIALS, *(f"<0x{byte:02X}>" for byte in range(256))],
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")  # as Gemma's: splits nothing
    return fast(tokenizer, template, **settings)


def unigram(template: str = "<s> $A </s>", **settings: Any) -> PreTrainedTokenizerFast:
    """T5's and XLM-R's family: SentencePiece Unigram, spaces as U+2581."""
    tokenizer = Tokenizer(models.Unigram(scored_pieces(SPECIALS), unk_id=SPECIALS.index("<unk>")))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return fast(tokenizer, template, **settings)


def fast(tokenizer: Tokenizer, template: str, **settings: Any) -> PreTrainedTokenizerFast:
    """Wrap a tokenizer, with the special tokens that ``template`` puts around the text."""
    around = [token for token in template.split() if token in SPECIALS]
    if around:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=template, special_tokens=[(token, tokenizer.token_to_id(token)) for token in around]
        )
    names = {
        "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>", "model_max_length": 64,
        "cls_token": "<s>", "sep_token": "</s>", "bos_token": "<s>", "eos_token": "</s>",
    }  # fmt: skip
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names | settings)
