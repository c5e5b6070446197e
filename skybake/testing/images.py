"""An image step in use: fitted on images, applied to some, and read back."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from skybake.plugins import PlugIn
from skybake.testing import _options
from skybake.training import images as image_steps
from skybake.training.images._step import Step

OBJECTS, SIDE, BANDS = 40, 12, 2


def use(part: PlugIn) -> Iterator[str]:
    """Fit the step, and apply it to images together, alone, and after the run record."""
    wrong = list(_options.problems(part, Step))
    if wrong:
        yield from wrong
        return
    from keras import ops

    images = stamps()
    fitted = image_steps.fit(part.load().Options(name=part.name), images.copy())
    seen = fitted.apply(images.copy())
    if seen.shape[:1] != (OBJECTS,) or seen.ndim != 4 or seen.dtype != np.float32:
        yield f"images {seen.dtype} {seen.shape} found; expected float32 {(OBJECTS, SIDE, SIDE, BANDS)}"
        return
    if not np.isfinite(seen).all():
        bad = [int(row) for row in np.flatnonzero(~np.isfinite(seen).all(axis=(1, 2, 3)))]
        yield f"images {bad} are not finite; expected finite ones, of flat and of negative images too"
    for row in (0, OBJECTS - 1):
        alone = fitted.apply(images[row : row + 1].copy())
        if not np.allclose(alone[0], seen[row], rtol=1e-5, atol=1e-6, equal_nan=True):
            yield f"image {row} alone comes out as another one; expected the same whichever others come with it"
    tensors = np.asarray(fitted.symbolic(ops.convert_to_tensor(images)))
    if not np.allclose(tensors, seen, rtol=1e-4, atol=1e-5, equal_nan=True):
        yield "symbolic gives other images than apply; expected the same, in keras.ops, for predictor.keras"
    again = image_steps.FittedStep.of_dict(json.loads(json.dumps(fitted.as_dict())))
    if not np.array_equal(again.apply(images.copy()), seen, equal_nan=True):
        yield "other images with the numbers of run.json; expected fit to return all that apply needs, as arrays"


def stamps() -> np.ndarray:
    """Return noise around zero with a source of growing brightness, and a flat image: (n, H, W, C) float32."""
    rng = np.random.default_rng(6)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    source = np.exp(-0.5 * (x**2 + y**2) / 2)[None, :, :, None] * np.arange(OBJECTS)[:, None, None, None]
    found = rng.normal(0, 0.5, (OBJECTS, SIDE, SIDE, BANDS)) + source
    found[1] = 0.25
    return found.astype(np.float32)
