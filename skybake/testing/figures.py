"""A figure in use: drawn of made-up results, and marked where they are simulated."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from matplotlib.figure import Figure

from skybake import figures
from skybake.figures import Data, _style
from skybake.plugins import PlugIn
from skybake.testing import _synthetic

MARK = "mock data"


def use(part: PlugIn) -> Iterator[str]:
    """Draw the figure of made-up results of every task that it is for."""
    module = part.load()
    for mock in (True, False):
        for task in part.tasks:
            with tempfile.TemporaryDirectory() as folder:
                yield from _draws(part, module, task, Path(folder), mock)


def _draws(part: PlugIn, module: ModuleType, task: str, folder: Path, mock: bool) -> Iterator[str]:
    scope, needs = part.constants["SCOPE"], set(part.constants.get("NEEDS", ()))
    found: set[str] = set()
    for data in _synthetic.of_scope(scope, task, folder, mock=mock):
        found |= getattr(data, "holds", set())
        if needs <= getattr(data, "holds", set()):
            yield from _marked(module, task, folder, data)
            return
    if len(part.tasks) == 1:
        allowed = ", ".join(sorted(found)) or "nothing"
        yield f"NEEDS {sorted(needs)} found; what is drawn in scope {scope!r} of a {task} may hold {allowed}"


def _marked(module: ModuleType, task: str, folder: Path, data: Data) -> Iterator[str]:
    figure = module.draw(data)
    if not isinstance(figure, Figure):
        yield f"{task}: draw returned {type(figure).__name__}; expected matplotlib.figure.Figure"
        return
    figures.save(figure, folder / "figure")
    texts = " ".join(item.get_text() for item in figure.findobj(lambda item: hasattr(item, "get_text")))  # type: ignore[attr-defined]
    if (MARK in texts) != data.mock:
        said = f"{MARK!r} is written on it" if MARK in texts else f"{MARK!r} is not written on it"
        yield (
            f"{task}: {said}, of {'simulated' if data.mock else 'real'} objects; expected the mark on simulated ones"
            f" alone. Hint: start from {_style.__name__}.figure(width, height, mock=data.mock)"
        )
