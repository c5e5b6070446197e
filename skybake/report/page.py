"""Writes the HTML pages: each one file that needs no other, with no script, font or picture from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from skybake import plugins
from skybake.data import leaks
from skybake.evaluation.pairs import FEW_SEEDS, Paired
from skybake.files import atomic_write
from skybake.report import architecture, downloads, embedding, tables
from skybake.report.architecture import Architecture
from skybake.report.explorer import Explorer
from skybake.report.names import Names
from skybake.report.numbers import MINUS, breakable, brief, duration, fixed, minus, signed
from skybake.report.opening import opening
from skybake.report.page_table import PLAIN, Cell, anchor, headline, places_of, table
from skybake.report.published import Held
from skybake.report.rows import FAILED, OK, Entry, Record, Row, is_drawn, log_tail
from skybake.report.tasks import Task, task_of
from skybake.report.verdict import best_baseline
from skybake.results import identity

ILLUSTRATED = 40  # rows whose own figures are put into the page; with hundreds it would be too large to open
FOREST = "forest"  # the figure of the opening


@dataclass(frozen=True)
class Picture:
    """A figure inside a page.

    Attributes:
        title, caption: In words.
        name: Of its file.
        source: The PNG: as a data address, or where it lies.
        pdf: Where the same lies as PDF; empty where that is not told.
    """

    title: str
    caption: str
    name: str
    source: str
    pdf: str = ""


@dataclass(frozen=True)
class Detail:
    """What a page unfolds of one row.

    Attributes:
        entry: The row.
        anchor: Its id on the page.
        heads: Of the table of its seeds.
        lines: Seed and texts, a line of that table each; none of an ensemble.
        pictures: Its figures.
        log: The end of its log, if it failed; of its drawing, if that failed.
        points: Of its sweep: name, score with its spread over seeds, and whether it was chosen.
        classes: What is told of each class, by name; none for other tasks.
        failures: Address of the table of its worst failures; empty where there is none.
        inside: Address of the figures of what is inside the network; empty where nobody asked for them.
        architecture: The layers of its network; None of a baseline, and of an ensemble, whose seeds have them.
        layers_at: Address of the folder with the files that tell of them.
    """

    entry: Entry
    anchor: str
    heads: tuple[str, ...] = ()
    lines: tuple[tuple[int, tuple[str, ...]], ...] = ()
    pictures: tuple[Picture, ...] = ()
    log: str = ""
    points: tuple[tuple[str, str, bool], ...] = ()
    classes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    failures: str = ""
    inside: str = ""
    architecture: Architecture | None = None
    layers_at: str = ""


@dataclass(frozen=True)
class Difference:
    """A line of the table of paired comparisons.

    Attributes:
        entry: The row.
        cells: Of each metric the difference with its interval, the interval over objects alone where it is told too,
            and the corrected p value.
    """

    entry: Entry
    cells: tuple[tuple[Cell, str, float], ...]

    @property
    def alone(self) -> bool:
        """Whether an interval over objects alone is told."""
        return any(alone for _, alone, _ in self.cells)


@dataclass(frozen=True)
class Changes:
    """The table of changes against a row of one's choice.

    Attributes:
        reference: That row.
        heads: Of its columns.
        lines: Row and cells of each row that has ended; none where the reference has not.
    """

    reference: Entry
    heads: tuple[str, ...]
    lines: tuple[tuple[Entry, tuple[Cell, ...]], ...]


def write_comparison(
    path: Path | str,
    *,
    title: str,
    entries: Sequence[Entry],
    best: Entry | None,
    pairs: Mapping[str, Mapping[str, Paired]],
    p_values: Mapping[str, Mapping[str, float]],
    reference: Entry | None,
    verdict: Mapping[str, Any],
    facts: Any,
    figures: Sequence[Picture],
    config_text: str,
    statistics: Any,
    held: Sequence[Held] = (),
    apply: Mapping[str, str] | None = None,
    limit: Mapping[str, Any] | None = None,
    names: Names = PLAIN,
    explorer: Explorer | None = None,
) -> None:
    """Write the page of one dataset; arguments as :func:`skybake.report.dataset_page.write_page` makes them."""
    records = [entry.record for entry in entries]
    ended = [entry for entry in entries if entry.status != FAILED]
    failed = [Detail(entry, _anchor(entry), log=log_tail(entry.row)) for entry in entries if entry.status == FAILED]
    inside = [entry for entry in (best, best_baseline(entries)) if entry]
    details = [
        _detail(
            entry,
            records,
            Path(path),
            facts.dataset.classes,
            illustrated=place < ILLUSTRATED,
            embedded=any(entry.row == one.row for one in inside),
        )
        for place, entry in enumerate(ended)
    ]
    differences = _differences(entries, pairs, p_values)
    forest = next((item for item in figures if item.name == FOREST), None)
    shown = table(records, anchors=True, held=held, names=names)

    def row_name(row: Row) -> str:
        return names.row(row.model, row.loss, row.words, baseline=row.baseline)

    contents = {
        "comparison": "Comparison",
        **({"explorer": "Figures to explore", "atlas": "Failure atlas"} if explorer else {}),
        "limit": "The limit",
        "published": "Published numbers" if held else "",
        "paired": f"Against {row_name(best.row)}" if best and differences else "",
        "changes": f"Changes against {row_name(reference.row)}" if reference else "",
        "figures": "Figures" if len(figures) > bool(forest) else "",
        "apply": "Predictions for new objects" if apply else "",
        "failed": "Failed" if failed else "",
        "runs": "Every row" if details else "",
        **{"dataset": "Dataset", "provenance": "Provenance", "config": "Configuration"},
    }
    write(
        path,
        "comparison.html.j2",
        title=title,
        mock=facts.dataset.mock,
        warnings=facts.audit["warnings"],
        kinds=leaks.KINDS,
        part_names=leaks.SAID,
        nearly=leaks.NEARLY,
        dataset=entries[0].row.dataset,
        table=shown,
        names=names,
        row_name=row_name,
        opening=opening(entries, best, verdict, limit, held, names),
        contents=[(key, said) for key, said in contents.items() if said],
        downloads=downloads.of(
            records, shown, best.row.name if best else None, Path(path).parent / forest.pdf if forest else None
        ),
        held=held,
        apply=apply,
        limit=limit,
        columns={column.name: column for column in task_of(records).all_columns},
        best=best,
        best_anchor=_anchor(best) if best else "",
        task=task_of(records),
        headline=headline(best.record, records) if best else "",
        baseline_said=_baseline_said(entries),
        compared=tuple(task_of(records).compared.values()),
        differences=differences,
        changes=_changes(entries, reference) if reference else None,
        verdict=verdict,
        trained_once=_trained_once(entries, best, pairs),
        ensembles=[entry.row.name for entry in ended if entry.row.prediction == identity.ENSEMBLE],
        facts=facts,
        forest=forest,
        figures=[item for item in figures if item is not forest],
        details=details,
        drawings=_drawings(details, row_name),
        captions=sorted({(item.title, item.caption) for detail in details for item in detail.pictures}),
        embedded=[row_name(entry.row) for entry in inside],
        explorer=explorer,
        illustrated=ILLUSTRATED,
        failed=failed,
        versions=_distinct(entries, "versions"),
        hardware=_distinct(entries, "hardware"),
        training_seconds=sum(
            item.train_seconds
            for entry in entries
            if entry.row.prediction == identity.SEEDS  # those of a mean are counted there
            for item in entry.timings.values()
        ),
        config_text=config_text,
        statistics=statistics,
        drawn=tables.drawn(best.record) if best and tables.has_intervals(best.record) else "",
    )


def _drawings(details: Iterable[Detail], row_name: Callable[[Row], str]) -> list[tuple[str, list[str]]]:
    """Return each drawing of a network once, with the rows that it is of."""
    found: dict[str, list[str]] = {}
    for detail in details:
        if detail.architecture and detail.architecture.drawing:
            found.setdefault(detail.architecture.drawing, []).append(row_name(detail.entry.row))
    return list(found.items())


def _trained_once(entries: Sequence[Entry], best: Entry | None, pairs: Mapping[str, Mapping[str, Paired]]) -> list[str]:
    """Return the rows whose difference is over objects alone since a network was trained once, ensembles left out."""
    if best is None or best.row.prediction == identity.ENSEMBLE:
        return []
    seeds = [entry.row.name for entry in entries if entry.row.prediction != identity.ENSEMBLE]
    return [name for name in seeds if name in pairs and not next(iter(pairs[name].values())).with_seeds]


def _baseline_said(entries: Sequence[Entry]) -> str:
    """Return what the best baseline on the validation part reaches: a network must be seen to beat it."""
    ended = best_baseline(entries)
    return f"{ended.row.name}, {headline(ended.record, [ended.record])}" if ended else ""


def _differences(
    entries: Sequence[Entry],
    pairs: Mapping[str, Mapping[str, Paired]],
    p_values: Mapping[str, Mapping[str, float]],
) -> tuple[Difference, ...]:
    records = [entry.record for entry in entries]
    names = task_of(records).compared
    places = {name: places_of(task_of(records).column(name), records) for name in names}

    def cell(row: str, name: str) -> tuple[Cell, str, float]:
        pair = pairs[row][name]
        shown = Cell(
            signed(pair.difference, places[name]), repr(pair.difference), _span(pair.low, pair.high, places[name])
        )
        few = pair.with_seeds and pair.seeds is not None and pair.seeds < FEW_SEEDS
        alone = _span(pair.objects_low, pair.objects_high, places[name]) if few else ""
        return shown, alone, p_values[row][name]

    return tuple(
        Difference(entry, tuple(cell(entry.row.name, name) for name in names))
        for entry in entries
        if entry.row.name in pairs
    )


def _changes(entries: Sequence[Entry], reference: Entry) -> Changes:
    changed = task_of(entry.record for entry in entries).changed

    def cell(record: Record, columns: Sequence[str]) -> Cell:
        value, *ends = (record[name] for name in columns)
        if value is None:
            return Cell()
        span = f"{_per_cent(ends[0])} to {_per_cent(ends[1])}" if ends and None not in ends else ""
        return Cell(_per_cent(value), repr(value), span)

    lines = tuple(
        (entry, tuple(cell(entry.record, item.columns) for item in changed))
        for entry in entries
        if entry.status == OK and reference.status == OK and entry.row != reference.row
    )
    return Changes(reference, tuple(item.head for item in changed), lines)


def _per_cent(value: float) -> str:
    """Write a change in per cent: one decimal of small ones, none of large ones."""
    return f"{value:+,.0f}".replace("-", MINUS) if abs(value) >= 1000 else signed(value, int(abs(value) < 100))


def _span(low: float, high: float, places: int) -> str:
    return f"{signed(low, places)} to {signed(high, places)}"


def _detail(
    entry: Entry,
    records: Sequence[Record],
    path: Path,
    classes: Sequence[str],
    *,
    illustrated: bool,
    embedded: bool,
) -> Detail:
    """Return what is told of a row; ``embedded`` puts its figures into the page, which are linked to otherwise."""
    task = task_of(records)
    test, valid = entry.metrics["test"]["per_seed"], entry.metrics["valid"]["per_seed"]
    shown = {name: head for name, head in task.seeds.items() if name in next(iter(test.values()), {})}
    places = {name: _seed_places(task, name, records) for name in (*shown, task.choice)}
    folder = entry.row.runs[entry.row.seeds[0]]  # all seeds have the same layers

    def numbers(seed: int) -> tuple[str, ...]:
        run, values = entry.runs[seed], test[str(seed)]
        return (
            *(
                signed(values[name], places[name]) if name == "mean_error" else fixed(values[name], places[name])
                for name in shown
            ),
            fixed(valid[str(seed)][task.choice], places[task.choice]),
            "" if run.best_epoch is None else str(run.best_epoch),
            str(run.epochs or ""),
            brief(entry.timings[seed].train_seconds),
        )

    return Detail(
        entry,
        _anchor(entry),
        heads=(*shown.values(), f"Validation {task.choice_name}", "Best epoch", "Epochs", "Training [s]"),
        lines=tuple((seed, numbers(seed)) for seed in entry.runs if str(seed) in test),
        pictures=_run_pictures(entry, path, embedded=embedded) if illustrated else (),
        log="" if is_drawn(entry.row) else log_tail(entry.row),
        points=_points(entry),
        classes=_by_class(entry, classes),
        failures=relative(worst, path) if (worst := entry.row.metrics.with_name("failures.csv")).exists() else "",
        inside=entry.row.inside,
        architecture=architecture.read(folder) if illustrated and entry.row.prediction == identity.SEEDS else None,
        layers_at=relative(folder, path),
    )


def _by_class(entry: Entry, names: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Return class -> what is told of it; nothing where probabilities are no numbers."""
    told = entry.metrics["test"].get("per_class") or ()
    return dict(zip(names or [f"class {number}" for number in range(len(told))], told, strict=bool(told)))


def _points(entry: Entry) -> tuple[tuple[str, str, bool], ...]:
    """Return what is told of a sweep of several points; they stand in the config's order."""
    points = entry.sweep.get("points", ())
    if len(points) < 2:
        return ()

    def said(point: Mapping[str, Any]) -> str:
        if point["mean"] is None:
            return "diverged"
        spread = point["std_over_seeds"]
        return f"{point['mean']:.4g}" + ("" if spread is None else f" \N{PLUS-MINUS SIGN} {spread:.2g}")

    return tuple((point["point"], said(point), point["point"] == entry.sweep["chosen"]) for point in points)


def _seed_places(task: Task, name: str, records: Sequence[Record]) -> int:
    known = {column.name: column for column in task.all_columns}
    return places_of(known[name], records) if name in known else 3


def write_overview(
    path: Path | str,
    *,
    title: str,
    sections: Sequence[Any],
    tasks: Sequence[Task],
    mocks: Sequence[str],
    warnings: Sequence[str],
    config_text: str,
) -> None:
    """Write the page that joins datasets; arguments as :func:`skybake.report.overview.join` makes them."""
    write(
        path,
        "overview.html.j2",
        title=title,
        mock=bool(mocks),
        sections=sections,
        tasks=tasks,
        mocks=mocks,
        warnings=warnings,
        config_text=config_text,
    )


def write(path: Path | str, template: str, **content: Any) -> None:
    """Write a page from a template, whole or not at all."""
    room = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    room.filters |= {
        "fixed": fixed,
        "signed": signed,
        "brief": brief,
        "duration": duration,
        "breakable": breakable,
        "minus": minus,
        "packed": embedding.packed,
    }
    room.globals["table_library"] = embedding.table_library
    text = room.get_template(template).render(**content)
    with atomic_write(path) as beside:
        beside.write_text(text, encoding="utf-8")


def _anchor(entry: Entry) -> str:
    return anchor(entry.record, entry.row.words)


def _distinct(entries: Iterable[Entry], key: str) -> dict[str, list[str]]:
    """Return what runs say under ``key``: name -> all different values found."""
    found: dict[str, dict[str, None]] = {}
    for entry in entries:
        for run in entry.runs.values():
            for name, value in getattr(run, key).items():
                found.setdefault(name, {})[_words(value)] = None
    return {name: list(values) for name, values in sorted(found.items())}


def _words(value: Any) -> str:
    """Return a value of a run record for people."""
    if not isinstance(value, Mapping):
        return str(value)
    return ", ".join(f"{name} {_words(item)}" for name, item in value.items() if item)


def pictures(
    folder: Path | None, names: Iterable[str], page: Path | None = None, *, embedded: bool = True
) -> tuple[Picture, ...]:
    """Return the figures of these names that lie in a folder, if there is one.

    Args:
        folder: With ``<name>.png`` and ``<name>.pdf``.
        names: In their order.
        page: That shows them; links lead from there, and without it to no PDF.
        embedded: Whether the PNG are put into the page, or linked to.
    """
    if folder is None:
        return ()
    known = plugins.figures()
    return tuple(
        Picture(
            known[name].constants["TITLE"],
            known[name].constants["CAPTION"],
            name,
            embedding.picture(file) if embedded or page is None else relative(file, page),
            relative(file.with_suffix(".pdf"), page) if page else "",
        )
        for name in names
        if name in known and (file := folder / f"{name}.png").exists()
    )


def _run_pictures(entry: Entry, page: Path, *, embedded: bool) -> tuple[Picture, ...]:
    known = plugins.figures()
    names = [
        name
        for name, part in known.items()
        if part.constants["SCOPE"] == "run"
        and not (entry.row.baseline and not part.constants.get("OF_BASELINES", True))
    ]
    return pictures(entry.row.figures, names, page, embedded=embedded)


def relative(target: Path, page: Path) -> str:
    """Return the address of ``target`` as a page at ``page`` links to it."""
    return Path(os.path.relpath(target, Path(page).parent)).as_posix()
