"""Figures of all models in one panel."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from sklearn import metrics

from skybake import figures, plugins
from skybake.data.limit import Limit, Limits
from skybake.evaluation.trained import History
from skybake.figures import Comparison, _overlay, _style, overlaid_loss_curves, overlaid_reliability
from skybake.metrics.probabilistic import coverage_curve
from skybake.testing._synthetic import classified, comparison, with_snr

OVERLAYS = {name: part for name, part in plugins.in_room("figures", "draw").items() if name.startswith("overlaid_")}


def legend_of(figure) -> list[str]:
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts() if text.get_text().strip()]


def drawn(name: str, data: Comparison):
    """Return name in the legend of an overlay -> line."""
    figure = OVERLAYS[name].load().draw(data)
    axes, names = figure.axes[0], legend_of(figure)
    return {line.get_label(): line for line in [*axes.lines, *axes.patches] if line.get_label() in names}


def of_classes(classes: int, networks: int = 2) -> Comparison:
    """Return a comparison whose rows tell so many classes."""
    data = comparison(networks, 1, task="classification")
    return replace(data, read=lambda place, predictions=True: classified(n=200, seeds=(place,), classes=classes))


@pytest.mark.parametrize("name", sorted(OVERLAYS))
def test_hundreds_of_rows_are_read_one_after_another_and_the_best_are_drawn(name):
    part = OVERLAYS[name]
    data = comparison(60, 5, task=part.constants["TASKS"][0])
    places = []

    def read(place, *, predictions=True):
        places.append(place)
        return data.read(place, predictions=predictions)

    figure = part.load().draw(replace(data, read=read))
    said = legend_of(figure)
    networks = [item for item in said if item.startswith("network")]
    assert [item.split(",")[0].split(":")[0] for item in networks] == [f"network_{place}" for place in range(8)]
    assert sum(item.startswith("baseline") for item in said) <= 1
    assert set(places) <= {*range(8), *range(30, 38), 60}  # 30 models stand with two losses each
    title = "".join(text.get_text() for text in [*figure.findobj(lambda item: hasattr(item, "get_text"))])
    assert "best 8 of" in title
    assert f"by validation {data.choice}" in title
    looks = [
        (to_hex(line.get_color()).upper(), str(line.get_linestyle())) for line in figure.legends[0].get_lines()[:8]
    ]
    assert len(set(looks)) == 8
    assert {colour for colour, _ in looks} <= set(_style.PALETTE)


@pytest.mark.parametrize("name", sorted(OVERLAYS))
def test_overlays_of_rows_that_cannot_be_read_or_are_none(name):
    part = OVERLAYS[name]
    data = comparison(2, 1, task=part.constants["TASKS"][0])
    assert figures.can_draw(name, data)
    assert not figures.can_draw(name, replace(data, rows=()))
    assert not figures.can_draw(name, replace(data, read=None))
    figure = part.load().draw(replace(data, read=lambda place, predictions=True: None))
    assert any("no row can be drawn" in text.get_text() for axes in figure.axes for text in axes.texts)


def test_distributions_of_some_rows_only():
    data = comparison(2, 1)
    points = tuple({**row, "pit_ks": None} for row in data.rows)
    assert not figures.can_draw("overlaid_pit", replace(data, rows=points))
    mixed = replace(data, rows=(points[0], data.rows[1], points[2]))
    lines = drawn("overlaid_coverage", mixed)
    (label,) = [name for name in lines if "calibrated" not in name]
    row = data.read(1)
    assert label == f"network_1, loss_0: {100 * row.pooled('coverage_68'):.1f} % in 68 %"
    np.testing.assert_allclose(lines[label].get_ydata(), coverage_curve(row.pit().ravel(), lines[label].get_xdata()))
    lines = drawn("overlaid_pit", mixed)
    steps = lines[f"network_1, loss_0: KS {row.pooled('pit_ks'):.3f}"].get_data()
    counts = [np.histogram(values, steps.edges)[0] for values in row.pit()]
    np.testing.assert_allclose(steps.values, np.mean(counts, axis=0) * len(steps.values) / 60)


@pytest.mark.parametrize(("name", "area", "metric"), [("roc", "AUC", "roc_auc"), ("precision_recall", "AP", "pr_auc")])
@pytest.mark.parametrize("classes", [2, 4])
def test_curves_of_classes_have_the_areas_that_are_judged(name, area, metric, classes):
    data = of_classes(classes)
    lines = drawn(f"overlaid_{name}", data)
    row = data.read(1)
    line = lines[f"network_1, loss_0: {area} {row.pooled(metric):.3f}"]
    x, y = line.get_xdata(), line.get_ydata()
    if metric == "roc_auc":
        found = metrics.auc(x, y)
    else:  # between thresholds precision is a step
        x, y = (x[::-1], y[::-1]) if classes == 2 else (x, y)
        found = np.sum(np.diff(x) * y[1:])
    assert found == pytest.approx(row.pooled(metric), abs=0.003)


def test_losses_of_different_kinds_never_share_a_panel():
    data = comparison(4, 1)
    kinds = ("mse", "mae", "mse", "mse, l2 0.1")
    rows = [{**row, "loss_curve": kind} for row, kind in zip(data.rows, kinds, strict=False)]
    figure = overlaid_loss_curves.draw(replace(data, rows=(*rows, data.rows[4])))
    panels = {axes.get_title(): axes for axes in figure.axes if axes.get_title()}
    assert list(panels) == ["mse", "mae", "mse, l2 0.1"]
    assert [len(axes.lines) for axes in panels.values()] == [8, 4, 4]  # two seeds, in training and validation
    dark = panels["mse"].lines[0]
    np.testing.assert_array_equal(dark.get_ydata(), data.read(0).histories[1].val_loss)
    assert legend_of(figure) == [f"network_{place}" for place in range(4)]


@pytest.mark.parametrize("name", ["overlaid_loss_curves", "overlaid_accuracy_curves"])
def test_a_training_of_one_epoch_is_seen(name):
    data = comparison(1, 0, task="classification")
    once = History(np.array([1]), *(np.array([0.5]),) * 2, 1, *(np.array([0.9]),) * 2)

    def read(place, *, predictions=True):
        return replace(data.read(place, predictions=predictions), histories={1: once})

    (axes,) = OVERLAYS[name].load().draw(replace(data, read=read)).axes
    assert [line.get_marker() for line in axes.lines] == ["o", "o"]
    assert [tick for tick in axes.get_xticks() if axes.get_xlim()[0] < tick < axes.get_xlim()[1]] == [1]


def test_reliability_leaves_out_bins_of_few_objects():
    data = comparison(1, 0, task="classification")
    lines = drawn("overlaid_reliability", data)
    (line,) = lines.values()
    bins = data.read(0).judged["reliability"]
    held = [item["accuracy"] for item in bins if item["n"] >= 2 * overlaid_reliability.FEWEST]
    assert line.get_ydata().tolist() == held
    assert 0 < len(held) < sum(item["n"] > 0 for item in bins)


def test_errors_against_the_label_are_those_in_the_file_of_metrics():
    data = comparison(2, 2)
    figure = OVERLAYS["overlaid_error_against_label"].load().draw(data)
    bins = data.read(1).bins(data.label)
    for axes, name in zip(figure.axes, ("median_error", "nmad", "outlier_fraction"), strict=True):
        line = next(line for line in axes.lines if line.get_label() == "network_1, loss_0")
        assert line.get_ydata().tolist() == [item[name] for item in bins]
    assert legend_of(figure) == ["network_0, loss_0", "network_1, loss_0", "baseline_2"]


def test_the_limit_stands_beside_the_nmad_in_the_same_bins():
    data = comparison(2, 1)
    bins = data.read(0).bins(data.label)
    label = np.concatenate([np.full(6, item["middle"]) for item in bins[1:]])  # none in the first bin
    found = Limits(data.label, label.astype(str), len(label), (Limit("unknown", "sigma", "by heart", 0.1 * label),))
    figure = OVERLAYS["overlaid_error_against_label"].load().draw(replace(data, limit=found, limit_label=label))
    assert legend_of(figure) == ["network_0, loss_0", "network_1, loss_0", "baseline_2", "limit, unknown"]
    (line,) = (line for line in figure.axes[1].lines if line.get_label() == "limit, unknown")
    middle = [item["middle"] for item in bins[1:]]
    assert line.get_xdata() == pytest.approx(middle)
    assert line.get_ydata() == pytest.approx(0.1 * np.array(middle))


def test_completeness_stands_beside_that_of_the_ideal_observers_at_the_same_false_positives():
    data = with_snr(classified(n=400, sharp=1.0))
    first = next(iter(data.test.values()))
    known = np.arange(0, 400, 2)  # the limit is of half of the objects
    probability = np.where(first.label == 1, 0.9, np.random.default_rng(0).uniform(0, 0.8, 400))[known]
    lines = (Limit("known", "probability", "by heart", probability), Limit("blind", "probability", "-", 0 * known))
    found = replace(data, limit=Limits("kind", first.ids[known], 400, lines))
    figure = plugins.figures()["completeness_and_purity"].load().draw(found)
    drawn_lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert drawn_lines["limit, known"].get_ydata() == pytest.approx(1)  # all sources lie above all noise
    assert drawn_lines["limit, blind"].get_ydata() == pytest.approx(0)
    assert not any(name.startswith("matched filter") for name in drawn_lines)
    figure = plugins.figures()["completeness_and_purity"].load().draw(data)
    assert any(str(line.get_label()).startswith("matched filter") for line in figure.axes[0].lines)


def test_a_title_says_how_many_of_how_many():
    assert _overlay.title(comparison(3, 1)) == "clusters"
    assert _overlay.title(comparison(20, 2)) == (
        "clusters\nbest 8 of 20 networks, best of 2 baselines\nby validation RMSE"
    )
