"""Distributions against label: where in its range they are wide, and where they are wrong."""

from __future__ import annotations

from matplotlib.figure import Figure

from skybake.figures import JudgedRow, _distributions, _style

SCOPE = "run"
TASKS = ["regression"]
NEEDS = ("distribution",)
TITLE = "Distributions against label"
CAPTION = (
    "Scores of the predicted distributions of the test objects, all seeds, against the true label, in bins of equally"
    " many objects: CRPS and CDE loss (lower is better), and the distance of the PIT values from even ones (KS). At a"
    " given true label even honest distributions are not calibrated: at either end of the range all lie on one side."
)


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw the scores of the objects that have a label."""
    return _distributions.against(data, data.label, _style.quantity(f"true {data.label}", data.units), critical=False)
