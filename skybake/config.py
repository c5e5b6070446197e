"""The config as typed objects, and every path of the results tree in one place.

The classes below are the single source of ``schemas/config.schema.json`` and ``docs/config.md``, written by
:mod:`skybake.config_page` (``make docs``); a test keeps them in step.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal

from pydantic import Field, StrictInt, ValidationError, field_validator, model_validator

from skybake import discovery
from skybake.fetch import Fetch
from skybake.settings import Settings

BASELINE_FILES = ("history.csv", "predictions.h5", "timing.json", "run.json")
NETWORK_FILES = (*BASELINE_FILES, "model.keras")
COMPARISON_FILES = ("comparison.csv", "comparison.tex", "report.html", "figures")  # of a dataset
UNSWEPT = ("backend", "threads", "device", "memory_limit_mb")  # how a network is computed, not what is trained
RESERVED = {"logs", "benchmarks", "config.yaml", "report.html", "comparison.csv"}
LONGEST_NAME = 100  # of a model or loss with its parameters; file systems allow 255 bytes
BASELINE_LOSS = "baseline"  # what stands in the loss column of a row that is not trained by gradient descent
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.=+-]*$")]
Choice = Annotated[
    str | dict[str, dict[str, Any] | None],
    Field(description="A name, or a name with parameters: `huber: {delta: 0.3}`."),
]


class ConfigError(ValueError):
    """A config that cannot be run; the message names every wrong key, its value and what is allowed."""


class Holdout(Settings):
    """A test part is cut off, then a validation part of what remains: sklearn's `train_test_split` twice."""

    strategy: Literal["holdout"] = "holdout"
    test: float = Field(0.1, gt=0, lt=1, description="Fraction of all objects kept for the test.")
    valid: float = Field(0.1, gt=0, lt=1, description="Fraction of the remaining objects kept for validation.")
    seed: int = Field(40, ge=0, description="Seed of the split.")


class Fractions(Settings):
    """Three parts by their fractions, shuffled once: astroML's `split_samples`."""

    strategy: Literal["fractions"]
    train: float = Field(0.7, gt=0, lt=1, description="Fraction of all objects to train on.")
    valid: float = Field(0.1, gt=0, lt=1, description="Fraction of all objects kept for validation.")
    test: float = Field(0.2, gt=0, lt=1, description="Fraction of all objects kept for the test.")
    seed: int = Field(40, ge=0, description="Seed of the split.")

    @model_validator(mode="after")
    def _add_up(self) -> Fractions:
        total = self.train + self.valid + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(
                f"the fractions train {self.train}, valid {self.valid} and test {self.test} add up to {total:g},"
                " expected 1"
            )
        return self


class Group(Settings):
    """As `holdout`, but whole groups: objects of one group are never on both sides."""

    strategy: Literal["group"]
    test: float = Field(0.1, gt=0, lt=1, description="Fraction of all groups kept for the test.")
    valid: float = Field(0.1, gt=0, lt=1, description="Fraction of the remaining groups kept for validation.")
    seed: int = Field(40, ge=0, description="Seed of the split.")


class Sky(Settings):
    """As `group`, but by place: equal-area cells of the sky in `ra` and sin(`dec`) are never divided."""

    strategy: Literal["sky"]
    cell: float = Field(
        1.0, gt=0, le=60, description="Side of a cell at the equator [deg]; the area is its square everywhere."
    )
    test: float = Field(0.1, gt=0, lt=1, description="Fraction of the cells that have objects, kept for the test.")
    valid: float = Field(0.1, gt=0, lt=1, description="Fraction of the remaining cells kept for validation.")
    seed: int = Field(40, ge=0, description="Seed of the split.")


class Official(Settings):
    """The test part is the one that the survey's makers set aside; a validation part is cut off the rest."""

    strategy: Literal["official"]
    valid: float = Field(0.1, gt=0, lt=1, description="Fraction of the other objects kept for validation.")
    seed: int = Field(40, ge=0, description="Seed of the validation part.")


class Dataset(Settings):
    """Raw files of a survey, or a simulation of them, and how they are split."""

    survey: str = Field(description="The raw format: a file of `skybake/raw/`.")
    raw: dict[str, Path] | None = Field(None, description="Your raw files, by the names that the survey gives them.")
    mock: dict[str, Any] | None = Field(None, description="Instead of `raw`: options of the survey's simulator.")
    fetch: Fetch | None = Field(
        None, description="With `raw`: download into its folder what the catalogue needs; only what is not there."
    )
    options: dict[str, Any] = Field({}, description="Options of the survey's reader.")
    inputs: list[str] | None = Field(
        None, description="Scalars given to models beside the image; by default what the survey suggests."
    )
    split: Annotated[Holdout | Fractions | Group | Sky | Official, Field(discriminator="strategy")] = Field(
        Holdout(), description="How objects are divided into train, validation and test."
    )
    outlier: float | None = Field(
        None, gt=0, description="An error beyond this is an outlier; by default 0.05 for redshifts and 0.3 otherwise."
    )

    @model_validator(mode="before")
    @classmethod
    def _default_strategy(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("split"), dict) and "strategy" not in given["split"]:
            return {**given, "split": {"strategy": "holdout", **given["split"]}}
        return given

    @model_validator(mode="after")
    def _one_source(self) -> Dataset:
        if (self.raw is None) == (self.mock is None):
            raise ValueError("give either 'raw' (your files) or 'mock' (a simulation), and not both")
        if self.fetch is not None and self.raw is None:
            raise ValueError("'fetch' goes with 'raw': it fills the folder that stands there")
        return self


class Adam(Settings):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980)."""

    name: Literal["adam"] = "adam"
    learning_rate: float = Field(1e-3, gt=0, description="Step size.")
    beta_1: float = Field(0.9, ge=0, lt=1, description="Decay of the first moment.")
    beta_2: float = Field(0.999, ge=0, lt=1, description="Decay of the second moment.")
    epsilon: float = Field(1e-7, gt=0, description="Added to the root of the second moment.")


class SGD(Settings):
    """Stochastic gradient descent."""

    name: Literal["sgd"]
    learning_rate: float = Field(1e-2, gt=0, description="Step size.")
    momentum: float = Field(0.0, ge=0, lt=1, description="Momentum.")
    nesterov: bool = Field(False, description="Nesterov's form of the momentum.")


class RMSprop(Settings):
    """RMSprop."""

    name: Literal["rmsprop"]
    learning_rate: float = Field(1e-3, gt=0, description="Step size.")
    rho: float = Field(0.9, ge=0, lt=1, description="Decay of the mean square.")
    momentum: float = Field(0.0, ge=0, lt=1, description="Momentum.")
    epsilon: float = Field(1e-7, gt=0, description="Added to the root of the mean square.")


class Constant(Settings):
    """One learning rate, after a warm-up."""

    name: Literal["constant"] = "constant"
    warmup_epochs: float = Field(
        1.0,
        ge=0,
        description="The rate grows linearly over so many epochs: Adam's first steps at full rate can kill every relu"
        " of a wide dense layer. 0 for none.",
    )


class Cosine(Settings):
    """After a warm-up the learning rate falls to zero as half a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983)."""

    name: Literal["cosine"]
    warmup_epochs: float = Field(1.0, ge=0, description="The rate grows linearly over so many epochs. 0 for none.")


class Plateau(Settings):
    """The learning rate falls whenever the validation loss has not improved for some epochs."""

    name: Literal["plateau"]
    factor: float = Field(0.5, gt=0, lt=1, description="What the rate is multiplied by.")
    patience: int = Field(5, ge=1, description="Epochs without improvement.")
    minimum: float = Field(1e-6, gt=0, description="The rate never falls below.")


class EarlyStopping(Settings):
    """Stop when the validation loss has not improved for some epochs."""

    patience: int = Field(10, ge=1, description="Epochs without improvement.")
    min_delta: float = Field(0.0, ge=0, description="What counts as an improvement.")


class Training(Settings):
    """How every network of a bake-off is trained."""

    backend: Literal["tensorflow", "jax"] = Field("tensorflow", description="Framework under Keras.")
    epochs: int = Field(40, ge=1, description="Epochs at most.")
    batch_size: int = Field(32, ge=1, description="Objects a step.")
    optimizer: Annotated[Adam | SGD | RMSprop, Field(discriminator="name")] = Field(
        Adam(), description="Optimizer with its parameters; a bare name takes the defaults."
    )
    schedule: Annotated[Constant | Cosine | Plateau, Field(discriminator="name")] = Field(
        Constant(), description="How the learning rate changes; a bare name takes the defaults."
    )
    images: Literal["none", "standardise", "log", "per_pixel", "sigma_g_unit_sum", "robust"] = Field(
        "log",
        description="What is done to images, fitted on the training part: nothing; zero mean and unit variance by"
        " band; the same after asinh(pixel / noise), a logarithm that bears negative pixels; zero mean and unit"
        " variance of every pixel of every band. Or, each image by itself: clipped below median - 2 sigma_G, shifted to"
        " 0 and divided by its sum, as the stamp reference does; or (pixel - median) / sigma_G.",
    )
    shuffle: Literal["objects", "chunks"] = Field(
        "objects",
        description="Order of an epoch: all objects shuffled; or the file's chunks (of 64 objects), some at a time, and"
        " the objects of these among themselves, as it is done from disk.",
    )
    memory_limit_mb: float = Field(
        4000,
        gt=0,
        description="MB of images (float32) that a training keeps in memory; the framework takes about 1 GB beside"
        " them. A dataset with more is read from disk, anew in every epoch, and shuffled as with `shuffle: chunks`.",
    )
    augmentation: Literal["none", "flips", "flips_and_turns"] = Field(
        "none",
        description="Training images are mirrored, or mirrored and turned by quarters, at random in every epoch.",
    )
    labels: Literal["none", "standardise"] = Field(
        "standardise", description="What is done to labels while training; predictions are always in the label's units."
    )
    early_stopping: EarlyStopping | None = Field(None, description="Stop early, or null to run all epochs.")
    weights: Literal["best", "last"] = Field(
        "best", description="Keep the weights of the epoch with the lowest validation loss, or the last ones."
    )
    precision: Literal["float32", "mixed_bfloat16"] = Field("float32", description="Arithmetic of the network.")
    threads: int = Field(1, ge=1, description="Threads of the framework on a CPU; bits reproduce for one number.")
    tensorboard: bool = Field(
        False,
        description="Write the losses of every epoch for TensorBoard too: `tensorboard --logdir results`.",
    )
    device: Literal["auto", "gpu", "cpu", "any"] = Field(
        "auto",
        description="What it is computed on: a GPU where the job asked its cluster for one, and then it fails without,"
        " else what is there; a GPU in any case; never a GPU; or what is there, even where a GPU was asked for.",
    )

    @model_validator(mode="before")
    @classmethod
    def _named_blocks(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        named = {}
        for key, usual in (("optimizer", "adam"), ("schedule", "constant")):
            if isinstance(given.get(key), str):
                named[key] = {"name": given[key]}
            elif isinstance(given.get(key), dict):
                named[key] = {"name": usual, **given[key]}
        return {**given, **named}


class Sweep(Settings):
    """Values that are tried, all with all others; each point is a training of its own with all seeds.

    The point that is best on the validation part stands in the comparison, and only it is ever tested.
    """

    models: dict[str, dict[str, list[Any]]] = Field(
        {}, description="Model -> parameter -> values: `lesson_cnn_dropout: {rate: [0.15, 0.3]}`."
    )
    losses: dict[str, dict[str, list[Any]]] = Field(
        {}, description="Loss -> parameter -> values: `huber: {delta: [0.1, 0.5, 1.0]}`."
    )
    training: dict[str, list[Any]] = Field(
        {}, description="Key of `training` -> values: `batch_size: [16, 64]`, `optimizer.learning_rate: [1e-4, 1e-3]`."
    )


class Inside(Settings):
    """What is looked at inside the networks, of the first seed, on a few objects of the test part.

    With this block it is done with the rest; without it, `snakemake inside` does it with these defaults.
    """

    objects: int = Field(6, ge=1, le=16, description="Objects to choose at random.")
    seed: int = Field(0, ge=0, description="Seed of the choice.")
    ids: Annotated[list[str], Field(min_length=1, max_length=16)] | None = Field(
        None, description="Instead, the names of objects of the test part."
    )
    methods: list[Literal["occlusion", "saliency", "integrated_gradients", "kernels"]] = Field(
        ["occlusion", "saliency", "integrated_gradients", "kernels"],
        min_length=1,
        description="Maps of what a prediction rests on, and the kernels of the first layer.",
    )

    @field_validator("ids", mode="before")
    @classmethod
    def _as_text(cls, given: Any) -> Any:
        return [str(name) for name in given] if isinstance(given, list) else given  # YAML reads 12 as a number


class Bakeoff(Settings):
    """Every model with every loss on every dataset, each with all seeds."""

    datasets: list[str] = Field(min_length=1, description="Names of datasets.")
    models: list[Choice] = Field(min_length=1, description="Networks: files of `skybake/models/`.")
    losses: list[Choice] = Field(min_length=1, description="Losses: functions of `skybake/losses/`.")
    baselines: list[Choice] = Field([], description="Trivial predictors beside them: files of `skybake/baselines/`.")
    seeds: list[Annotated[StrictInt, Field(ge=0)]] = Field(
        [1, 2, 3, 4, 5], min_length=1, description="One training each; they set the initial weights and the order."
    )
    training: Training = Field(Training(), description="How the networks are trained.")
    sweep: Sweep | None = Field(None, description="Values to choose from on the validation part.")
    inside: Inside | None = Field(None, description="Look inside the networks too.")

    @model_validator(mode="after")
    def _distinct_seeds(self) -> Bakeoff:
        repeated = sorted({seed for seed in self.seeds if self.seeds.count(seed) > 1})
        if repeated:
            raise ValueError(f"seeds {self.seeds}: {repeated[0]} stands twice; every seed is one training")
        return self


class Statistics(Settings):
    """How uncertainties of the comparison are found."""

    draws: int = Field(10_000, ge=100, description="Bootstrap draws over objects.")
    level: float = Field(0.95, gt=0, lt=1, description="Confidence level of the intervals.")
    seed: int = Field(0, ge=0, description="Seed of the draws.")


class Config(Settings):
    """A whole bake-off."""

    title: str = Field("A bake-off", description="Heads the report.")
    results: str = Field("results", description="Folder of everything made; give every bake-off its own.")
    datasets: dict[Name, Dataset] = Field(min_length=1, description="Datasets by name.")
    bakeoffs: dict[Name, Bakeoff] = Field(min_length=1, description="Bake-offs by name.")
    figures: list[str] | None = Field(
        None, description="Figures to draw: files of `skybake/figures/`; by default all that suit the task."
    )
    statistics: Statistics = Field(Statistics(), description="Uncertainties of the comparison.")

    @field_validator("results")
    @classmethod
    def _a_folder_of_its_own(cls, given: str) -> str:
        if given.strip("/. ") == "" or re.search(r"[{}\s]", given):
            raise ValueError(f"{given!r} found; expected a folder of its own, without spaces or braces, e.g. 'results'")
        return given.rstrip("/")

    @field_validator("datasets")
    @classmethod
    def _no_reserved_names(cls, given: dict[str, Dataset]) -> dict[str, Dataset]:
        for name in given:
            if name in RESERVED:
                raise ValueError(f"the name {name!r} is skybake's own in the results folder; choose another one")
        return given


@dataclass(frozen=True)
class Chosen:
    """A part of the library with the parameters that the config gives it.

    Attributes:
        part: What it is.
        parameters: Those that differ from the defaults.
    """

    part: discovery.Part
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name in paths and tables: parameters stand behind the name, e.g. ``huber-delta=0.3``."""
        words = [f"{key}={_word(value)}" for key, value in sorted(self.parameters.items())]
        return _short("-".join([self.part.name, *words]))


def _short(name: str) -> str:
    """Cut a name that is too long for a file system, so that it still differs from others."""
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:LONGEST_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _word(value: Any) -> str:
    """Write a parameter's value as part of a file name."""
    if isinstance(value, Mapping):
        text = ",".join(f"{key}={_word(item)}" for key, item in value.items())
    else:
        text = ",".join(map(_word, value)) if isinstance(value, tuple | list) else str(value)
    return re.sub(r"[^\w.,+=-]", "_", text)


@dataclass(frozen=True)
class Point:
    """A point of a sweep.

    Attributes:
        values: What it sets, by the names that tell its values apart.
        model, loss, training: What follows.
    """

    values: Mapping[str, Any]
    model: Chosen
    loss: Chosen
    training: Training

    @property
    def name(self) -> str:
        """Its name in paths and tables, e.g. ``rate=0.3-batch_size=64``; ``as_given`` where nothing is swept."""
        return _short("-".join(f"{key}={_word(value)}" for key, value in self.values.items())) or "as_given"


@dataclass(frozen=True)
class Combination:
    """One training job: a (dataset, model, loss) with all its seeds.

    Attributes:
        bakeoff, dataset: Names in the config.
        model: A network or a baseline.
        loss: None for a baseline.
        seeds: Of all its runs.
        points: Of its sweep, each a training job of its own; empty where the bake-off sweeps nothing.
    """

    bakeoff: str
    dataset: str
    model: Chosen
    loss: Chosen | None
    seeds: tuple[int, ...]
    points: tuple[Point, ...] = ()

    @property
    def loss_name(self) -> str:
        """The loss as paths and tables have it."""
        return self.loss.name if self.loss else BASELINE_LOSS


@dataclass(frozen=True)
class Paths:
    """Every path of the results tree; ``{dataset}`` and the like may be wildcards of a rule."""

    results: str = "results"

    def config(self) -> str:
        """The merged config."""
        return f"{self.results}/config.yaml"

    def raw(self, dataset: str = "{dataset}") -> str:
        """Folder of simulated raw files."""
        return f"{self.results}/{dataset}/raw"

    def dataset(self, dataset: str = "{dataset}", name: str = "dataset.h5") -> str:
        """A file of a dataset: the dataset itself, ``rejected.csv``, ``report.html``, ..."""
        return f"{self.results}/{dataset}/{name}"

    def split(self, dataset: str = "{dataset}", seed: int | str = "{split_seed}") -> str:
        """The split of a dataset."""
        return f"{self.results}/{dataset}/split-{seed}.h5"

    def job(self, dataset: str = "{dataset}", model: str = "{model}", loss: str = "{loss}") -> str:
        """Folder of a training job, with a folder for each seed."""
        return f"{self.results}/{dataset}/runs/{model}/{loss}"

    def run(self, name: str, seed: int | str, **names: str) -> str:
        """A file of a run: ``model.keras``, ``history.csv``, ``predictions.h5``, ``timing.json``, ``run.json``."""
        return f"{self.job(**names)}/seed-{seed}/{name}"

    def sweep(self, point: str, dataset: str = "{dataset}", model: str = "{model}", loss: str = "{loss}") -> str:
        """The folder of a point of a sweep, or a file of the sweep: ``sweep.json``, ``sweep.csv``."""
        return f"{self.results}/{dataset}/sweeps/{model}/{loss}/{point}"

    def evaluation(self, name: str, dataset: str = "{dataset}", model: str = "{model}", loss: str = "{loss}") -> str:
        """A file of an evaluation: ``metrics.json``, ``figures``."""
        return f"{self.results}/{dataset}/evaluation/{model}/{loss}/{name}"

    def inside(self, name: str, dataset: str = "{dataset}", model: str = "{model}", loss: str = "{loss}") -> str:
        """A file of what was found inside a network: ``inside.h5``, ``figures``."""
        return f"{self.results}/{dataset}/inside/{model}/{loss}/{name}"

    def log(self, step: str, *names: str) -> str:
        """The log of a job."""
        return f"{self.results}/logs/{'/'.join([step, *names])}.log"

    def benchmark(self, step: str, *names: str) -> str:
        """Snakemake's record of a job's time and memory."""
        return f"{self.results}/benchmarks/{'/'.join([step, *names])}.tsv"


class Plan:
    """A checked config and everything that follows from it."""

    def __init__(self, config: Config, results: str = ""):
        self.config = config
        self.paths = Paths(results or config.results.rstrip("/"))

    def at(self, results: str) -> Plan:
        """Return the same plan for a copy of the results in another folder."""
        return Plan(self.config, results)

    def survey(self, dataset: str) -> discovery.Part:
        """Return the reader of a dataset."""
        return discovery.parts("raw", "ingest")[self.config.datasets[dataset].survey]

    def task(self, dataset: str) -> str:
        """Return ``"regression"`` or ``"classification"``."""
        return self.survey(dataset).constants["TASK"]

    def reader_options(self, dataset: str) -> Settings:
        """Return the options of a dataset's reader, checked."""
        return self.survey(dataset).load().Options(**self.config.datasets[dataset].options)

    def label(self, dataset: str) -> str:
        """Return the name of the label that models predict."""
        module = self.survey(dataset).load()
        if hasattr(module, "label_name"):
            return module.label_name(self.reader_options(dataset))
        return module.LABEL

    def inputs(self, dataset: str) -> tuple[str, ...]:
        """Return the scalars that models may take beside the image."""
        given = self.config.datasets[dataset].inputs
        return tuple(self.survey(dataset).constants.get("INPUTS", ()) if given is None else given)

    def raw(self, dataset: str) -> dict[str, str]:
        """Return raw name -> path of the given files; empty where they are simulated."""
        return {name: str(path) for name, path in (self.config.datasets[dataset].raw or {}).items()}

    def given_files(self) -> list[str]:
        """Return all raw files and folders that the config names, and the folder of results."""
        return [*(path for name in self.config.datasets for path in self.raw(name).values()), self.paths.results]

    def raw_inputs(self, dataset: str) -> dict[str, str]:
        """Return raw name -> input of the ingest rule, which also waits for the ledger of files that are fetched."""
        if self.is_mock(dataset):
            return dict.fromkeys(self.raw_files(dataset), self.paths.raw(dataset))
        ledger = {"ledger": self.paths.dataset(dataset, "ledger.csv")} if self.fetched(dataset) else {}
        return self.listed_in(dataset) | ledger

    def raw_files(self, dataset: str) -> dict[str, str]:
        """Return raw name -> simulated file in the input of that name, empty where the input is the file itself."""
        if self.is_mock(dataset):
            return {name: file.rstrip("/") for name, file in self.simulator(dataset).RAW_FILES.items()}
        return dict.fromkeys(self.listed_in(dataset), "")

    def fetched(self, dataset: str) -> dict[str, str]:
        """Return raw name -> folder that is filled from the archive; empty where nothing is fetched."""
        if self.config.datasets[dataset].fetch is None:
            return {}
        archives = discovery.parts("fetch", "archive_paths")
        name = archives[self.config.datasets[dataset].survey].constants["FETCHED"]
        return {name: self.raw(dataset)[name]}

    def listed_in(self, dataset: str) -> dict[str, str]:
        """Return raw name -> path of the given files; of a dataset that is fetched they say what to fetch."""
        return {name: path for name, path in self.raw(dataset).items() if name not in self.fetched(dataset)}

    def ledgers(self, dataset: str) -> list[str]:
        """Return the ledgers of a dataset's downloads, one a chunk."""
        chunks = self.config.datasets[dataset].fetch.chunks
        return [self.paths.dataset(dataset, f"fetch/ledger-{chunk:03d}.csv") for chunk in range(chunks)]

    def is_mock(self, dataset: str) -> bool:
        """Tell whether the raw files are simulated."""
        return self.config.datasets[dataset].mock is not None

    def simulator(self, dataset: str):
        """Return the simulator of a dataset's survey."""
        return discovery.parts("mock", "simulate")[self.config.datasets[dataset].survey].load()

    def datasets(self) -> list[str]:
        """Return the datasets that a bake-off uses, in the config's order."""
        used = {name for bakeoff in self.config.bakeoffs.values() for name in bakeoff.datasets}
        return [name for name in self.config.datasets if name in used]

    @cached_property
    def combinations(self) -> tuple[Combination, ...]:
        """All training jobs, networks before baselines."""
        return tuple(self._combinations())

    def _combinations(self) -> Iterator[Combination]:
        losses = discovery.losses()
        models, baselines = discovery.models(), discovery.parts("baselines", "build")
        for name, bakeoff in self.config.bakeoffs.items():
            pairs = [
                (_chosen(model, models), _chosen(loss, losses)) for model in bakeoff.models for loss in bakeoff.losses
            ]
            pairs += [(_chosen(model, baselines), None) for model in bakeoff.baselines]
            jobs = [(model, loss, tuple(_points(bakeoff, model, loss)) if loss else ()) for model, loss in pairs]
            for dataset in bakeoff.datasets:
                for model, loss, points in jobs:
                    yield Combination(name, dataset, model, loss, tuple(bakeoff.seeds), points)

    def select(self, **names: str) -> list[Combination]:
        """Return the combinations with these ``bakeoff``, ``dataset``, ``model`` or ``loss_name``."""
        return [
            job
            for job in self.combinations
            if all((job.model.name if key == "model" else getattr(job, key)) == name for key, name in names.items())
        ]

    def job(self, dataset: str, model: str, loss: str) -> Combination:
        """Return one combination by its names."""
        return self._by_name[dataset, model, loss]

    @cached_property
    def _by_name(self) -> dict[tuple[str, str, str], Combination]:
        return {(job.dataset, job.model.name, job.loss_name): job for job in self.combinations}

    def split(self, dataset: str) -> str:
        """Return the path of a dataset's split."""
        return self.paths.split(dataset, self.config.datasets[dataset].split.seed)

    def modules(self, room: str, dataset: str) -> list[str]:
        """Return the survey's module in ``raw`` or ``mock``."""
        return [f"skybake.{room}.{self.config.datasets[dataset].survey}"]

    def modules_of_job(self, dataset: str, model: str, loss: str, point: str = "") -> list[str]:
        """Return the modules of a job's model and loss."""
        job = self.job(dataset, model, loss)
        return [job.model.part.module, *([job.loss.part.module] if job.loss else [])]

    def job_facts(self, dataset: str, model: str, loss: str, point: str = "") -> dict[str, Any]:
        """Return what a training job, or that of a point of its sweep, is told, all but the digest of its code."""
        job = self.job(dataset, model, loss)
        training = self.config.bakeoffs[job.bakeoff].training
        given = self.points(dataset, model, loss)[point] if point else Point({}, job.model, job.loss, training)
        return {
            "dataset": dataset,
            "model": model,
            "loss": loss,
            "part": given.model.part.name,
            "parameters": dict(given.model.parameters),
            "loss_part": given.loss.part.name if given.loss else "",
            "loss_parameters": dict(given.loss.parameters) if given.loss else {},
            "label": self.label(dataset),
            "inputs": list(self.inputs(dataset)),
            "training": given.training.model_dump() if given.loss else {},
            "point": point,
            "tested": not point,
        }

    def run_folders(self, dataset: str, model: str, loss: str, point: str = "") -> dict[int, str]:
        """Return seed -> folder of the run."""
        names = {"dataset": dataset, "model": model, "loss": loss}
        folder = self.paths.sweep(point, **names) if point else self.paths.job(**names)
        return {seed: f"{folder}/seed-{seed}" for seed in self.job(dataset, model, loss).seeds}

    def points(self, dataset: str, model: str, loss: str) -> dict[str, Point]:
        """Return the points of a combination's sweep by name."""
        return {point.name: point for point in self.job(dataset, model, loss).points}

    def point_facts(self, **names: str) -> dict[str, dict[str, Any]]:
        """Return point -> what its training job is told, of a combination's sweep."""
        return {point: self.job_facts(**names, point=point) for point in self.points(**names)}

    def swept_values(self, **names: str) -> dict[str, dict[str, Any]]:
        """Return point -> key -> value, of a combination's sweep."""
        return {name: dict(point.values) for name, point in self.points(**names).items()}

    def sweep_files(self, dataset: str, model: str, loss: str) -> list[str]:
        """Return the files of all points of a sweep."""
        names = {"dataset": dataset, "model": model, "loss": loss}
        folders = [
            folder for point in self.points(**names) for folder in self.run_folders(**names, point=point).values()
        ]
        return [f"{folder}/{file}" for folder in folders for file in NETWORK_FILES]

    def sweeps(self, dataset: str | None = None) -> list[str]:
        """Return the choices of all sweeps, or of those on one dataset."""
        return [
            self.paths.sweep("sweep.json", job.dataset, job.model.name, job.loss_name)
            for job in self.combinations
            if job.points and dataset in (None, job.dataset)
        ]

    def run_files(self, dataset: str, model: str, loss: str) -> list[str]:
        """Return the files of all runs of a job that evaluation reads."""
        return [
            f"{folder}/{file}" for folder in self.run_folders(dataset, model, loss).values() for file in BASELINE_FILES
        ]

    def compared_runs(self, dataset: str) -> list[str]:
        """Return the files of all runs on a dataset that its comparison reads."""
        jobs = self.select(dataset=dataset)
        return [file for job in jobs for file in self.run_files(dataset, job.model.name, job.loss_name)]

    def evaluations(self, dataset: str, name: str) -> list[str]:
        """Return ``metrics.json`` or ``figures`` of all rows of a dataset."""
        jobs = self.select(dataset=dataset)
        return [self.paths.evaluation(name, dataset, job.model.name, job.loss_name) for job in jobs]

    def rows(self, dataset: str) -> list[dict[str, Any]]:
        """Return what the comparison is told of each row, beside the files that it is given."""
        page, rows = self.paths.dataset(dataset, ""), []
        for job in self.select(dataset=dataset):
            names = {"dataset": dataset, "model": job.model.name, "loss": job.loss_name}
            rows.append(
                {
                    **names,
                    "seeds": list(job.seeds),
                    "log": self.paths.log("train", *names.values()),
                    "evaluation_log": self.paths.log("evaluate", *names.values()),
                    "baseline": job.loss is None,
                    "point_logs": [self.paths.log("train", *names.values(), point.name) for point in job.points],
                    "inside": self.paths.inside("figures", **names).removeprefix(page)
                    if self._looked_into(job)
                    else "",
                }
            )
        return rows

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
            self.paths.inside("figures", job.dataset, job.model.name, job.loss_name)
            for job in self.combinations
            if job.loss is not None and (not asked or self._looked_into(job))
        ]

    def _looked_into(self, job: Combination) -> bool:
        return job.loss is not None and self.config.bakeoffs[job.bakeoff].inside is not None

    def compared(self, name: str) -> list[str]:
        """Return ``comparison.csv``, ``report.html`` or ``figures`` of all datasets."""
        return [self.paths.dataset(dataset, name) for dataset in self.datasets()]

    def everything(self) -> list[str]:
        """Return all files of all runs and comparisons, so that a deleted one is made again."""
        files = [file for name in COMPARISON_FILES for file in self.compared(name)]
        for dataset in self.datasets():
            files += self.compared_runs(dataset)
            files += [file for name in ("metrics.json", "figures") for file in self.evaluations(dataset, name)]
            for job in self.select(dataset=dataset):
                if job.loss is not None:
                    folders = self.run_folders(dataset, job.model.name, job.loss_name).values()
                    files += [f"{folder}/model.keras" for folder in folders]
        return files

    def constraints(self, bakeoff: str, *, networks: bool) -> dict[str, str]:
        """Return what the wildcards of a bake-off's training rules may be."""
        jobs = [job for job in self.select(bakeoff=bakeoff) if (job.loss is not None) == networks]
        names = {
            "dataset": {job.dataset for job in jobs},
            "model": {job.model.name for job in jobs},
            "loss": {job.loss_name for job in jobs},
        }
        return {key: "|".join(map(re.escape, sorted(values))) or "(?!)" for key, values in names.items()}

    def figure_modules(self, scope: str, dataset: str) -> list[str]:
        """Return the modules of the figures to draw."""
        return [figure.module for figure in self.figures(scope, dataset)]

    def figures(self, scope: str, dataset: str) -> list[discovery.Part]:
        """Return the figures to draw with a ``SCOPE``, e.g. ``"run"`` or ``"comparison"``."""
        known = discovery.parts("figures", "draw")
        return [
            known[name]
            for name in (self.config.figures if self.config.figures is not None else known)
            if known[name].constants["SCOPE"] == scope and self.task(dataset) in known[name].constants["TASKS"]
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return the merged config: what was given and every default."""
        merged = self.config.model_dump(mode="json")
        for name, block in merged["datasets"].items():
            block["options"] = self.reader_options(name).model_dump(mode="json", by_alias=True)
            block["inputs"] = list(self.inputs(name))
            if block["mock"] is not None:
                block["mock"] = self.simulator(name).Options(**block["mock"]).model_dump(mode="json", by_alias=True)
        return merged


def _chosen(choice: str | Mapping[str, Mapping[str, Any]], known: Mapping[str, discovery.Part]) -> Chosen:
    name, given = (choice, {}) if isinstance(choice, str) else next(iter(choice.items()))
    defaults = known[name].parameters
    values = {key: _canonical(value, defaults[key]) for key, value in (given or {}).items()}
    return Chosen(known[name], {key: value for key, value in values.items() if value != defaults[key]})


def _points(bakeoff: Bakeoff, model: Chosen, loss: Chosen) -> Iterator[Point]:
    """Yield all points of a model with a loss, in the config's order; of a sweep of others, the one that is given."""
    if bakeoff.sweep is None:
        return
    axes = list(_axes(bakeoff, model, loss))
    shorts = [key.rsplit(".", 1)[-1] for _, key, _ in axes]
    names = [
        f"{room}.{key}" if shorts.count(short) > 1 else short
        for (room, key, _), short in zip(axes, shorts, strict=True)
    ]
    for values in itertools.product(*(values for _, _, values in axes)):
        given: dict[str, dict[str, Any]] = {"model": {}, "loss": {}, "training": {}}
        for (room, key, _), value in zip(axes, values, strict=True):
            given[room][key] = value
        yield Point(
            values=dict(zip(names, values, strict=True)),
            model=_with(model, given["model"]),
            loss=_with(loss, given["loss"]),
            training=_trained(bakeoff.training, given["training"]),
        )


def _axes(bakeoff: Bakeoff, model: Chosen, loss: Chosen) -> Iterator[tuple[str, str, list[Any]]]:
    """Yield what is swept of a model with a loss: room, key and values."""
    sweep = bakeoff.sweep
    for room, chosen, swept in (("model", model, sweep.models), ("loss", loss, sweep.losses)):
        for key, values in swept.get(chosen.part.name, {}).items():
            yield room, key, [_canonical(value, chosen.part.parameters[key]) for value in values]
    for key, values in sweep.training.items():
        yield "training", key, [_as_read(bakeoff.training, key, value) for value in values]


def _as_read(training: Training, key: str, value: Any) -> Any:
    """Return a value of a training block as the block reads it: YAML takes 1e-3 for a text."""
    read: Any = _trained(training, {key: value})
    for step in key.split("."):
        read = getattr(read, step)
    return value if isinstance(read, Settings) else read


def _with(chosen: Chosen, values: Mapping[str, Any]) -> Chosen:
    defaults, together = chosen.part.parameters, {**chosen.parameters, **values}
    return Chosen(chosen.part, {key: value for key, value in together.items() if value != defaults[key]})


def _trained(training: Training, values: Mapping[str, Any]) -> Training:
    """Return a training block with some values set; a key with a dot is one of a block inside.

    Raises:
        ValidationError: A key or value that a training block cannot have.
    """
    given = training.model_dump()
    for key, value in sorted(values.items(), key=lambda item: item[0].count(".")):  # a block before what it holds
        block, *inner = key.split(".", 1)
        if inner:
            whole = given.get(block)
            named = {"name": whole} if isinstance(whole, str) else whole if isinstance(whole, Mapping) else {}
            given[block] = {**named, inner[0]: value}
        else:
            given[key] = value
    return Training(**given)


def _canonical(value: Any, default: Any) -> Any:
    """Return a value as its default is written, so that 1 and 1.0 and the text 1e-3 (as YAML reads it) have one name.

    Raises:
        ValueError: It cannot be of the default's kind, is not finite, or is not positive where the default is.
    """
    if isinstance(default, bool) or isinstance(value, bool):
        if not (isinstance(value, bool) and isinstance(default, bool)):
            raise ValueError(type(default).__name__)
    elif isinstance(default, float) or (default is None and _is_number(value)):
        value = float(value)
        if not math.isfinite(value) or (default is not None and default > 0 >= value):
            raise ValueError("a finite number" if default is None or default <= 0 else "a positive number")
    elif isinstance(default, int):
        if isinstance(value, float) or int(value) != value:
            raise ValueError("an integer")
        if default > 0 >= value:
            raise ValueError("a positive integer")
    elif isinstance(default, tuple | list):
        if not isinstance(value, tuple | list) or not value:
            raise ValueError("a list")
        return type(default)(_canonical(item, default[0]) for item in value) if default else type(default)(value)
    elif default is not None and not isinstance(value, type(default)):
        raise ValueError(type(default).__name__)
    elif isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}  # YAML reads the number of a class as a number
    return value


def _is_number(value: Any) -> bool:
    """Tell whether a value is a number, or the text of one: YAML takes 1e-3 for a text."""
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return not isinstance(value, bool)


def plan(given: Mapping[str, Any], *, raw_is_here: bool = True) -> Plan:
    """Check a config and return what follows from it.

    Args:
        given: As read from YAML.
        raw_is_here: False where Snakemake takes the raw files from a storage, and says itself which of them is missing.

    Raises:
        ConfigError: One message with every problem found: the key, the value, what is allowed, the nearest valid name.
    """
    try:
        config = Config.model_validate(_without_nulls(given))
    except ValidationError as error:
        raise ConfigError(_message(_validation_problems(error, Config))) from None
    problems = list(_problems(config, raw_is_here))
    if problems:
        raise ConfigError(_message(problems))
    checked = Plan(config)
    problems = [*_head_problems(checked), *_clashes(checked)]
    if problems:
        raise ConfigError(_message(problems))
    return checked


def _without_nulls(node: Any) -> Any:
    """Leave out blocks that are null, as YAML has them when all lines below are commented out: defaults hold."""
    if isinstance(node, Mapping):
        meant = ("early_stopping",)
        return {str(key): _without_nulls(value) for key, value in node.items() if value is not None or key in meant}
    return node


def _message(problems: list[str]) -> str:
    return "the config cannot be run:\n" + "\n".join(f"  {problem}" for problem in problems)


def _nearest(name: object, allowed: Mapping | list | tuple) -> str:
    close = difflib.get_close_matches(str(name), [str(item) for item in allowed], n=1, cutoff=0.4)
    return f" Did you mean {close[0]!r}?" if close else ""


def _unknown(key: str, kind: str, name: object, allowed) -> str:
    return f"{key}: no {kind} {name!r}; allowed: {', '.join(sorted(map(str, allowed)))}.{_nearest(name, list(allowed))}"


def _validation_problems(error: ValidationError, root: type[Settings], prefix: tuple = ()) -> list[str]:
    """Say of each problem that pydantic found: the key, the value, what is allowed."""
    problems = []
    for item in error.errors():
        place = [*prefix, *item["loc"]]
        key = _key(place)
        if item["type"] == "extra_forbidden":
            fields = _fields_at(root, item["loc"][:-1])
            problems.append(_unknown(key, "key", place[-1], fields))
        elif item["type"] == "missing":
            problems.append(f"{key}: missing; expected {_fields_at(root, item['loc'][:-1])[place[-1]]}")
        elif item["type"] == "union_tag_invalid":
            tag = item["ctx"]["discriminator"].strip("'")
            allowed = [name.strip("' ") for name in item["ctx"]["expected_tags"].split(",")]
            problems.append(_unknown(f"{key}.{tag}", tag, item["ctx"]["tag"], allowed))
        elif item["type"] == "literal_error":
            allowed = item["ctx"]["expected"].replace("' or '", "', '").replace("'", "").split(", ")
            problems.append(_unknown(key, "choice", item["input"], allowed))
        elif item["type"] == "value_error":
            problems.append(f"{key}: {item['ctx']['error']}")
        elif item["type"] == "string_pattern_mismatch":
            problems.append(
                f"{key}: {item['input']!r} found; expected letters, digits and _ . = + -, no space or slash"
            )
        else:
            problems.append(f"{key}: {item['input']!r} found; {item['msg'][0].lower()}{item['msg'][1:]}")
    return list(dict.fromkeys(problems))


_TAGS = {
    "holdout",
    "fractions",
    "group",
    "sky",
    "official",
    "adam",
    "sgd",
    "rmsprop",
    "constant",
    "cosine",
    "str",
    "dict[str,dict[str,any]]",
}


def _key(place: list[str | int]) -> str:
    """Write a place of the config as a person would: ``bakeoffs.demo.seeds[2]``."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step == "[key]":
            continue
        elif step not in _TAGS or text.endswith((".datasets", ".bakeoffs")) or text in ("datasets", "bakeoffs"):
            text += f".{step}" if text else step
    return text or "config"


def _fields_at(root: type[Settings], place: tuple) -> dict[str, str]:
    """Return the keys allowed at a place of the config, with their descriptions."""
    schema = root.model_json_schema()
    node: dict[str, Any] = schema
    for step in place:
        node = _resolved(node, schema)
        if "discriminator" in node and step in node["discriminator"]["mapping"]:
            node = {"$ref": node["discriminator"]["mapping"][step]}
        elif isinstance(step, int):
            node = node.get("items", {})
        else:
            node = node.get("properties", {}).get(step) or node.get("additionalProperties") or _values(node)
    node = _resolved(node, schema)
    return {name: item.get("description", "a value") for name, item in node.get("properties", {}).items()}


def _values(node: dict[str, Any]) -> dict[str, Any]:
    return next(iter(node.get("patternProperties", {}).values()), {})


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    options = [item for item in node.get("anyOf", []) if item.get("type") != "null"]
    if len(options) == 1:
        node = options[0]
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return node


def _problems(config: Config, raw_is_here: bool) -> Iterator[str]:
    """Find what types cannot say: names that do not exist, parameters, missing files, unsuitable losses."""
    surveys, simulators = discovery.parts("raw", "ingest"), discovery.parts("mock", "simulate")
    for name, dataset in config.datasets.items():
        key = f"datasets.{name}"
        if dataset.survey not in surveys:
            yield _unknown(f"{key}.survey", "survey", dataset.survey, surveys)
            continue
        archives = discovery.parts("fetch", "archive_paths")
        if dataset.fetch is not None and dataset.survey not in archives:
            yield f"{key}.fetch: no archive is known for the survey {dataset.survey!r}; known: {', '.join(archives)}"
            continue
        fetched = archives[dataset.survey].constants["FETCHED"] if dataset.fetch else None
        yield from _raw_problems(key, dataset, surveys[dataset.survey].load(), fetched, raw_is_here)
        yield from _option_problems(f"{key}.options", dataset.options, surveys[dataset.survey].module)
        if dataset.mock is not None:
            if dataset.survey not in simulators:
                yield f"{key}.mock: the survey {dataset.survey!r} has no simulator; give its files under 'raw'"
            else:
                yield from _option_problems(f"{key}.mock", dataset.mock, simulators[dataset.survey].module)
    for name, bakeoff in config.bakeoffs.items():
        yield from _bakeoff_problems(f"bakeoffs.{name}", bakeoff, config)
    known = discovery.parts("figures", "draw")
    for place, name in enumerate(config.figures or []):
        if name not in known:
            yield _unknown(f"figures[{place}]", "figure", name, known)


def _raw_problems(
    key: str, dataset: Dataset, survey: ModuleType, fetched: str | None, raw_is_here: bool
) -> Iterator[str]:
    if dataset.raw is None:
        return
    expected, forms = survey.RAW, getattr(survey, "RAW_FORMS", None)
    for name in dataset.raw:
        if name not in expected:
            yield _unknown(f"{key}.raw.{name}", "raw file", name, expected)
    if forms is not None:  # one of several sets of files, and perhaps some of the others
        either = [name for form in forms for name in form if name in dataset.raw]
        if not any(set(either) == set(form) for form in forms):
            wanted = ", or ".join(" and ".join(form) for form in forms)
            yield f"{key}.raw: {', '.join(either) or 'none'} found; expected {wanted}"
    for name, description in expected.items():
        if name not in dataset.raw:
            if forms is None:
                yield f"{key}.raw.{name}: missing; expected the path of the {description}"
        elif raw_is_here and name != fetched and not dataset.raw[name].exists():
            yield f"{key}.raw.{name}: no file {str(dataset.raw[name])!r}; expected the {description}"


def _option_problems(key: str, given: Mapping[str, Any], module: str) -> Iterator[str]:
    options = importlib.import_module(module).Options
    try:
        options(**given)
    except ValidationError as error:
        yield from _validation_problems(error, options, tuple(key.split(".")))


def _bakeoff_problems(key: str, bakeoff: Bakeoff, config: Config) -> Iterator[str]:
    losses = discovery.losses()
    yield from _choice_problems(f"{key}.models", "model", bakeoff.models, discovery.models())
    yield from _choice_problems(f"{key}.losses", "loss", bakeoff.losses, losses)
    baselines = discovery.parts("baselines", "build")
    yield from _choice_problems(f"{key}.baselines", "baseline", bakeoff.baselines, baselines)
    if bakeoff.sweep is not None:
        yield from _sweep_problems(f"{key}.sweep", bakeoff)
    surveys = discovery.parts("raw", "ingest")
    for place, name in enumerate(bakeoff.datasets):
        if name not in config.datasets:
            yield _unknown(f"{key}.datasets[{place}]", "dataset", name, config.datasets)
            continue
        survey = config.datasets[name].survey
        if survey not in surveys:
            continue
        task = surveys[survey].constants["TASK"]
        suited = [loss for loss, part in losses.items() if task in part.constants["tasks"]]
        for index, choice in enumerate(bakeoff.losses):
            loss = choice if isinstance(choice, str) else next(iter(choice), "")
            if loss in losses and loss not in suited:
                tasks = " or ".join(losses[loss].constants["tasks"])
                yield (
                    f"{key}.losses[{index}]: the loss {loss!r} is for {tasks}, the dataset {name!r} is a {task};"
                    f" allowed: {', '.join(suited)}.{_nearest(loss, suited)}"
                )


def _sweep_problems(key: str, bakeoff: Bakeoff) -> Iterator[str]:
    """Find what a sweep cannot vary: what the bake-off does not have, unknown keys, values of the wrong kind."""
    found = False
    for room, choices, swept, known in (
        ("models", bakeoff.models, bakeoff.sweep.models, discovery.models()),
        ("losses", bakeoff.losses, bakeoff.sweep.losses, discovery.losses()),
    ):
        names = [choice if isinstance(choice, str) else next(iter(choice), "") for choice in choices]
        for name, parameters in swept.items():
            here = f"{key}.{room}.{name}"
            if name not in names or name not in known:
                yield f"{here}: not among the {room} of this bake-off: {', '.join(names)}.{_nearest(name, names)}"
                continue
            for parameter, values in parameters.items():
                found = True
                fixed = [
                    choice for choice in choices if not isinstance(choice, str) and parameter in choice.get(name, {})
                ]
                if fixed:
                    yield f"{here}.{parameter}: swept here and given under {room} too; leave one of them out"
                yield from _values_problems(f"{here}.{parameter}", values)
                for place, value in enumerate(values):
                    problems = _choice_problems(
                        f"{here}.{parameter}[{place}]", room, [{name: {parameter: value}}], known
                    )
                    yield from (problem.replace(f"[0].{name}.{parameter}", "") for problem in problems)
    for name, values in bakeoff.sweep.training.items():
        found = True
        here = f"{key}.training.{name}"
        if name in UNSWEPT:
            yield f"{here}: cannot be swept; it is the same for the whole bake-off"
            continue
        yield from _values_problems(here, values)
        for place, value in enumerate(values):
            try:
                _trained(bakeoff.training, {name: value})
            except ValidationError as error:
                for problem in _validation_problems(error, Training):
                    yield f"{here}[{place}]: {value!r} found; {problem}"
    yield from _together_problems(f"{key}.training", bakeoff)
    if not found:
        yield f"{key}: nothing is swept; expected values under models, losses or training"


def _together_problems(key: str, bakeoff: Bakeoff) -> Iterator[str]:
    """Find swept values of a training block that are right alone and wrong together, e.g. sgd with an epsilon."""
    swept = bakeoff.sweep.training
    for values in itertools.product(*swept.values()) if len(swept) > 1 else ():
        try:
            for name, value in zip(swept, values, strict=True):
                _trained(bakeoff.training, {name: value})
        except ValidationError:
            return  # said already
        try:
            _trained(bakeoff.training, dict(zip(swept, values, strict=True)))
        except ValidationError as error:
            said = ", ".join(f"{name}={_word(value)}" for name, value in zip(swept, values, strict=True))
            yield from (f"{key}: {said} do not go together; {item}" for item in _validation_problems(error, Training))
            return


def _values_problems(key: str, values: list[Any]) -> Iterator[str]:
    words = [_word(value) for value in values]
    repeated = [value for value, word in zip(values, words, strict=True) if words.count(word) > 1]
    if not values:
        yield f"{key}: no value found; expected a list of values to try"
    elif repeated:
        yield f"{key}: {repeated[0]!r} stands twice; every value is one training"


def _choice_problems(key: str, kind: str, choices: list, known: Mapping[str, discovery.Part]) -> Iterator[str]:
    for place, choice in enumerate(choices):
        here = f"{key}[{place}]"
        if not isinstance(choice, str) and len(choice) != 1:
            yield f"{here}: {choice!r} found; expected one name with its parameters"
            continue
        name, given = (choice, {}) if isinstance(choice, str) else next(iter(choice.items()))
        if name not in known:
            yield _unknown(here, kind, name, known)
            continue
        for parameter, value in (given or {}).items():
            defaults = known[name].parameters
            if parameter not in defaults:
                yield _unknown(f"{here}.{name}.{parameter}", "parameter", parameter, defaults or ["none"])
                continue
            try:
                _canonical(value, defaults[parameter])
            except (TypeError, ValueError) as error:
                expected = str(error) if "convert" not in str(error) and "invalid" not in str(error) else "a number"
                yield f"{here}.{name}.{parameter}: {value!r} found; expected {expected}, as {defaults[parameter]!r}"


def _head_problems(checked: Plan) -> Iterator[str]:
    """Find parameters of losses that are of the right kind and make no sense, e.g. bins from 1 to 0."""
    from skybake import heads  # numpy and h5py, which only a loss with parameters needs

    said = set()
    for job in checked.combinations:
        for loss in (job.loss, *(point.loss for point in job.points)):
            if loss is None or not loss.parameters:
                continue
            try:
                heads.check(loss.part.name, loss.parameters)
            except (TypeError, ValueError) as error:
                problem = f"bakeoffs.{job.bakeoff}.losses: {loss.part.name}: {error}"
                if problem not in said:
                    said.add(problem)
                    yield problem


def _clashes(checked: Plan) -> Iterator[str]:
    """Find two jobs that would write the same files, and inputs that give the answer away."""
    seen: dict[tuple[str, str, str], str] = {}
    for job in checked.combinations:
        place = (job.dataset, job.model.name, job.loss_name)
        points = [point.name for point in job.points]
        if len(set(points)) < len(points):
            twice = next(name for name in points if points.count(name) > 1)
            yield f"bakeoffs.{job.bakeoff}.sweep: the point {twice!r} stands twice; every point is one training"
        if place in seen:
            yield (
                f"bakeoffs.{job.bakeoff}: {job.model.name} with {job.loss_name} on {job.dataset} stands in"
                f" bakeoffs.{seen[place]} already; every combination is trained once"
            )
        seen[place] = job.bakeoff
    for dataset in checked.datasets():
        label = checked.label(dataset)
        if label in checked.inputs(dataset):
            yield f"datasets.{dataset}.inputs: {label!r} is the label; a model that sees it has nothing to learn"
        for job in checked.select(dataset=dataset):
            if job.model.part.constants.get("NEEDS_SCALARS") and not checked.inputs(dataset):
                yield (
                    f"bakeoffs.{job.bakeoff}: {job.model.part.name!r} needs input scalars of {dataset!r}; found none."
                    f" Hint: datasets.{dataset}.inputs: [...], e.g. the magnitudes of its catalogue"
                )
            for scalar in job.model.part.constants.get("NEEDS", ()):
                if scalar not in checked.inputs(dataset):
                    yield (
                        f"bakeoffs.{job.bakeoff}.baselines: {job.model.part.name!r} needs the scalar {scalar!r} of"
                        f" {dataset!r}; found inputs {list(checked.inputs(dataset))}."
                        f" Hint: datasets.{dataset}.inputs: [{scalar}]"
                    )
