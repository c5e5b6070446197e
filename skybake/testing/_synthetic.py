"""Made-up results, of which figures are drawn."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from skybake.applying.outcome import Outcome
from skybake.config.combinations import BASELINE_LOSS
from skybake.data import exploration
from skybake.data.columns import Column, Schema
from skybake.data.rejections import Rejection, write_rejected
from skybake.data.writer import create_dataset
from skybake.evaluation import judging
from skybake.evaluation.bootstrap import Bootstrap
from skybake.evaluation.trained import History
from skybake.figures import Comparison, Data, Differences, JudgedRow
from skybake.files import with_null
from skybake.metrics.regression import RELATIVE
from skybake.results.attributions import Attributions
from skybake.results.predictions import Predicted, Prediction

RISING = np.linspace(0.5, 0.9, 10)  # an accuracy
SPANS = {"": 0.0, "_low": -0.01, "_high": 0.01}  # of a score
CLUSTERS = ("clusters", "log10_m500c", "log10 Msun", "predicted - true")


COLUMNS = {
    "redshift": Column("", "how far", "redshift"),
    "psfMag_r": Column("mag", "how bright", "magnitude", band="r"),
}


def history(loss: Callable[[np.ndarray], np.ndarray] = lambda epoch: np.exp(-epoch / 3), epochs: int = 10) -> History:
    """Return losses by epoch."""
    epoch = np.arange(1, epochs + 1)
    return History(epoch, loss(epoch), loss(epoch) + 0.1, best_epoch=4 if epochs else None)


def judged(data: JudgedRow) -> JudgedRow:
    """Return the run with what it is judged to be now, as the file of metrics says it."""
    if next(iter(data.test.values())).prediction.classes is not None:
        found = judging.classification(data.test, Bootstrap(20))
    else:
        found = judging.regression(data.test, Bootstrap(20), data.outlier_threshold)
    return replace(data, judged=with_null(found))


def run(
    n: int = 60,
    seeds: Sequence[int] = (1, 2),
    *,
    label: str = "log10_m500c",
    redshift: bool = True,
    mock: bool = True,
    point: float | None = None,
    histories: Mapping[int, History] | None = None,
    std: float | None = None,
) -> JudgedRow:
    """Return the row of a regression: predicted numbers, all of them ``point`` if it is given."""
    true = np.random.default_rng(1).normal(14, 0.3, n)
    test = {}
    for seed in seeds:
        predicted = true + np.random.default_rng(seed).normal(0, 0.1, n) if point is None else np.full(n, point)
        test[seed] = Predicted(
            ids=np.array([str(row) for row in range(n)]),
            label=true,
            prediction=Prediction(predicted, std=None if std is None else np.full(n, std)),
            scalars={"redshift": np.linspace(0.1, 1, n)} if redshift else {},
            name=label,
            column=COLUMNS.get(label, Column("log10 Msun", "mass", "mass")),
            columns={"redshift": COLUMNS["redshift"]} if redshift else {},
        )
    data = JudgedRow(
        dataset="clusters",
        model="nonsequential",
        loss="huber-delta=0.3",
        label=label,
        units="log10 Msun",
        error="predicted - true",
        mock=mock,
        histories=histories or {seed: history() for seed in seeds},
        test=test,
        errors=np.stack([part.prediction.point - true for part in test.values()]),
        judged={},
        outlier_threshold=0.3,
    )
    return judged(data)


def classified(
    n: int = 90, seeds: Sequence[int] = (1, 2), *, classes: int = 2, mock: bool = True, sharp: float = 2.0
) -> JudgedRow:
    """Return the row of a classification; the higher ``sharp``, the better it is."""
    true = np.random.default_rng(1).integers(0, classes, n)
    test = {}
    for seed in seeds:
        scores = sharp * np.eye(classes)[true] + np.random.default_rng(seed).standard_normal((n, classes))
        probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        test[seed] = Predicted(
            ids=np.array([str(row) for row in range(n)]),
            label=true.astype(float),
            prediction=Prediction(probabilities.argmax(axis=1).astype(float), classes=probabilities),
            scalars={},
            name="kind",
            column=Column("", "kind", "class"),
            columns={},
        )
    data = JudgedRow(
        dataset="stamps",
        model="nonsequential",
        loss="categorical_crossentropy",
        label="kind",
        units="",
        error="",
        mock=mock,
        histories={seed: replace(history(), accuracy=RISING, val_accuracy=RISING - 0.05) for seed in seeds},
        test=test,
        errors=np.empty((len(seeds), 0)),
        judged={},
        outlier_threshold=0.3,
    )
    return judged(data)


def with_snr(data: JudgedRow) -> JudgedRow:
    """Return a run whose objects of class 1 have a signal to noise."""
    test, column = {}, Column("", "how bright", "signal_to_noise")
    for seed, part in data.test.items():
        snr = np.where(part.label == 1, np.geomspace(3, 100, len(part.label)), np.nan)
        test[seed] = replace(part, scalars={**part.scalars, "snr": snr}, columns={**part.columns, "snr": column})
    return replace(data, test=test)


def with_parts(data: JudgedRow) -> JudgedRow:
    """Return a run whose uncertainty is divided."""
    test = {}
    for seed, part in data.test.items():
        epistemic, aleatoric = np.random.default_rng(seed).uniform(0.05, 0.2, (2, len(part.ids)))
        test[seed] = replace(part, prediction=replace(part.prediction, epistemic=epistemic, aleatoric=aleatoric))
    return judged(replace(data, test=test))


def with_images(data: JudgedRow) -> JudgedRow:
    """Return a run that can read the images of its objects."""
    first = next(iter(data.test.values()))
    images = np.random.default_rng(2).normal(0, 1, (len(first.ids), 9, 9, 2))
    file: Any = SimpleNamespace(
        path=Path("dataset.h5"),
        ids=first.ids,
        labels={data.label: first.label},
        bands=("g", "r"),
        images=images.__getitem__,
    )
    return replace(data, file=file)


def comparison(networks: int = 3, baselines: int = 2, *, task: str = "regression", mock: bool = True) -> Comparison:
    """Return a table of networks and baselines, and their runs."""
    rows = []
    for place in range(networks + baselines):
        baseline = place >= networks
        std = 0.1 + 0.01 * place
        scores = {"mean_error": 0.01, "std_error": std, "pit_ks": 0.1}
        if task == "classification":
            scores = {"accuracy": 0.9 - 0.01 * place, "log_loss": 0.3 + 0.01 * place}
        loss = f"loss_{place // 30}"
        rows.append(
            {
                "model": f"{'baseline' if baseline else 'network'}_{place % 30}",
                "loss": BASELINE_LOSS if baseline else loss,
                "baseline": baseline,
                "words": "",
                "loss_curve": loss,
                **{f"{name}{end}": scores[name] + add for name in scores for end, add in SPANS.items()},
                "train_seconds": 0.02 if baseline else 10.0 + place,
            }
        )

    def read(place: int, *, predictions: bool = True) -> JudgedRow:
        seeds = (place + 1, place + 2)
        found = classified(seeds=seeds, mock=mock) if task == "classification" else run(seeds=seeds, std=0.1, mock=mock)
        if rows[place]["baseline"]:
            empty = History(*(np.empty(0),) * 3, best_epoch=None)
            found = replace(found, histories=dict.fromkeys(seeds, empty))
        return found if predictions else replace(found, test={}, errors=np.empty((2, 0)))

    facts = ("stamps", "kind", "", "") if task == "classification" else CLUSTERS
    sweeps = (sweep({"delta": [0.1, 0.5, 2.0]}),)
    choice = "log loss" if task == "classification" else "RMSE"
    return Comparison(*facts, mock, 0.95, tuple(rows), sweeps, task=task, choice=choice, read=read)


def sweep(values: Mapping[str, Sequence[Any]], *, diverged: Sequence[int] = ()) -> dict[str, Any]:
    """Return a sweep over all combinations of some values; points whose number is in ``diverged`` have no score."""
    points = []
    for number, found in enumerate(itertools.product(*values.values())):
        point = dict(zip(values, found, strict=True))
        name = "-".join(f"{key}={value}" for key, value in point.items())
        score = None if number in diverged else 0.2 + 0.01 * number
        seeds = {"1": score, "2": None if score is None else score + 0.02}
        mean = None if score is None else score + 0.01
        points.append({"point": name, "values": point, "seeds": seeds, "mean": mean, "std_over_seeds": mean and 0.014})
    chosen = next(point["point"] for point in points if point["mean"] is not None)
    return {"model": "nonsequential", "loss": "huber", "score": "valid_rmse", "chosen": chosen, "points": points}


def with_scalars(data: JudgedRow, columns: Mapping[str, Column]) -> JudgedRow:
    """Return a run with such scalars, of 14 to 18, and a threshold that some errors are beyond."""
    test = {}
    for seed, part in data.test.items():
        values = np.random.default_rng(3).uniform(14, 18, (len(columns), len(part.label)))
        scalars = {**part.scalars, **dict(zip(columns, values, strict=True))}
        test[seed] = replace(part, scalars=scalars, columns={**part.columns, **columns})
    return judged(replace(data, test=test, outlier_threshold=0.15))


def explored(folder: Path, *, task: str = "regression", mock: bool = True) -> exploration.Exploration:
    """Return the first look at a dataset that is written into a folder."""
    rng, n = np.random.default_rng(4), 30
    label = rng.uniform(0, 0.4, n) if task == "regression" else np.arange(n) % 2.0
    y, x = np.mgrid[:16, :16] - 7.5
    image = np.exp(-0.5 * (x**2 + y**2) / 4)[None, :, :, None] + rng.normal(0, 0.05, (n, 16, 16, 3))
    magnitude = Column("mag", "how bright", "magnitude", "r", preferred=True)
    redshift = Column("", "what it is", "redshift", error=RELATIVE, outlier=0.05)
    kind = redshift if task == "regression" else Column("", "what it is", "class")
    schema = Schema(
        survey="sdss",
        task=task,
        bands=("g", "r", "i"),
        image=Column("nanomaggy", "images"),
        labels={"label": kind},
        scalars={"psfMag_r": magnitude},
        raw={"catalogue.csv": "0" * 64},
        mock=mock,
    )
    with create_dataset(folder / "dataset.h5", schema) as writer:
        writer.append(
            image=image,
            id=[f"object-{row}" for row in range(n)],
            group=[f"group-{row // 3}" for row in range(n)],
            labels={"label": label},
            scalars={"psfMag_r": rng.uniform(18, 19, n)},
        )
    write_rejected(folder / "rejected.csv", [Rejection(n, "a", "no position")])
    return exploration.explore("galaxies", folder / "dataset.h5", folder / "rejected.csv")


def looked_into(*, task: str = "regression", mock: bool = True) -> Attributions:
    """Return what was found inside a network."""
    rng, n = np.random.default_rng(6), 4
    classes = ("no", "yes") if task == "classification" else ()
    maps: Any = {name: rng.normal(size=(n, 9, 9, 2)) for name in ("images", "saliency", "integrated_gradients")}
    return Attributions(
        dataset="clusters",
        model="nonsequential",
        loss="huber",
        seed=1,
        task=task,
        label="mass",
        units="",
        mock=mock,
        quantity="predicted mass",
        bands=("g", "r"),
        pixel_units="counts",
        classes=classes,
        ids=np.array([f"object-{row}" for row in range(n)], dtype=object),
        true=np.arange(n) % 2.0,
        predicted=np.arange(n) % 2.0,
        explained=rng.normal(size=n),
        blank=np.zeros(n),
        probability=np.full(n, 0.8) if classes else None,
        occlusion=rng.normal(size=(n, 9, 9)),
        patch=2,
        steps=np.full(n, 20),
        kernels=rng.normal(size=(3, 3, 2, 6)),
        layer="conv2d",
        grad_cam=rng.uniform(0, 1, size=(n, 9, 9)),
        cam_layer="conv2d",
        **maps,
    )


def applied(folder: Path, *, task: str = "regression", mock: bool = True) -> Outcome:
    """Return what was predicted for the objects of a dataset that is written into a folder."""
    file = explored(folder, task=task, mock=mock).file
    rng, n = np.random.default_rng(7), len(file)
    classes = ("no", "yes") if task == "classification" else ()
    point = rng.uniform(0, 0.4, n) if task == "regression" else np.arange(n) % 2.0
    probability = rng.uniform(0.5, 1, n)
    widths = {"std": rng.uniform(0.02, 0.05, n), "half_width": rng.uniform(0.02, 0.05, n)}
    return Outcome(
        name="wide_field",
        row="nonsequential, gaussian_nll",
        file=file,
        label="label",
        units="",
        classes=classes,
        place=np.arange(n),
        point=np.where(np.arange(n) == 3, np.nan, point),
        uncertainty=({"probability": probability} if classes else widths) | {"spread": rng.uniform(0, 0.02, n)},
        shares=np.full(len(classes), 0.5),
        distance=rng.uniform(0, 5, n),
        familiarity=np.linspace(0, 100, n),
        flags={"unfamiliar": np.arange(n) > n - 3, "not_finite": np.arange(n) == 3},
        ra=rng.uniform(359, 361, n) % 360,
        dec=rng.uniform(-1, 1, n),
        true=np.where(np.arange(n) % 3, np.nan, point),
        trained=rng.uniform(0, 0.4, 200) if task == "regression" else np.arange(200) % 2.0,
    )


def differences(*, mock: bool = False) -> Differences:
    """Return what two states of a bake-off differ by: better, worse, not told apart and without an interval."""
    ends = [(-0.02, -0.03, -0.01), (0.015, 0.005, 0.025), (0.001, -0.01, 0.012), (0.003, None, None)]
    rows = [
        {"name": f"network {place}, mse", "baseline": place == 2, "difference": d, "low": low, "high": high}
        | {"paired": place != 1}
        for place, (d, low, high) in enumerate(ends)
    ]
    return Differences("clusters", "results/before", "standard deviation", "dex", mock, 0.95, tuple(rows))


def of_scope(scope: str, task: str, folder: Path, *, mock: bool) -> Iterator[Data]:
    """Yield what figures of a scope may be given of a task: all that they may need is in one of them.

    Args:
        scope: One of :data:`skybake.config.contracts.SCOPES`.
        task: ``"regression"`` or ``"classification"``.
        folder: For files.
        mock: Whether the objects are simulated.
    """
    if scope == "comparison":
        yield comparison(task=task, mock=mock)
    elif scope == "explore":
        yield explored(folder, task=task, mock=mock)
    elif scope == "inside":
        yield looked_into(task=task, mock=mock)
    elif scope == "apply":
        yield applied(folder, task=task, mock=mock)
    elif scope == "difference":
        yield differences(mock=mock)
    elif task == "regression":
        magnitude = Column("mag", "how bright", "magnitude", "r", preferred=True)
        yield with_images(with_parts(with_scalars(run(std=0.1, mock=mock), {"psfMag_r": magnitude})))
    else:
        yield with_images(with_parts(with_snr(classified(mock=mock))))
