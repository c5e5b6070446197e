"""What follows from a checked config: jobs, files, parameters of rules."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from skybake import metrics, plugins
from skybake.config.applications import Application, block_for, dataset_of
from skybake.config.combinations import Chosen, Combination, SweepPoint, chosen_part
from skybake.config.paths import (
    ARCHITECTURE_FILES,
    BASELINE_FILES,
    COMPARISON_FILES,
    NETWORK_FILES,
    POINT_FILES,
    expanded,
    network_file,
)
from skybake.config.reference import matching
from skybake.config.sources import Sources
from skybake.config.sweeps import sweep_points
from skybake.data.splits import strategies
from skybake.results import identity
from skybake.training.images import steps
from skybake.training.job import Job, NetworkJob
from skybake.training.schedules import schedules
from skybake.training.settings import Inside


class Plan(Sources):
    """A checked config and everything that follows from it."""

    def at(self, results: str) -> Plan:
        """Return the same plan for a copy of the results in another folder."""
        return Plan(self.config, results)

    @cached_property
    def applications(self) -> dict[str, Application]:
        """What networks are applied to, by name."""
        datasets = self.config.datasets
        return {
            name: Application(name, given, dataset_of(given, datasets), self)
            for name, given in self.config.apply.items()
        }

    def given_files(self) -> list[str]:
        """Return all that the config names, raw files, trained networks, earlier results, and the folder of results."""
        raw = [path for name in self.blocks for path in self.raw(name).values()]
        return [*raw, *dict.fromkeys(path for _, _, path in self.starts()), *self.earlier_results, self.paths.results]

    @property
    def earlier_results(self) -> list[str]:
        """The folders that ``snakemake difference`` looks into."""
        return [expanded(path) for path in self.config.compare_with_results]

    @cached_property
    def combinations(self) -> tuple[Combination, ...]:
        """All rows that are trained, networks before baselines."""
        return tuple(self._combinations())

    @cached_property
    def trainings(self) -> tuple[Combination, ...]:
        """All training jobs: the rows, or the folds of each."""
        return tuple(job for row in self.combinations for job in row.trainings())

    def _combinations(self) -> Iterator[Combination]:
        losses = plugins.losses()
        models, baselines = plugins.models(), plugins.in_room("baselines", "build")
        taken: set[tuple[str, str, str]] = set()
        for name, bakeoff in self.config.bakeoffs.items():
            pairs: list[tuple[Chosen, Chosen | None]] = [
                (chosen_part(model, models), chosen_part(loss, losses))
                for model in bakeoff.models
                for loss in bakeoff.losses
            ]
            pairs += [(chosen_part(model, baselines), None) for model in bakeoff.baselines]
            jobs = [(model, loss, tuple(sweep_points(bakeoff, model, loss)) if loss else ()) for model, loss in pairs]
            places = {
                (dataset, model.name, loss.name) for dataset in bakeoff.datasets for model, loss, _ in jobs if loss
            }
            marked = bool(places & taken)  # the whole bake-off, so that its training rule's names are a product
            taken |= places
            for dataset in bakeoff.datasets:
                split, folds = self.split_name(dataset), self.config.datasets[dataset].split.divisions
                for model, loss, points in jobs:
                    seeds = tuple(bakeoff.seeds if loss or model.part.seeded else bakeoff.seeds[:1])
                    here = marked and loss is not None
                    yield Combination(name, dataset, model, loss, seeds, points, split, here, folds=folds)

    def select(self, **names: str) -> list[Combination]:
        """Return the combinations with these ``bakeoff``, ``dataset``, ``model`` or ``loss_in_paths``."""
        return [
            job
            for job in self.combinations
            if all((job.model.name if key == "model" else getattr(job, key)) == name for key, name in names.items())
        ]

    def job(self, dataset: str, model: str, loss: str) -> Combination:
        """Return one combination by its names."""
        return self._by_name[dataset, model, loss]

    def compared_jobs(self, dataset: str) -> list[Combination]:
        """Return what stands in a dataset's comparison: its training jobs, and means of these where asked for."""
        return [job for job in self._by_name.values() if job.dataset == dataset and job.fold is None]

    @cached_property
    def _by_name(self) -> dict[tuple[str, str, str], Combination]:
        rows = (
            replace(job, prediction=prediction)
            for job in self.combinations
            for prediction in (
                identity.SEEDS,
                *((identity.ENSEMBLE,) if self.config.bakeoffs[job.bakeoff].ensembles and len(job.seeds) > 1 else ()),
                *((identity.DROPOUT,) if self.config.bakeoffs[job.bakeoff].mc_dropout and job.loss else ()),
            )
        )
        jobs = [*rows, *(job for job in self.trainings if job.fold is not None)]
        return {(job.dataset, job.model.name, job.loss_in_paths): job for job in jobs}

    def split(self, dataset: str) -> str:
        """Return the path of a dataset's split."""
        return self.paths.split(dataset, self.config.datasets[dataset].split.seed)

    def audit(self, dataset: str) -> str:
        """Return the path of the audit of a dataset's split."""
        return self.paths.audit(dataset, self.config.datasets[dataset].split.seed)

    def split_name(self, dataset: str) -> str:
        """Return the name of a dataset's split: its strategy and seed, and how often it divides."""
        given = self.config.datasets[dataset].split
        return f"{given.strategy}-{given.seed}" + (f"x{given.divisions}" if given.divisions > 1 else "")

    def split_modules(self, dataset: str) -> list[str]:
        """Return the module of a dataset's split."""
        return [strategies()[self.config.datasets[dataset].split.strategy].module]

    def modules_of_job(self, dataset: str, model: str, loss: str, point: str = "") -> list[str]:
        """Return the modules of a job's model, loss and head, and of all that its trainings name."""
        job = self.job(dataset, model, loss)
        if job.loss is None:
            return [job.model.part.module]
        points = [self.points(dataset, model, loss)[point]] if point else job.points
        trainings = [item.training for item in points] or [self.config.bakeoffs[job.bakeoff].training]
        named = [
            room[name].module
            for training in trainings
            for room, name in ((steps(), training.images.name), (schedules(), training.schedule.name))
        ]
        head = plugins.heads()[job.loss.part.constants["head"]]
        return [job.model.part.module, job.loss.part.module, head.module, *named]

    def training_job(self, dataset: str, model: str, loss: str, point: str = "") -> Job:
        """Return what a training job, or that of a point of its sweep, is told, all but the digest of its code."""
        job = self.job(dataset, model, loss)
        training = self.config.bakeoffs[job.bakeoff].training
        given = self.points(dataset, model, loss)[point] if point else SweepPoint({}, job.model, job.loss, training)
        told = Job(
            dataset=dataset,
            model=model,
            loss=loss,
            library_model=given.model.part.name,
            model_parameters=dict(given.model.parameters),
            label=self.label(dataset),
            inputs=self.inputs(dataset),
            derived=self.derived(dataset),
            fold=job.fold,
        )
        if given.loss is None:
            return told
        return NetworkJob(
            **told.model_dump(exclude={"labels"}),
            library_loss=given.loss.part.name,
            loss_parameters=dict(given.loss.parameters),
            labels=self.labels(dataset),
            training=given.training,
            point=point,
            tested=not point,
        )

    def starts(self) -> list[tuple[Combination, str, str]]:
        """Return combination, point (empty where nothing is swept) and network of all that start from one."""
        return [
            (job, point, self._network(training.start_from))
            for job in self.trainings
            if job.loss is not None
            for point, training in (
                [(item.name, item.training) for item in job.points]
                or [("", self.config.bakeoffs[job.bakeoff].training)]
            )
            if training.start_from is not None
        ]

    def _network(self, given: str) -> str:
        """Return the file of a trained network; one in the folder of results is called as rules do."""
        path = network_file(given)
        results, found = (Path(os.path.realpath(each)) for each in (self.paths.results, path))
        return f"{self.paths.results}/{found.relative_to(results)}" if found.is_relative_to(results) else path

    def start(self, dataset: str, model: str, loss: str, point: str = "") -> list[str]:
        """Return the network that a training job starts from, and its record where that is there; or nothing."""
        told = self.training_job(dataset, model, loss, point)
        if not isinstance(told, NetworkJob) or told.training.start_from is None:
            return []
        path = self._network(told.training.start_from)
        record = Path(path).with_name("run.json")
        known = Path(path).is_relative_to(self.paths.results) or record.is_file()
        return [path, str(record)] if path.endswith("/model.keras") and known else [path]

    def run_folders(self, dataset: str, model: str, loss: str, point: str = "") -> dict[int, str]:
        """Return seed -> folder of the run."""
        job = self.job(dataset, model, loss)
        names = {"dataset": dataset, "model": model, "loss": job.loss_in_predictions}
        folder = self.paths.sweep(point, **names) if point else self.paths.job(**names)
        return {seed: f"{folder}/seed-{seed}" for seed in job.seeds}

    def points(self, dataset: str, model: str, loss: str) -> dict[str, SweepPoint]:
        """Return the points of a combination's sweep by name."""
        return {point.name: point for point in self.job(dataset, model, loss).points}

    def point_jobs(self, **names: str) -> dict[str, dict[str, Any]]:
        """Return point -> what its training job is told, as plain values, of a combination's sweep."""
        return {point: self.training_job(**names, point=point).params() for point in self.points(**names)}

    def swept_values(self, **names: str) -> dict[str, dict[str, Any]]:
        """Return point -> key -> value, of a combination's sweep."""
        return {name: dict(point.values) for name, point in self.points(**names).items()}

    def rung_files(self, dataset: str, model: str, loss: str, rung: int) -> list[str]:
        """Return the files of all points on a rung of successive halving."""
        names = {"dataset": dataset, "model": model, "loss": loss}
        on_rung = [name for name, point in self.points(**names).items() if point.rung == rung]
        folders = [folder for name in on_rung for folder in self.run_folders(**names, point=name).values()]
        return [f"{folder}/{file}" for folder in folders for file in POINT_FILES]

    def survivors(self, dataset: str, model: str, loss: str, point: str) -> list[str]:
        """Return the file that says which trials go on to a point's rung; none for the first."""
        rung = self.points(dataset, model, loss)[point].rung
        return [self.paths.sweep(f"rung-{rung - 1}.json", dataset, model, loss)] if rung > 1 else []

    def before(self, dataset: str, model: str, loss: str, point: str) -> list[str]:
        """Return the files of the same trial on the rung before; none on the first."""
        known = self.points(dataset, model, loss)
        here = known[point]
        earlier = [name for name, it in known.items() if (it.trial, it.rung) == (here.trial, here.rung - 1)]
        folders = [folder for name in earlier for folder in self.run_folders(dataset, model, loss, name).values()]
        return [f"{folder}/{file}" for folder in folders for file in POINT_FILES]

    def point_work(self, dataset: str, model: str, loss: str, point: str) -> str:
        """Return the folder in which a point is trained: all rungs of a trial have one, so that it goes on there."""
        return f"{self.paths.sweep(self.trial(dataset, model, loss, point) or point, dataset, model, loss)}/.work"

    def trial(self, dataset: str, model: str, loss: str, point: str) -> str:
        """Return the trial of successive halving that a point belongs to; empty elsewhere."""
        return self.points(dataset, model, loss)[point].trial

    def trials(self, dataset: str, model: str, loss: str) -> dict[str, str]:
        """Return point -> trial, of a sweep."""
        return {name: point.trial for name, point in self.points(dataset, model, loss).items()}

    def sweep_files(self, dataset: str, model: str, loss: str) -> list[str]:
        """Return the files of all points of a sweep."""
        names = {"dataset": dataset, "model": model, "loss": loss}
        folders = [
            folder for point in self.points(**names) for folder in self.run_folders(**names, point=point).values()
        ]
        return [f"{folder}/{file}" for folder in folders for file in POINT_FILES]

    def sweeps(self, dataset: str | None = None) -> list[str]:
        """Return the choices of all sweeps, or of those on one dataset."""
        return [
            self.paths.sweep("sweep.json", job.dataset, job.model.name, job.loss_in_paths)
            for job in self.trainings
            if job.points and dataset in (None, job.dataset)
        ]

    def run_files(self, dataset: str, model: str, loss: str) -> list[str]:
        """Return the files of all runs of a job that evaluation reads."""
        return [
            f"{folder}/{file}" for folder in self.run_folders(dataset, model, loss).values() for file in BASELINE_FILES
        ]

    def fold_files(self, dataset: str, model: str, loss: str) -> list[str]:
        """Return the files of the runs of all folds of a row, and of its network's layers, fold by fold."""
        row = self.job(dataset, model, loss)
        names = (*BASELINE_FILES, *(ARCHITECTURE_FILES if row.loss is not None else ()))
        return [
            f"{folder}/{file}"
            for job in row.trainings()
            for folder in self.run_folders(dataset, model, job.loss_in_paths).values()
            for file in names
        ]

    def compared_runs(self, dataset: str) -> list[str]:
        """Return the files of all runs on a dataset that its comparison reads."""
        jobs = [job for job in self.compared_jobs(dataset) if job.prediction != identity.ENSEMBLE]
        return [file for job in jobs for file in self.run_files(dataset, job.model.name, job.loss_in_paths)]

    def architectures(self, dataset: str) -> list[str]:
        """Return what tells of the layers of each network on a dataset: that of its first seed."""
        networks = [job for job in self.select(dataset=dataset) if job.loss is not None]
        folders = [self.run_folders(dataset, job.model.name, job.loss_in_paths) for job in networks]
        return [f"{next(iter(seeds.values()))}/{file}" for seeds in folders for file in ARCHITECTURE_FILES]

    def evaluations(self, dataset: str, name: str) -> list[str]:
        """Return ``metrics.json`` or ``figures`` of all rows of a dataset."""
        jobs = self.compared_jobs(dataset)
        return [self.paths.evaluation(name, dataset, job.model.name, job.loss_in_paths) for job in jobs]

    def ensembles(self, dataset: str) -> list[str]:
        """Return the predictors of a dataset's ensembles of networks."""
        return [
            self.paths.ensemble(dataset, job.model.name, job.loss_in_runs)
            for job in self.compared_jobs(dataset)
            if job.prediction == identity.ENSEMBLE
            and job.loss is not None
            and job.folds == 1
            and dataset not in self.further
        ]

    def rows(self, dataset: str) -> list[dict[str, Any]]:
        """Return what the comparison is told of each row, beside the files that it is given."""
        page, rows = self.paths.dataset(dataset, ""), []
        for job in self.compared_jobs(dataset):
            names = {"dataset": dataset, "model": job.model.name, "loss": job.loss_in_paths}
            trained = {**names, "loss": job.loss_in_runs}
            folds = [{**names, "loss": fold.loss_in_runs} for fold in job.trainings()]
            rows.append(
                {
                    **job.identity,
                    "folder": f"{job.model.name}/{job.loss_in_paths}",
                    "trained": f"{job.model.name}/{job.loss_in_runs}",
                    "predicted": f"{job.model.name}/{job.loss_in_predictions}",
                    "seeds": list(job.seeds),
                    "log": self.paths.log(
                        "predict_with_dropout"
                        if job.prediction == identity.DROPOUT
                        else "take_runs"
                        if self.is_taken(job)
                        else "train"
                        if job.folds == 1
                        else "pool_folds",
                        *trained.values(),
                    ),
                    "judge_log": self.paths.log("judge", *names.values()),
                    "draw_log": self.paths.log("draw", *names.values()),
                    "baseline": job.loss is None,
                    "point_logs": [
                        *(self.paths.log("train", *fold.values()) for fold in folds if job.folds > 1),
                        *(
                            self.paths.log("train", *fold.values(), point.name)
                            for fold in folds
                            for point in job.points
                        ),
                    ],
                    "inside": self.paths.inside("figures", **folds[0]).removeprefix(page)
                    if self._looked_into(job)
                    else "",
                }
            )
        return rows

    def how_to_apply(self, dataset: str) -> dict[str, str]:
        """Return what a page says of applying a network of a dataset: a ``block`` of the config, and ``results``."""
        if self.config.datasets[dataset].split.divisions > 1 or dataset in self.further or self.labels(dataset):
            return {}  # each network has seen a part of the training objects alone, or predicts several labels
        return {"block": block_for(self, dataset), "results": self.config.results.rstrip("/")}

    def published(self, dataset: str) -> list[dict[str, Any]]:
        """Return the published rows of a dataset as plain values, with the axes of ours."""
        found = []
        for name, bakeoff in self.config.bakeoffs.items():
            for given in bakeoff.published if dataset in bakeoff.datasets and dataset not in self.further else ():
                model = chosen_part(given.model, plugins.models()).name if given.model else ""
                loss = chosen_part(given.loss, plugins.losses()).name if given.loss else ""
                values = {key: number.model_dump() for key, number in given.numbers().items()}
                more = given.model_dump(include={"source", "n_train", "n_test", "may_explain", "note"})
                row = {"training": name, "model": model, "loss": loss}
                found.append({**row, "name": given.name or "", "values": values, **more})
        return found

    def reference(self, dataset: str) -> dict[str, str]:
        """Return the axes of the row that changes are told against; empty where none is named on a dataset."""
        given = self.config.compare_with
        found = matching(given, self.select(dataset=dataset)) if given else []
        return found[0].identity if found else {}

    def first_run(self, dataset: str, model: str, loss: str) -> list[str]:
        """Return the files of the run that is looked into: that of the first seed."""
        folder = next(iter(self.run_folders(dataset, model, loss).values()))
        return [f"{folder}/{file}" for file in NETWORK_FILES]

    def inside_settings(self, dataset: str, model: str, loss: str) -> dict[str, Any]:
        """Return what is looked at inside a network."""
        asked = self.config.bakeoffs[self.job(dataset, model, loss).bakeoff].inside
        return (asked or Inside()).model_dump()

    def insides(self, *, asked: bool) -> list[str]:
        """Return the figures of what is inside all networks, or those that the config asks for."""
        return [
            self.paths.inside("figures", job.dataset, job.model.name, job.trainings()[0].loss_in_paths)
            for job in self.combinations
            if job.loss is not None and (not asked or self._looked_into(job))
        ]

    def _looked_into(self, job: Combination) -> bool:
        if job.prediction != identity.SEEDS:
            return False
        return job.loss is not None and self.config.bakeoffs[job.bakeoff].inside is not None

    def everything(self) -> list[str]:
        """Return all files of all runs and comparisons, so that a deleted one is made again."""
        files = [file for name in COMPARISON_FILES for file in self.compared(name)]
        for application in self.applications.values():
            files += application.results()
        for dataset in self.datasets():
            files += [self.audit(dataset), *self.limit(dataset), *self.compared_runs(dataset), *self.ensembles(dataset)]
            files += [
                file for name in ("metrics.json", "failures.csv", "figures") for file in self.evaluations(dataset, name)
            ]
            for job in self.trainings:
                if job.dataset == dataset and job.loss is not None:
                    folders = self.run_folders(dataset, job.model.name, job.loss_in_paths).values()
                    names = ARCHITECTURE_FILES if self.is_taken(job) else NETWORK_FILES
                    more = [file for file in names if file not in BASELINE_FILES]
                    files += [f"{folder}/{file}" for folder in folders for file in more]
        return files

    def baseline_seeds(self, bakeoff: str) -> list[tuple[int, ...]]:
        """Return the seeds of a bake-off's baselines: one of those that are fitted once, all of the others."""
        return sorted({job.seeds for job in self.select(bakeoff=bakeoff) if job.loss is None})

    def constraints(self, bakeoff: str, *, networks: bool, seeds: tuple[int, ...] | None = None) -> dict[str, str]:
        """Return what the wildcards of a bake-off's training rules may be, or of those with certain seeds."""
        return _constraints(
            job
            for job in self.trainings
            if job.bakeoff == bakeoff and (job.loss is not None) == networks and seeds in (None, job.seeds)
            if not self.is_taken(job)
        )

    def taken(self, bakeoff: str) -> dict[str, str]:
        """Return the wildcards of a bake-off's rows of labels beside the first; empty where there are none."""
        rows = [job for job in self.select(bakeoff=bakeoff) if self.is_taken(job)]
        return _constraints(rows) if rows else {}

    def runs_of_all_labels(self, dataset: str, model: str, loss: str) -> list[str]:
        """Return the files of the runs that a label's are taken from, and of their layers."""
        folders = self.run_folders(self.whole(dataset), model, loss).values()
        return [f"{folder}/{file}" for folder in folders for file in (*BASELINE_FILES, *ARCHITECTURE_FILES)]

    def pools(self, bakeoff: str) -> list[dict[str, Any]]:
        """Return ``networks``, ``seeds`` and ``names``, the wildcards, of the rows of a bake-off that pool folds."""
        rows = [row for row in self.select(bakeoff=bakeoff) if row.folds > 1]
        kinds = sorted({(row.loss is not None, row.seeds) for row in rows})
        return [
            {
                "networks": networks,
                "seeds": seeds,
                "names": _constraints(row for row in rows if (row.loss is not None, row.seeds) == (networks, seeds)),
            }
            for networks, seeds in kinds
        ]

    def metric_modules(self) -> list[str]:
        """Return the modules of all metrics: by them rows are judged, and tables have their columns."""
        return metrics.modules()

    def figure_modules(self, scope: str, dataset: str) -> list[str]:
        """Return the modules of the figures to draw."""
        return [figure.module for figure in self.figures(scope, dataset)]

    def figures(self, scope: str, dataset: str) -> list[plugins.PlugIn]:
        """Return the figures to draw of a scope, one of :data:`skybake.config.contracts.SCOPES`."""
        known, given = plugins.figures(), getattr(self.config.figures, scope)
        return [
            known[name]
            for name in (known if given is None else given)
            if known[name].constants["SCOPE"] == scope and self.task(dataset) in known[name].tasks
        ]


def _constraints(jobs: Iterable[Combination]) -> dict[str, str]:
    """Return what the wildcards of a rule may be, that makes files of some jobs."""
    jobs = list(jobs)
    names = {
        "dataset": {job.dataset for job in jobs},
        "model": {job.model.name for job in jobs},
        "loss": {job.loss_in_paths for job in jobs},
    }
    return {key: "|".join(map(re.escape, sorted(values))) or "(?!)" for key, values in names.items()}
