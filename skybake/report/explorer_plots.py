"""The figures to explore, one function each: what Bokeh draws of a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from bokeh.models import (
    ColumnDataSource,
    CustomJS,
    DataRange1d,
    FactorRange,
    HoverTool,
    LinearColorMapper,
    Range1d,
    Span,
)
from bokeh.plotting import figure as Plot

from skybake.figures import (
    Comparison,
    _curves,
    _style,
    coverage,
    overlaid_precision_recall,
    overlaid_roc,
    pit_histogram,
    precision_recall,
    roc,
)
from skybake.metrics.probabilistic import coverage_curve
from skybake.report.competitors import Field
from skybake.report.thumbnails import SIDE

HEIGHT = 380  # pixels
INK = "#1d2330"  # of a baseline, on a light page; the page's script changes it on a dark one
TOOLS = "pan,wheel_zoom,box_zoom,box_select,lasso_select,tap,reset,save"
OF_LINES = "pan,wheel_zoom,box_zoom,reset,save"
RATES = np.unique(np.concatenate([np.linspace(0, 1, 61), np.geomspace(1e-3, 1, 40)]))  # denser where few are wrong
STEPS = 10  # bins of PIT
LETTERED = 12  # classes up to which cells have their numbers
CURVES = 20  # classes at most with curves of their own
JITTER = 0.3  # of a class's width

Columns = Any  # a ColumnDataSource of Bokeh
Scalars = Sequence[tuple[str, str, np.ndarray]]


@dataclass(frozen=True)
class Model:
    """A row that is chosen by a check box.

    Attributes:
        name, baseline, shown: As of :class:`skybake.report.competitors.Competitor`.
        colour: Of its marks; empty for ink, that of a baseline.
        marker, sign: Of its points, as Bokeh calls it and as a text.
        dash: Of its lines.
        anchor: Id of its row on the page.
        inside: Address of the figures of what is inside its network; empty where nobody asked for them.
    """

    name: str
    baseline: bool
    shown: bool
    colour: str
    marker: str
    sign: str
    dash: str
    anchor: str = ""
    inside: str = ""


@dataclass(frozen=True)
class Titled:
    """What stands under a figure.

    Attributes:
        key, title, caption, of_objects: As of :class:`skybake.report.explorer.Placed`.
    """

    key: str
    title: str
    caption: str
    of_objects: bool = False


def all_plots(
    data: Comparison,
    field: Field,
    models: Sequence[Model],
    columns: Columns,
    scalars: Scalars,
    costs: tuple[str, str],
    names: Sequence[str],
) -> list[tuple[Titled, Plot]]:
    """Return all figures that the comparison has what it takes for, in the order of the page."""
    task = [_confusion, _probability] if field.objects.classes else [_predicted]
    found: list[tuple[Titled, Plot]] = [draw(data, field, models, columns) for draw in task]
    if scalars:
        found.append(_errors(data, field, models, columns, scalars))
    found.append(_times(data, costs, names))
    found += _losses(data, field, models)
    if field.objects.classes:
        found += _rates(field, models)
    else:
        found += _calibration(field, models)
    return found


def _plot(name: str, x: str, y: str, tools: str, **more: Any) -> Plot:
    plot = Plot(
        name=name,
        tools=tools,
        x_axis_label=x,
        y_axis_label=y,
        height=HEIGHT,
        sizing_mode="stretch_width",
        toolbar_location="above",
        active_scroll=None,
        **{"x_range": DataRange1d(only_visible=True), "y_range": DataRange1d(only_visible=True), **more},
    )
    plot.toolbar.logo = None
    return plot


def _hover(plot: Plot, renderers: Sequence[Any], html: str, **more: Any) -> None:
    plot.add_tools(HoverTool(renderers=list(renderers), tooltips=html, **more))


def _card(model: str, lines: Sequence[tuple[str, str]]) -> str:
    """Return what hovering shows: the object's image, the row, and names with values."""
    told = "".join(f"<div>{name}: <b>{value}</b></div>" for name, value in lines)
    image = f"width:{SIDE}px;height:{SIDE}px;background-image:var(--sheet);background-position:@x{{0}}px @y{{0}}px"
    return (
        f'<div style="display:flex;gap:8px;max-width:22em"><div class="thumb" style="{image}"></div>'
        f"<div><div><b>@id</b></div><div>{model}</div>{told}</div></div>"
    )


def _points(
    plot: Plot, models: Sequence[Model], columns: Columns, x: str, y: str, told: Sequence[tuple[str, str]]
) -> None:
    """Draw the objects of every model; ``#`` stands for the number of a model in names of columns."""
    for number, model in enumerate(models):
        here = {name: name_of.replace("#", str(number)) for name, name_of in (("x", x), ("y", y))}
        drawn = plot.scatter(
            **here,
            source=columns,
            marker=model.marker,
            size=6,
            fill_color=model.colour or INK,
            line_color=model.colour or INK,
            fill_alpha=0.45,
            line_alpha=0.6,
            nonselection_fill_alpha=0.06,
            nonselection_line_alpha=0.08,
            selection_fill_alpha=0.9,
            visible=model.shown,
            name=f"model{number}",
        )
        lines = [(name, value.replace("#", str(number))) for name, value in told]
        _hover(plot, [drawn], _card(_safe(model.name), lines))


def _safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("@", "&#64;").replace("$", "&#36;")


def _told(data: Comparison) -> list[tuple[str, str]]:
    return [("true", "@true{0.0000}"), ("predicted", "@predicted#{0.0000} &plusmn; @sigma#{0.0000}"),
            ("error", "@error#{+0.0000}")]  # fmt: skip


def _predicted(data: Comparison, field: Field, models: Sequence[Model], columns: Columns) -> tuple[Titled, Plot]:
    quantity = _style.quantity(data.label, data.units)
    plot = _plot("predicted", f"true {quantity}", f"predicted {quantity}", TOOLS)
    ends = [float(field.objects.true.min()), float(field.objects.true.max())]
    plot.line(ends, ends, color=INK, line_width=1, name="ink")
    _points(plot, models, columns, "true", "predicted#", _told(data))
    caption = "Test objects; predictions are means over seeds, ± is half of the central 68 % of what is predicted."
    caption += " Of rows without distributions it is the standard deviation over seeds. The line is equality."
    return Titled("predicted", "Predicted against true", caption, of_objects=True), plot


def _errors(
    data: Comparison, field: Field, models: Sequence[Model], columns: Columns, scalars: Scalars
) -> tuple[Titled, Plot]:
    classes = bool(field.objects.classes)
    y = "1 - probability of the true class" if classes else f"error {data.error}"
    first, said, _ = scalars[0]
    plot = _plot("error", said, y, TOOLS)
    if not classes:
        plot.add_layout(Span(location=0, dimension="width", line_color=INK, line_width=1, name="ink"))
    told = _told_of_class() if classes else _told(data)
    _points(plot, models, columns, first, "error#", told)
    caption = "Test objects; errors are means over seeds. What they are shown against is chosen above the figure."
    return Titled("error", "Error against what is known of an object", caption, of_objects=True), plot


def _told_of_class() -> list[tuple[str, str]]:
    return [("true", "@true_name"), ("predicted", "@name#, probability @sigma#{0.000}"),
            ("probability of the true class is 1 less", "@error#{0.000}")]  # fmt: skip


def _probability(data: Comparison, field: Field, models: Sequence[Model], columns: Columns) -> tuple[Titled, Plot]:
    """Draw the true class against the probability that it was given."""
    names = list(field.objects.classes)
    spread = np.random.default_rng(0).uniform(-JITTER, JITTER, len(columns.data["id"]))
    columns.data["at"] = (columns.data["true"] + 0.5 + spread).astype(np.float32)
    plot = _plot("probability", "1 - probability of the true class", "true class", TOOLS)
    plot.yaxis.ticker = [place + 0.5 for place in range(len(names))]
    plot.yaxis.major_label_overrides = {place + 0.5: _style.shortened(name, 14) for place, name in enumerate(names)}
    _points(plot, models, columns, "error#", "at", _told_of_class())
    caption = "Test objects in the row of their true class, scattered within it; mean over seeds. At the left: sure and"
    caption += " right, at the right: sure and wrong."
    return Titled("probability", "How sure of the true class", caption, of_objects=True), plot


def _confusion(data: Comparison, field: Field, models: Sequence[Model], columns: Columns) -> tuple[Titled, Plot]:
    names, number = list(field.objects.classes), len(field.objects.classes)
    texts = _distinct(names)
    true, predicted = np.divmod(np.arange(number**2), number)
    cells: dict[str, Any] = {
        "true": [texts[place] for place in true],
        "predicted": [texts[place] for place in predicted],
    }
    known = field.objects.true.astype(int)
    for place, one in enumerate(field.competitors):
        counts = np.zeros((number, number))
        found = np.isfinite(one.predicted)
        np.add.at(counts, (known[found], one.predicted[found].astype(int)), 1)
        cells[f"count{place}"] = counts.ravel().astype(np.int32)
        share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        cells[f"share{place}"] = share.ravel().astype(np.float32)
        cells[f"text{place}"] = [f"{count:.0f}" if count else "" for count in counts.ravel()]
        cells[f"ink{place}"] = ["#000000" if value > 0.55 else "#ffffff" for value in share.ravel()]
    source = ColumnDataSource(cells, name="cells")
    ranges = {"x_range": FactorRange(*texts), "y_range": FactorRange(*texts[::-1])}
    plot = _plot("confusion", "predicted class", "true class", "tap,reset,save", **ranges)
    plot.grid.visible = False
    plot.xaxis.major_label_orientation = 0.8
    colours = LinearColorMapper(palette="Viridis256", low=0, high=1)
    look = {"field": "share0", "transform": colours}
    drawn = plot.rect("predicted", "true", 1, 1, source=source, fill_color=look, line_color=None, name="cells",
                      nonselection_fill_alpha=0.8)  # fmt: skip
    if number <= LETTERED:
        plot.text("predicted", "true", "text0", source=source, text_align="center", text_baseline="middle",
                  text_font_size="11px", text_color={"field": "ink0"}, name="numbers")  # fmt: skip
    _hover(plot, [drawn], "<div>true <b>@true</b>, predicted <b>@predicted</b></div>", name="hover")
    source.selected.js_on_change("indices", CustomJS(code="document.dispatchEvent(new CustomEvent('cell-selected'))"))
    caption = "All test objects with a label, by the mean probability over seeds; colour: the share of the true class."
    caption += " The model is chosen above the figure; a click on a cell selects its objects among those shown."
    return Titled("confusion", "Confusion", caption), plot


def _distinct(names: Sequence[str]) -> list[str]:
    """Return short names of classes, no two the same."""
    short = [_style.shortened(name, 16) for name in names]
    return [f"{place} {text}" if short.count(text) > 1 else text for place, text in enumerate(short)]


def _times(data: Comparison, costs: tuple[str, str], names: Sequence[str]) -> tuple[Titled, Plot]:
    column, said = costs
    kept = [place for place, row in enumerate(data.rows) if row[column] is not None and row["train_seconds"]]
    rows = [data.rows[place] for place in kept]
    table = {
        "seconds": [max(float(row["train_seconds"]), 1e-3) for row in rows],
        "value": [float(row[column]) for row in rows],
        "low": [_number(row.get(f"{column}_low"), row[column]) for row in rows],
        "high": [_number(row.get(f"{column}_high"), row[column]) for row in rows],
        "name": [names[place] for place in kept],
        "marker": ["square" if row["baseline"] else "circle" for row in rows],
        "colour": [_style.PALETTE[1] if row["baseline"] else _style.PALETTE[0] for row in rows],
    }
    source = ColumnDataSource(table)
    plot = _plot("time", "time of a training [s]", said, OF_LINES, x_axis_type="log")
    plot.segment("seconds", "low", "seconds", "high", source=source, line_color="colour", line_alpha=0.5)
    drawn = plot.scatter("seconds", "value", marker="marker", size=9, color="colour", source=source)
    _hover(plot, [drawn], "<div><b>@name</b></div><div>@value{0.0000} (@low{0.0000} to @high{0.0000})</div>"
           "<div>@seconds{0.0} s</div>")  # fmt: skip
    caption = "All rows that have ended: networks are circles, baselines squares, bars the intervals of the table."
    return Titled("time", "Error against training time", caption), plot


def _number(value: Any, other: Any) -> float:
    return float(other if value is None else value)


def _losses(data: Comparison, field: Field, models: Sequence[Model]) -> Iterator[tuple[Titled, Plot]]:
    lines = [(place, model, one.data) for place, (model, one) in enumerate(zip(models, field.competitors, strict=True))]
    drawn = []
    plot = _plot("loss", "epoch", "loss", OF_LINES)
    for place, model, row in lines:
        for seed, history in row.histories.items():
            if not history.epoch.size:
                continue
            look = {"color": model.colour or INK, "visible": model.shown, "name": f"model{place}"}
            values = {"epoch": history.epoch, "valid": history.val_loss, "train": history.loss}
            source = ColumnDataSource({name: one.astype(np.float32) for name, one in values.items()})
            plot.line("epoch", "train", source=source, line_width=1, line_alpha=0.35, line_dash=model.dash, **look)
            line = plot.line("epoch", "valid", source=source, line_width=2, line_dash=model.dash, **look)
            text = f"<div><b>{_safe(model.name)}</b>, seed {seed}</div><div>epoch @epoch: @valid{{0.0000}}</div>"
            _hover(plot, [line], text)
            drawn.append(line)
            if history.best_epoch is not None:
                best = history.epoch == history.best_epoch
                plot.scatter(history.epoch[best], history.val_loss[best], size=8, marker=model.marker, **look)
    if drawn:
        caption = (
            "Validation loss, a line for each seed, with a mark at the best epoch; pale and thin the training loss."
        )
        caption += " Heights of different losses, which differ in units, cannot be compared."
        yield Titled("loss", "Loss against epoch", caption), plot


def _calibration(field: Field, models: Sequence[Model]) -> Iterator[tuple[Titled, Plot]]:
    told = [
        (place, model, one.data)
        for place, (model, one) in enumerate(zip(models, field.competitors, strict=True))
        if "distribution" in one.data.holds
    ]
    if not told:
        return
    bins = _plot("pit", "PIT", "density", OF_LINES, y_range=DataRange1d(start=0, only_visible=True))
    covered = _plot("coverage", "nominal coverage", "coverage found", OF_LINES, x_range=Range1d(0, 1),
                    y_range=Range1d(0, 1))  # fmt: skip
    bins.add_layout(Span(location=1, dimension="width", line_color=INK, line_width=1, name="ink"))
    covered.line([0, 1], [0, 1], color=INK, line_width=1, name="ink")
    for place, model, row in told:
        pit = row.pit()
        if not np.isfinite(pit).all():
            continue
        edges, counts = pit_histogram.densities(pit, STEPS)
        density = counts.mean(axis=0)
        steps = {"x": np.repeat(edges, 2)[1:-1].astype(np.float32), "y": np.repeat(density, 2).astype(np.float32)}
        _line(bins, place, model, steps, "density @y{0.00}")
        found = coverage_curve(pit.ravel(), coverage.NOMINAL)
        curve = {"x": coverage.NOMINAL.astype(np.float32), "y": found.astype(np.float32)}
        _line(covered, place, model, curve, "@x{0.00}: @y{0.000}")
    caption = (
        "The predicted probability below the true label, mean over seeds; of calibrated distributions it is uniform."
    )
    yield Titled("pit", "PIT", caption), bins
    caption = "Share of test labels inside the central interval of their prediction; below the line: too narrow."
    yield Titled("coverage", "Coverage", caption), covered


def _line(plot: Plot, place: int, model: Model, values: dict[str, Any], told: str, y: str = "y") -> None:
    look = {"color": model.colour or INK, "visible": model.shown, "name": f"model{place}"}
    source = ColumnDataSource(values)
    drawn = plot.line("x", y, source=source, line_width=2, line_dash=model.dash, **look)
    _hover(plot, [drawn], f"<div><b>{_safe(model.name)}</b></div><div>{told}</div>")


def _rates(field: Field, models: Sequence[Model]) -> Iterator[tuple[Titled, Plot]]:
    """Draw ROC, and precision against recall, of a class that is chosen above the figures."""
    ends: dict[str, Any] = {"x_range": Range1d(-0.01, 1.01), "y_range": Range1d(-0.01, 1.02)}
    plots = {
        "roc": (
            _plot("roc", "false positive rate", "true positive rate", OF_LINES, **ends),
            roc.curve,
            overlaid_roc.at,
        ),
        "recall": (
            _plot("recall", "recall", "precision", OF_LINES, **ends),
            precision_recall.curve,
            overlaid_precision_recall.at,
        ),
    }
    plots["roc"][0].line([0, 1], [0, 1], color=INK, line_width=1, name="ink")
    first = None
    for place, (model, one) in enumerate(zip(models, field.competitors, strict=True)):
        classes = one.data.classes()
        if not np.isfinite(classes).all():
            continue
        for plot, curve, at in plots.values():
            values: dict[str, Any] = {"x": RATES.astype(np.float32)}
            for kind, member, probability in list(_curves.kinds(one.data.true, classes))[:CURVES]:
                x, y, _ = curve(member, probability)
                values[f"class{kind}"] = at(x, y, RATES).astype(np.float32)
            shown = [key for key in values if key != "x"]
            if not shown:
                continue
            first = first or shown[0]
            _line(plot, place, model, values, "@x{0.000}: $y{0.000}", y=first)
    if first is None:
        return
    said = "All seeds together; of the class that is chosen above the figure, against the rest."
    number = field.competitors[0].data.classes().shape[-1]
    if number > CURVES:
        said += f" Of {number} classes, the first {CURVES} have curves."
    yield Titled("roc", "ROC", f"True against false positive rate. {said} The diagonal is a guess."), plots["roc"][0]
    yield Titled("recall", "Precision and recall", said), plots["recall"][0]
