"""Rows of the comparison: a model with a loss on a dataset, its seeds aggregated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from skybake import plugins
from skybake.data.dataset import Dataset
from skybake.files import file_digest, read_json
from skybake.metrics import declared
from skybake.report.tasks import TASKS, task_of
from skybake.results import folders, identity, predictions, run_folder
from skybake.results.run_folder import Record as RunRecord
from skybake.results.run_folder import Timing
from skybake.workflow import logs

OK, FAILED, NOT_FINITE = "ok", "failed", "not finite"
LOG_LINES = 15

COSTS = ("train_seconds", "epoch_seconds", "predict_objects_per_second", "peak_memory_mb")
FACTS = (
    *(*identity.AXES, "seeds", "parameters", "n_test"),
    *COSTS,
    *("n_valid", "error", "outlier_threshold", "interval_level", "label", "units", "task", "mock", "baseline"),
    *("status", "n_groups", "point", "points", "device", "gpu_not_used", "without_dropout"),
    "letters",
    "reference",
)
# The first columns of comparison.csv, which other programs may rely on; what else metrics declare follows by name.
# ``crps``, ``nll`` and what else judges a distribution are empty where only points are predicted: the CRPS of a point
# is its absolute error, which stands in ``mae``, and a comparison must not mix the two.
FIRST_COLUMNS = (
    *(*identity.AXES, "seeds", "parameters", "n_test"),
    *("mean_error", "mean_error_low", "mean_error_high", "std_error", "std_error_low", "std_error_high"),
    *("nmad", "outlier_fraction", "crps"),
    *COSTS,
)
_PAIRED = tuple(
    column
    for task in TASKS.values()
    for column in (
        *(f"{task.minus_best}{end}" for end in ("", "_low", "_high", "_objects_low", "_objects_high", "_p_value")),
        f"{task.main}_below_best",
    )
)
_CHANGED = tuple(column for task in TASKS.values() for item in task.changed for column in item.columns)
COLUMNS = tuple(
    dict.fromkeys(
        (
            *(*FIRST_COLUMNS, *(column for item in declared().values() for column in item.columns)),
            *(*_PAIRED, *_CHANGED, *FACTS),
        )
    )
)
LIMIT_COLUMNS = (
    "efficiency",
    "efficiency_low",
    "efficiency_high",
)  # where there is a limit
TEXT_COLUMNS = (
    *(*identity.AXES, "error", "label", "units", "task", "status", "point"),
    *("device", "gpu_not_used", "letters", "reference"),
)
BOOL_COLUMNS = ("mock", "baseline", "without_dropout")

Record = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """Where the files of one row of the comparison lie.

    Attributes:
        dataset, split, training, model, loss, prediction: What it is (:mod:`skybake.results.identity`).
        words: What tells it from rows of the same dataset, model and loss; empty for an ordinary row.
        without_dropout: Whether a row by dropout was asked for, of a network that has none.
        seeds: Of its runs.
        runs: Seed -> folder of the run.
        metrics: ``metrics.json``; where it does not exist, the row has failed.
        figures: Folder of its figures; None where they are not looked at.
        log, judge_log, draw_log: Logs of the training, of the judging and of the drawing.
        baseline: Whether it is a trivial predictor.
        sweep: ``sweep.json`` of the sweep whose chosen point it is; None where nothing is swept.
        point_logs: Logs of the trainings of all points of that sweep.
        inside: Address, on the dataset's page, of the figures of what is inside the network; empty where nobody asked.
    """

    dataset: str
    split: str
    training: str
    model: str
    loss: str
    prediction: str
    seeds: Sequence[int]
    runs: Mapping[int, Path]
    metrics: Path
    log: Path
    figures: Path | None = None
    judge_log: Path | None = None
    draw_log: Path | None = None
    baseline: bool = False
    sweep: Path | None = None
    point_logs: Sequence[Path] = ()
    inside: str = ""
    words: str = ""
    without_dropout: bool = False

    @property
    def name(self) -> str:
        """How the row is called; no other row of the dataset is called so."""
        return identity.with_words(self.model, self.words) if self.baseline else f"{self.model}, {self.loss_said}"

    @property
    def loss_said(self) -> str:
        """The loss as tables and figures have it, with what tells the row apart."""
        return identity.with_words(self.loss, self.words)


def rows_of(
    told: Iterable[Mapping[str, Any]],
    *,
    runs: Iterable[str],
    metrics: Iterable[str],
    figures: Iterable[str] = (),
    sweeps: Iterable[str] = (),
) -> list[Row]:
    """Return the rows of a dataset.

    Args:
        told: What :meth:`skybake.config.Plan.rows` tells of each.
        runs: Files of all runs.
        metrics: ``metrics.json`` of each.
        sweeps: ``sweep.json`` of those that are swept.
        figures: Folder of figures of each, where they are looked at.
    """
    folder_of = folders.of_rows(runs)
    metrics_of, figures_of, sweep_of = (
        {folders.row(path): Path(path) for path in one} for one in (metrics, figures, sweeps)
    )
    rows = []
    kept, without = _with_dropout(list(told), folder_of)
    for row, words in zip(kept, identity.told_apart(kept), strict=True):
        key, trained, predicted = (tuple(row[name].split("/")) for name in ("folder", "trained", "predicted"))
        logs_of: dict[str, Any] = {step: Path(row[step]) for step in ("log", "judge_log", "draw_log")}
        logs_of["point_logs"] = tuple(map(Path, row["point_logs"]))
        files: dict[str, Any] = {
            "runs": folder_of[predicted],
            "metrics": metrics_of[key],
            "figures": figures_of.get(key),
        }
        facts = {name: value for name, value in row.items() if name not in ("folder", "trained", "predicted")}
        more: dict[str, Any] = {"words": words, "without_dropout": trained in without}
        rows.append(Row(**{**facts, **logs_of}, **files, **more, sweep=sweep_of.get(trained)))
    return rows


def _with_dropout(
    told: Sequence[Mapping[str, Any]], folder_of: Mapping[tuple[str, str], Mapping[int, Path]]
) -> tuple[list[Mapping[str, Any]], set[tuple[str, ...]]]:
    """Return what is told of all rows but those by dropout of networks that have none, and where these were trained."""
    kept, without = [], set()
    for row in told:
        model, loss = row["predicted"].split("/")
        folder = next(iter(folder_of[model, loss].values()))
        passes = row["prediction"] == identity.DROPOUT and (folder / run_folder.RECORD).exists()
        if passes and not run_folder.read_record(folder).dropout["layers"]:
            without.add(tuple(row["trained"].split("/")))
        else:
            kept.append(row)
    return kept, without


@dataclass(frozen=True)
class Entry:
    """A row, read.

    Attributes:
        row: Where it was read from.
        record: TableColumn of the table -> value, None where empty.
        metrics: ``metrics.json``; empty for a failed row.
        runs, timings: Seed -> ``run.json``, ``timing.json``; empty for a failed row.
        sweep: ``sweep.json``; empty where nothing is swept, and for a failed row.
    """

    row: Row
    record: Record
    metrics: Mapping[str, Any] = field(default_factory=dict)
    runs: Mapping[int, RunRecord] = field(default_factory=dict)
    timings: Mapping[int, Timing] = field(default_factory=dict)
    sweep: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """``"ok"``, ``"failed"`` or ``"not finite"``."""
        return self.record["status"]


def read(row: Row, *, mock: bool) -> Entry:
    """Read a row; one without metrics becomes an entry with empty numbers and the status ``"failed"``.

    Args:
        row: Where its files lie.
        mock: Whether the dataset is simulated.
    """
    record: Record = dict.fromkeys((*COLUMNS, *LIMIT_COLUMNS))
    record |= {**identity.of(row), "baseline": row.baseline}
    record |= {"seeds": len(row.seeds), "mock": mock, "status": FAILED, "without_dropout": row.without_dropout}
    if not is_judged(row):
        return Entry(row, record)
    metrics = read_json(row.metrics)
    runs = {seed: run_folder.read_record(row.runs[seed]) for seed in row.seeds}
    timings = {seed: run_folder.read_timing(row.runs[seed]) for seed in row.seeds}
    sweep = read_json(row.sweep) if row.sweep else {}
    times = _timing(timings.values(), ensemble=row.prediction == identity.ENSEMBLE)
    record |= _accuracy(metrics) | times | _devices(runs.values())
    record["point"], record["points"] = sweep.get("chosen"), len(sweep["points"]) if sweep else None
    return Entry(row, record, metrics, runs, timings, sweep)


def is_judged(row: Row) -> bool:
    """Tell whether the metrics are those of the runs: a training that failed later leaves older metrics behind.

    Times of files would not tell: copies of them on another disk have others.
    """
    found = {str(seed): folder / run_folder.PREDICTIONS for seed, folder in row.runs.items()}
    needed = [row.metrics, *found.values(), *(folder / run_folder.RECORD for folder in row.runs.values())]
    if not all(path.exists() for path in needed):
        return False
    return read_json(row.metrics).get("predictions") == {seed: file_digest(path) for seed, path in found.items()}


def belongs(row: Row, dataset: Dataset) -> bool:
    """Tell whether a row was trained on the dataset: of an earlier one, a bake-off with failed jobs may have rows."""
    return all(predictions.belong(folder / run_folder.PREDICTIONS, dataset) for folder in row.runs.values())


def is_drawn(row: Row) -> bool:
    """Tell whether its figures are there: a drawing that fails leaves no folder behind."""
    return row.figures is not None and row.figures.is_dir()


def _accuracy(metrics: Mapping[str, Any]) -> Record:
    """Return the columns that ``metrics.json`` fills.

    Raises:
        ValueError: A metric of the test part has no column.
    """
    test, valid = metrics["test"], metrics["valid"]
    homeless = [name for name in test["pooled"] if name not in COLUMNS]
    if homeless:
        raise ValueError(
            f"metrics.json: no column for {', '.join(homeless)}; expected one for every metric."
            " Hint: no file of skybake/metrics/ declares it any more; judge again"
        )
    found: Record = {
        key: metrics[key] for key in ("parameters", "error", "outlier_threshold", "label", "units", "task")
    }
    found["interval_level"] = metrics["statistics"]["level"]
    found["n_test"], found["n_valid"] = test["n"], valid["n"]
    found["n_groups"] = test["groups"]
    for name, item in test["pooled"].items():
        found[name] = item["value"]
        found |= {f"{name}_{key}": value for key, value in item.items() if key != "value"}
        found[f"{name}_over_seeds"] = _spread([values[name] for values in test["per_seed"].values()])
    found |= {f"valid_{name}": item["value"] for name, item in valid["pooled"].items()}
    found["status"] = NOT_FINITE if test["not_finite"] or valid["not_finite"] else OK
    return {column: value for column, value in found.items() if column in COLUMNS}


def _spread(values: Sequence[float | None]) -> float | None:
    """Return the sample standard deviation (divisor n - 1) over seeds; None for one seed."""
    known = [value for value in values if value is not None]
    if len(known) < max(2, len(values)):
        return None
    return float(np.std(known, ddof=1))


def _devices(runs: Iterable[RunRecord]) -> Record:
    """Return the columns of what networks were trained on, and why a GPU that was there was not used."""
    found = [run.hardware.get("device", {}) for run in runs]
    texts = {
        "device": {device.get("name", "") for device in found},
        "gpu_not_used": {device.get("gpu_not_used", "") for device in found},
    }
    return {name: "; ".join(sorted(filter(None, values))) or None for name, values in texts.items()}


def _timing(timings: Iterable[Timing], *, ensemble: bool) -> Record:
    """Return the columns of time and memory: means over seeds, but the largest memory, since seeds share a process.

    An ensemble takes the trainings of all its seeds, and each of them predicts every object.
    """
    timings = list(timings)

    def over_seeds(key: str, statistic) -> float | None:
        known = [getattr(item, key) for item in timings if getattr(item, key) is not None]
        return float(statistic(known)) if known else None

    return {
        "train_seconds": over_seeds("train_seconds", np.sum if ensemble else np.mean),
        "epoch_seconds": over_seeds("epoch_seconds_median", np.mean),
        "predict_objects_per_second": over_seeds(
            "predict_objects_per_second", (lambda speeds: 1 / np.sum(1 / np.asarray(speeds))) if ensemble else np.mean
        ),
        "peak_memory_mb": over_seeds("peak_memory_mb", np.max),
    }


def ordered(entries: Iterable[Entry]) -> list[Entry]:
    """Return networks before baselines, each in the order of what the task is chosen by, and failed rows last."""
    entries = list(entries)
    choice = f"valid_{task_of(entry.record for entry in entries).choice}"

    def place(entry: Entry) -> tuple:
        value = entry.record[choice]
        group = (OK, NOT_FINITE, FAILED).index(entry.status)
        return group, entry.row.baseline, float("inf") if value is None else value, entry.row.name

    return sorted(entries, key=place)


def _failed(log: Path) -> bool:
    """Tell whether a training began and did not succeed."""
    return log.exists() and not logs.finished(log)


def log_tail(row: Row) -> str:
    """Return the last lines of the log of the step that failed, without paths of this machine's folders."""
    trained = all((folder / run_folder.PREDICTIONS).exists() for folder in row.runs.values())
    path = row.judge_log if trained and row.judge_log else row.log
    if is_judged(row) and row.draw_log:
        path = row.draw_log
    if not path.exists():  # a sweep goes no further than its first failed point
        path = next((log for log in row.point_logs if _failed(log)), path)
    if not path.exists():
        return f"no log at {path}: the job was never started, or was killed before it wrote"
    with path.open(encoding="utf-8", errors="replace", newline="\n") as stream:
        lines = stream.read().rstrip().split("\n")
    text = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines[-LOG_LINES:])  # a bar's last state only
    for folder in (Path.cwd(), plugins.ROOT):
        text = text.replace(f"{folder}/", "")
    return text or "the log is empty"
