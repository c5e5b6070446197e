"""A few objects of each class, before anything is trained: do they look like what they are said to be?"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from skybake.data.exploration import Exploration
from skybake.figures import _panels, _style
from skybake.missing import present

SCOPE = "explore"
TASKS = ["classification"]
TITLE = "Objects of each class"
CAPTION = (
    "Objects of each class, taken at random, with the number of all of them; below each its name. Photographs have"
    " their colours; of others the mean of all bands is shown, each object on its own asinh scale, dark is bright."
)
ACROSS, ROWS, CLASSES = 5, 2, 20  # at most
NAME = 30  # characters
SEED = 0


@_style.styled
def draw(data: Exploration) -> Figure:
    """Draw two classes abreast, two rows of five objects each."""
    chosen = choose(data, ACROSS * ROWS)
    left_out = len(_names(data)) - len(chosen)
    more = f"; {left_out} more classes are not shown" if left_out else ""
    figure, panels = _panels.galleries(
        {head: len(rows) for head, rows in chosen.items()},
        title=f"{data.dataset}: {data.label}{more}",
        mock=data.mock,
        across=ACROSS,
        abreast=2,
        row_inches=0.85,
    )
    for head, rows in chosen.items():
        images = data.file.images(rows) if len(rows) else ()
        for axes, row, image in zip(panels[head], rows, images, strict=True):
            _panels.tile(axes, image, data.file.bands, name=str(data.file.ids[row]), colour=_style.GREY, lw=0.4)
    return figure


def choose(data: Exploration, most: int) -> dict[str, np.ndarray]:
    """Return head of a gallery -> rows of its objects in the file's order, at most ``most``; the same every time."""
    label, rng = data.file.labels[data.label], np.random.default_rng(SEED)
    found = {}
    for number, name in enumerate(_names(data)[:CLASSES]):
        rows = np.flatnonzero(label == number)
        head = f"{_style.shortened(name, NAME)}: {len(rows):,}"
        found[head] = np.sort(rng.choice(rows, min(most, len(rows)), replace=False))
    return found


def _names(data: Exploration) -> tuple[str, ...]:
    label = data.file.labels[data.label]
    named = data.file.columns[f"label/{data.label}"].classes
    return named or tuple(map(str, range(1 + int(label[present(label)].max(initial=0)))))
