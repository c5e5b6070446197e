"""The blocks of a config, composed from the rooms' own settings."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, StrictInt, field_validator, model_validator

from skybake import plugins
from skybake.config.paths import expanded, network_file
from skybake.data.splits.settings import AnyStrategy
from skybake.evaluation.settings import Statistics
from skybake.fetch import Download, Fetch
from skybake.report.settings import Published
from skybake.results import identity
from skybake.settings import Settings
from skybake.training.settings import AnyTraining, Inside, Training

RESERVED = {"apply", "difference", "logs", "benchmarks", "config.yaml", "report.html", "comparison.csv"}
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.=+-]*$")]
Choice = Annotated[
    str | dict[str, dict[str, Any] | None],
    Field(description="A name, or a name with parameters: `huber: {delta: 0.3}`."),
]


ONE_SOURCE = "give either 'raw' (your files) or 'mock' (a simulation), and not both"


def checked_paths(given: dict[str, str] | None) -> dict[str, str] | None:
    """Return the paths of raw files as given.

    Raises:
        ValueError: One cannot be expanded.
    """
    for path in (given or {}).values():
        expanded(path)
    return given


class DatasetBlock(Settings):
    """Raw files of a survey, or a simulation of them, and how they are split."""

    survey: str = Field(description="The raw format: a file of `skybake/raw/`.")
    raw: dict[str, str] | None = Field(
        None, description="Your raw files, by the names that the survey gives them; `~` and `$VARIABLE` are replaced."
    )
    mock: dict[str, Any] | None = Field(None, description="Instead of `raw`: options of the survey's simulator.")
    fetch: Fetch | None = Field(
        None, description="With `raw`: download into its folder what the catalogue needs; only what is not there."
    )
    download: dict[str, Download] | None = Field(
        None, description="With `raw`: of its names, what is downloaded if it is not there; see [data](data.md)."
    )
    options: dict[str, Any] = Field({}, description="Options of the survey's reader.")
    inputs: list[str] | None = Field(
        None,
        description="Scalars given to models beside the image, or derived ones; by default what the survey suggests.",
    )
    derived: dict[str, str] = Field(
        {},
        description="Inputs by name that are made of scalars: `{ln_z: ln(redshift), g_r: mag_g - mag_r}`; see"
        " [inputs](inputs.md).",
    )
    split: AnyStrategy = Field(  # type: ignore[assignment]  # a bare name is read as its block
        "holdout",
        description="How objects are divided into train, validation and test: a file of `skybake/data/splits/`; a bare"
        " name takes the defaults.",
    )
    outlier: float | None = Field(
        None,
        gt=0,
        description="An error beyond this is an outlier; by default what the survey's reader says of its label: 0.05 of"
        " a redshift, 0.3 of others.",
    )

    @field_validator("raw")
    @classmethod
    def _paths(cls, given: dict[str, str] | None) -> dict[str, str] | None:
        return checked_paths(given)

    @model_validator(mode="after")
    def _one_source(self) -> DatasetBlock:
        if (self.raw is None) == (self.mock is None):
            raise ValueError(ONE_SOURCE)
        if self.fetch is not None and self.raw is None:
            raise ValueError("'fetch' goes with 'raw': it fills the folder that stands there")
        if unknown := sorted((self.download or {}).keys() - (self.raw or {}).keys()):
            raise ValueError(f"'download' of {', '.join(unknown)} found; expected names that stand under 'raw'")
        return self


class Range(Settings):
    """Numbers that a search draws from: whole ones where both ends are, else rounded to three digits."""

    low: int | float = Field(description="The smallest.")
    high: int | float = Field(description="The largest.")
    log: bool = Field(False, description="Whether every factor is as probable, instead of every difference.")

    @model_validator(mode="after")
    def _ascending(self) -> Range:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(
                f"low {self.low} and high {self.high} found; expected low below high{', above 0' if self.log else ''}"
            )
        return self


class Search(Settings):
    """Some points at random instead of all, each drawn before any training."""

    trials: int = Field(
        20, ge=1, le=1000, description="Points of every model with every loss; equal ones are drawn again."
    )
    seed: int = Field(1, ge=0, description="Of the draws: the same seed draws the same points.")
    halving: bool = Field(
        False,
        description="Train each for a ninth of the epochs, the best third on the validation part for a third of them,"
        " and the best third of those for all: a trial goes on where it was, and one that is left out ends at once.",
    )


Values = list[Any] | Range


class Sweep(Settings):
    """Values that are tried, all with all others or some at random; each point is a training of its own with all seeds.

    The point that is best on the validation part stands in the comparison, and only it is ever tested.
    """

    models: dict[str, dict[str, Values]] = Field(
        {}, description="Model -> parameter -> values: `lesson_cnn_dropout: {rate: [0.15, 0.3]}`."
    )
    losses: dict[str, dict[str, Values]] = Field(
        {}, description="Loss -> parameter -> values: `huber: {delta: [0.1, 0.5, 1.0]}`."
    )
    training: dict[str, Values] = Field(
        {}, description="Key of `training` -> values: `batch_size: [16, 64]`, `optimizer.learning_rate: [1e-4, 1e-3]`."
    )
    search: Search | None = Field(
        None,
        description="Try only some points at random: `{trials: 20}`. Beside lists, values may then be a range:"
        " `optimizer.learning_rate: {low: 1e-4, high: 1e-2, log: true}`.",
    )


class Bakeoff(Settings):
    """Every model with every loss on every dataset, each with all seeds."""

    datasets: list[str] = Field(min_length=1, description="Names of datasets.")
    models: list[Choice] = Field(min_length=1, description="Networks: files of `skybake/models/`.")
    losses: list[Choice] = Field(min_length=1, description="Losses: functions of `skybake/losses/`.")
    baselines: list[Choice] = Field([], description="Trivial predictors beside them: files of `skybake/baselines/`.")
    seeds: list[Annotated[StrictInt, Field(ge=0)]] = Field(
        [1, 2, 3, 4, 5], min_length=1, description="One training each; they set the initial weights and the order."
    )
    ensembles: bool = Field(
        False,
        description="Compare the mean of each network's seeds too, as a row of its own: one more judging and drawing"
        " each, and no training.",
    )
    mc_dropout: Annotated[int, Field(ge=2, le=1000)] | None = Field(
        None,
        description="Compare what each network predicts in so many passes with dropout too, as a row of its own"
        " (Monte-Carlo dropout; 25 is usual): no training. A network without dropout has no such row.",
    )
    training: AnyTraining = Field(Training(), description="How the networks are trained.")
    sweep: Sweep | None = Field(None, description="Values to choose from on the validation part.")
    inside: Inside | None = Field(None, description="Look inside the networks too.")
    published: list[Published] = Field(
        [], description="Numbers of papers: rows of their own on the page, held against ours in `published.csv`."
    )

    @model_validator(mode="after")
    def _paths(self) -> Bakeoff:
        swept = self.sweep.training.get("start_from", []) if self.sweep else []
        for path in (self.training.start_from, *(swept if isinstance(swept, list) else ())):
            if isinstance(path, str):
                network_file(path)
        return self

    @model_validator(mode="after")
    def _distinct_seeds(self) -> Bakeoff:
        repeated = sorted({seed for seed in self.seeds if self.seeds.count(seed) > 1})
        if repeated:
            raise ValueError(f"seeds {self.seeds}: {repeated[0]} stands twice; every seed is one training")
        return self


class Figures(Settings):
    """Figures to draw, files of `skybake/figures/` by their scope: by default all that suit the task, none for `[]`."""

    run: list[str] | None = Field(None, description="Of a model with a loss.")
    comparison: list[str] | None = Field(None, description="Of all models and losses on a dataset.")
    explore: list[str] | None = Field(None, description="Of a dataset alone.")
    inside: list[str] | None = Field(None, description="Of what is inside a network.")
    apply: list[str] | None = Field(None, description="Of what a network predicts for new objects.")
    difference: list[str] | None = Field(None, description="Of what changed since earlier results.")

    @model_validator(mode="before")
    @classmethod
    def _by_scope(cls, given: Any) -> Any:
        if not isinstance(given, list):
            return given
        known = plugins.figures()
        scopes = {
            scope: [name for name in given if name in known and known[name].constants["SCOPE"] == scope]
            for scope in cls.model_fields
        }
        meant = ", ".join(f"{scope}: [{', '.join(names)}]" for scope, names in scopes.items())
        raise ValueError(
            "a list found, which does not say whether the scopes that it leaves out have all figures or none; expected"
            f" lists by scope. Hint: {{{meant}}}, or leave a scope out for all of its figures"
        )


class CompareWith(Settings):
    """The row that the changes of all others are told against, in per cent, on every dataset that has it."""

    model: Choice = Field(description="A network or baseline of a bake-off.")
    loss: Choice | None = Field(None, description="Its loss; left out for a baseline, or where there is only one.")
    training: str | None = Field(None, description="The bake-off, where several have the model and the loss.")


class NewObjects(Settings):
    """New objects that a trained network is applied to: they are read as a dataset's are, and need no label.

    Where no row is named, the network predicts that was chosen on the validation part. Seeds are averaged.
    """

    dataset: str | None = Field(
        None,
        description="Of `datasets`: by its reader and options they are read, and a network that was trained on it"
        " predicts them. Left out where there is only one.",
    )
    raw: dict[str, str] | None = Field(None, description="Their files, as in `datasets`.")
    mock: dict[str, Any] | None = Field(None, description="Instead of `raw`: options of the survey's simulator.")
    options: dict[str, Any] = Field({}, description="Options of the reader that differ from those of the dataset.")
    objects: Literal["all", "unlabelled"] = Field(
        "all", description="Which of them; unlabelled: those alone whose label is not known."
    )
    model: Choice | None = Field(None, description="A network of a bake-off, instead of that which was chosen.")
    loss: Choice | None = Field(None, description="Its loss; left out where there is only one.")
    training: str | None = Field(None, description="The bake-off, where several have the model and the loss.")
    jobs: int = Field(1, ge=1, le=10_000, description="Jobs that share the objects; the catalogue is the same.")
    batch_size: int = Field(256, ge=1, description="Objects that the network sees at once.")
    false_alarms: float = Field(
        0.01, gt=0, lt=1, description="Fraction of objects like those of training that may be flagged `unfamiliar`."
    )

    @field_validator("raw")
    @classmethod
    def _paths(cls, given: dict[str, str] | None) -> dict[str, str] | None:
        return checked_paths(given)

    @model_validator(mode="after")
    def _one_source(self) -> NewObjects:
        if (self.raw is None) == (self.mock is None):
            raise ValueError(ONE_SOURCE)
        if self.model is None and (self.loss is not None or self.training is not None):
            raise ValueError("'loss' and 'training' go with 'model'; expected all that name a row, or none of them")
        return self


class Config(Settings):
    """A whole bake-off."""

    title: str = Field("A bake-off", description="Heads the report.")
    results: str = Field("results", description="Folder of everything made; give every bake-off its own.")
    datasets: dict[Name, DatasetBlock] = Field(min_length=1, description="Datasets by name.")
    bakeoffs: dict[Name, Bakeoff] = Field(min_length=1, description="Bake-offs by name.")
    figures: Figures = Field(Figures(), description="Figures to draw, by what they are of.")
    statistics: Statistics = Field(Statistics(), description="Uncertainties of the comparison.")
    compare_with: CompareWith | None = Field(
        None, description="Tell changes against this row: `{model: simple_sequential, loss: mse}`."
    )
    compare_with_results: list[str] = Field(
        [],
        description="Folders of earlier results, of this bake-off or a similar one: `snakemake difference` tells what"
        " changed since.",
    )
    display: dict[str, str] = Field(
        {},
        description="Names that pages show: of models, losses, baselines and datasets, by those that they have here:"
        " `{vgg6_reference: VGG-6, mse: squared error}`.",
    )
    apply: dict[Name, NewObjects] = Field(
        {}, description="New objects by name: a trained network predicts them, into `apply/<name>/catalogue.fits`."
    )

    @field_validator("results")
    @classmethod
    def _a_folder_of_its_own(cls, given: str) -> str:
        if given.strip("/. ") == "" or re.search(r"\s|[{}]", re.sub(r"\$\{\w+\}", "", given)):
            raise ValueError(f"{given!r} found; expected a folder of its own, without spaces or braces, e.g. 'results'")
        expanded(given)
        return given.rstrip("/")

    @field_validator("compare_with_results")
    @classmethod
    def _each_can_be_found(cls, given: list[str]) -> list[str]:
        for folder in given:
            expanded(folder)
        return given

    @field_validator("bakeoffs")
    @classmethod
    def _no_name_of_a_mean(cls, given: dict[str, Bakeoff]) -> dict[str, Bakeoff]:
        for name in given:
            if name in identity.MEANS or name.startswith(identity.FOLD):
                raise ValueError(f"the name {name!r} is skybake's own in the results folder; choose another one")
        return given

    @field_validator("datasets")
    @classmethod
    def _no_reserved_names(cls, given: dict[str, DatasetBlock]) -> dict[str, DatasetBlock]:
        for name in given:
            if name.lower() in RESERVED:
                raise ValueError(f"the name {name!r} is skybake's own in the results folder; choose another one")
        return given

    @field_validator("datasets", "apply")
    @classmethod
    def _no_shared_folders(cls, given: dict[str, Any]) -> dict[str, Any]:
        seen: dict[str, str] = {}
        for name in given:
            if (other := seen.setdefault(name.lower(), name)) != name:
                raise ValueError(
                    f"{other!r} and {name!r} differ in capitals alone, and are one folder on some disks; expected"
                    " another name for one of them"
                )
        return given
