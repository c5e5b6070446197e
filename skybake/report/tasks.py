"""What the comparison shows of each task: by what networks are chosen, which columns its tables have.

The columns of metrics are those that their files declare (:mod:`skybake.metrics`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from skybake.metrics import (
    BRIEF,
    FIRST,
    FIXED,
    FURTHER,
    OF_DISTRIBUTIONS,
    OF_PARTS,
    OF_REGIONS,
    PERCENT,
    SIGNED,
    Metric,
    declared,
    of_task,
)
from skybake.metrics.regression import RELATIVE

__all__ = ["BRIEF", "FIXED", "PERCENT", "SIGNED", "TASKS", "TableColumn", "Task", "task_of"]

ERRORS, UNCERTAINTY, COST = GROUPS = ("Errors", "Uncertainty", "Cost")  # of columns


@dataclass(frozen=True)
class TableColumn:
    """A column of numbers in the pages and in the LaTeX table.

    Attributes:
        name: Of the column in ``comparison.csv``.
        head: Its heading.
        said: Its explanation.
        form: How its numbers are written.
        decimals_of: The column whose intervals tell how many decimals are written; by default its own.
        tex: Heading in the LaTeX table; empty where it does not stand there.
        tex_interval: Whether half the interval stands there too.
        optional: Whether it is left out where no row has it.
        relative: Whether it is shown for relative errors alone, those of redshifts.
        group: Which columns of the page it is shown and hidden with.
    """

    name: str
    head: str
    said: str
    form: str = FIXED
    decimals_of: str = ""
    tex: str = ""
    tex_interval: bool = False
    optional: bool = False
    relative: bool = False
    group: str = ERRORS


@dataclass(frozen=True)
class Changed:
    """A number whose change against the row that ``compare_with`` names is told, in per cent.

    Attributes:
        name: Of the number; its column in ``comparison.csv`` is ``<name>_change_percent``.
        head: Its heading.
        column: The column that it is made of.
        of: ``"value"``, the column itself, its ``"size"``, or what it lacks to one, its ``"rest"``.
        paired: Whether its change has an interval, of the paired comparison by ``column``.
    """

    name: str
    head: str
    column: str = ""
    of: str = "value"
    paired: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Its columns in ``comparison.csv``."""
        ends = ("", "_low", "_high") if self.paired else ("",)
        return tuple(f"{self.name}_change_percent{end}" for end in ends)

    def number(self, record: Mapping[str, Any]) -> float | None:
        """Return the number of a row; None where it has none."""
        value = record[self.column or self.name]
        if value is None:
            return None
        return {"value": value, "size": abs(value), "rest": 1 - value}[self.of]

    def change(self, record: Mapping[str, Any], reference: Mapping[str, Any]) -> float | None:
        """Return the change in per cent of the reference's number; None where there is nothing to divide by."""
        value, base = self.number(record), self.number(reference)
        return None if value is None or not base else 100 * (value / base - 1)


COSTS_CHANGED = (Changed("parameters", "Parameters"), Changed("train_seconds", "Training time"))


@dataclass(frozen=True)
class Task:
    """How models are compared.

    Attributes:
        name: Of the task.
        choice: Metric whose lowest validation value chooses.
        choice_name: The same in words.
        main: Metric of the test by whose paired comparison rows are told apart; the lower the better.
        main_one, main_name: The same in words, one and many of them.
        compared: Metric -> name in words, of the paired comparison.
        headline: Metric -> name in words, of what is said of the chosen one first.
        seeds: Metric -> heading, of the table of single seeds.
        columns: Of the table of all rows: what is judged first.
        further: Likewise, after the training time and before what else is of cost.
        changed: Numbers whose change against a reference is told.
    """

    name: str
    choice: str
    choice_name: str
    main: str
    main_one: str
    main_name: str
    compared: Mapping[str, str]
    headline: Mapping[str, str]
    seeds: Mapping[str, str]
    columns: tuple[TableColumn, ...]
    further: tuple[TableColumn, ...]
    changed: tuple[Changed, ...]

    @property
    def all_columns(self) -> tuple[TableColumn, ...]:
        """All columns in their order."""
        return (*self.columns, EFFICIENCY, TIME, *self.further, *COSTS)

    @property
    def minus_best(self) -> str:
        """The column of the paired comparison with the chosen network."""
        return f"{self.main}_minus_best"

    def column(self, name: str) -> TableColumn:
        """Return a column by the name of its metric."""
        return next(column for column in self.all_columns if column.name == name)

    def shown(self, records: Iterable[Mapping[str, Any]]) -> tuple[TableColumn, ...]:
        """Return the columns that suit some records."""
        records = list(records)
        relative = any(record["error"] == RELATIVE for record in records)
        return tuple(
            column
            for column in self.all_columns
            if (relative or not column.relative)
            and not (column.optional and all(record[column.name] is None for record in records))
        )


EFFICIENCY = TableColumn(
    "efficiency",
    "Efficiency",
    "limit over what is achieved, on the same test objects; 1 is as good as can be",
    optional=True,
)
TIME = TableColumn("train_seconds", "Training [s]", "one training, mean over seeds", BRIEF, tex="Time [s]", group=COST)
COSTS = (
    TableColumn("epoch_seconds", "Epoch [s]", "median epoch, mean over seeds", BRIEF, group=COST),
    TableColumn("predict_objects_per_second", "Objects/s", "when predicting, mean over seeds", BRIEF, group=COST),
    TableColumn("peak_memory_mb", "Memory [MB]", "largest of the process that trained all seeds", BRIEF, group=COST),
    TableColumn("parameters", "Parameters", "trainable ones", BRIEF, group=COST),
    TableColumn("seeds", "Seeds", "trainings", BRIEF, group=COST),
    TableColumn("n_test", "N", "test objects with a label", BRIEF),
)
CHOICE = "the choice is made by this, never by the test"
OVER_SEEDS = "sample standard deviation, over seeds, of the column"


def _column(metric: Metric) -> TableColumn:
    return TableColumn(
        metric.name,
        metric.head,
        metric.said,
        metric.form,
        metric.decimals_of,
        metric.tex,
        metric.tex_interval,
        optional=metric.of in (*OF_DISTRIBUTIONS, *OF_REGIONS, *OF_PARTS),
        relative=metric.relative,
        group=UNCERTAINTY if metric.of in (*OF_DISTRIBUTIONS, *OF_REGIONS) else ERRORS,
    )


def _over_seeds(metric: Metric) -> TableColumn:
    head, said = f"{metric.head} over seeds", f"{OVER_SEEDS} {metric.head}"
    return TableColumn(f"{metric.name}_over_seeds", head, said, decimals_of=metric.name, group=UNCERTAINTY)


def _task(
    name: str, *, choice: str, choice_name: str, main: str, main_one: str, main_name: str, changed: tuple[Changed, ...]
) -> Task:
    """Return a task with the columns that its metrics declare."""
    metrics = of_task(name)
    lacking = [key for key in (choice, main) if key not in declared()]
    if lacking:
        raise ValueError(
            f"skybake/metrics/: no metric {lacking[0]!r} found; expected it: rows of a {name} are compared by it"
        )
    compared = sorted((item for item in metrics if item.compared), key=lambda item: item.name != main)
    chosen_by = TableColumn(
        f"valid_{choice}", f"Validation {choice_name}", CHOICE, decimals_of=declared()[choice].decimals_of or choice
    )
    return Task(
        name=name,
        choice=choice,
        choice_name=choice_name,
        main=main,
        main_one=main_one,
        main_name=main_name,
        compared={item.name: item.head for item in compared},
        changed=(*changed, *COSTS_CHANGED),
        headline={item.name: item.headline for item in metrics if item.headline},
        seeds={item.name: item.head for item in metrics if item.per_seed},
        columns=tuple(_column(item) for item in metrics if item.shown == FIRST),
        further=(
            chosen_by,
            *(_column(item) for item in metrics if item.shown == FURTHER),
            *(_over_seeds(item) for item in metrics if item.over_seeds == "page"),
        ),
    )


REGRESSION = _task(
    "regression",
    choice="rmse",
    choice_name="RMSE",
    main="std_error",
    main_one="standard deviation",
    main_name="standard deviations",
    changed=(
        Changed("abs_mean_error", "Size of the mean error", "mean_error", "size"),
        Changed("std_error", "Standard deviation", paired=True),
    ),
)
CLASSIFICATION = _task(
    "classification",
    choice="log_loss",
    choice_name="log loss",
    main="log_loss",
    main_one="log loss",
    main_name="log losses",
    changed=(
        Changed("error_rate", "Error rate", "accuracy", "rest", paired=True),
        Changed("log_loss", "Log loss", paired=True),
    ),
)
TASKS = {"regression": REGRESSION, "classification": CLASSIFICATION}


def task_of(records: Iterable[Mapping[str, Any]]) -> Task:
    """Return the task of records of one dataset; where no run has ended, none is known and none matters."""
    return TASKS[next((record["task"] for record in records if record["task"]), "regression")]
