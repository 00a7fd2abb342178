"""The classifier: body, tap and head as one differentiable function from word embeddings to scores."""

from __future__ import annotations

import hashlib
from copy import deepcopy
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from setfit_explain.classifier.body import Body
from setfit_explain.classifier.encoding import EncodedText, encode_probe, encode_text
from setfit_explain.classifier.labels import class_names
from setfit_explain.classifier.loading import load_model
from setfit_explain.classifier.precision import check_reproduction
from setfit_explain.classifier.precision import name as precision_name
from setfit_explain.classifier.tap import Tap, find_tap
from setfit_explain.classifier.tokenized import Text, encode_tokenized, read_text
from setfit_explain.classifier.tokenizing import word_ids
from setfit_explain.errors import UnsupportedBodyError
from setfit_explain.heads.black_box import is_wrapped, to_any_head
from setfit_explain.heads.conversion import to_torch_head
from setfit_explain.heads.torch_head import to_float64
from setfit_explain.heads.verification import MAX_DIFFERENCE, verify_head

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from setfit_explain.classifier.loading import Model


def verified_classifier(model: Any, *, differentiable: bool, trust_pickle: bool = False) -> TextClassifier:
    """Load and verify any model that `Explainer` takes; a classifier that is verified already is given back.

    Raises
    ------
    ModelError
        The model cannot be explained, or has no gradient and needs one.
    """
    if not isinstance(model, TextClassifier):
        return TextClassifier(load_model(model, trust_pickle=trust_pickle), differentiable=differentiable)
    known = model.original or model
    if differentiable and is_wrapped(known.head):
        return TextClassifier(known.model)  # raises what is wrong with the head
    return known


class TextClassifier:
    """A loaded model as a differentiable function, checked against its own ``predict_proba``.

    Parameters
    ----------
    model
        Body, head and labels, as ``classifier.loading`` found them.
    differentiable
        Whether the head must be; otherwise one without a gradient is asked as it is.
    original
        Where this one computes in another precision: the classifier that the user has.

    Attributes
    ----------
    head
        The converted head: sentence embeddings ``(texts, dim)`` -> probabilities ``(texts, classes)``.
    classes
        Names of the columns of ``predict_proba``, in their order.
    dtype
        Precision of the word embeddings.
    head_difference
        Largest difference of the converted head to the original on probe embeddings.
    probe_text
        The sentence that the model was tried on.
    bytes_per_token
        What the body keeps in memory for a backward pass.

    Raises
    ------
    ModelError
        The model cannot be explained; the subclass and message say why.
    """

    def __init__(
        self, model: Model, *, differentiable: bool = True, original: TextClassifier | None = None
    ) -> None:
        self.model = model
        self.original = original
        self.body = Body(model.body, normalize_embeddings=model.normalize_embeddings)
        with self.body.session():
            probe = encode_probe(self.body)
            self.probe_text = probe.text
            self.tap: Tap = find_tap(self.body, probe.features)
            with torch.no_grad():
                embedding = to_float64(self.body.embed((probe.features, 1)))
            dim = embedding.shape[1]
            head = to_torch_head(model.head) if differentiable else to_any_head(model.head, dim)
            self.head = head.to(embedding.device)
            self.classes = class_names(self.head.classes, model.labels)
            self.head_difference = verify_head(self.head, model.head_probabilities, dim)
            self.dtype = self.tap.look_up(probe.ids).dtype
            self.verify(probe)
            self._check_no_leak(probe)
            self.bytes_per_token = self._kept(probe) / len(probe.ids)

    def in_precision(self, dtype: torch.dtype) -> TextClassifier:
        """Return a classifier whose body is a copy in another precision, or this one where it has that."""
        if dtype == self.dtype:
            return self
        with self.body.session():
            body = deepcopy(self.model.body)
        return TextClassifier(replace(self.model, body=body.to(dtype)), differentiable=False, original=self)

    @property
    def multi_label(self) -> bool:
        """Whether the labels are independent of one another."""
        return self.head.multi_label

    @property
    def precision_setting(self) -> dict[str, str]:
        """The setting that names the body's precision, where that is not the model's own."""
        return {} if self.original is None else {"precision": precision_name(self.dtype)}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over every parameter of the user's body and head and the class names, in hexadecimal."""
        if self.original is not None:
            return self.original.fingerprint
        digest = hashlib.sha256("\0".join(self.classes).encode("utf-8", "surrogatepass"))
        for part in (self.body.module, self.head):
            for name, tensor in sorted(part.state_dict().items()):
                digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
                digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
        return digest.hexdigest()

    @property
    def word_ids(self) -> list[int]:
        """Ids of ordinary words that have an embedding, in rising order."""
        ids = word_ids(self.body.tokenizer)
        size = self.tap.vocabulary_size
        return ids if size is None else [token_id for token_id in ids if token_id < size]

    def encode(self, text: Text) -> EncodedText:
        """Encode one text; raises `TextError` or `UnsupportedBodyError`."""
        readable = read_text(text)
        with self.body.session():
            if isinstance(readable, str):
                return encode_text(self.body, readable)
            return encode_tokenized(self.body, readable, self.tap.vocabulary_size)

    def word_embeddings(self, encoded: EncodedText) -> Tensor:
        """Word embeddings ``(tokens, dim)`` of an encoded text, before positions are added."""
        with self.body.session():
            return self.tap.look_up(encoded.ids)

    def decide(self, encoded: EncodedText, word_embeddings: Tensor) -> Tensor:
        """Decision values ``(rows, decisions)`` of the text read with other word embeddings.

        Differentiable. Call it within ``body.session()``.

        Parameters
        ----------
        encoded
            The text, whose positions, masks and length are kept.
        word_embeddings
            Shape ``(rows, tokens, dim)``; rows are independent of one another.
        """
        return self.decide_rows([(encoded, len(word_embeddings))], word_embeddings)

    def decide_rows(self, parts: Sequence[tuple[EncodedText, int]], word_embeddings: Tensor) -> Tensor:
        """Do as `decide` for several texts of one `batch_key`: each text and how many of the rows are its."""
        with self.tap.replace(word_embeddings):
            embeddings = self.body.embed(*((encoded.features, rows) for encoded, rows in parts))
        return self.head.decide(embeddings)

    def predict_proba(self, text: str) -> NDArray[np.float64]:
        """Ask the model itself for one text's probabilities, else its decision values, ``(classes,)``."""
        if self.original is not None:
            return self.original.predict_proba(text)
        with self.body.session(), self.body.forward_state_kept():
            return self.model.predict_proba(text)

    def own_answer(self, encoded: EncodedText) -> NDArray[np.float64]:
        """Ask the model itself, as `predict_proba` does, about a text or the token ids that were given.

        Token ids go through the untapped body, and its embedding through the original head.
        """
        if self.original is not None:
            return self.original.own_answer(encoded)
        if encoded.source is not None:
            return self.predict_proba(encoded.source)
        with self.body.session(), torch.no_grad():
            embedding = self.body.embed((encoded.features, 1))
        row: NDArray[np.float64] = self.model.head_probabilities(embedding.float().cpu().numpy())[0]
        return row

    def verify(self, encoded: EncodedText) -> float:
        """Compare the probabilities of one text through the tap with the model's own.

        Returns
        -------
        float
            Largest absolute difference of any class.

        Raises
        ------
        VerificationError
            It is above 1e-5, or above what half precision allows.
        """
        with self.body.session(), torch.no_grad():
            rows = self.tap.look_up(encoded.ids).unsqueeze(0)
            actual = self.head.answer(self.decide(encoded, rows))[0].cpu().numpy()
        return self.check(actual, self.own_answer(encoded))

    def check(self, actual: NDArray[np.float64], own_answer: NDArray[np.float64]) -> float:
        """Compare an answer with the model's own, as `verify` does."""
        own_dtype = None if self.original is None else self.original.dtype
        return check_reproduction(actual, own_answer, self.dtype, own_dtype)

    def bind(self, text: Text) -> BoundClassifier:
        """Bind one text: an ``nn.Module`` from word embeddings to probabilities, for any Captum method."""
        return BoundClassifier(self, self.encode(text))

    def _check_no_leak(self, probe: EncodedText) -> None:
        """Refuse a body in which something besides the tap reads the ids: pin the tap, scramble them."""
        ids = probe.ids.clone()
        words = torch.as_tensor(self.word_ids, device=ids.device)
        # Special ids stay, also within the text: positions of RoBERTa's kind rightly depend on where they are.
        places = torch.isin(ids, words).nonzero().squeeze(-1)
        # Other words altogether: a permutation would not show to something that sums over the ids.
        ids[places] = words[(torch.searchsorted(words, ids[places]) + 1 + places) % len(words)]
        scrambled = replace(
            probe, features={**probe.features, "input_ids": ids.view_as(probe.features["input_ids"])}
        )
        with torch.no_grad():
            rows = self.tap.look_up(probe.ids).unsqueeze(0)
            pinned, moved = (self.head.answer(self.decide(text, rows)) for text in (probe, scrambled))
        leak = float((pinned - moved).abs().max() / pinned.abs().max().clamp_min(1))
        if leak > MAX_DIFFERENCE:
            raise UnsupportedBodyError(
                f"Besides {self.tap.name!r} something else in the body reads the token ids: with the word "
                f"embeddings held fixed, scrambled ids still move the answer by {leak:.2g}. "
                "Gradients at the word embeddings would miss that part."
            )

    def _kept(self, encoded: EncodedText) -> int:
        """Count the bytes that a forward pass of one text keeps for the backward pass, besides parameters."""
        kept: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            kept[storage.data_ptr()] = storage.nbytes()
            return tensor.detach()  # what holds its own graph is never freed

        rows = self.tap.look_up(encoded.ids).unsqueeze(0).requires_grad_()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), self.tap.replace(rows):
            embedding = self.body.embed((encoded.features, 1))  # has to live until all is counted
        for parameter in self.body.module.parameters():
            kept.pop(parameter.untyped_storage().data_ptr(), None)
        del embedding
        return sum(kept.values())


class BoundClassifier(nn.Module):
    """Word embeddings of one text -> class probabilities.

    Rows are independent: any ``internal_batch_size`` gives the same answer. The user's body is held
    by reference, not as a submodule, so ``.to()`` or ``.train()`` here cannot change it.

    Parameters
    ----------
    classifier
        The verified classifier.
    encoded
        The text to bind.

    Examples
    --------
    ::

        bound = explainer.classifier.bind("I was charged twice")
        captum.attr.IntegratedGradients(bound).attribute(
            bound.word_embeddings,
            baselines=explainer.baseline("I was charged twice"),
            target=bound.classes.index("charged twice"),
        )
    """

    def __init__(self, classifier: TextClassifier, encoded: EncodedText) -> None:
        super().__init__()
        self._classifier = classifier  # no nn.Module, so its body is not registered here
        self.encoded = encoded
        self.classes = classifier.classes

    @property
    def word_embeddings(self) -> Tensor:
        """The text's own word embeddings, shape ``(1, tokens, dim)``."""
        return self._classifier.word_embeddings(self.encoded).unsqueeze(0)

    def forward(self, word_embeddings: Tensor) -> Tensor:
        """Map ``(rows, tokens, dim)`` to the answer ``(rows, classes)`` in the embeddings' dtype."""
        classifier = self._classifier
        grad = torch.is_grad_enabled()
        with classifier.body.session(), torch.set_grad_enabled(grad):
            decision = classifier.decide(self.encoded, word_embeddings)
            answer = classifier.head.answer(decision)
            return answer.to(word_embeddings.dtype).to(word_embeddings.device)
