"""Answers about perturbed texts, shared by all methods that are measured together."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from torch import Tensor

from setfit_explain.attribution.perturbation import Deletion, Perturbation


@contextmanager
def answers_shared() -> Iterator[None]:
    """Ask a classifier only once about a text with the same tokens taken out in the same way, whichever method asks.

    What methods count as evaluations is then not theirs.
    """
    known: dict[tuple[object, str, bytes], dict[bytes, Tensor]] = defaultdict(dict)
    prepare = Perturbation.__post_init__

    def share(self: Perturbation) -> None:
        prepare(self)
        # Not by its name: the average word of other texts is another one.
        place = b"" if isinstance(self.removal, Deletion) else _bytes(self)
        object.__setattr__(self, "_known", known[self.classifier, self.encoded.text, place])

    with patch.object(Perturbation, "__post_init__", share):
        yield


def _bytes(perturbation: Perturbation) -> bytes:
    """Give what stands in the place of all tokens."""
    embeddings = perturbation.removal.embeddings(perturbation.classifier, perturbation.encoded)
    return embeddings.numpy().tobytes()
