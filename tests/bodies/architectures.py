"""Tiny random bodies, one row an architecture: its configuration, tokenizer and peculiarities."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import sentence_transformers
import torch
import transformers
from sentence_transformers import SentenceTransformer
from setfit import SetFitModel
from transformers import PreTrainedTokenizerFast

from tests.bodies.vocabularies import byte_bpe, metaspace_bpe, unigram, word_piece
from tests.folders import lasting_folder
from tests.models import fitted, modules

DIM = 32


@dataclass(frozen=True)
class Architecture:
    """How to build one tiny body.

    Parameters
    ----------
    name
        Prefix of the transformers classes, such as ``"Bert"`` of ``BertModel``.
    tokenizer
        Makes its tokenizer.
    sizes
        Settings of its configuration beside the usual ones; None for a usual one that it refuses.
    model
        Name of its model class when that is not ``name + "Model"``.
    pooling
        Mode of the pooling module.
    """

    name: str
    tokenizer: Callable[[], PreTrainedTokenizerFast] = word_piece
    sizes: dict[str, Any] = field(default_factory=dict)
    model: str | None = None
    pooling: str = "mean"

    def __str__(self) -> str:
        return self.name


def usual_sizes(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """Settings that most configurations share; each takes those that it knows."""
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": DIM,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "max_position_embeddings": 66,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }


def decoder(name: str, tokenizer: Callable[[], PreTrainedTokenizerFast], **sizes: Any) -> Architecture:
    """A causal body of Llama's kind: rotary positions, RMSNorm, the last token stands for the text."""
    return Architecture(
        name, tokenizer, {"num_key_value_heads": 2, "head_dim": 8, **sizes}, pooling="lasttoken"
    )


def t5(name: str) -> Architecture:
    """An encoder of T5's kind: relative positions, RMSNorm, nothing after the text but ``</s>``."""
    sizes = {"d_model": DIM, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4}
    return Architecture(name, partial(unigram, "$A </s>"), sizes, model=f"{name}EncoderModel")


# It has other names for these, and no limit of length.
NOT_XLNET = dict.fromkeys(
    ("hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings")
)

ROWS = (
    Architecture("Bert"),
    Architecture("DistilBert", sizes={"dim": DIM, "n_layers": 2, "n_heads": 4, "hidden_dim": 48}),
    Architecture("Albert", unigram, {"embedding_size": 16}),
    Architecture("Electra", sizes={"embedding_size": 16}),
    Architecture("NomicBert"),
    Architecture("GPT2", byte_bpe, {"n_positions": 66, "n_embd": DIM, "n_layer": 2, "n_head": 4}),
    Architecture("RemBert", unigram, {"input_embedding_size": 16}),
    Architecture("BigBird", unigram, {"attention_type": "original_full"}),
    Architecture(
        "MobileBert",
        # It has no LayerNorm that would bring small random weights to a usual size.
        sizes={"embedding_size": 16, "intra_bottleneck_size": 16, "initializer_range": 0.03},
    ),
    Architecture("FNet", unigram, {"tpu_short_seq_length": 64}),
    Architecture("ConvBert", sizes={"embedding_size": DIM, "conv_kernel_size": 3}),
    Architecture("Roberta", byte_bpe),
    Architecture("XLMRoberta", unigram),
    Architecture("Camembert", unigram),
    Architecture("MPNet"),
    Architecture("Luke", byte_bpe, {"entity_vocab_size": 10, "entity_emb_size": 16}),
    Architecture("CLIPText", byte_bpe, model="CLIPTextModel"),
    Architecture(
        "DebertaV2",
        unigram,
        {"relative_attention": True, "position_biased_input": False, "pos_att_type": ["p2c", "c2p"]},
    ),
    Architecture("ModernBert", byte_bpe, {"local_attention": 8, "cls_token_id": 2, "sep_token_id": 3}),
    Architecture("EuroBert", byte_bpe, {"num_key_value_heads": 2, "head_dim": 8, "mask_token_id": 4}),
    decoder("Qwen3", partial(byte_bpe, "$A")),
    decoder("Llama", partial(byte_bpe, "<s> $A")),
    decoder("Gemma2", metaspace_bpe),
    decoder("Gemma3Text", metaspace_bpe),
    t5("T5"),
    t5("MT5"),
    t5("UMT5"),
    Architecture(
        "XLNet", unigram, {"d_model": DIM, "n_head": 4, "n_layer": 2, "d_head": 8, "d_inner": 48, **NOT_XLNET}
    ),
    Architecture("Esm", byte_bpe, {"position_embedding_type": "rotary", "mask_token_id": 4}),
    Architecture("Longformer", byte_bpe, {"attention_window": 8}),
    Architecture("IBert", byte_bpe),
)
# Sentence-transformers 5 loads UMT5 with its decoder, which embeds nothing. Transformers 4.57 lacks two others.
UNKNOWN = {"UMT5"} if sentence_transformers.__version__.startswith("5.") else set()
ARCHITECTURES = tuple(
    row for row in ROWS if row.name not in UNKNOWN and hasattr(transformers, f"{row.name}Config")
)


@cache
def model_of(name: str) -> SetFitModel:
    """One of `BODIES` with a head; shared, so a test must not change it."""
    return fitted(BODIES[name]())


def named(name: str) -> Architecture:
    """The row of that name."""
    return next(row for row in ARCHITECTURES if row.name == name)


def body_of(architecture: Architecture) -> SentenceTransformer:
    """A fresh tiny random body."""
    torch.manual_seed(0)
    tokenizer = architecture.tokenizer()
    config_class = getattr(transformers, f"{architecture.name}Config")
    sizes = usual_sizes(tokenizer) | architecture.sizes
    config = config_class(**{name: size for name, size in sizes.items() if size is not None})
    model_class = getattr(transformers, architecture.model or f"{architecture.name}Model")
    return assembled(model_class(config), tokenizer, architecture.pooling)


def assembled(model: Any, tokenizer: Any, pooling: str = "mean") -> SentenceTransformer:
    """A SentenceTransformer of a random model, with weights large enough to tell texts apart."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter *= 3
    folder = lasting_folder()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    transformer = modules.Transformer(str(folder))
    # Transformers 4 saves neither of them, and XLNet's configuration tells sentence-transformers 5 a length of -1.
    accepted = inspect.signature(model.forward).parameters
    transformer.tokenizer.model_input_names = [
        name for name in ("input_ids", "attention_mask") if name in accepted
    ]
    transformer.max_seq_length = tokenizer.model_max_length
    return SentenceTransformer(modules=[transformer, modules.Pooling(DIM, pooling)], device="cpu")


def table(rows: int) -> torch.Tensor:
    """Random word embeddings."""
    return torch.randn(rows, DIM, generator=torch.Generator().manual_seed(0))


def static_body(
    tokenizer: PreTrainedTokenizerFast, *after: torch.nn.Module, rows: int = 0
) -> SentenceTransformer:
    """The mean of word embeddings, of model2vec's kind."""
    static = modules.StaticEmbedding(tokenizer, embedding_weights=table(rows or len(tokenizer)))
    return SentenceTransformer(modules=[static, *after], device="cpu")


def word_embedding_body(*after: Callable[[], torch.nn.Module]) -> SentenceTransformer:
    """Word embeddings without a transformer, and what stands between them and the pooling."""
    torch.manual_seed(0)
    tokenizer = word_piece()
    words = modules.WordEmbeddings(tokenizer, table(len(tokenizer)))
    between = [make() for make in after]
    return SentenceTransformer(modules=[words, *between, modules.Pooling(DIM)], device="cpu")


BODIES: dict[str, Callable[[], SentenceTransformer]] = {
    **{row.name: partial(body_of, row) for row in ARCHITECTURES},
    "BigBird, block-sparse": partial(
        body_of,
        Architecture(
            "BigBird", unigram, {"attention_type": "block_sparse", "block_size": 2, "num_random_blocks": 1}
        ),
    ),
    "StaticEmbedding": lambda: static_body(word_piece()),
}
if hasattr(SentenceTransformer, "preprocess"):  # sentence-transformers 5.1 itself fails to encode with these
    BODIES |= {
        "WordEmbeddings": word_embedding_body,
        "WordEmbeddings, CNN": partial(word_embedding_body, lambda: modules.CNN(DIM, DIM, kernel_sizes=[3])),
        "WordEmbeddings, LSTM": partial(word_embedding_body, lambda: modules.LSTM(DIM, DIM // 2)),
    }
