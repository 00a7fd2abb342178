"""Models that tests explain: the real MiniLM with hand-made heads, and tiny random bodies."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from setfit import SetFitModel
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    MPNetConfig,
    MPNetModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from setfit_explain.demo.weights import packaged_minilm
from tests.folders import lasting_folder

try:
    from sentence_transformers.sentence_transformer import modules
except ModuleNotFoundError:  # sentence-transformers 5
    from sentence_transformers import models as modules

TEXTS = (
    "I want my money back.",
    "Please refund my order, it was broken",
    "Give me a refund now!",
    "Where is my parcel?",
    "My package is late; the delivery has not arrived",
    "Still waiting for shipping",
    "Great service, thanks",
    "I love it, wonderful",
    "Best shop ever, thank you so much",
)
LABELS = ("refund", "delay", "praise")
CLASSES = (0, 0, 0, 1, 1, 1, 2, 2, 2)
LONG = "The parcel came late, and the parcel was broken: I want a refund, thanks."


def minilm() -> SentenceTransformer:
    """A fresh all-MiniLM-L6-v2."""
    return SentenceTransformer(str(packaged_minilm()), device="cpu")


def fitted(body: SentenceTransformer, kind: str = "three", **settings: Any) -> SetFitModel:
    """Give ``body`` a logistic head: "binary", "three" classes, or "multi_label"."""
    normalize = settings.get("normalize_embeddings", False)
    embeddings = body.encode(list(TEXTS), normalize_embeddings=normalize, show_progress_bar=False)
    classes = np.array(CLASSES)
    if kind == "binary":
        head: Any = LogisticRegression(C=10).fit(embeddings, (classes == 2).astype(int))
        labels = ["complaint", "praise"]
    elif kind == "three":
        head, labels = LogisticRegression(C=10).fit(embeddings, classes), list(LABELS)
    else:
        truth = np.eye(3, dtype=int)[classes]
        truth[4] = (1, 1, 0)
        head, labels = OneVsRestClassifier(LogisticRegression(C=10)).fit(embeddings, truth), list(LABELS)
    return SetFitModel(model_body=body, model_head=head, labels=labels, **settings)


@cache
def minilm_model(kind: str) -> SetFitModel:
    """MiniLM with a head; shared, so a test must not change it."""
    return fitted(minilm(), kind)


@cache
def tiny_model(architecture: str, kind: str = "three") -> SetFitModel:
    """A tiny random body with a head; shared, so a test must not change it."""
    return fitted(tiny_body(architecture), kind)


@cache
def tiny_svm() -> tuple[SentenceTransformer, LinearSVC]:
    """A tiny body with a head that has a decision function and no probabilities; shared likewise."""
    body = tiny_body("bert")
    return body, LinearSVC().fit(body.encode(list(TEXTS)), [LABELS[column] for column in CLASSES])


def tiny_body(architecture: str, **pooling: Any) -> SentenceTransformer:
    """A fresh tiny random body: "bert", "mpnet", "roberta" or "xlm-roberta", dimension 32."""
    folder = _saved_transformer(architecture)
    transformer = modules.Transformer(str(folder))
    return SentenceTransformer(modules=[transformer, modules.Pooling(32, **pooling)], device="cpu")


@cache
def _saved_transformer(architecture: str) -> Path:
    torch.manual_seed(0)
    tokenizer = {"roberta": byte_bpe, "xlm-roberta": unigram}.get(
        architecture, partial(word_piece, architecture)
    )()
    sizes = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "max_position_embeddings": 66,
        "pad_token_id": tokenizer.pad_token_id,
    }
    model = {
        "bert": lambda: BertModel(BertConfig(**sizes)),
        "mpnet": lambda: MPNetModel(MPNetConfig(**sizes)),
        "roberta": lambda: RobertaModel(RobertaConfig(**sizes)),
        "xlm-roberta": lambda: XLMRobertaModel(XLMRobertaConfig(**sizes)),
    }[architecture]()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:  # random embeddings of the usual size hardly move the output
                parameter *= 3
    folder = lasting_folder()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def word_piece(architecture: str) -> PreTrainedTokenizerFast:
    """A WordPiece tokenizer of the texts above, with BERT's or MPNet's special tokens."""
    bert = architecture == "bert"
    cls, sep, pad, unk = ("[CLS]", "[SEP]", "[PAD]", "[UNK]") if bert else ("<s>", "</s>", "<pad>", "[UNK]")
    mask = "[MASK]" if bert else "<mask>"
    specials = [pad, unk, cls, sep, mask] if bert else [cls, pad, sep, unk, mask]
    tokenizer = Tokenizer(models.WordPiece(pieces_of_words(specials), unk_token=unk))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return _fast(tokenizer, cls, sep, pad, unk, mask)


def pieces_of_words(specials: Sequence[str]) -> dict[str, int]:
    """A WordPiece vocabulary of the texts above; a trainer breaks ties differently in each process."""
    letters = sorted({letter for word in _words() for letter in word})
    pieces = [piece for word in _words() for piece in (word[:4], f"##{word[4:]}")]
    entries = dict.fromkeys([*specials, *letters, *(f"##{letter}" for letter in letters), *pieces])
    entries.pop("##", None)
    return {entry: k for k, entry in enumerate(entries)}


def scored_pieces(specials: Sequence[str]) -> list[tuple[str, float]]:
    """A Unigram vocabulary of the texts above; a trainer has another one in each process."""
    letters = sorted({letter for word in _words() for letter in word})
    pieces = dict.fromkeys([*(f"▁{word[:5]}" for word in _words()), "▁", *letters])
    scores = [(piece, -1.0 - 0.05 * rank) for rank, piece in enumerate(pieces)]
    return [*((special, 0.0) for special in specials), *scores]


def _words() -> list[str]:
    """Words and marks of the texts above in lower case, the most frequent first."""
    counts = Counter(re.findall(r"\w+|[^\w\s]", " ".join([*TEXTS, LONG]).lower()))
    return sorted(counts, key=lambda word: (-counts[word], word))


def byte_bpe() -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer trained on the texts above, with RoBERTa's special tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator([*TEXTS, LONG], trainer)
    tokenizer.decoder = decoders.ByteLevel()
    return _fast(tokenizer, "<s>", "</s>", "<pad>", "<unk>", "<mask>")


def unigram() -> PreTrainedTokenizerFast:
    """A Unigram tokenizer of the texts above, with RoBERTa's special tokens."""
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(models.Unigram(scored_pieces(specials), unk_id=3))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return _fast(tokenizer, "<s>", "</s>", "<pad>", "<unk>", "<mask>")


def _fast(tokenizer: Tokenizer, cls: str, sep: str, pad: str, unk: str, mask: str) -> PreTrainedTokenizerFast:
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        special_tokens=[(cls, tokenizer.token_to_id(cls)), (sep, tokenizer.token_to_id(sep))],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        cls_token=cls,
        sep_token=sep,
        pad_token=pad,
        unk_token=unk,
        mask_token=mask,
        model_max_length=64,
    )
