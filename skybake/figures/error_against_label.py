"""Error against the true label: where predictions are drawn towards the mean."""

from __future__ import annotations

from matplotlib.figure import Figure

from skybake.figures import JudgedRow, _errors, _style

SCOPE = "run"
TASKS = ["regression"]
TITLE = "Error against label"
CAPTION = (
    "Errors (predicted minus true) of the test objects, all seeds, against the true label, with the median and the"
    " central 68 % in bins of equally many objects; below, their NMAD and the fraction of outliers there. A best"
    " guess errs towards the mean: a falling line is no fault in itself. The outermost one per cent of the errors may"
    " lie beyond the frame. Black lines: the scatter that the limit of simulated objects"
    " leaves; what errs towards the mean may scatter less in a bin of the true label."
)


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw the errors of all objects that have a label."""
    return _errors.against(data, data.label, data.true, _style.quantity(f"true {data.label}", data.units))
