"""A baseline in use: features of images and scalars, fitted and predicted."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import numpy as np

from skybake.baselines import Scalars
from skybake.data.columns import Column
from skybake.plugins import PlugIn
from skybake.testing import _labels

OBJECTS, SIDE, BANDS = 120, 12, 2
KNOWN = 80  # objects that it is fitted to
SCALARS = ("redshift", "cModelMag_g", "cModelMag_r")


def use(part: PlugIn) -> Iterator[str]:
    """Fit the baseline to small images of every task that it is for, and predict."""
    module = part.load()
    rng = np.random.default_rng(5)
    images = rng.normal(1, 0.2, (OBJECTS, SIDE, SIDE, BANDS)).astype(np.float32)
    names = (*SCALARS, *(name for name in part.constants.get("NEEDS", ()) if name not in SCALARS))
    columns = {name: _column(name) for name in names}
    scalars = {name: rng.uniform(0.1, 1, OBJECTS) for name in names}
    needs = part.constants.get("NEEDS") or part.constants.get("NEEDS_SCALARS")
    for given in (scalars,) if needs else (scalars, {}):
        what = "features" if given else "features of images without scalars"
        features = np.asarray(module.features(images, Scalars(given, columns)))
        if features.ndim != 2 or len(features) != OBJECTS:
            yield f"{what}: shape {features.shape} found for {OBJECTS} objects; expected ({OBJECTS}, F)"
            return
        few = Scalars({name: values[:7] for name, values in given.items()}, columns)
        some = np.asarray(module.features(images[:7], few))
        if not np.allclose(some, features[:7], rtol=1e-5, atol=1e-6):
            yield f"{what}: those of an object depend on the others; expected each by itself: images are read in blocks"
        for task in part.tasks:
            yield from _fits(part, module, task, features)


def _column(name: str) -> Column:
    if name.startswith("cModelMag"):
        return Column("mag", "how bright", "magnitude", name[-1])
    return Column("", "how far", "redshift") if name == "redshift" else Column("", "another number")


def _fits(part: PlugIn, module: ModuleType, task: str, features: np.ndarray) -> Iterator[str]:
    labels = next(_labels.of_task(task))[:OBJECTS]
    model = module.build(task, **({"seed": 1} if part.seeded else {}))
    model.fit(features[:KNOWN], labels[:KNOWN])
    if task == "classification":
        if not hasattr(model, "predict_proba"):
            yield f"{task}: {type(model).__name__} has no predict_proba; expected a classifier with probabilities"
            return
        found = model.predict_proba(features[KNOWN:])
        expected: tuple[int, ...] = (OBJECTS - KNOWN, len(np.unique(labels[:KNOWN])))
    else:
        found, expected = model.predict(features[KNOWN:]), (OBJECTS - KNOWN,)
    if np.shape(found) != expected or not np.isfinite(found).all():
        yield f"{task}: predictions {np.shape(found)} found; expected {expected}, all finite"
