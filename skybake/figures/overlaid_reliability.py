"""Reliability of all models: which of them is as often right as it says."""

from __future__ import annotations

from matplotlib.figure import Figure

from skybake.figures import Comparison, _overlay, _style, reliability

SCOPE = "comparison"
TASKS = ["classification"]
NEEDS = ["runs"]
TITLE = "Reliability of all models"
CAPTION = (
    "Accuracy against confidence (the probability of the predicted class) of the test objects, all seeds together, in"
    " bins of equal width that hold at least five objects a seed; ECE, of all bins, is the mean distance from the"
    " diagonal. Below it predictions are too sure. The networks are the best on validation, black is the best baseline"
    " there; how far chance moves a point is in the figure of each row."
)
FEWEST = 5  # objects of a seed that a point rests on


@_style.styled
def draw(data: Comparison) -> Figure:
    """Draw accuracy against confidence of the best rows."""
    figure, (axes,) = _overlay.panels(data, 3.1)
    for line in _overlay.lines(data, predictions=False):
        bins = line.data.judged["reliability"]
        if bins is None:  # some probabilities are not finite
            continue
        confidence, accuracy = reliability.points(bins, FEWEST * len(line.data.histories))
        axes.plot(confidence, accuracy, label=line.told("ECE", "ece"), marker="o", ms=2.2, lw=1, **line.look)
    axes.plot([0, 1], [0, 1], color="black", lw=0.6)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), aspect="equal", xlabel="confidence", ylabel="accuracy")
    _overlay.finish(figure, axes)
    return figure
