"""Accuracy against epoch of all models."""

from __future__ import annotations

from matplotlib.figure import Figure

from skybake.figures import Comparison, _epochs, _overlay, _style

SCOPE = "comparison"
TASKS = ["classification"]
NEEDS = ["networks"]
TITLE = "Accuracy against epoch of all models"
CAPTION = (
    "Accuracy of the labelled objects in validation against epoch, a line for each seed; pale and thin the accuracy in"
    " training, the mean over an epoch while the network learns and drops out. The networks are the best on validation."
)


@_style.styled
def draw(data: Comparison) -> Figure:
    """Draw the accuracies of the best networks in one panel."""
    figure, (axes,) = _overlay.panels(data, 2.7, _overlay.is_network)
    _epochs.overlay(axes, _overlay.lines(data, _overlay.is_network, predictions=False), "accuracy")
    _overlay.finish(figure, axes)
    return figure
