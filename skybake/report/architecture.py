"""A network's layers on a page: the table that training wrote, and the graph, drawn by graphviz's ``dot``."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skybake.results import run_folder
from skybake.results.run_folder import Layer

SECONDS = 60  # for one drawing; the largest of ours takes two


@dataclass(frozen=True)
class Architecture:
    """What a page tells of the layers of a network.

    Attributes:
        layers: In the order of the network.
        drawing: The graph as SVG; empty where it could not be drawn.
        reason: Why not.
    """

    layers: Sequence[Layer]
    drawing: str
    reason: str

    @property
    def parameters(self) -> int:
        """Of all layers."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def trainable(self) -> int:
        """Those of them that are trained."""
        return sum(layer.trainable for layer in self.layers)


def read(folder: Path) -> Architecture | None:
    """Read the layers of a run's network, and draw them; None where the folder has none, as of a baseline."""
    if not (folder / run_folder.SUMMARY).exists():
        return None
    drawing, reason = draw((folder / run_folder.GRAPH).read_text(encoding="utf-8"))
    return Architecture(run_folder.read_layers(folder), drawing, reason)


@functools.cache
def draw(graph: str) -> tuple[str, str]:
    """Draw a graph in the language of graphviz.

    Returns:
        The drawing as SVG, empty where there is none, and why there is none.
    """
    try:
        done = subprocess.run(["dot", "-Tsvg"], input=graph.encode(), capture_output=True, check=True, timeout=SECONDS)
    except FileNotFoundError:
        return "", "no program dot where this page was written. Hint: install graphviz, and write the page again"
    except subprocess.TimeoutExpired:
        return "", f"dot took longer than {SECONDS} s"
    except subprocess.CalledProcessError as error:
        return "", f"dot failed: {error.stderr.decode(errors='replace').strip()}"
    return done.stdout.decode("utf-8"), ""
