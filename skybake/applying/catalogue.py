"""The catalogue of predictions for new objects: the same columns as FITS, parquet and CSV, written block by block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from skybake.applying import flags, parts, tables
from skybake.applying.parts import Applied
from skybake.applying.tables import Column
from skybake.data.dataset import Dataset
from skybake.evaluation import conformal, trained
from skybake.evaluation.bootstrap import Bootstrap
from skybake.evaluation.conformal import Calibration
from skybake.results import distributions, identity

LEVELS = {"q025": 0.025, "q160": 0.16, "q500": 0.5, "q840": 0.84, "q975": 0.975}


def calibration(runs: Mapping[int, Path], dataset: Dataset) -> Calibration | None:
    """Return what conformal intervals or sets are made by, of the mean of all seeds on the validation part.

    None where some prediction is no number.

    Args:
        runs: Seed -> folder of the run.
        dataset: That they were trained on.
    """
    prediction = identity.ENSEMBLE if len(runs) > 1 else identity.SEEDS
    found = trained.read(runs, dataset, parts=("valid",), prediction=prediction)
    groups = trained.of_groups(Bootstrap(), found, "valid").groups
    return conformal.calibrate(next(iter(found.values())).parts["valid"], groups)


def columns(applied: Applied, regions: Calibration | None) -> dict[str, Column]:
    """Return the columns of some objects by name.

    Args:
        applied: The objects.
        regions: What conformal intervals or sets are made by; None for none.
    """
    found = {"id": Column(applied.ids, "", "name of the object")}
    found["group"] = Column(applied.groups, "", "what it belongs to")
    for name, values in (("ra", applied.ra), ("dec", applied.dec)):
        if values is not None:
            found[name] = Column(values, "deg", {"ra": "right ascension", "dec": "declination"}[name])
    predicted = _classes(applied, regions) if applied.classes else _numbers(applied, regions)
    found |= {name if name not in found else f"predicted_{name}": column for name, column in predicted.items()}
    units = "" if applied.classes else applied.column.units
    what = "the probability of the predicted class" if applied.classes else "what is predicted"
    found["spread"] = Column(_float(applied.spread), units, f"standard deviation over seeds of {what}")
    found["familiarity"] = Column(_float(applied.familiarity), "", "percentile of its distance from the training part")
    found |= {name: Column(values, "", flags.MEANINGS[name]) for name, values in applied.flags.items()}
    return found


def _float(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=np.float32)


def _numbers(applied: Applied, regions: Calibration | None) -> dict[str, Column]:
    prediction, units = applied.prediction, applied.column.units
    found = {applied.name: Column(_float(prediction.point), units, "what is predicted")}
    if prediction.std is not None:
        found["std"] = Column(_float(prediction.std), units, "standard deviation of the predictive distribution")
    distribution = distributions.of(prediction)
    if distribution is not None:
        quantiles = distribution.quantile(list(LEVELS.values()))
        found |= {
            name: Column(_float(values), units, f"quantile at {level:g}")
            for (name, level), values in zip(LEVELS.items(), quantiles.T, strict=True)
        }
    if regions is not None:
        intervals = regions.intervals(prediction)
        for place, level in enumerate(regions.levels):
            for end, side in enumerate(("low", "high")):
                values = intervals[:, place, end]
                text = f"{side} end of the conformal interval with a coverage of {level:g}"
                found[f"{side}_{100 * level:g}"] = Column(_float(values), units, text)
    return found


def _classes(applied: Applied, regions: Calibration | None) -> dict[str, Column]:
    probabilities, names = applied.prediction.class_probabilities, applied.classes
    known = np.isfinite(probabilities).all(axis=1)
    most = np.where(known, applied.prediction.point, 0).astype(np.int64)
    values = np.where(known, np.array(names, dtype=object)[most], "")
    found = {"class": Column(values.astype(object), "", f"the most probable {applied.name}")}
    for place, name in enumerate(names):
        found[f"probability_{name}"] = Column(_float(probabilities[:, place]), "", f"probability of {name}")
    if regions is not None:
        inside = regions.sets(
            replace(applied.prediction, classes=np.where(known[:, None], probabilities, 1 / len(names)))
        )
        for place, level in enumerate(regions.levels):
            for number, name in enumerate(names):
                text = f"{name} is in the conformal set with a coverage of {level:g}"
                found[f"in_set_{100 * level:g}_{name}"] = Column(inside[:, place, number], "", text)
    return found


def write(paths: Iterable[Path | str], regions: Calibration | None, *, fits: Path, parquet: Path, csv: Path) -> None:
    """Write the catalogue of what files of predictions hold.

    Args:
        paths: Those of all jobs.
        regions: What conformal intervals or sets are made by; None for none.
        fits, parquet, csv: Files to write, see :mod:`skybake.applying.tables`.
    """
    paths, rows = list(paths), 0
    widths: dict[str, int] = {}
    first = None
    for applied in parts.read(paths):
        first = first or columns(applied, regions)
        rows += len(applied)
        for name, values in _texts(applied).items():
            widths[name] = max(widths.get(name, 1), *map(len, tables.ascii_of(values)))
    if first is None:
        raise ValueError(f"{', '.join(map(str, paths))}: no object found; expected those of the dataset")
    with tables.writing(first, rows, widths, fits=fits, parquet=parquet, csv=csv) as append:
        for applied in parts.read(paths):
            append(columns(applied, regions))


def _texts(applied: Applied) -> dict[str, np.ndarray]:
    names = {"class": np.array(applied.classes, dtype=object)} if applied.classes else {}
    return {"id": applied.ids, "group": applied.groups, **names}
