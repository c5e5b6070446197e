"""Looks inside a trained network: which pixels a prediction rests on, and what the kernels of its first layer are.

Four ways to ask for pixels, each for one number that the network gives of an object: of a regression the predicted
label, of classes the logit of the predicted one.

- ``occlusion`` (Zeiler & Fergus 2014, arXiv:1311.2901): by how much the number falls when a patch of the image is
  blank, for every place of the patch.
  :class:`skybake.training.settings.Occlusion` has other recipes.
- ``saliency`` (Simonyan, Vedaldi & Zisserman 2014, arXiv:1312.6034): the number's derivative by every pixel.
- ``integrated_gradients`` (Sundararajan, Taly & Yan 2017, arXiv:1703.01365): the derivatives, integrated from a blank
  image to the object and multiplied by their difference. They add up to the number less that of the blank image.
- ``grad_cam`` (Selvaraju et al. 2017, arXiv:1610.02391): the last maps of features, weighted by the mean derivative of
  the number by each of them, where they raise it. They are coarser than the image.

Blank is, in each band, the median of the object's own pixels as the network sees them: the sky, where an object is
small. Scalars stay as they are. ``kernels`` are read from the network itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from skybake import heads
from skybake.heads._head import Explained, OfClasses
from skybake.results import run_folder
from skybake.results.attributions import Attributions
from skybake.results.predictions import Predicted
from skybake.results.run_folder import Record
from skybake.training import backend, preprocessing, runs
from skybake.training.images import FittedStep
from skybake.training.settings import Occlusion

AT_ONCE = 128  # images that the network sees together
PATCHES = 8  # of them cover a side of the image
STEPS, MOST_STEPS = 32, 1024  # of the integral: doubled until it is complete
NO_RECIPE = Occlusion()
COMPLETE = 0.005  # of the difference that is explained

Number = Callable[[Any], Any]


class InsideError(ValueError):
    """A network that cannot be looked into as asked."""


@dataclass(frozen=True)
class Network:
    """A network, and one number of what it gives.

    Attributes:
        model: A Keras model.
        scalars: (1, S) of the object beside the image; None where it takes none.
        number: Outputs (n, width) as a tensor -> (n,) tensor.
    """

    model: Any
    scalars: np.ndarray | None
    number: Number

    def inputs(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Return what the network is given with some images (n, H, W, C), by input name."""
        named = {"image": images}
        if self.scalars is not None:
            named["scalars"] = np.repeat(self.scalars, len(images), axis=0)
        return {tensor.name: named[tensor.name] for tensor in self.model.inputs}

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return the number (n,) of some images (n, H, W, C)."""
        found = []
        for first in range(0, len(images), AT_ONCE):
            inputs = self.inputs(images[first : first + AT_ONCE])
            outputs = self.model([inputs[tensor.name] for tensor in self.model.inputs], training=False)
            found.append(np.asarray(self.number(outputs)))
        return np.concatenate(found).astype(np.float64)

    def slopes(self, images: np.ndarray) -> np.ndarray:
        """Return the derivatives (n, H, W, C) of the number by the pixels of some images (n, H, W, C)."""
        found = []
        for first in range(0, len(images), AT_ONCE):
            _, slopes = backend.gradient(self.model, self.inputs(images[first : first + AT_ONCE]), self.number)
            found.append(slopes["image"])
        return np.concatenate(found).astype(np.float64)


def look(
    run: Path,
    dataset: Path,
    split: Path,
    *,
    objects: int,
    seed: int,
    ids: Sequence[str] | None,
    methods: Sequence[str],
    occlusion: Mapping[str, Any] | None = None,
    threads: int = 1,
) -> Attributions:
    """Look inside the network of one run.

    Args:
        run: Its folder, with ``model.keras``, ``run.json`` and ``predictions.h5``.
        dataset, split: What it was trained on.
        objects, seed: How many objects of the test part to choose at random, and how.
        ids: Instead, their names.
        methods: Of ``occlusion``, ``saliency``, ``integrated_gradients``, ``grad_cam``, ``kernels``.
        occlusion: Settings of the first one (:class:`skybake.training.settings.Occlusion`).
        threads: Of the framework.

    Raises:
        InsideError: The dataset is not the one of the run, an object is not in the test part, the network does not
            predict what it did when it was trained, or it has no such class as occlusion asks for.
    """
    record = run_folder.read_record(run)
    backend.start(record.training["backend"], threads=threads, precision="float32", device="cpu")
    import keras

    keras.utils.clear_session()
    model = keras.saving.load_model(run / run_folder.MODEL, compile=False)
    data = runs.load(dataset, split, record.label)
    for name, digest in data.digests.items():
        if record.digests[name] != digest:
            raise InsideError(
                f"{run / run_folder.RECORD}: trained on another {name} than {dataset.parent}. Hint: train again"
            )
    tested = run_folder.read_predictions(run, "test", data.dataset)
    places = choose(tested, objects, seed, ids)
    if not np.array_equal(data.dataset.ids[data.split.test], tested.ids):
        raise InsideError(f"{run / run_folder.PREDICTIONS}: not of the test part of {split}. Hint: train again")
    images = data.dataset.images(data.split.test[places])
    step = FittedStep.of_dict(record.preprocessing["image"])
    seen = step.apply(images.copy())
    scalars = _scalars(data, record, places)
    head = heads.of_dict(record.fitted_head)
    _check(model, head, seen, scalars, tested, places, record, run)
    classes = tested.prediction.classes
    predicted = tested.prediction.point[places]
    units = preprocessing.Affine.of_dict(record.targets)
    networks = [
        Network(model, None if scalars is None else scalars[[row]], explained(head, label, float(units.std[0])))
        for row, label in enumerate(predicted)
    ]
    shift = 0.0 if classes is not None else float(units.mean[0])
    blanks = np.broadcast_to(np.median(seen, axis=(1, 2), keepdims=True), seen.shape)
    found: dict[str, Any] = {}
    if "occlusion" in methods:
        how = Occlusion(**(occlusion or {}))
        found |= _occluded(networks, how, head, step, images, seen, tested)
    if "saliency" in methods:
        slopes = [network.slopes(image[None]) for network, image in zip(networks, seen, strict=True)]
        found["saliency"] = np.concatenate(slopes).astype(np.float32)
    if "integrated_gradients" in methods:
        pairs = [integrated_gradients(*parts) for parts in zip(networks, seen, blanks, strict=True)]
        found["integrated_gradients"] = np.stack([shares for shares, _ in pairs]).astype(np.float32)
        found["steps"] = np.array([steps for _, steps in pairs])
    if "grad_cam" in methods and (features := last_features(model)) is not None:
        each = [grad_cam(network, features, image) for network, image in zip(networks, seen, strict=True)]
        found |= {"grad_cam": np.stack(each).astype(np.float32), "cam_layer": features.name}
    if "kernels" in methods:
        layer, values = kernels(model)
        found |= {"layer": layer, "kernels": values}
    return Attributions(
        **{
            name: getattr(record, name)
            for name in ("dataset", "model", "loss", "seed", "task", "label", "units", "mock")
        },
        quantity=quantity(head, record.label),
        bands=data.dataset.bands,
        pixel_units=data.dataset.columns["image"].units,
        classes=() if classes is None else tested.classes or tuple(map(str, range(classes.shape[1]))),
        ids=tested.ids[places],
        true=tested.label[places],
        predicted=predicted,
        probability=None if classes is None else classes[places].max(axis=1),
        explained=np.array([network(image[None])[0] for network, image in zip(networks, seen, strict=True)]) + shift,
        blank=np.array([network(image[None])[0] for network, image in zip(networks, blanks, strict=True)]) + shift,
        images=images,
        **found,
    )


def choose(tested: Predicted, objects: int, seed: int, ids: Sequence[str] | None) -> np.ndarray:
    """Return the places of objects of the test part: those of some names, or random ones in the part's order.

    Raises:
        InsideError: A name is not there.
    """
    if ids is None:
        drawn = np.random.default_rng(seed).permutation(len(tested.ids))[:objects]
        return np.sort(drawn)
    places = {name: place for place, name in enumerate(tested.ids)}
    for name in ids:
        if name not in places:
            raise InsideError(
                f"inside.ids: no object {name!r} in the test part; it has {len(places)}, among them {tested.ids[0]!r}."
                " Hint: objects of the other parts have shaped the network, and are not shown"
            )
    return np.array([places[name] for name in ids])


def _scalars(data: runs.Data, record: Record, places: np.ndarray) -> np.ndarray | None:
    """Return the scalars (n, S) of some test objects as the network sees them; None where it takes none."""
    if not record.inputs:
        return None
    step = preprocessing.Affine.of_dict(record.preprocessing["scalars"])
    training, tested = (
        np.column_stack(list(data.scalars(record.inputs, part, record.derived).values())) for part in ("train", "test")
    )
    return step.apply(tested[places], missing=step.apply(preprocessing.fit_affine(training).mean))


def _check(model, head, seen, scalars, tested: Predicted, places, record: Record, run: Path) -> None:
    """Raise InsideError unless the network predicts of the objects what it did when it was trained."""
    units = preprocessing.Affine.of_dict(record.targets)
    named = {"image": seen, "scalars": scalars}
    outputs = np.asarray(model([named[tensor.name] for tensor in model.inputs], training=False), dtype=np.float64)
    now = head.prediction(outputs).rescaled(float(units.std[0]), float(units.mean[0]))
    before = tested.prediction.select(places)
    name = "point" if before.classes is None else "classes"
    if not np.allclose(getattr(now, name), getattr(before, name), rtol=1e-3, atol=1e-4):  # of another machine
        raise InsideError(f"{run / run_folder.MODEL}: it does not predict what it did when it was trained")


def explained(head: heads.Head, label: float, scale: float) -> Number:
    """Return the number that is explained, as a function of outputs (n, width): (n,).

    Args:
        head: Says what outputs are.
        label: The predicted one; of classes its number.
        scale: Of a regression's label in its units over that of the outputs. Its zero is not known here, and cancels.
    """
    kind = int(label)
    factor = 1.0 if isinstance(head, OfClasses) else scale
    number = head.explained if isinstance(head, Explained) else _first
    return lambda outputs: factor * number(outputs, kind)


def _first(outputs: Any, kind: int) -> Any:
    return outputs[:, 0]


def quantity(head: heads.Head, label: str) -> str:
    """Return what is explained, in words."""
    return head.explains if isinstance(head, OfClasses) else f"predicted {label}"


def patch(shape: tuple[int, int]) -> int:
    """Return the pixels a side of a patch for an image of a shape."""
    return max(1, round(min(shape) / PATCHES))


def _occluded(
    networks: Sequence[Network],
    how: Occlusion,
    head: heads.Head,
    step: FittedStep,
    images: np.ndarray,
    seen: np.ndarray,
    tested: Predicted,
) -> dict[str, Any]:
    """Return what occlusion finds of images (n, H, W, C), as they are and as the network sees them."""
    size, shape = how.patch or patch(seen.shape[1:3]), seen.shape[1:3]
    if size > min(shape):
        raise InsideError(f"inside.occlusion.patch: {size} found; expected at most {min(shape)}, as images are")
    found: dict[str, Any] = {"patch": size}
    numbers: Sequence[Callable] = networks
    if how.measure == "missing_probability":
        classes = tested.prediction.classes
        if classes is None or how.of_class >= classes.shape[1]:
            there = "a number" if classes is None else f"one of {classes.shape[1]} classes"
            raise InsideError(
                f"inside.occlusion: measure 'missing_probability' of class {how.of_class} found; {there} is predicted."
                " Hint: measure: fall"
            )
        name = tested.classes[how.of_class] if tested.classes else str(how.of_class)
        found["occluded"] = f"1 - p of {name}"
        numbers = [replace(network, number=missing_probability(head, how.of_class)) for network in networks]
    given = images if how.normalise_again else seen
    blanks = np.broadcast_to(np.median(given, axis=(1, 2), keepdims=True), given.shape)
    blanks = np.zeros_like(given) if how.fill == "zero" else blanks
    maps = []
    for number, image, blank in zip(numbers, given, blanks, strict=True):
        prepared = (lambda some, number=number: number(step.apply(some))) if how.normalise_again else number
        maps.append(occlusion(prepared, image, blank, size, how))
    return {**found, "occlusion": np.stack(maps).astype(np.float32)}


def missing_probability(head: heads.Head, kind: int) -> Number:
    """Return what a class lacks to be certain, as a function of outputs (n, width): (n,)."""
    return lambda outputs: 1 - head.symbolic(outputs)["classes"][:, kind]


def occlusion(
    network: Callable, image: np.ndarray, blank: np.ndarray, size: int, how: Occlusion = NO_RECIPE
) -> np.ndarray:
    """Return what hiding parts of an image does to a number, (H, W); by default the mean fall over patches on a pixel.

    Args:
        network: Images (n, H, W, C) -> the number (n,); it may overwrite them.
        image, blank: (H, W, C).
        size: Pixels a side of a patch.
        how: The rest.
    """
    height, width = image.shape[:2]
    stride = how.stride or max(1, size // 2)
    corners = [(y, x) for y in _starts(height, size, stride) for x in _starts(width, size, stride)]
    found = _hidden(network, image, blank, size, corners)
    if how.measure == "fall":
        found = network(image[None].copy())[0] - found
    if how.place == "centre":
        shown = np.full((height, width), found.min())
        for (y, x), number in zip(corners, found, strict=True):
            shown[y + size // 2, x + size // 2] = number
        return shown
    total, times = np.zeros((height, width)), np.zeros((height, width))
    for (y, x), number in zip(corners, found, strict=True):
        total[y : y + size, x : x + size] += number
        times[y : y + size, x : x + size] += 1
    return np.divide(total, times, out=np.full((height, width), found.min()), where=times > 0)


def _hidden(
    network: Callable, image: np.ndarray, blank: np.ndarray, size: int, corners: Sequence[tuple[int, int]]
) -> np.ndarray:
    """Return the number (P,) of an image with each of the patches hidden."""
    found = []
    for first in range(0, len(corners), AT_ONCE):
        some = corners[first : first + AT_ONCE]
        hidden = np.repeat(image[None], len(some), axis=0)
        for place, (y, x) in enumerate(some):
            hidden[place, y : y + size, x : x + size] = blank[y : y + size, x : x + size]
        found.append(network(hidden))
    return np.concatenate(found)


def _starts(length: int, size: int, stride: int) -> list[int]:
    """Return where patches begin; the last one ends where the image does."""
    return sorted({*range(0, length - size + 1, stride), length - size})


def integrated_gradients(network: Network, image: np.ndarray, blank: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the share of each pixel in the number less that of the blank image, (H, W, C), and the steps it took.

    The integral is a midpoint sum; steps are doubled until the shares add up to the difference within half a per cent.
    """
    expected = float(np.diff(network(np.stack([blank, image])))[0])
    steps = STEPS
    while True:
        places = (np.arange(steps) + 0.5) / steps
        slopes = np.zeros(image.shape)
        for some in np.array_split(places, max(1, steps // AT_ONCE)):
            path = blank + some[:, None, None, None].astype(np.float32) * (image - blank)
            slopes += network.slopes(path).sum(axis=0)
        shares = (image - blank) * slopes / steps
        if steps >= MOST_STEPS or abs(shares.sum() - expected) <= COMPLETE * abs(expected):
            return shares, steps
        steps *= 2


def last_features(model) -> Any:
    """Return the layer with the last maps (h, w, F) that a convolution has made; None where there is no convolution."""
    found = None
    for layer in model.layers:
        shape = getattr(layer.output, "shape", ())
        convolution = "conv" in type(layer).__name__.lower()
        if len(shape) == 4 and (convolution or (found is not None and shape[1:3] == found.output.shape[1:3])):
            found = layer
    return found


def grad_cam(network: Network, layer: Any, image: np.ndarray) -> np.ndarray:
    """Return how much the maps of a layer raise the number, (H, W), in its units; nowhere below 0.

    Args:
        network: With the number.
        layer: Of its model, with an output (n, h, w, F).
        image: (H, W, C) as the network sees it.
    """
    import keras

    inputs, maps, own = network.inputs(image[None]), [], layer.call
    ordered = [inputs[tensor.name] for tensor in network.model.inputs]
    shift: dict[str, Any] = {}

    def call(*given: Any, **named: Any) -> Any:
        found = own(*given, **named)
        maps.append(found)
        return found + shift["maps"] if shift else found

    layer.call = call
    try:
        network.model(ordered, training=False)
        seen = np.asarray(maps[-1])

        def number(tensors: Mapping[str, Any]) -> Any:
            shift.update(tensors)
            return network.number(network.model(ordered, training=False))

        _, slopes = backend.derivatives(number, {"maps": np.zeros_like(seen)})
    finally:
        layer.call = own
    weights = slopes["maps"].mean(axis=(1, 2), keepdims=True)
    raised = np.maximum((weights * seen).sum(axis=-1, keepdims=True), 0)
    return np.asarray(keras.ops.image.resize(raised, image.shape[:2], interpolation="bilinear"))[0, :, :, 0]


def kernels(model) -> tuple[str, np.ndarray | None]:
    """Return the name and the kernels (h, w, C, F) of the first layer that sees the image; none if it has no such.

    A convolution has them; a dense layer on each pixel has kernels of one pixel.
    """
    import keras

    channels = next(tensor for tensor in model.inputs if tensor.name == "image").shape[-1]
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense) and len(layer.input.shape) == 4:
            values = np.asarray(keras.ops.convert_to_numpy(layer.kernel), dtype=np.float32)
            values = values if values.ndim == 4 else values[None, None]
            return (layer.name, values) if values.shape[2] == channels else ("", None)
    return "", None
