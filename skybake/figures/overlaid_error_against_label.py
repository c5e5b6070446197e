"""Errors against the true label of all models: where one is better than another."""

from __future__ import annotations

from matplotlib.figure import Figure

from skybake.data.limit import SIGMA
from skybake.figures import Comparison, _errors, _overlay, _style, limit_in_bins

SCOPE = "comparison"
TASKS = ["regression"]
NEEDS = ["runs"]
TITLE = "Error against label of all models"
CAPTION = (
    "Median of the errors (predicted minus true) of the test objects, all seeds, in bins of equally many objects of the"
    " true label; below, their NMAD and the fraction of outliers there. A best guess errs towards the mean: a falling"
    " line is no fault in itself. The networks are the best on validation, black is the best baseline there. Thin black"
    " lines beside the NMAD: the scatter that the limit of simulated objects leaves, where it is known."
)
PANELS = ("median_error", "nmad", "outlier_fraction")


@_style.styled
def draw(data: Comparison) -> Figure:
    """Draw bias, NMAD and outliers of the best rows in bins of the label."""
    figure, panels = _overlay.panels(data, 4.0, nrows=3, sharex=True, height_ratios=(2, 1, 1))
    threshold, bins = float("nan"), []
    for line in _overlay.lines(data, predictions=False):
        bins, threshold = line.data.bins(data.label), line.data.outlier_threshold
        middle = [item["middle"] for item in bins]
        for axes, name in zip(panels, PANELS, strict=True):
            heights = [item[name] for item in bins]
            axes.plot(middle, heights, label=line.name, marker="o", ms=2, lw=1, **line.look)
    panels[0].axhline(0, color="black", lw=0.6, zorder=0)
    if data.limit is not None and data.limit.lines[0].kind == SIGMA:
        left = limit_in_bins(data.limit, data.limit_label, bins)
        for (name, (at, scatter)), style in zip(left.items(), _style.LIMITS, strict=False):
            panels[1].plot(at, scatter, color="black", ls=style, lw=0.9, marker=".", ms=3, label=f"limit, {name}")
    panels[0].set_ylabel(_style.quantity("median error", "" if "/" in data.error else data.units))
    _errors.name_below(panels[1:], threshold, _style.quantity(f"true {data.label}", data.units))
    for axes in panels[1:]:
        axes.set_ylim(bottom=0)
    figure.align_ylabels()
    _overlay.finish(figure, panels[0], panels[1])
    return figure
