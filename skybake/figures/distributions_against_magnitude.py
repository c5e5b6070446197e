"""Distributions against magnitude: whether those of faint objects are as honest as those of bright ones."""

from __future__ import annotations

from matplotlib.figure import Figure

from skybake.figures import MAGNITUDES, JudgedRow, _distributions, _style

SCOPE = "run"
TASKS = ["regression"]
NEEDS = ("distribution", "magnitude")
TITLE = "Distributions against magnitude"
CAPTION = (
    "Scores of the predicted distributions of the test objects, all seeds, against a magnitude of the catalogue, in"
    " bins of equally many objects: CRPS and CDE loss (lower is better), and the distance of the PIT values from even"
    " ones (KS; of calibrated distributions it lies below the black line at least as often as the level of intervals"
    " says; no line where objects are held out in groups)."
)


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw the scores of the objects that have the magnitude."""
    name, _ = data.of_kind(*MAGNITUDES)
    return _distributions.against(data, name, _style.quantity(name, "mag"), critical=True)
