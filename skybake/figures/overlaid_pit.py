"""PIT values of all models that predict distributions: which are flat, and so calibrated."""

from __future__ import annotations

from matplotlib.figure import Figure

from skybake.figures import Comparison, _overlay, _style, pit_histogram

SCOPE = "comparison"
TASKS = ["regression"]
NEEDS = ["distribution"]
TITLE = "PIT of all models"
CAPTION = (
    "Probability integral transform, the predicted probability below the true label, of the test objects, mean over"
    " seeds, of the rows that predict distributions, the best on validation. Of calibrated distributions each bin"
    " lies in the grey band as often as the level of intervals says (of objects in groups, that of the row whose PIT"
    " values are as few independent ones; none of fewer than ten groups). Highest at both ends: too narrow; in the"
    " middle: too wide; at one end: shifted. KS is the largest distance from a uniform distribution."
)
MOST = 10  # bins: steps of several rows in more bins cannot be followed


@_style.styled
def draw(data: Comparison) -> Figure:
    """Draw the densities of the PIT values of the best rows."""
    suits = _overlay.predicts_distributions
    figure, (axes,) = _overlay.panels(data, 2.7, suits)
    objects, bins, highest = [], 0, 1.0
    for line in _overlay.lines(data, suits):
        edges, counts = pit_histogram.densities(line.data.pit(), MOST)
        density = counts.mean(axis=0)
        axes.stairs(density, edges, baseline=None, label=line.told("KS", "pit_ks"), lw=1.1, **line.look)
        objects.append(line.data.independent)
        bins, highest = len(density), max(highest, density.max())
    if bins:
        fewest = _overlay.fewest(objects)
        highest = max(highest, pit_histogram.band(axes, fewest, data.level, bins))
        axes.set(xlim=(0, 1), ylim=(0, 1.1 * highest), xlabel="PIT", ylabel="density")
    _overlay.finish(figure, axes)
    return figure
