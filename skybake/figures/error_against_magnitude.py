"""Error against magnitude: whether faint objects are judged as well as bright ones."""

from __future__ import annotations

from matplotlib.figure import Figure

from skybake.figures import MAGNITUDES, JudgedRow, _errors, _style

SCOPE = "run"
TASKS = ["regression"]
NEEDS = ("magnitude",)
TITLE = "Error against magnitude"
CAPTION = (
    "Errors (predicted minus true) of the test objects, all seeds, against a magnitude of the catalogue (that of the r"
    " band where there is one, dereddened where there is such), with the median and the central 68 % in bins of equally"
    " many objects; below, their NMAD and the fraction of outliers in these bins. The outermost one per cent of the"
    " errors may lie beyond the frame."
)


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw the errors of the objects that have the magnitude."""
    name, values = data.of_kind(*MAGNITUDES)
    return _errors.against(data, name, values, _style.quantity(name, "mag"))
