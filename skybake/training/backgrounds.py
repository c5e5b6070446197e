"""Training objects on other backgrounds: fainter than they are, among the artefacts of images that hold no object.

A sum of an object's image and of an empty one, with weights whose squares sum to one, has the noise of either: the
object is fainter, and stands on a background that the survey has, though this object was not seen on it. Of a few
thousand objects a classifier learns so what faint ones look like. Additive noise does not do as well: artefacts, not
noise, are what is taken for a source (docs/measurements.md).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skybake.missing import present
from skybake.training.feeding import Subset
from skybake.training.settings import Backgrounds


def added(part: Subset, settings: Backgrounds, classes: tuple[str, ...], seed: int, memory_limit_mb: float) -> Subset:
    """Return the training part and its copies on other backgrounds.

    Args:
        part: Of n objects, whose images are in memory, as the network sees them: of mean 0 and one noise, as ``images:
            robust`` makes them.
        settings: How many copies, on images of which class, and how faint at most.
        classes: Names of the classes.
        seed: Of what is drawn.
        memory_limit_mb: What images may take.

    Returns:
        n (1 + copies) objects; the first n are those of the part.

    Raises:
        ValueError: There is no such class or no object of it, or the images do not fit in memory.
    """
    if settings.of not in classes:
        raise ValueError(
            f"training.backgrounds: of: {settings.of!r} found; expected a class of the dataset:"
            f" {', '.join(classes) or 'none, its label is a number'}"
        )
    images, labels = part.images.in_memory, part.targets[:, 0]
    size = (1 + settings.copies) * 4e-6 * len(part) * float(np.prod(part.images.shape))
    if images is None or size > memory_limit_mb:
        raise ValueError(
            f"training.backgrounds: {size:.0f} MB of images are needed, and training.memory_limit_mb is"
            f" {memory_limit_mb:g}. Hint: fewer copies, or another limit"
        )
    empty = np.flatnonzero(present(labels) & (labels == classes.index(settings.of)))
    if not len(empty):
        raise ValueError(f"training.backgrounds: no object of class {settings.of!r} found in the training part")
    rng = np.random.default_rng([seed, settings.copies])
    found = np.concatenate([images, *(images for _ in range(settings.copies))])
    for start in range(len(images), len(found), len(images)):
        block = found[start : start + len(images)]
        behind = images[rng.choice(empty, len(images))]
        turned = rng.integers(0, 8, len(images))
        share = rng.uniform(settings.least, 1.0, len(images)).astype(np.float32)
        for place, (form, weight) in enumerate(zip(turned, share, strict=True)):
            block[place] = weight * block[place] + np.sqrt(1 - weight**2) * _seen(behind[place], int(form))
    again = 1 + settings.copies
    return Subset(
        replace(part.images, rows=np.tile(part.images.rows, again), in_memory=found),
        np.tile(part.targets, (again, 1)),
        None if part.scalars is None else np.tile(part.scalars, (again, 1)),
        part.shuffle,
        None if part.weights is None else np.tile(part.weights, again),
    )


def _seen(image: np.ndarray, form: int) -> np.ndarray:
    """Return an image (H, W, C) mirrored, and turned by quarters where it is square."""
    image = image[:, ::-1] if form % 2 else image
    if image.shape[0] == image.shape[1]:
        return np.rot90(image, form // 2)
    return image[::-1] if form // 2 % 2 else image
