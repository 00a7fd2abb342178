"""Figures look as they did when they were last looked at: `python -m tests.views.test_plot_images` draws them anew.

Each is drawn on axes of a fixed place, so that no measured text moves anything, and compared by the means of
blocks of 20 x 20 pixels, in which the shapes of letters hardly count. Over matplotlib 3.9 and 3.11, whose fonts
differ, and every kind of hinting, no block differs by more than 0.033 of the range from black to white; for a
bar on the wrong side it is 0.22 and more, for a single point of the distribution 0.060.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread, imsave
from numpy.typing import NDArray

from setfit_explain.views.panel import TextPanel

from .panels import build_panel, build_target
from .test_plots import EVERY_FIGURE

IMAGES = Path(__file__).parent / "images"
BLOCK = 20
TOLERANCE = 0.045


def drawn(name: str, panel: TextPanel) -> NDArray[np.float64]:
    with mpl.rc_context(mpl.rcParamsDefault | {"backend": "agg"}):
        figure = Figure(figsize=(4.8, 3.2), dpi=50)
        canvas = FigureCanvasAgg(figure)
        EVERY_FIGURE[name](panel, figure.add_axes((0.3, 0.2, 0.5, 0.55)))
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3] / 255


def largest_difference(image: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    assert image.shape == other.shape
    height, width, channels = image.shape
    blocks = (image - other).reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK, channels).mean((1, 3))
    return float(np.abs(blocks).max())


def expected(name: str) -> NDArray[np.float64]:
    return imread(IMAGES / f"{name.replace(' ', '-')}.png")[..., :3]


@pytest.mark.parametrize("name", EVERY_FIGURE)
def test_a_figure_looks_as_it_did(name: str) -> None:
    assert largest_difference(drawn(name, build_panel()), expected(name)) < TOLERANCE


@pytest.mark.parametrize("name", ["bar", "waterfall", "heat map", "distribution"])
def test_a_wrong_sign_is_seen(name: str) -> None:
    targets = tuple(build_target(name, values=(0.3, 0.2, -0.001, 0.3)) for name in ("negative", "positive"))
    assert largest_difference(drawn(name, build_panel(targets=targets)), expected(name)) > TOLERANCE


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    for figure_name in EVERY_FIGURE:
        imsave(IMAGES / f"{figure_name.replace(' ', '-')}.png", drawn(figure_name, build_panel()))
