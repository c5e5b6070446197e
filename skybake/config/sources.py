"""What follows from a checked config for the raw files: where they lie, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skybake import plugins
from skybake.config import labels
from skybake.config.applications import as_dataset, dataset_of, place_of
from skybake.config.blocks import Config
from skybake.config.combinations import Combination
from skybake.config.paths import LIMIT_FILES, TRUTH, Paths, expanded
from skybake.settings import Settings


def task_of(survey: plugins.PlugIn, options: Mapping[str, Any]) -> str:
    """Return ``"regression"`` or ``"classification"``: what a reader makes of its options as the config has them.

    Raises:
        ValidationError: The options are wrong.
    """
    if "task_name" not in plugins.functions(plugins.syntax_tree(plugins.ROOT / survey.file)):
        return survey.constants["TASK"]
    reader = survey.load()
    return reader.task_name(reader.Options(**options))


class Sources:
    """Datasets of a config, and new objects that are read as they are."""

    def __init__(self, config: Config, results: str = ""):
        self.config, self.further = labels.with_places(config), labels.further_of(config)
        self.paths = Paths(results or expanded(config.results))
        # What is read as a dataset is: those of the config, and new objects by their place in the results folder.
        self.blocks = dict(self.config.datasets)
        for name, given in config.apply.items():
            self.blocks[place_of(name)] = as_dataset(given, config.datasets[dataset_of(given, config.datasets)])

    def like(self, dataset: str) -> str:
        """Return the dataset of the config that new objects are like; of a dataset, itself."""
        applied = {place_of(name): given for name, given in self.config.apply.items()}
        return dataset_of(applied[dataset], self.config.datasets) if dataset in applied else dataset

    def trained_on(self, dataset: str) -> list[str]:
        """Return the dataset of the config that new objects are like; none of a dataset."""
        like = self.like(dataset)
        return [] if like == dataset else [like]

    def datasets(self) -> list[str]:
        """Return the datasets that a bake-off uses, in the config's order."""
        used = {name for bakeoff in self.config.bakeoffs.values() for name in bakeoff.datasets}
        return [name for name in self.config.datasets if name in used]

    def compared(self, name: str) -> list[str]:
        """Return ``comparison.csv``, ``report.html`` or ``figures`` of all datasets."""
        return [self.paths.dataset(dataset, name) for dataset in self.datasets()]

    def survey(self, dataset: str) -> plugins.PlugIn:
        """Return the reader of a dataset."""
        return plugins.in_room("raw", "read")[self.blocks[dataset].survey]

    def task(self, dataset: str) -> str:
        """Return ``"regression"`` or ``"classification"``."""
        return task_of(self.survey(dataset), self.blocks[dataset].options)

    def reader_options(self, dataset: str) -> Settings:
        """Return the options of a dataset's reader, checked."""
        return self.survey(dataset).load().Options(**self.blocks[dataset].options)

    def label(self, dataset: str) -> str:
        """Return the name of the label that models predict."""
        module = self.survey(dataset).load()
        if hasattr(module, "label_name"):
            return module.label_name(self.reader_options(dataset))
        return module.LABEL

    def labels(self, dataset: str) -> tuple[str, ...]:
        """Return the names of the labels that networks predict together; empty where there is one."""
        columns = labels.labels_of(self.blocks[dataset])
        return tuple(map(self.reader_options(dataset).named, columns)) if columns else ()  # type: ignore[attr-defined]

    def whole(self, dataset: str) -> str:
        """Return the dataset of the config whose label stands at this place; of a dataset, itself."""
        return self.further[dataset].dataset if dataset in self.further else dataset

    def inputs(self, dataset: str) -> tuple[str, ...]:
        """Return the scalars that models may take beside the image."""
        given = self.blocks[dataset].inputs
        return tuple(self.survey(dataset).constants.get("INPUTS", ()) if given is None else given)

    def derived(self, dataset: str) -> dict[str, str]:
        """Return name -> formula of those inputs that are no scalars of the dataset."""
        formulas = self.blocks[dataset].derived
        return {name: formulas[name] for name in self.inputs(dataset) if name in formulas}

    def raw(self, dataset: str) -> dict[str, str]:
        """Return raw name -> path of the given files; empty where they are simulated."""
        return {name: expanded(path) for name, path in (self.blocks[dataset].raw or {}).items()}

    def raw_inputs(self, dataset: str) -> dict[str, str]:
        """Return raw name -> input of the ingest rule, which also waits for the ledger of files that are fetched."""
        if self.is_mock(dataset):
            return dict.fromkeys(self.raw_files(dataset), self.paths.raw(dataset))
        ledger = {"ledger": self.paths.dataset(dataset, "ledger.csv")} if self.ledgers(dataset) else {}
        return self.listed_in(dataset) | ledger

    def raw_files(self, dataset: str) -> dict[str, str]:
        """Return raw name -> simulated file in the input of that name, empty where the input is the file itself."""
        if self.is_mock(dataset):
            return {name: file.rstrip("/") for name, file in self.simulator(dataset).RAW_FILES.items()}
        return dict.fromkeys(self.listed_in(dataset), "")

    def simulated_files(self, dataset: str) -> dict[str, str]:
        """Return raw name -> simulated file; and ``truth``, what was drawn, where a limit is found of it."""
        return self.raw_files(dataset) | ({"truth": TRUTH} if self.limit(dataset) else {})

    def limit(self, dataset: str) -> list[str]:
        """Return the limit of a simulated dataset and its table; nothing where its simulator has none of the label."""
        if dataset not in self.config.datasets or dataset in self.further or not self.is_mock(dataset):
            return []  # of what a network is applied to no part is a test
        told = plugins.in_room("mock", "simulate")[self.blocks[dataset].survey].constants.get("LIMIT")
        files = [self.paths.dataset(dataset, name) for name in LIMIT_FILES]
        return files if told and told["label"] == self.label(dataset) else []

    def fetched(self, dataset: str) -> dict[str, str]:
        """Return raw name -> folder that is filled from the archive; empty where nothing is fetched."""
        if self.blocks[dataset].fetch is None:
            return {}
        archives = plugins.in_room("fetch", "archive_paths")
        name = archives[self.blocks[dataset].survey].constants["FETCHED"]
        return {name: self.raw(dataset)[name]}

    def listed_in(self, dataset: str) -> dict[str, str]:
        """Return raw name -> path of the given files; of a dataset that is fetched they say what to fetch."""
        coming = self.fetched(dataset) | self.downloaded(dataset)
        return {name: path for name, path in self.raw(dataset).items() if name not in coming}

    def downloaded(self, dataset: str) -> dict[str, str]:
        """Return raw name -> path of what is downloaded if it is not there."""
        return {name: self.raw(dataset)[name] for name in self.blocks[dataset].download or ()}

    def downloads(self, dataset: str) -> dict[str, dict[str, Any]]:
        """Return raw name -> where it is downloaded, with the paths of queries expanded."""
        wanted = (self.blocks[dataset].download or {}).items()
        return {
            name: item.model_dump() | ({"query": expanded(item.query)} if item.query else {}) for name, item in wanted
        }

    def listing_inputs(self, dataset: str) -> dict[str, str]:
        """Return the inputs of the list of what to fetch: given files, and the ledger of those that are downloaded."""
        coming = self.blocks[dataset].download
        return self.listed_in(dataset) | ({"ledger": self._ledger_of_downloads(dataset)} if coming else {})

    def _ledger_of_downloads(self, dataset: str) -> str:
        return self.paths.dataset(dataset, "fetch/ledger-download.csv")

    def ledgers(self, dataset: str) -> list[str]:
        """Return the ledgers of a dataset's downloads: one a chunk, and one of single files."""
        fetch = self.blocks[dataset].fetch
        chunks = range(fetch.chunks) if fetch else ()
        of_chunks = [self.paths.dataset(dataset, f"fetch/ledger-{chunk:03d}.csv") for chunk in chunks]
        return [*of_chunks, *([self._ledger_of_downloads(dataset)] if self.blocks[dataset].download else [])]

    def is_mock(self, dataset: str) -> bool:
        """Tell whether the raw files are simulated."""
        return self.blocks[dataset].mock is not None

    def simulator(self, dataset: str):
        """Return the simulator of a dataset's survey."""
        return plugins.in_room("mock", "simulate")[self.blocks[dataset].survey].load()

    def modules(self, room: str, dataset: str) -> list[str]:
        """Return the survey's module in ``raw`` or ``mock``."""
        return [f"skybake.{room}.{self.blocks[dataset].survey}"]

    def is_taken(self, job: Combination) -> bool:
        """Tell whether a row is trained elsewhere: its networks predict another label first, and this one beside it."""
        return job.loss is not None and job.dataset in self.further

    def as_dict(self) -> dict[str, Any]:
        """Return the merged config: what was given and every default."""
        merged = self.config.model_dump(mode="json")
        merged["datasets"] = {name: block for name, block in merged["datasets"].items() if name not in self.further}
        for bakeoff in merged["bakeoffs"].values():
            bakeoff["datasets"] = [name for name in bakeoff["datasets"] if name not in self.further]
        for name, block in merged["datasets"].items():
            block["options"] = self.reader_options(name).model_dump(mode="json", by_alias=True)
            block["inputs"] = list(self.inputs(name))
            if block["mock"] is not None:
                block["mock"] = self.simulator(name).Options(**block["mock"]).model_dump(mode="json", by_alias=True)
        return merged
