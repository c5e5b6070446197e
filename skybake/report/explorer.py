"""Figures that a reader explores on the page: Bokeh's, which share one source of objects, with controls in HTML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from bokeh.document import Document
from bokeh.embed.util import RenderItem
from bokeh.models import ColumnDataSource, CustomJS
from bokeh.plotting import figure as Plot
from bokeh.resources import Resources
from markupsafe import Markup

from skybake.data.dataset import Dataset
from skybake.figures import Comparison, _style
from skybake.report import atlas, competitors, explorer_plots, thumbnails
from skybake.report.atlas import Atlas
from skybake.report.competitors import Competitor, Field, Objects
from skybake.report.explorer_plots import Model, Titled
from skybake.report.thumbnails import Sheet

MARKERS = ("circle", "square", "triangle", "diamond", "inverted_triangle", "plus", "hex", "star", "x")
SIGNS = ("●", "■", "▲", "◆", "▼", "+", "⬢", "★", "×")  # the same in a text
DASHES = ("solid", "dashed")
SCALARS = ("redshift", "magnitude", "dereddened_magnitude", "signal_to_noise")  # kinds that errors are shown against
MOST_SCALARS = 5


@dataclass(frozen=True)
class Placed:
    """A figure, and where the page has it.

    Attributes:
        key: Of the figure: ``predicted``, ``error``, ...
        title, caption: In words.
        element, root: Ids by which Bokeh finds it.
        of_objects: Whether its points are objects, which can be selected.
    """

    key: str
    title: str
    caption: str
    element: str
    root: str
    of_objects: bool


@dataclass(frozen=True)
class Explorer:
    """What the page's template takes.

    Attributes:
        script: Bokeh's, to be put into the page once.
        figures: In their order.
        documents: What Bokeh makes them of, and how, as JSON.
        facts: What the page's own script is told, as JSON.
        models: The rows to choose among.
        scalars: Names and axis labels that errors can be shown against.
        classes: Names of classes; empty of numbers.
        sheet: Thumbnails of the objects shown.
        said: Which objects are shown, and which rows.
        atlas: Worst and best objects.
    """

    script: Markup
    figures: Sequence[Placed]
    documents: Markup
    facts: Markup
    models: Sequence[Model]
    scalars: Sequence[tuple[str, str]]
    classes: Sequence[str]
    sheet: Sheet
    said: Sequence[str]
    atlas: Atlas


def make(
    data: Comparison,
    file: Dataset,
    costs: tuple[str, str],
    audit: Mapping[str, Any],
    names: Sequence[str],
    addresses: Sequence[tuple[str, str]],
) -> Explorer | None:
    """Make the figures to explore of a comparison; None where no row can be read.

    Args:
        data: The comparison, as its figures have it.
        file: The dataset, for images.
        costs: The column of what is compared with training time, and its name in words.
        audit: Of the split, as :func:`skybake.data.audit.read` tells it.
        names: How the rows of the comparison are called.
        addresses: Of each its id on the page, and the address of what is inside its network.
    """
    field = competitors.gather(data, names)
    if field is None:
        return None
    models = _models(field.competitors, addresses)
    rows = _rows(field, file)
    sheet = thumbnails.draw(file, rows)
    scalars = _scalars(data, field.objects)
    columns = _columns(field, sheet, scalars)
    plots = explorer_plots.all_plots(data, field, models, columns, scalars, costs, names)
    documents, placed = _embed(plots)
    facts = _facts(data, field, models, scalars, sheet)
    return Explorer(
        script=Markup(Resources(mode="inline", components=["bokeh"]).js_raw[0]),
        figures=placed,
        documents=_json(documents),
        facts=_json(facts),
        models=models,
        scalars=[(name, said) for name, said, _ in scalars],
        classes=field.objects.classes,
        sheet=sheet,
        said=_said(data, field),
        atlas=atlas.make(field, sheet, audit),
    )


def _models(found: Sequence[Competitor], addresses: Sequence[tuple[str, str]]) -> list[Model]:
    models, networks, baselines = [], 0, 0
    for one in found:
        number = baselines if one.baseline else networks
        cycle = len(_style.PALETTE)
        anchor, inside = addresses[one.place]
        place = (-1 - number) if one.baseline else number
        models.append(
            Model(
                one.name,
                one.baseline,
                one.shown,
                "" if one.baseline else _style.PALETTE[number % cycle],
                MARKERS[place % len(MARKERS)],
                SIGNS[place % len(SIGNS)],
                "dotted" if one.baseline else DASHES[number // cycle % len(DASHES)],
                anchor,
                inside,
            )
        )
        networks, baselines = networks + (not one.baseline), baselines + one.baseline
    return models


def _rows(field: Field, file: Dataset) -> np.ndarray:
    """Return the rows of the dataset that the objects shown have."""
    where = {name: row for row, name in enumerate(file.ids)}
    return np.array([where[name] for name in field.objects.ids[field.kept.places]], dtype=np.int64)


def _scalars(data: Comparison, objects: Objects) -> list[tuple[str, str, np.ndarray]]:
    """Return name, axis label and values of what errors are shown against: the label first, but no class."""
    found = [] if objects.classes else [("true", f"true {_style.quantity(data.label, data.units)}", objects.true)]
    names = [name for kind in SCALARS for name in objects.of_kind(kind)][:MOST_SCALARS]
    return found + [
        (f"scalar {name}", _style.quantity(name, objects.units[name]), objects.scalars[name]) for name in names
    ]


def _columns(field: Field, sheet: Sheet, scalars: Sequence[tuple[str, str, np.ndarray]]) -> ColumnDataSource:
    """Return one source of all objects shown: what is known of them, and what each competitor says, by its number."""
    kept, objects = field.kept.places, field.objects
    columns: dict[str, Any] = {"id": [str(name) for name in objects.ids[kept]], "x": -sheet.x, "y": -sheet.y}
    columns["true"] = objects.true[kept].astype(np.float32)
    columns |= {name: values[kept].astype(np.float32) for name, _, values in scalars if name != "true"}
    for kind, name in (("right_ascension", "ra"), ("declination", "dec")):
        if found := objects.of_kind(kind):
            columns[name] = objects.scalars[found[0]][kept]
    if objects.classes:
        columns["true_name"] = [objects.classes[int(number)] for number in objects.true[kept]]
    for number, one in enumerate(field.competitors):
        for name in ("predicted", "error", "sigma"):
            columns[f"{name}{number}"] = getattr(one, name)[kept].astype(np.float32)
        if objects.classes:
            names = [objects.classes[int(kind)] if np.isfinite(kind) else "" for kind in one.predicted[kept]]
            columns[f"name{number}"] = names
    return ColumnDataSource(columns, name="objects")


def _embed(plots: Sequence[tuple[Titled, Plot]]) -> tuple[dict[str, Any], list[Placed]]:
    told = CustomJS(code="document.dispatchEvent(new CustomEvent('objects-selected'))")
    source = next((found for _, plot in plots for found in plot.select({"name": "objects"})), None)
    if source is not None:
        source.selected.js_on_change("indices", told)
    document = Document()
    for _, plot in plots:
        document.add_root(plot)
    numbers: dict[str, str] = {}  # Bokeh counts all that a process makes: the same page is to have the same bytes
    docs = {"figures": _renumbered(document.to_json(deferred=False), numbers)}
    elements = {plot: f"plot-{titled.key}" for titled, plot in plots}
    item = _renumbered_roots(RenderItem("figures", roots=elements).to_json(), numbers)
    placed = [
        Placed(titled.key, titled.title, titled.caption, elements[plot], numbers[plot.id], titled.of_objects)
        for titled, plot in plots
    ]
    return {"docs": docs, "items": [item]}, placed


def _renumbered(told: Any, numbers: dict[str, str]) -> Any:
    """Return what Bokeh tells of a document with its models numbered as they come; ``numbers`` is filled in."""
    if isinstance(told, Mapping):
        return {
            key: numbers.setdefault(value, f"m{len(numbers)}")
            if key == "id" and isinstance(value, str)
            else _renumbered(value, numbers)
            for key, value in told.items()
        }
    if isinstance(told, list | tuple):
        return [_renumbered(item, numbers) for item in told]
    return told


def _renumbered_roots(item: Mapping[str, Any], numbers: Mapping[str, str]) -> dict[str, Any]:
    return {
        **item,
        "roots": {numbers[root]: element for root, element in item["roots"].items()},
        "root_ids": [numbers[root] for root in item["root_ids"]],
    }


def _facts(
    data: Comparison,
    field: Field,
    models: Sequence[Model],
    scalars: Sequence[tuple[str, str, np.ndarray]],
    sheet: Sheet,
) -> dict[str, Any]:
    return {
        "dataset": data.dataset,
        "label": _style.quantity(data.label, data.units),
        "error": data.error,
        "models": [{"name": one.name, "colour": one.colour, "baseline": one.baseline} for one in models],
        "classes": list(field.objects.classes),
        "sky": bool(field.objects.of_kind("right_ascension") and field.objects.of_kind("declination")),
        "scalars": [name for name, _, _ in scalars if name != "true"],
        "side": thumbnails.SIDE,
    }


def _said(data: Comparison, field: Field) -> list[str]:
    rows, found = data.rows, field.competitors
    said = [field.kept.said]
    if len(found) < len(rows):
        networks, baselines = len(field.networks), len(found) - len(field.networks)
        said.append(
            f"{len(found)} of {len(rows)} rows can be chosen: the best {networks} networks and {baselines} baselines by"
            f" validation {data.choice}."
        )
    return said


def _json(value: Any) -> Markup:
    """Return JSON that may stand in a page's script: no tag ends in it."""
    return Markup(json.dumps(value, separators=(",", ":")).replace("<", "\\u003c"))
