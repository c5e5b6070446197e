"""What follows from ``apply``: the new objects, and the networks that may predict them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skybake.config.blocks import CompareWith, DatasetBlock, NewObjects
from skybake.config.messages import unknown_name
from skybake.config.paths import APPLIED, APPLIED_FILES, BASELINE_FILES
from skybake.config.reference import absent, matching
from skybake.results import identity

if TYPE_CHECKING:
    from skybake.config.combinations import Combination
    from skybake.config.plan import Plan

OF_TRAINING = ("where", "max_objects", "max_objects_seed")  # options that choose what is learned from
CHOSEN_ROW = "chosen"  # name of what is remembered of the network that is chosen on validation


def place_of(name: str) -> str:
    """Return what new objects are called where a dataset's name would stand: in paths, and in a plan."""
    return f"{APPLIED}/{name}"


def dataset_of(given: NewObjects, datasets: Mapping[str, DatasetBlock]) -> str:
    """Return the name of the dataset that new objects are like; empty where it must be named."""
    return given.dataset or (next(iter(datasets)) if len(datasets) == 1 else "")


def as_dataset(given: NewObjects, like: DatasetBlock) -> DatasetBlock:
    """Return how new objects are read: as those of a dataset, but for what is given; labels may be missing."""
    wanted = "only" if given.objects == "unlabelled" else "keep"
    shared = {name: value for name, value in like.options.items() if name not in OF_TRAINING}
    options = {**shared, **given.options, "without_label": wanted}
    source = {"raw": given.raw, "mock": given.mock, "fetch": None, "download": None}
    return like.model_copy(update={**source, "options": options})


def block_for(plan: Plan, dataset: str) -> str:
    """Return the lines of a config that apply a network of a dataset to new objects, as a user may copy them."""
    survey = plan.survey(dataset)
    names = plan.raw(dataset) or next(iter(survey.constants.get("RAW_FORMS", ())), survey.constants["RAW"])
    raw = ", ".join(f"{name}: path/to/{name}" for name in names)
    return f"apply:\n  new_objects:\n    dataset: {dataset}\n    raw: {{{raw}}}\n"


@dataclass(frozen=True)
class Application:
    """New objects, and the networks that may predict them.

    Attributes:
        name: In the config.
        given: Its block.
        dataset: The dataset that the networks were trained on.
        plan: What follows from the config.
    """

    name: str
    given: NewObjects
    dataset: str
    plan: Plan

    @property
    def key(self) -> str:
        """Key of the config."""
        return f"apply.{self.name}"

    @property
    def place(self) -> str:
        """What stands where a dataset's name would."""
        return place_of(self.name)

    @property
    def named(self) -> list[Combination]:
        """The rows that the config names; empty where it names none."""
        if self.given.model is None:
            return []
        asked = CompareWith(model=self.given.model, loss=self.given.loss, training=self.given.training)
        return matching(asked, self.plan.select(dataset=self.dataset))

    @property
    def rows(self) -> list[Combination]:
        """The rows of which one predicts: that which is named, or all networks of the comparison."""
        if self.given.model is not None:
            return self.named
        return [job for job in self.plan.compared_jobs(self.dataset) if job.loss is not None]

    @property
    def bakeoffs(self) -> list[str]:
        """The bake-offs whose networks may predict."""
        return list(dict.fromkeys(row.bakeoff for row in self.rows))

    @property
    def threads(self) -> int:
        """The most that one of these bake-offs trains with."""
        return max(self.plan.config.bakeoffs[name].training.threads for name in self.bakeoffs)

    def told(self) -> list[dict[str, Any]]:
        """Return what a step is told of each row: its axes, and its folder among the runs."""
        return [{**row.identity, "trained": [row.model.name, row.loss_in_runs]} for row in self.rows]

    def judged(self) -> list[dict[str, Any]]:
        """Return what the page is told of each row, as that of a comparison is."""
        axes = [row.identity for row in self.rows]
        told = self.plan.rows(self.dataset)
        return [row for row in told if {axis: row[axis] for axis in identity.AXES} in axes]

    def metrics(self) -> list[str]:
        """Return the files of what each row was judged to be."""
        return [
            self.plan.paths.evaluation("metrics.json", self.dataset, row.model.name, row.loss_in_paths)
            for row in self.rows
        ]

    def chosen(self) -> list[str]:
        """Return the file that says which row predicts; none where the config names it."""
        return [] if self.given.model is not None else [self.plan.paths.chosen(self.dataset)]

    def runs(self) -> list[str]:
        """Return the files of all runs that may predict."""
        names = [*BASELINE_FILES, "predictor.keras"]
        return [
            f"{folder}/{name}"
            for row in self.rows
            if row.prediction != identity.ENSEMBLE
            for folder in self.plan.run_folders(self.dataset, row.model.name, row.loss_in_paths).values()
            for name in (names if row.prediction == identity.SEEDS else BASELINE_FILES)
        ]

    @property
    def sample(self) -> str:
        """The file of what new objects are compared with: one for all that the same network predicts."""
        row = "/".join(self.told()[0]["trained"]) if self.given.model is not None else CHOSEN_ROW
        return self.plan.paths.sample(row, self.dataset)

    @property
    def samples(self) -> bool:
        """Whether the sample is made with this one: it is the first in the config that needs it."""
        return next(other.name for other in self.plan.applications.values() if other.sample == self.sample) == self.name

    def heads(self) -> list[str]:
        """Return the modules that make predictions of what the networks give."""
        modules = [self.plan.modules_of_job(self.dataset, row.model.name, row.loss_in_paths) for row in self.rows]
        return sorted({module for each in modules for module in each if module.startswith("skybake.heads.")})

    def parts(self) -> list[str]:
        """Return the files of predictions, one a job."""
        return [self.plan.paths.applied(f"parts/{part}.h5", self.name) for part in range(self.given.jobs)]

    def results(self) -> list[str]:
        """Return the files that are made for a user."""
        return [self.plan.paths.applied(name, self.name) for name in APPLIED_FILES]


def problems(checked: Plan) -> Iterator[str]:
    """Find applications of what is trained nowhere, and rows that cannot be applied."""
    for application in checked.applications.values():
        key, given = application.key, application.given
        trained = checked.select(dataset=application.dataset)
        if not trained:
            yield f"{key}.dataset: no bake-off trains on {application.dataset!r}; expected a dataset of one"
            continue
        if checked.config.datasets[application.dataset].split.divisions > 1:
            yield (
                f"{key}.dataset: {application.dataset!r} is split into folds, and each of its networks has seen another"
                " part; expected a dataset that is split once, e.g. a second one with the same files and `holdout`"
            )
        if given.model is None:
            continue
        rows = application.named
        if not rows:
            asked = CompareWith(model=given.model, loss=given.loss, training=given.training)
            yield absent(key, asked, trained)
        elif len(rows) > 1:
            lines = "".join(
                f"\n    {{model: {row.model.name}, loss: {row.loss_name}, training: {row.bakeoff}}}" for row in rows
            )
            yield f"{key}: {len(rows)} rows found; expected one. Write one of these:{lines}"
        elif rows[0].loss is None:
            networks = dict.fromkeys(job.model.name for job in trained if job.loss is not None)
            yield (
                f"{key}.model: {rows[0].model.name!r} is a baseline, and leaves no network that could be applied;"
                f" expected one of {', '.join(networks)}, or no model for the one that is chosen on validation"
            )


def dataset_problems(given: Mapping[str, NewObjects], datasets: Mapping[str, DatasetBlock]) -> Iterator[str]:
    """Find new objects that are like no dataset."""
    for name, block in given.items():
        key, found = f"apply.{name}.dataset", dataset_of(block, datasets)
        if not found:
            yield f"{key}: missing; expected one of {', '.join(datasets)}"
        elif found not in datasets:
            yield unknown_name(key, "dataset", found, datasets)
