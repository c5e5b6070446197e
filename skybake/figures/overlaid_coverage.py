"""Coverage of the central intervals of all models that predict distributions."""

from __future__ import annotations

from matplotlib.figure import Figure

from skybake.figures import Comparison, _overlay, _style, coverage
from skybake.metrics.probabilistic import coverage_curve

SCOPE = "comparison"
TASKS = ["regression"]
NEEDS = ["distribution"]
TITLE = "Coverage of all models"
CAPTION = (
    "Fraction of the test labels inside the central interval of their prediction against its nominal probability, all"
    " seeds together, of the rows that predict distributions, the best on validation; the number is the fraction in"
    " the central 68 %. Of calibrated distributions the fraction lies in the grey band as often as the level of"
    " intervals says (of objects in groups, that of the row whose PIT values are as few independent ones; none of"
    " fewer than ten groups); below the diagonal predictions are too narrow, above too wide."
)


@_style.styled
def draw(data: Comparison) -> Figure:
    """Draw the coverage found of the best rows against the nominal one."""
    suits = _overlay.predicts_distributions
    figure, (axes,) = _overlay.panels(data, 3.1, suits)
    objects = []
    for line in _overlay.lines(data, suits):
        found = coverage_curve(line.data.pit().ravel(), coverage.NOMINAL)
        marked = 100 * line.data.pooled(f"coverage_{100 * coverage.MARKED:g}")
        label = f"{line.name}: {marked:.1f} % in {100 * coverage.MARKED:g} %"
        axes.plot(coverage.NOMINAL, found, label=label, lw=1.1, **line.look)
        objects.append(line.data.independent)
    if objects:
        coverage.band(axes, _overlay.fewest(objects), data.level)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="nominal coverage", ylabel="coverage found")
    _overlay.finish(figure, axes)
    return figure
