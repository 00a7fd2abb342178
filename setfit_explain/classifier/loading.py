"""Ways in: whatever the user calls a model -> body, head, labels and the model's own answers."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from setfit_explain.classifier.body import Body
from setfit_explain.errors import ModelError, ModelNotFoundError, UnsupportedModelError
from setfit_explain.heads.linear import linear
from setfit_explain.heads.pickles import load_head
from setfit_explain.heads.saved_head import STRUCTURE_FILE, read_head
from setfit_explain.heads.skops_files import load_skops_head
from setfit_explain.heads.table import convert
from setfit_explain.heads.torch_head import Link, TorchHead
from setfit_explain.heads.verification import head_probabilities, one_column_a_label

with warnings.catch_warnings():  # importing setfit changes the process's warning filters
    from setfit import AbsaModel, SetFitHead, SetFitModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

ACCEPTED = (
    "a SetFitModel, a pair (SentenceTransformer, fitted scikit-learn classifier), a scikit-learn Pipeline whose "
    "first step embeds texts with a SentenceTransformer, the folder of a saved SetFitModel, or its hub id"
)


_HEAD_FILES: dict[str, Callable[..., Any]] = {
    "model_head.skops": load_skops_head,
    "head.skops": load_skops_head,
    "model_head.pkl": load_head,
}


@dataclass(frozen=True)
class Model:
    """A few-shot classifier in parts.

    Parameters
    ----------
    body
        The user's SentenceTransformer.
    head
        The fitted estimator or SetFitHead, or the `TorchHead` that was saved of one.
    normalize_embeddings
        Whether embeddings are scaled to length 1 before the head.
    labels
        Names that integer classes index, or None.
    predict_proba
        The model's own answer: one text -> probabilities ``(classes,)``, one a label where labels are
        independent; of a head without probabilities its decision values.
    """

    body: SentenceTransformer
    head: Any
    normalize_embeddings: bool
    labels: Sequence[str] | None
    predict_proba: Callable[[str], NDArray[np.float64]]

    @property
    def head_probabilities(self) -> Callable[..., NDArray[np.float64]]:
        """The head's own answer: embeddings ``(texts, dim)`` -> probabilities ``(texts, classes)``."""
        return partial(head_probabilities, self.head)


def load_model(model: Any, *, trust_pickle: bool = False) -> Model:
    """Take a model apart, whatever form it comes in.

    Parameters
    ----------
    model
        See `ACCEPTED`.
    trust_pickle
        SetFit saves a head as a pickle, which can run any code when it is read. By default only the
        classes that a supported head consists of are read; True reads whatever the file holds.

    Raises
    ------
    ModelNotFoundError
        No model at that place.
    UnsafePickleError
        The saved head names other code, and ``trust_pickle`` is False.
    ModelError
        A file of the saved model is missing or damaged.
    UnsupportedModelError
        Something else was passed.
    """
    match model:
        case Model():  # taken apart before
            return model
        case SetFitModel():
            return Model(
                model.model_body, model.model_head, model.normalize_embeddings, model.labels,
                partial(_ask_setfit, model),
            )  # fmt: skip
        case (SentenceTransformer() as body, head) if _is_classifier(head):
            return _from_parts(body, head, normalize_embeddings=False, labels=None)
        case AbsaModel():
            raise UnsupportedModelError(
                "An AbsaModel is two SetFit models. explain(model, texts) and AbsaExplainer(model) explain both; "
                "model.polarity_model and model.aspect_model can be explained by themselves on the texts that they "
                "are given, such as 'great food:The great food was cold'."
            )
        case _ if hasattr(model, "steps"):
            return _from_pipeline(model)
        case str() | Path():
            return _load_folder(find_folder(model), trust_pickle=trust_pickle)
    raise UnsupportedModelError(
        f"{type(model).__name__} is not a model that can be explained. Accepted: {ACCEPTED}."
    )


def with_parts(model: Model, *, body: SentenceTransformer | None = None, head: Any = None) -> Model:
    """Put another body or head into a model, which answers with them itself; the model given is left as it is."""
    return _from_parts(
        model.body if body is None else body,
        model.head if head is None else head,
        normalize_embeddings=model.normalize_embeddings,
        labels=model.labels,
    )


def is_absa_model(model: Any) -> bool:
    """Whether this is SetFit's model of aspects and what is said of them."""
    return isinstance(model, AbsaModel)


def _from_parts(
    body: SentenceTransformer, head: Any, *, normalize_embeddings: bool, labels: Sequence[str] | None
) -> Model:
    def ask(text: str) -> NDArray[np.float64]:
        embedding = body.encode([text], show_progress_bar=False, normalize_embeddings=normalize_embeddings)
        probabilities: NDArray[np.float64] = head_probabilities(head, embedding)[0]
        return probabilities

    return Model(body, head, normalize_embeddings, labels, ask)


def _from_pipeline(pipeline: Any) -> Model:
    """Take a scikit-learn Pipeline apart: its first step holds the body, the others are the head."""
    step, texts = pipeline[0], ["Which words?"]
    held = [*vars(step).values(), getattr(getattr(step, "func", None), "__self__", None)]
    bodies = [member for member in held if isinstance(member, SentenceTransformer)]
    if len(bodies) != 1:
        raise UnsupportedModelError(
            f"The Pipeline's first step, {type(step).__name__}, holds no SentenceTransformer. Accepted: a "
            "FunctionTransformer(body.encode), or a transformer with a SentenceTransformer as attribute."
        )
    with Body(bodies[0], normalize_embeddings=False).session():
        embedding = np.asarray(step.transform(texts))
        for normalize in (False, True):
            expected = bodies[0].encode(texts, normalize_embeddings=normalize, show_progress_bar=False)
            if embedding.shape == expected.shape and np.allclose(embedding, expected, atol=1e-5):
                return Model(bodies[0], pipeline[1:], normalize, None, partial(_ask_pipeline, pipeline))
    raise UnsupportedModelError(
        f"The Pipeline's first step, {type(step).__name__}, gives other embeddings than its SentenceTransformer's "
        "encode, so it cannot be reproduced. Put what it does besides into a step of its own."
    )


def _ask_pipeline(pipeline: Any, text: str) -> NDArray[np.float64]:
    texts: Any = [text]  # where other heads are given embeddings
    row: NDArray[np.float64] = head_probabilities(pipeline, texts)[0]
    return row


def _ask_setfit(model: SetFitModel, text: str) -> NDArray[np.float64]:
    if hasattr(model.model_head, "predict_proba"):
        rows = one_column_a_label(model.predict_proba([text], as_numpy=True, show_progress_bar=False))
    else:
        rows = head_probabilities(model.model_head, model.encode([text], show_progress_bar=False))
    row: NDArray[np.float64] = rows[0]
    return row


def _is_classifier(head: Any) -> bool:
    # Fitted or not, differentiable or not: what can be explained is the table's to say.
    return isinstance(head, torch.nn.Module) or hasattr(head, "predict")


def find_folder(place: str | Path) -> Path:
    """Return the local folder, downloading it first when ``place`` is a hub id.

    Raises
    ------
    ModelNotFoundError
        No model at that place.
    UnsupportedModelError
        It is an AbsaModel, which is two folders.
    """
    folder = Path(place)
    if folder.is_dir():
        return folder
    parts = [folder.with_name(f"{folder.name}-{part}") for part in ("aspect", "polarity")]
    if not folder.exists() and all(part.is_dir() for part in parts):
        raise UnsupportedModelError(
            f"{str(place)!r} is an AbsaModel, saved as two folders: name one of them, "
            f"{' or '.join(repr(str(part)) for part in parts)}, or explain both in Python with "
            "explain(AbsaModel.from_pretrained(...), texts)."
        )
    if isinstance(place, str) and not folder.exists() and place.count("/") <= 1 and place[:1] not in "./~":
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

        try:
            return Path(snapshot_download(place))
        except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
            raise ModelNotFoundError(
                f"{place!r} is neither a folder nor a hub id that can be fetched: {error}"
            ) from error
    raise ModelNotFoundError(f"There is no model folder {str(place)!r}. Accepted: {ACCEPTED}.")


def _load_folder(folder: Path, *, trust_pickle: bool) -> Model:
    settings = _read_settings(folder / "config_setfit.json")
    head = _load_head(folder, trust_pickle=trust_pickle)
    try:
        body = SentenceTransformer(str(folder))
    except Exception as error:  # what a missing or damaged file leads to is not documented
        raise ModelError(
            f"The body in {str(folder)!r} cannot be loaded ({type(error).__name__}: {error}). Save or download the "
            "model again."
        ) from error
    if isinstance(head, torch.nn.Module) and not isinstance(
        head, TorchHead
    ):  # a TorchHead finds its own place
        head = head.to(body.device)
    return _from_parts(
        body,
        head,
        normalize_embeddings=bool(settings.get("normalize_embeddings", False)),
        labels=settings.get("labels"),
    )


def _read_settings(file: Path) -> dict[str, Any]:
    """Read what SetFit saves beside the body, if it is there."""
    try:
        settings = json.loads(file.read_text("utf-8")) if file.is_file() else {}
        if not isinstance(settings, dict):
            raise ValueError(f"it holds a {type(settings).__name__}")
    except ValueError as error:
        raise ModelError(
            f"The settings {str(file)!r} cannot be read ({error}). Save or download the model again."
        ) from error
    return settings


def _load_head(folder: Path, *, trust_pickle: bool) -> Any:
    """Read the first of the head's files that is there, the safest first."""
    if (folder / STRUCTURE_FILE).is_file():
        return read_head(folder)
    for name, load in _HEAD_FILES.items():
        if (folder / name).is_file():
            return load(folder / name, trust_pickle=trust_pickle)
    raise ModelNotFoundError(
        f"The folder {str(folder)!r} has no {', '.join((STRUCTURE_FILE, *_HEAD_FILES))}, so it is no saved "
        f"SetFitModel. Accepted: {ACCEPTED}."
    )


@convert.register
def _(head: SetFitHead) -> TorchHead:
    # Follows SetFitHead.forward: logits / (temperature + eps), where a temperature of None or 0 means 1.
    temperature = (head.temperature or 1.0) + head.eps
    weight = head.linear.weight.detach().double().cpu() / temperature
    bias = (
        weight.new_zeros(1)
        if head.linear.bias is None
        else head.linear.bias.detach().double().cpu() / temperature
    )
    return TorchHead(
        linear(weight, bias), Link.SIGMOID if head.multitarget else Link.SOFTMAX, range(head.out_features)
    )
