"""The page of what a network predicts for new objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from csv import DictReader
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from skybake import figures as drawings
from skybake.applying import chosen as choice
from skybake.applying import familiarity, outcome
from skybake.applying import sample as samples
from skybake.applying.flags import MEANINGS, UNFAMILIAR
from skybake.applying.outcome import UNCERTAINTIES, Outcome
from skybake.data import splits
from skybake.data.dataset import Dataset, load_dataset
from skybake.report import page, page_table, rows
from skybake.report.rows import Entry, Row
from skybake.results import identity

TEMPLATE = "applied.html.j2"
LEVELS = (0, 5, 25, 50, 75, 95, 100)  # percentiles of what is predicted
MANY = 0.1  # of the objects unlike those of training, from which on a page begins with it
FIRST = tuple(  # figures in the page's order; others follow
    f"applied_{name}" for name in ("predictions", "uncertainty", "familiarity", "sky", "examples", "against_known")
)
COVERAGES = {  # column of the comparison -> what is held
    "conformal_coverage_95": "the conformal intervals at 95 % hold the true value of",
    "set_coverage_95": "the conformal sets at 95 % hold the true class of",
}
CLASSES = 100  # that the page has a line for


@dataclass(frozen=True)
class Flag:
    """A flag, and how often it is raised.

    Attributes:
        name, meaning: In words.
        objects: For which it is raised.
        share: Of all objects.
    """

    name: str
    meaning: str
    objects: int
    share: float


@dataclass(frozen=True)
class HeldOut:
    """What the threshold of unfamiliar objects is read off.

    Attributes:
        objects: That were held out: the validation part, or as many of it as are enough.
        asked: Share of objects like them that may be flagged.
        promised: Share that the threshold promises, on the mean over sets of as many; more than asked if few.
    """

    objects: int
    asked: float
    promised: float


@dataclass(frozen=True)
class ClassLine:
    """What is predicted of one class.

    Attributes:
        name: Of the class.
        objects: For which it is the most probable one.
        share: Of all objects.
        probability: Its mean over objects.
        trained: Its share of the training part.
    """

    name: str
    objects: int
    share: float
    probability: float
    trained: float


def write_page(
    name: str,
    parts: Iterable[Path | str],
    *,
    dataset: Path,
    rejected: Path,
    sample: Path,
    false_alarms: float,
    trained_on: Path,
    split: Path,
    candidates: Sequence[Row],
    chosen: Iterable[Path | str],
    html: Path,
    figures: Path,
    figure_names: Sequence[str],
    title: str,
    place: str,
    config_text: str,
) -> None:
    """Draw what was predicted for new objects and write one self-contained page.

    Args:
        name: Of the new objects in the config.
        parts: Files of predictions of all jobs.
        dataset, rejected: The new objects, and what was rejected of them.
        sample, false_alarms: What the objects were compared with, and the share of usual ones that may be flagged.
        trained_on, split: The dataset that the networks were trained on, and its split.
        candidates: The rows that may predict.
        chosen: ``chosen.json``; empty where only one row may predict.
        html: File to write, last.
        figures: Folder for ``<name>.pdf`` and ``<name>.png``.
        figure_names: Files of ``skybake/figures/`` with ``SCOPE = "apply"``.
        title: Heads the page.
        place: Folder of the results, as a user writes it.
        config_text: What the config says of these objects, as YAML.

    Raises:
        ValueError: No object was predicted, or no network was chosen.
    """
    trained = load_dataset(trained_on)
    entry = rows.read(_predicting(candidates, chosen), mock=trained.mock)
    data = outcome.gather(
        parts,
        name=name,
        row=entry.row.name,
        file=load_dataset(dataset),
        trained_on=trained,
        train=splits.load(split, trained).train,
    )
    drawings.draw_all(figure_names, data, Path(figures))
    with Path(rejected).open(newline="", encoding="utf-8") as stream:
        reasons = Counter(row["reason"] for row in DictReader(stream))
    page.write(
        html,
        TEMPLATE,
        title=title,
        mock=data.mock,
        warnings=_warnings(data, trained),
        data=data,
        entry=entry,
        predictor=_predictor(entry),
        averaged=len(entry.row.seeds) > 1 and entry.row.prediction == identity.SEEDS,
        with_dropout=entry.row.prediction == identity.DROPOUT,
        table=_table(entry),
        headline=page_table.headline(entry.record, [entry.record]),
        coverage=[(said, entry.record[name]) for name, said in COVERAGES.items() if entry.record[name] is not None],
        flags=_flags(data),
        held_out=_held_out(sample, false_alarms),
        known=int(np.isfinite(data.true).sum()),
        unusable=int((~data.usable).sum()),
        levels=LEVELS,
        numbers=_numbers(data),
        classes=_classes(data),
        rejected=reasons.most_common(),
        pictures=page.pictures(Path(figures), sorted(figure_names, key=_place)),
        place=place.rstrip("/"),
        example=_example(data),
        config_text=config_text,
    )


def _place(figure: str) -> int:
    return FIRST.index(figure) if figure in FIRST else len(FIRST)


def _table(entry: Entry) -> page_table.Table:
    """Return the line of the comparison that is the row's, whether it was chosen or named."""
    table = page_table.table([entry.record], anchors=False)
    return replace(table, lines=tuple(replace(line, best=False) for line in table.lines))


def _predicting(candidates: Sequence[Row], chosen: Iterable[Path | str]) -> Row:
    axes = [{**identity.of(row), "row": row} for row in candidates]
    return choice.row_of(axes, chosen)["row"]


def _warnings(data: Outcome, trained: Dataset) -> list[str]:
    found = list(data.file.warnings)
    share = float(data.unfamiliar.mean())
    if share > MANY:
        found.append(
            f"{int(data.unfamiliar.sum()):,} of {len(data):,} objects ({100 * share:.0f} %) are unlike those that the"
            " network was trained with: what it predicts for them may mean nothing"
        )
    if trained.mock and not data.mock:
        found.append("the network was trained on simulated objects, and these are real")
    return found


def _flags(data: Outcome) -> list[Flag]:
    return [
        Flag(name, meaning, int(data.flags[name].sum()), float(data.flags[name].mean()))
        for name, meaning in MEANINGS.items()
        if name in data.flags
    ]


def _held_out(sample: Path, false_alarms: float) -> HeldOut:
    known = familiarity.of_arrays(samples.read(sample).familiarity)
    return HeldOut(len(known.held_out), false_alarms, known.promised(false_alarms))


def _numbers(data: Outcome) -> dict[str, tuple[int, np.ndarray]]:
    """Return name -> number of objects and percentiles of what is predicted, beside the labels of the training part."""
    found: dict[str, np.ndarray] = {}
    if not data.classes:
        found["predicted"] = data.point[data.usable]
        found["labels of the training part"] = data.trained
    for name, values in data.uncertainty.items():
        found[UNCERTAINTIES[name]] = values[np.isfinite(values)]
    return {name: (len(values), np.percentile(values, LEVELS)) for name, values in found.items() if len(values)}


def _classes(data: Outcome) -> list[ClassLine]:
    """Return a line for each class, the most frequent first."""
    if not data.classes:
        return []
    count = len(data.classes)
    objects = np.bincount(data.point[data.usable].astype(int), minlength=count)
    trained = np.bincount(data.trained.astype(int), minlength=count) / max(1, len(data.trained))
    lines = [
        ClassLine(name, int(objects[place]), objects[place] / len(data), data.shares[place], trained[place])
        for place, name in enumerate(data.classes)
    ]
    return sorted(lines, key=lambda line: -line.objects)[:CLASSES]


def _example(data: Outcome) -> str:
    """Return the page's example of taking columns of the catalogue, without the objects that are flagged."""
    width = next((name for name in ("std", "spread") if name in data.uncertainty), "familiarity")
    columns = ("class", f"probability_{data.classes[0]}") if data.classes else (data.label, width)
    flags = [name for name in (UNFAMILIAR, "not_finite") if name in data.flags]
    chosen = " & ".join(f'~catalogue["{name}"]' for name in flags)
    named = ", ".join(f'"{name}"' for name in ("id", *columns))
    return "catalogue" + f"[{chosen}]" * bool(flags) + f"[{named}]"


def _predictor(entry: Entry) -> str:
    """Return how a row predicts: by one network, or by the mean of several."""
    seeds = ", ".join(map(str, entry.row.seeds))
    if len(entry.row.seeds) == 1:
        return f"one network, seed {seeds}"
    return f"the mean of {len(entry.row.seeds)} networks, seeds {seeds}"
