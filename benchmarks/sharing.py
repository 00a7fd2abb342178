"""Answers about perturbed texts, shared by all methods that are measured together."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from torch import Tensor

from setfit_explain.attribution.perturbation import Perturbation


@contextmanager
def answers_shared() -> Iterator[None]:
    """Ask a classifier only once about a text with the same tokens taken out in the same way, whichever method asks.

    What methods count as evaluations is then not theirs.
    """
    known: dict[tuple[object, ...], dict[bytes, Tensor]] = defaultdict(dict)
    prepare = Perturbation.__post_init__

    def share(self: Perturbation) -> None:
        prepare(self)
        removal = self.removal
        key = (self.classifier, self.encoded.text, removal.name, removal.special_tokens)
        object.__setattr__(self, "_known", known[key])

    with patch.object(Perturbation, "__post_init__", share):
        yield
