"""Figures, drawn with matplotlib: each returns its Axes, draws on those it is given, and shows nothing."""

from setfit_explain.views.plots.bars import bar_chart, mean_bars
from setfit_explain.views.plots.canvas import scale_of
from setfit_explain.views.plots.convergence import convergence_curve
from setfit_explain.views.plots.distribution import distribution
from setfit_explain.views.plots.heat_map import heat_map
from setfit_explain.views.plots.waterfall import waterfall

__all__ = ["bar_chart", "convergence_curve", "distribution", "heat_map", "mean_bars", "scale_of", "waterfall"]
