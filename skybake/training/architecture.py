"""The layers of a network as a table and as a graph, in Keras's own words; what draws the graph needs no Keras."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from skybake.files import atomic_write
from skybake.results import run_folder
from skybake.results.run_folder import Layer


def save_architecture(model, folder: Path) -> None:
    """Write ``summary.csv`` and ``architecture.dot`` of a network, the same bytes for the same layers."""
    run_folder.write_layers(folder, layers(model))
    with atomic_write(folder / run_folder.GRAPH) as beside:
        beside.write_text(graph(model), encoding="utf-8")


def layers(model) -> Iterator[Layer]:
    """Yield what ``model.summary()`` tells of each layer of a functional network."""
    inbound = {layer["name"]: layer["inbound_nodes"] for layer in model.get_config()["layers"]}
    for layer in model.operations:
        yield Layer(
            layer=layer.name,
            type=type(layer).__name__,
            output_shape=_shapes(layer.output),
            parameters=_count(getattr(layer, "weights", ())),
            trainable=_count(getattr(layer, "trainable_weights", ())),
            connected_to=", ".join(dict.fromkeys(_sources(inbound[layer.name]))),
        )


def _count(weights: Sequence[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _shapes(output: Any) -> str:
    return str(tuple(output.shape)) if hasattr(output, "shape") else ", ".join(map(_shapes, output))


def _sources(nodes: Any) -> Iterator[str]:
    """Yield the names of the layers whose outputs stand somewhere among the arguments of a layer's calls."""
    if isinstance(nodes, dict):
        if nodes.get("class_name") == "__keras_tensor__":
            yield nodes["config"]["keras_history"][0]
        else:
            for item in nodes.values():
                yield from _sources(item)
    elif isinstance(nodes, (list, tuple)):
        for item in nodes:
            yield from _sources(item)


def graph(model) -> str:
    """Return the graph of a network's layers in the language of graphviz.

    Keras names a node after the address of its layer in memory; here nodes are counted.
    """
    import keras

    text = keras.utils.model_to_dot(
        model, show_shapes=True, show_layer_names=True, show_layer_activations=True, dpi=72
    ).to_string()
    numbers: dict[str, str] = {}
    return re.sub(r"(?m)^\d+|(?<=-> )\d+", lambda found: numbers.setdefault(found[0], str(len(numbers))), text)
