"""Error against redshift: whether far objects are judged as well as near ones."""

from __future__ import annotations

from matplotlib.figure import Figure

from skybake.figures import JudgedRow, _errors, _style

SCOPE = "run"
TASKS = ["regression"]
NEEDS = ("redshift",)
TITLE = "Error against redshift"
CAPTION = (
    "Errors (predicted minus true) of the test objects, all seeds, against redshift, with the median and the central"
    " 68 % in bins of equally many objects; below, their NMAD and the fraction of outliers in these bins. The outermost"
    " one per cent of the errors may lie beyond the frame. Black lines: the scatter that the limit of simulated objects"
    " leaves."
)


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw the errors of the objects that have a redshift."""
    name, redshift = data.of_kind("redshift")
    return _errors.against(data, name, redshift, "redshift")
