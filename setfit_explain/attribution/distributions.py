"""Distributions of baselines: several that are named, or stretches of reference texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from setfit_explain.attribution.baselines import (
    Baseline,
    check_special_tokens,
    is_several,
    make_baseline,
    reference_ids,
    tokens_of,
)
from setfit_explain.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.classifier.text_classifier import TextClassifier

SAMPLED = "sampled"


@dataclass(frozen=True, eq=False)
class Several:
    """Some baselines, each as likely as any other."""

    members: tuple[Baseline, ...]

    @property
    def name(self) -> str:
        """The members' names."""
        return ", ".join(member.name for member in self.members)

    @property
    def special_tokens(self) -> str:
        """The setting of that name."""
        return self.members[0].special_tokens

    def draw(self, encoded: EncodedText, words: Tensor, samples: int, random: torch.Generator) -> Tensor:
        """Draw baseline embeddings ``(samples, tokens, dim)`` of one text."""
        each = torch.stack([member.for_text(encoded, words) for member in self.members])
        chosen = torch.randint(len(each), (samples,), generator=random)
        return each[chosen.to(each.device)]


@dataclass(frozen=True, eq=False)
class Stretches:
    """Texts of the same length out of the running words of the reference texts, from any place on.

    Parameters
    ----------
    classifier
        Whose embeddings are looked up.
    ids
        Token ids of the reference texts' words, one text after the other, ``(ids,)``.
    special_tokens
        ``"keep"`` or ``"replace"``.
    """

    classifier: TextClassifier
    ids: Tensor
    special_tokens: str

    name = "sampled reference texts"

    def draw(self, encoded: EncodedText, words: Tensor, samples: int, random: torch.Generator) -> Tensor:
        """Draw baseline embeddings ``(samples, tokens, dim)`` of one text."""
        starts = torch.randint(len(self.ids), (samples, 1), generator=random)
        ids = self.ids[(starts + torch.arange(len(words))) % len(self.ids)].to(words.device)
        drawn = [
            Baseline(self.name, rows, self.special_tokens == "replace").for_text(encoded, words)
            for rows in map(self.classifier.tap.look_up, ids)
        ]
        return torch.stack(drawn)


Distribution = Several | Stretches


def is_sampled(baseline: Any, reference_texts: Sequence[str] | None) -> bool:
    """Whether baselines are drawn from reference texts: asked for, or ``"auto"`` where there are some."""
    return isinstance(baseline, str) and (
        baseline == SAMPLED or (baseline == "auto" and reference_texts is not None)
    )


def make_distribution(
    classifier: TextClassifier, baseline: Any, special_tokens: str, reference_texts: Sequence[str] | None
) -> Distribution:
    """Make a distribution of baselines for one classifier.

    Parameters
    ----------
    classifier
        Whose embeddings are looked up.
    baseline
        ``"sampled"``: stretches of ``reference_texts``. A list of what `make_baseline` takes, or one of that.
        ``"auto"``: sampled where there are reference texts, else the mean and the
        tokens (mask, pad, unk) that the tokenizer has.
    special_tokens
        ``"keep"`` or ``"replace"``.
    reference_texts
        Texts to draw from; beside a list, those whose token frequencies weight its ``"mean"``.

    Raises
    ------
    OptionError
        A baseline is not known, or what it needs is missing.
    """
    if is_sampled(baseline, reference_texts):
        if reference_texts is None:
            raise OptionError(
                "baseline='sampled' draws from reference texts, and there are none: give reference_texts=[...], "
                "such as the training texts."
            )
        check_special_tokens(special_tokens)
        return Stretches(classifier, torch.tensor(reference_ids(classifier, reference_texts)), special_tokens)
    listed = list(baseline) if is_several(baseline) else [baseline]
    if isinstance(baseline, str) and baseline == "auto":
        listed = ["mean", *tokens_of(classifier)]
    weighted = [isinstance(each, str) and each in ("auto", "mean") for each in listed]
    if reference_texts is not None and not any(weighted):
        raise OptionError(
            "reference_texts are used by the baselines 'sampled' and 'mean' only; neither is here."
        )
    return Several(
        tuple(
            make_baseline(classifier, each, special_tokens, reference_texts if takes_texts else None)
            for each, takes_texts in zip(listed, weighted, strict=True)
        )
    )
