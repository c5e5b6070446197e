"""What the comparison shows of each task: by what networks are chosen, which columns its tables have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from skybake.metrics.regression import RELATIVE

FIXED, SIGNED, PERCENT, BRIEF = "fixed", "signed", "percent", "brief"  # how a number is written


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
        error: The only error that it is shown for, as a formula.
    """

    name: str
    head: str
    said: str
    form: str = FIXED
    decimals_of: str = ""
    tex: str = ""
    tex_interval: bool = False
    optional: bool = False
    error: str | None = None


@dataclass(frozen=True)
class Task:
    """How models are compared.

    Attributes:
        choice: Metric whose lowest validation value chooses.
        choice_name: The same in words.
        main: Metric of the test by whose paired comparison rows are told apart; the lower the better.
        main_one, main_name: The same in words, one and many of them.
        compared: Metric -> name in words, of the paired comparison.
        headline: Metric -> name in words, of what is said of the chosen one first.
        seeds: Metric -> heading, of the table of single seeds.
        columns: Of the table of all rows: what is judged first.
        further: Likewise, after the training time and before what else is of cost.
    """

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

    @property
    def all_columns(self) -> tuple[TableColumn, ...]:
        """All columns in their order."""
        return (*self.columns, TIME, *self.further, *COSTS)

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
        errors = {record["error"] for record in records}
        return tuple(
            column
            for column in self.all_columns
            if (column.error is None or column.error in errors)
            and not (column.optional and all(record[column.name] is None for record in records))
        )


TIME = TableColumn("train_seconds", "Training [s]", "one training, mean over seeds", BRIEF, tex="Time [s]")
COSTS = (
    TableColumn("epoch_seconds", "Epoch [s]", "median epoch, mean over seeds", BRIEF),
    TableColumn("predict_objects_per_second", "Objects/s", "when predicting, mean over seeds", BRIEF),
    TableColumn("peak_memory_mb", "Memory [MB]", "largest of the process that trained all seeds", BRIEF),
    TableColumn("parameters", "Parameters", "trainable ones", BRIEF),
    TableColumn("seeds", "Seeds", "trainings", BRIEF),
    TableColumn("n_test", "N", "test objects with a label", BRIEF),
)
CHOICE = "the choice is made by this, never by the test"
OVER_SEEDS = "sample standard deviation, over seeds, of the column"

REGRESSION = Task(
    choice="rmse",
    choice_name="RMSE",
    main="std_error",
    main_one="standard deviation",
    main_name="standard deviations",
    compared={"std_error": "Std", "rmse": "RMSE"},
    headline={"mean_error": "mean error", "std_error": "standard deviation", "nmad": "NMAD"},
    seeds={
        **{"mean_error": "Mean error", "std_error": "Std", "nmad": "NMAD", "rmse": "RMSE", "r2": "R²"},
        **{"crps": "CRPS", "nll": "NLL", "pit_ks": "PIT-KS"},
    },
    columns=(
        TableColumn(
            "mean_error",
            "Mean error",
            "bias: mean of the errors of all seeds' test predictions",
            SIGNED,
            "std_error",
            tex="Mean error",
            tex_interval=True,
        ),
        TableColumn("std_error", "Std", "standard deviation of the errors", tex="Std", tex_interval=True),
        TableColumn(
            "nmad",
            "NMAD",
            "1.4826 times the median absolute deviation of the errors from their median",
            decimals_of="std_error",
            tex="NMAD",
        ),
        TableColumn(
            "outlier_fraction",
            "Outliers [%]",
            "errors larger than the threshold named below",
            PERCENT,
            tex=r"Outliers [\%]",
        ),
        TableColumn(
            "rail_outlier_fraction",
            "RAIL outliers [%]",
            "errors larger than 0.06 and than 3 times the interquartile range over 1.349",
            PERCENT,
            error=RELATIVE,
        ),
        TableColumn(
            "crps",
            "CRPS",
            "continuous ranked probability score, in units of the label",
            decimals_of="std_error",
            optional=True,
            tex="CRPS",
        ),
        TableColumn("nll", "NLL", "mean negative logarithm of the density at the label", optional=True, tex="NLL"),
        TableColumn(
            "pit_ks",
            "PIT-KS",
            "Kolmogorov-Smirnov distance of the PIT from a uniform distribution: 0 is calibrated",
            optional=True,
            tex="PIT-KS",
        ),
        TableColumn(
            "coverage_68",
            "Coverage [%]",
            "labels inside the central 68 % interval of their prediction",
            PERCENT,
            optional=True,
        ),
    ),
    further=(
        TableColumn("valid_rmse", "Validation RMSE", CHOICE, decimals_of="std_error"),
        TableColumn("rmse", "RMSE", "root of the mean squared error", decimals_of="std_error"),
        TableColumn(
            "mean_error_over_seeds", "Mean error over seeds", f"{OVER_SEEDS} Mean error", decimals_of="mean_error"
        ),
        TableColumn("std_error_over_seeds", "Std over seeds", f"{OVER_SEEDS} Std", decimals_of="std_error"),
    ),
)

CLASSIFICATION = Task(
    choice="log_loss",
    choice_name="log loss",
    main="log_loss",
    main_one="log loss",
    main_name="log losses",
    compared={"log_loss": "Log loss", "accuracy": "Accuracy"},
    headline={"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "log_loss": "log loss"},
    seeds={
        **{"accuracy": "Accuracy", "balanced_accuracy": "Balanced accuracy", "log_loss": "Log loss"},
        **{"roc_auc": "ROC AUC", "pr_auc": "PR AUC", "brier": "Brier", "ece": "ECE"},
    },
    columns=(
        TableColumn(
            "accuracy", "Accuracy", "fraction of the objects whose class is right", tex="Accuracy", tex_interval=True
        ),
        TableColumn(
            "balanced_accuracy",
            "Balanced accuracy",
            "mean over classes of the fraction of their objects that are right",
            tex="Balanced",
        ),
        TableColumn(
            "log_loss",
            "Log loss",
            "mean negative logarithm of the probability of the true class",
            tex="Log loss",
            tex_interval=True,
        ),
        TableColumn("roc_auc", "ROC AUC", "area under the ROC curve; of several classes their mean", tex="ROC AUC"),
        TableColumn("pr_auc", "PR AUC", "average precision; of several classes their mean"),
        TableColumn("brier", "Brier", "mean squared error of the probabilities"),
        TableColumn("ece", "ECE", "expected calibration error: mean difference of confidence and accuracy", tex="ECE"),
    ),
    further=(
        TableColumn("valid_log_loss", "Validation log loss", CHOICE, decimals_of="log_loss"),
        TableColumn("accuracy_over_seeds", "Accuracy over seeds", f"{OVER_SEEDS} Accuracy", decimals_of="accuracy"),
    ),
)

TASKS = {"regression": REGRESSION, "classification": CLASSIFICATION}


def task_of(records: Iterable[Mapping[str, Any]]) -> Task:
    """Return the task of records of one dataset; where no run has ended, none is known and none matters."""
    return TASKS[next((record["task"] for record in records if record["task"]), "regression")]
