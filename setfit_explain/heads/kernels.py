"""Row of the table: support vector machines of two classes, explained by their decision function."""

from __future__ import annotations

from typing import Any

from sklearn.svm import SVC
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from setfit_explain.errors import UnsupportedHeadError
from setfit_explain.heads.linear import float64_copy, linear
from setfit_explain.heads.parts import FLOATS, NUMBER, saved_as
from setfit_explain.heads.table import convert, without_gradient
from setfit_explain.heads.torch_head import Link, TorchHead


@saved_as("radial basis", tensors={"centers": FLOATS}, settings={"gamma": NUMBER})
class RadialBasis(nn.Module):
    """``x -> exp(-gamma |x - center|²)`` of each support vector.

    Parameters
    ----------
    centers
        Support vectors ``(vectors, dim)``.
    gamma
        Inverse of twice the squared width.
    """

    centers: Tensor

    def __init__(self, centers: Any, gamma: float) -> None:
        super().__init__()
        self.register_buffer("centers", float64_copy(centers))
        self.gamma = gamma

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings ``(texts, dim)`` to similarities ``(texts, vectors)``."""
        # The square multiplied out: differences of all pairs would hold texts x vectors x dim numbers.
        squares = embeddings.square().sum(-1, keepdim=True) + self.centers.square().sum(-1)
        distances = squares - 2 * embeddings @ self.centers.T
        return (-self.gamma * distances).exp()


@convert.register
def _(estimator: SVC) -> TorchHead:
    check_is_fitted(estimator)
    classes = estimator.classes_.tolist()
    if len(classes) > 2:
        raise without_gradient("SVC with more than two classes, which counts votes of pairs,")
    if hasattr(estimator, "predict_proba"):
        raise UnsupportedHeadError(
            "SVC(probability=True) has probabilities that its decision function does not reproduce exactly; "
            "use CalibratedClassifierCV(SVC()), or SVC() with output='logit'."
        )
    decision = linear(estimator.dual_coef_, estimator.intercept_)
    if estimator.kernel == "linear":
        return TorchHead(linear(estimator.coef_, estimator.intercept_), Link.NONE, classes)
    if estimator.kernel == "rbf":
        basis = RadialBasis(estimator.support_vectors_, float(estimator._gamma))
        return TorchHead(nn.Sequential(basis, decision), Link.NONE, classes)
    raise UnsupportedHeadError(
        f"SVC with the kernel {estimator.kernel!r} is not supported; linear and rbf are."
    )
