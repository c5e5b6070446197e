"""A finished bake-off in a notebook: ``skybake.load("results/mine")``."""

from __future__ import annotations

import difflib
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skybake import files
from skybake.config import make_plan, yaml_files
from skybake.config.combinations import Combination
from skybake.data import splits
from skybake.data.dataset import Dataset, load_dataset
from skybake.results import distributions, ensembles, identity, run_folder
from skybake.results.predictions import Predicted, Prediction
from skybake.training.predictor import LEVELS


class Finished:
    """The results of a bake-off, read when asked for.

    Attributes:
        folder: Where they lie.
        plan: The merged config and what follows from it.

    Names of datasets, models and losses are those of ``comparison.csv``. Where a bake-off has one dataset, it need not
    be named; a run that is not named is one of the row that was chosen on validation.
    """

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)
        config = self.folder / "config.yaml"
        if not config.exists():
            raise FileNotFoundError(
                f"{config}: no such file; expected the results folder of a bake-off, the `results` of its config."
                " Hint: has it been run?"
            )
        self.plan = make_plan(yaml_files.read(config), raw_is_here=False).at(str(self.folder))
        self._read: dict[str, Dataset] = {}
        self._networks: dict[tuple[str, ...], list[Any]] = {}

    def __repr__(self) -> str:
        rows = len(self.plan.combinations)
        return f"<{self.plan.config.title}: {', '.join(self.datasets)}; {rows} rows in {self.folder}>"

    @property
    def datasets(self) -> list[str]:
        """Names of the datasets."""
        return self.plan.datasets()

    @cached_property
    def comparison(self) -> pd.DataFrame:
        """``comparison.csv`` of all datasets: a row for each model and loss, in the order of the tables."""
        return pd.read_csv(self.folder / "comparison.csv")

    def dataset(self, name: str | None = None) -> Dataset:
        """Return a dataset: ids, labels, scalars and, by :meth:`Dataset.images`, images (n, H, W, C).

        Raises:
            ValueError: There is none of this name, or several and none is named.
        """
        name = self._named(name)
        if name not in self._read:
            self._read[name] = load_dataset(self.plan.paths.dataset(name))
        return self._read[name]

    def parts(self, name: str | None = None, *, fold: int = 1) -> dict[str, np.ndarray]:
        """Return ``"train"``, ``"valid"`` and ``"test"`` -> rows (n,) of the dataset, in a fold counted from 1."""
        name = self._named(name)
        found = splits.load(self.plan.split(name), self.dataset(name), fold)
        return {"train": found.train, "valid": found.valid, "test": found.test}

    def chosen(self, name: str | None = None) -> dict[str, str]:
        """Return the axes (dataset, split, training, model, loss, prediction) of the row chosen on validation.

        Raises:
            ValueError: No row has ended.
        """
        path = self.plan.paths.chosen(self._named(name))
        found = files.read_json(Path(path))["chosen"]
        if found is None:
            raise ValueError(f"{path}: no row has ended, so none was chosen")
        return found

    def predicted(
        self,
        model: str | None = None,
        loss: str | None = None,
        *,
        dataset: str | None = None,
        seed: int | None = None,
        part: str = "test",
    ) -> Predicted:
        """Return what one run predicted for the objects of a part, with their ids, labels and scalars.

        Args:
            model, loss: Of the row; ``"baseline"`` is the loss of a baseline, ``"mse@ensemble"`` that of an ensemble,
                ``"mse@mc_dropout"`` that of passes with dropout.
                Both or none: that chosen on validation.
            dataset: Of the row.
            seed: The row's first if not given; of an ensemble, the mean of all if not given.
            part: ``"test"`` or ``"valid"``.

        Raises:
            ValueError: There is no such row or seed; the message has those that there are.
        """
        dataset = self._named(dataset)
        job = self._job(dataset, model, loss)
        folders = self.plan.run_folders(dataset, job.model.name, job.loss_in_paths)
        if seed is None and job.prediction == identity.ENSEMBLE:
            each = [run_folder.read_predictions(Path(one), part, self.dataset(dataset)) for one in folders.values()]
            return replace(each[0], prediction=ensembles.with_parts([one.prediction for one in each]))
        first = self._seeds(job, seed)[0]
        return run_folder.read_predictions(Path(folders[first]), part, self.dataset(dataset))

    def predictions(self, model: str | None = None, loss: str | None = None, **which: Any) -> pd.DataFrame:
        """Return :meth:`predicted` as a table, a row for each object.

        Its columns are ``id``, ``group`` where objects have one, ``true``, all scalars, ``point``, and what else the
        run predicts in numbers: ``std``, ``quantile_<level>``, ``probability_<class>``.
        """
        found = self.predicted(model, loss, **which)
        group = {} if found.groups is None else {"group": found.groups}
        columns = {"id": found.ids, **group, "true": found.label, **found.scalars}
        return pd.DataFrame(columns | _columns_of(found.prediction, found.classes))

    def predict(
        self,
        images: Any,
        scalars: Any = None,
        model: str | None = None,
        loss: str | None = None,
        *,
        dataset: str | None = None,
        seed: int | None = None,
        batch_size: int = 64,
    ) -> pd.DataFrame:
        """Predict new objects with the network chosen on validation, or another one: the mean of its seeds.

        The framework that trained it is imported, unless Keras is there already.

        Args:
            images: (N, H, W, C) as those of the dataset: units, bands and size. An array on disk is read in batches.
            scalars: The scalars of the dataset that the network takes, (N,) by name: a table, or a mapping. NaN where
                one is not known.
            model, loss, dataset: Of the row, as in :meth:`predicted`.
            seed: Only this one.
            batch_size: Objects that are computed at once.

        Returns:
            A row for each image, with the index of ``scalars`` if this is a table. Columns, in units of the label:
            ``point``; ``std`` and ``quantile_<level>`` where the network has a distribution; of classes ``class``, the
            name of the most probable one, and ``probability_<class>``; ``spread``, the standard deviation over seeds
            of points, or of the probability of the predicted class; ``not_finite``, which is true where a pixel is no
            number: all else is missing there, and a warning says so.

        Raises:
            ValueError: Images or scalars are not those that the network takes, or the row is a baseline.
        """
        from skybake.applying import arrays

        dataset = self._named(dataset)
        job = self._job(dataset, model, loss)
        if job.loss is None:
            rows = self.plan.compared_jobs(dataset)
            networks = dict.fromkeys(f"{row.model.name}, {row.loss_name}" for row in rows if row.loss is not None)
            raise ValueError(
                f"{job.model.name} is a baseline, which leaves nothing to predict new images with; expected a model and"
                f" a loss: {'; '.join(networks)}"
            )
        if job.folds > 1:
            raise ValueError(
                f"{dataset}: each of {job.folds} folds has its own networks, and none is meant for new images; expected"
                " a dataset that is split once"
            )
        seeds = self._seeds(job, seed)
        folders = self.plan.run_folders(dataset, job.model.name, job.loss_in_runs)
        place = (dataset, job.model.name, job.loss_in_runs, *map(str, seeds))
        if place not in self._networks:
            self._networks[place] = arrays.load_networks({each: Path(folders[each]) for each in seeds})
        members = self._networks[place]
        known = arrays.checked(images, scalars, members[0])
        classes = members[0].record.classes
        found = [_table_of(*block, classes) for block in arrays.blocks(images, known, members, batch_size)]
        table = pd.concat(found, ignore_index=True)
        return table.set_index(scalars.index) if isinstance(scalars, pd.DataFrame) else table

    def _seeds(self, job: Combination, seed: int | None) -> tuple[int, ...]:
        if seed is not None and seed not in job.seeds:
            raise ValueError(f"seed {seed} of {job.model.name}, {job.loss_in_paths} asked for; found {list(job.seeds)}")
        return job.seeds if seed is None else (seed,)

    def _named(self, dataset: str | None) -> str:
        if dataset is None and len(self.datasets) == 1:
            return self.datasets[0]
        if dataset not in self.datasets:
            asked = "no dataset named" if dataset is None else f"dataset {dataset!r} asked for"
            raise ValueError(f"{asked}; found {', '.join(self.datasets)}")
        return dataset

    def _job(self, dataset: str, model: str | None, loss: str | None) -> Combination:
        rows = self.plan.compared_jobs(dataset)
        if model is None and loss is None:
            named = self.chosen(dataset)
            return next(job for job in rows if job.identity == named)
        jobs = [job for job in rows if model in (None, job.model.name)]
        fits = [job for job in jobs if loss == job.loss_in_paths] or [
            job for job in jobs if loss in (None, job.loss_name) and job.prediction == identity.SEEDS
        ]
        if len(fits) == 1:
            return fits[0]
        shown = [f"{job.model.name}, {job.loss_in_paths}" for job in fits or jobs or rows]
        asked = ", ".join(filter(None, (model, loss)))
        near = difflib.get_close_matches(asked, shown, n=len(shown), cutoff=0) if not fits else shown
        raise ValueError(f"{len(fits)} rows of {dataset} are {asked}; expected one of: {'; '.join(near or shown)}")


def _table_of(prediction: Prediction, spread: np.ndarray, known: np.ndarray, classes: tuple[str, ...]) -> pd.DataFrame:
    """Return what is predicted for new objects, missing where not all pixels are known."""
    distribution = distributions.of(prediction)
    if distribution is not None:
        quantiles = distribution.quantile(LEVELS)
        prediction = replace(prediction, quantiles=quantiles, levels=np.array(LEVELS))
    columns = _columns_of(prediction, classes)
    if prediction.classes is not None:
        names = np.array(classes or [str(number) for number in range(prediction.classes.shape[1])], dtype=object)
        columns = {"class": names[prediction.point.astype(np.int64)], **columns}
    table = pd.DataFrame({**columns, "spread": spread})
    table.loc[~known] = np.nan
    finite = known & np.isfinite(prediction.point)
    return table.assign(not_finite=~finite)


def _columns_of(prediction: Prediction, classes: tuple[str, ...]) -> dict[str, np.ndarray]:
    found = {"point": prediction.point}
    for name in ("std", "epistemic", "aleatoric"):
        if (values := getattr(prediction, name)) is not None:
            found[name] = values
    if prediction.quantiles is not None and prediction.levels is not None:
        columns = zip(prediction.levels, prediction.quantiles.T, strict=True)
        found |= {f"quantile_{level:g}": values for level, values in columns}
    if prediction.classes is not None:
        names = classes or tuple(map(str, range(prediction.classes.shape[1])))
        found |= {f"probability_{name}": prediction.classes[:, place] for place, name in enumerate(names)}
    return found
