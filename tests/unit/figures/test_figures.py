import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from scipy import stats
from sklearn import metrics

from skybake import figures, plugins
from skybake.config.combinations import BASELINE_LOSS
from skybake.evaluation.trained import History
from skybake.figures import Comparison, JudgedRow, _style, forest
from skybake.raw.sdss.columns import scalar_column, with_preferred
from skybake.testing._synthetic import (
    classified,
    comparison,
    history,
    judged,
    run,
    sweep,
    with_images,
    with_parts,
    with_scalars,
    with_snr,
)

ROOT = Path(__file__).parents[3]
RNG = np.random.default_rng(0)
SCOPES = {"run": JudgedRow, "comparison": Comparison}
PARTS = {name: part for name, part in plugins.in_room("figures", "draw").items() if part.constants["SCOPE"] in SCOPES}


def data_for(name: str, **more) -> JudgedRow | Comparison:
    """Return what the figure ``name`` can be drawn of."""
    constants = PARTS[name].constants
    if constants["SCOPE"] == "comparison":
        return comparison(task=constants["TASKS"][0], **more)
    if "regression" not in constants["TASKS"]:
        data = classified(**more)
        data = with_snr(data) if "snr" in constants.get("NEEDS", ()) else data
        return with_images(data) if "images" in constants.get("NEEDS", ()) else data
    data = run(std=0.1, **more)
    data = with_parts(data) if "parts" in constants.get("NEEDS", ()) else data
    return with_magnitudes(data, "cModelMag_r") if "magnitude" in constants.get("NEEDS", ()) else data


def texts(figure: Figure) -> str:
    return " | ".join(item.get_text() for item in figure.findobj(lambda item: hasattr(item, "get_text")))


@pytest.mark.parametrize("name", sorted(PARTS))
def test_contract(name, tmp_path):
    part = PARTS[name]
    assert part.constants["SCOPE"] in SCOPES
    assert set(part.constants["TASKS"]) <= {"regression", "classification"}
    assert part.constants["TITLE"]
    assert part.constants["CAPTION"].endswith(".")
    assert set(part.constants.get("NEEDS", ())) <= {
        "sweep",
        "runs",
        "networks",
        "distribution",
        "variance",
        "classes",
        "redshift",
        "magnitude",
        "accuracy",
        "images",
        "snr",
        "parts",
    }
    assert figures.can_draw(name, data_for(name))
    assert isinstance(part.load().draw(data_for(name)), Figure)


@pytest.mark.parametrize("name", sorted(PARTS))
def test_simulated_objects_are_named_in_the_figure_itself(name):
    draw = PARTS[name].load().draw
    assert "mock data" in texts(draw(data_for(name, mock=True)))
    assert "mock data" not in texts(draw(data_for(name, mock=False)))


@pytest.mark.parametrize("name", sorted(PARTS))
def test_the_same_figure_is_the_same_bytes(name, tmp_path):
    data = data_for(name)
    for folder in ("first", "second"):
        figures.draw(name, data, tmp_path / folder)
    for suffix in (".pdf", ".png"):
        first, second = ((tmp_path / folder / name).with_suffix(suffix).read_bytes() for folder in ("first", "second"))
        assert first == second
        assert b"CreationDate" not in first
        assert b"atplotlib" not in first
        assert len(first) > 3000
    assert sorted(path.name for path in (tmp_path / "first").iterdir()) == [f"{name}.pdf", f"{name}.png"]


def test_bytes_do_not_depend_on_the_hash_seed_or_the_users_settings(tmp_path):
    (tmp_path / "matplotlibrc").write_text("font.size: 30\naxes.facecolor: red\n")
    program = (
        "import sys, numpy as np; from pathlib import Path; from skybake import figures\n"
        "row = dict(model='a', loss='b', baseline=False, mean_error=0., mean_error_low=-1., mean_error_high=1.,"
        " std_error=1., std_error_low=.9, std_error_high=1.1, train_seconds=3.)\n"
        "data = figures.Comparison('d', 'l', '', 'predicted - true', True, .95, (row,))\n"
        "figures.draw('forest', data, Path(sys.argv[1]))"
    )
    for number, extra in enumerate(({}, {"MATPLOTLIBRC": str(tmp_path)})):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(number), **extra}
        subprocess.run([sys.executable, "-c", program, str(tmp_path / str(number))], check=True, env=environment)
    for file in ("forest.pdf", "forest.png"):
        assert (tmp_path / "0" / file).read_bytes() == (tmp_path / "1" / file).read_bytes()


@pytest.mark.parametrize(
    "sweeps",
    [
        [sweep({"learning_rate": [1e-4, 1e-3, 1e-2]}, diverged=[2])],
        [sweep({"optimizer": ["adam", {"name": "sgd", "momentum": 0.9}], "batch_size": [16, 64, 256]})],
        [sweep({"rate": [0.1, 0.3]}), sweep({"delta": [0.5]}), sweep({"units": [[8, 16], [16, 32]]})],
        [sweep({"filters": [4, 8, 16], "rate": list(np.linspace(0.1, 0.9, 9))})] * 14,
    ],
)
def test_sweeps_of_any_values(sweeps):
    data = replace(comparison(), sweeps=tuple(sweeps))
    several = [item for item in sweeps if len(item["points"]) > 1]
    panels = [axes for axes in PARTS["swept_values"].load().draw(data).axes if axes.get_xlabel()]
    assert len(panels) == min(len(several), 12)
    assert figures.can_draw("swept_values", data)
    assert not figures.can_draw("swept_values", replace(data, sweeps=(sweep({"delta": [0.5]}),)))


@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize(("networks", "baselines"), [(1, 0), (0, 1), (3, 2), (40, 3), (500, 4), (0, 0)])
@pytest.mark.parametrize("name", ["forest", "accuracy_against_time"])
def test_comparisons_of_any_size(name, networks, baselines, task):
    figure = PARTS[name].load().draw(comparison(networks, baselines, task=task))
    width, height = figure.get_size_inches()
    assert width == _style.DOUBLE
    assert height < 10
    said = "the best 40 of 500 networks" in texts(figure)
    assert said == (networks == 500)


def test_forest_shows_values_and_intervals_in_order():
    data = comparison(3, 2)
    spread = forest.draw(data).axes[1]
    drawn = [line.get_xdata() for line in spread.lines if len(line.get_xdata()) == 2 and line.get_linestyle() == "-"]
    assert [tuple(ends) for ends in drawn] == [(row["std_error_low"], row["std_error_high"]) for row in data.rows]
    names = [label.get_text() for label in forest.draw(data).axes[0].get_yticklabels()]
    assert names == ["network_0, loss_0", "network_1, loss_0", "network_2, loss_0", "baseline_3", "baseline_4"]


def test_labels_of_points_do_not_cover_one_another():
    figure = PARTS["accuracy_against_time"].load().draw(comparison(12, 4))
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    assert len(boxes) >= 4
    assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[place + 1 :])


def test_rows_without_a_training_time_are_left_out():
    data = comparison(2, 0)
    data = replace(data, rows=(data.rows[0], {**data.rows[1], "train_seconds": None}))
    assert "network_1" not in texts(PARTS["accuracy_against_time"].load().draw(data))


def test_loss_axis_is_logarithmic_where_losses_are_positive():
    draw = PARTS["loss_curve"].load().draw
    assert draw(run()).axes[0].get_yscale() == "log"
    negative = {1: history(lambda epoch: 1 / epoch - 0.5)}
    assert draw(run(histories=negative)).axes[0].get_yscale() == "linear"
    wide = {1: history(lambda epoch: 1000 * np.exp(-epoch) - 0.5)}
    assert draw(run(histories=wide)).axes[0].get_yscale() == "symlog"


def test_loss_curve_marks_the_best_epoch_of_every_seed():
    axes = PARTS["loss_curve"].load().draw(run(seeds=(1, 2, 3))).axes[0]
    marks = [line for line in axes.lines if line.get_marker() == "o"]
    assert [line.get_xdata().tolist() for line in marks] == [[4], [4], [4]]
    assert len(axes.lines) == 9


def test_loss_curve_without_epochs_and_with_nan():
    draw = PARTS["loss_curve"].load().draw
    empty = History(*(np.empty(0),) * 3, best_epoch=None)
    assert "not trained by epochs" in texts(draw(run(histories={1: empty})))
    draw(run(histories={1: history(lambda epoch: np.full(len(epoch), np.nan))})).savefig(os.devnull, format="png")


def test_accuracy_curve_draws_both_parts_and_needs_them():
    epoch = np.arange(1, 6)
    rising = History(epoch, 1 / epoch, 2 / epoch, 5, accuracy=epoch / 10, val_accuracy=epoch / 20)
    data = replace(classified(), histories={1: rising, 2: history()})
    axes = PARTS["accuracy_curve"].load().draw(data).axes[0]
    drawn = [line.get_ydata().tolist() for line in axes.lines]
    assert drawn == [rising.accuracy.tolist(), rising.val_accuracy.tolist(), [0.25]]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "accuracy")
    assert figures.can_draw("accuracy_curve", data)
    assert not figures.can_draw("accuracy_curve", replace(data, histories={2: history()}))


def colour_bars(figure: Figure) -> list[str]:
    return [axes.get_ylabel() for axes in figure.axes[1:]]


def test_predictions_are_coloured_by_redshift_where_that_says_something():
    draw = PARTS["predicted_against_true"].load().draw
    coloured = draw(run())
    assert colour_bars(coloured) == ["redshift"]
    np.testing.assert_allclose(coloured.axes[0].collections[0].get_array(), np.tile(np.linspace(0.1, 1, 60), 2))
    assert colour_bars(draw(run(redshift=False))) == []
    assert colour_bars(draw(run(label="redshift"))) == []
    assert colour_bars(draw(run(n=6000, seeds=(1,), redshift=False))) == ["objects"]


def test_predictions_lie_where_they_are():
    data = run(seeds=(1,))
    points = PARTS["predicted_against_true"].load().draw(data).axes[0].collections[0].get_offsets()
    np.testing.assert_array_equal(points[:, 0], data.test[1].label)
    np.testing.assert_array_equal(points[:, 1], data.test[1].prediction.point)


RUN_FIGURES = sorted(
    name
    for name, part in PARTS.items()
    if part.constants["SCOPE"] == "run" and part.constants["TASKS"] == ["regression"]
)


@pytest.mark.parametrize("name", RUN_FIGURES)
def test_a_run_that_gives_no_numbers_and_one_that_has_collapsed(name, tmp_path):
    silent = with_magnitudes(run(point=np.nan, std=0.1), "cModelMag_r")
    figures.draw(name, silent, tmp_path)
    figures.draw(name, with_magnitudes(run(point=14.0, std=1e-9), "cModelMag_r"), tmp_path)
    figures.draw(name, with_magnitudes(run(n=1, seeds=(1,), std=0.1), "cModelMag_r"), tmp_path)
    assert "finite" in texts(PARTS[name].load().draw(silent))


def test_histogram_gives_the_numbers():
    data = run()
    d = data.errors.ravel()
    said = texts(PARTS["error_histogram"].load().draw(data))
    assert f"mean {d.mean():+.3g}, std {d.std():.3g}" in said
    assert f"NMAD {1.4826 * np.median(np.abs(d - np.median(d))):.3g}" in said
    assert "60 objects, 2 seeds" in said


def test_numbers_in_figures_are_those_of_the_metrics():
    """They are not computed a second time, so they cannot differ from the tables."""
    data = run(std=0.1)
    told = {name: dict(item) for name, item in data.judged["pooled"].items()}
    told["mean_error"]["value"], told["pit_ks"]["value"], told["coverage_68"]["value"] = 0.0123, 0.4567, 0.891
    bins = [{**item, "median_error": 0.0321, "crps": 0.0654} for item in data.judged["in_bins"][data.label]]
    data = replace(data, judged={**data.judged, "pooled": told, "in_bins": {data.label: bins}})
    shown = {name: PARTS[name].load().draw(data) for name in ("error_histogram", "pit_histogram", "coverage")}
    for name, said in (("error_histogram", "mean +0.0123"), ("pit_histogram", "KS 0.457"), ("coverage", "89.1 %")):
        assert said in texts(shown[name])
    line = next(
        line for line in PARTS["error_against_label"].load().draw(data).axes[0].lines if line.get_label() == "median"
    )
    assert set(line.get_ydata()) == {0.0321}
    assert set(PARTS["distributions_against_label"].load().draw(data).axes[0].lines[0].get_ydata()) == {0.0654}


def test_what_a_run_does_not_hold_is_not_given():
    with pytest.raises(ValueError, match="no magnitude among the scalars redshift"):
        run().of_kind("magnitude")
    with pytest.raises(ValueError, match="no dataset to read images from"):
        classified().images(np.array([0]))
    with pytest.raises(ValueError, match="no distribution found"):
        run().pit()


def test_what_a_run_holds():
    assert run().holds == {"redshift"}
    assert run(redshift=False).holds == set()
    assert run(label="redshift", std=0.1).holds == {"distribution", "variance"}
    assert classified().holds == {"classes", "accuracy"}
    assert not figures.can_draw("coverage", run())
    assert figures.can_draw("coverage", run(std=0.1))
    assert not figures.can_draw("roc", run(std=0.1))
    assert not figures.can_draw("error_against_redshift", run(redshift=False))


def test_a_run_leaves_out_objects_without_a_label():
    data = run(n=20, std=0.1)
    for part in data.test.values():
        part.label[:5] = np.nan
    assert data.pit().shape == (2, 15)
    assert len(data.true) == len(data.scalar("redshift")) == 15
    expected = stats.norm.cdf(data.true, data.test[2].prediction.point[5:], 0.1)
    np.testing.assert_allclose(data.pit()[1], expected)


def band_of(axes) -> tuple[float, float]:
    """Return the lower and upper end of a grey band across the panel."""
    patch = next(patch for patch in axes.patches if "calibrated" in patch.get_label())
    return patch.get_y(), patch.get_y() + patch.get_height()


def test_pit_histogram_holds_all_objects_and_the_binomial_band():
    data = run(n=200, seeds=(1, 2, 3), std=0.1)
    axes = PARTS["pit_histogram"].load().draw(data).axes[0]
    steps = [patch.get_data() for patch in axes.patches if hasattr(patch, "get_data")]
    assert len(steps) == 4
    for step in steps:
        assert len(step.values) == 10
        assert step.values.sum() / 10 == pytest.approx(1)
    counts = np.histogram(data.pit()[0], np.linspace(0, 1, 11))[0]
    np.testing.assert_allclose(steps[0].values, counts / 20)
    np.testing.assert_allclose(band_of(axes), stats.binom.ppf([0.025, 0.975], 200, 0.1) / 20)
    pit = stats.kstest(data.pit().ravel(), "uniform").statistic
    assert f"KS {pit:.3f}, critical {stats.kstwo.ppf(0.95, 200):.3f}" in texts(axes.figure)


def test_coverage_tells_narrow_from_wide():
    draw = PARTS["coverage"].load().draw
    for std, side in ((0.05, -1), (0.2, 1)):
        data = run(n=300, std=std)
        line = draw(data).axes[0].lines[-2]
        nominal, found = line.get_xdata(), line.get_ydata()
        pit = data.pit().ravel()
        np.testing.assert_allclose(found, [np.mean(np.abs(2 * pit - 1) <= level) for level in nominal])
        assert np.sign(found[50] - nominal[50]) == side


def test_example_distributions_are_spread_over_the_label_with_the_truth_marked():
    data = run(n=100, std=0.1)
    axes = PARTS["example_pdfs"].load().draw(data).axes[0]
    marks = next(item for item in axes.collections if isinstance(item, LineCollection)).get_segments()
    ordered = np.sort(data.true)
    np.testing.assert_allclose([mark[0, 0] for mark in marks], ordered[5::10])
    assert len(axes.lines) == 2 * 10
    peaks = [line.get_xdata()[line.get_ydata().argmax()] for line in axes.lines[-10:]]
    first = data.test[1].prediction.point[np.argsort(data.true)[5::10]]
    np.testing.assert_allclose(peaks, first, atol=0.01)


@pytest.mark.parametrize("name", ["error_against_label", "error_against_redshift", "error_against_magnitude"])
@pytest.mark.parametrize("n", [3, 100, 4000])
def test_running_numbers_are_those_of_the_errors(name, n):
    data = with_magnitudes(run(n=n, label="mass"), "cModelMag_r")
    axes, spread, outliers = PARTS[name].load().draw(data).axes
    line = next(line for line in axes.lines if line.get_label() == "median")
    x = {"label": data.true, "redshift": data.scalar("redshift"), "magnitude": data.scalar("cModelMag_r")}[
        name.removeprefix("error_against_")
    ]
    bins = int(np.clip(n // 20, 1, 10))
    assert len(line.get_xdata()) == bins
    first = x <= np.quantile(x, 1 / bins) if bins > 1 else np.full(n, True)
    assert line.get_xdata()[0] == pytest.approx(np.median(x[first]), abs=0.01)
    assert line.get_ydata()[0] == pytest.approx(np.median(data.errors[:, first]), abs=0.01)
    d = data.errors[:, first].ravel()
    assert spread.lines[0].get_ydata()[0] == pytest.approx(1.4826 * np.median(abs(d - np.median(d))), abs=0.005)
    assert outliers.lines[0].get_ydata()[0] == pytest.approx(np.mean(abs(d) > data.outlier_threshold), abs=0.005)
    assert outliers.get_ylabel() == "beyond 0.15"
    assert (n > 2500) == any(isinstance(item, PolyCollection) and len(item.get_array()) for item in hexes(axes))


@pytest.mark.parametrize("name", ["distributions_against_label", "distributions_against_magnitude"])
def test_scores_of_distributions_are_those_of_the_objects_in_bins(name):
    data = with_magnitudes(run(n=100, std=0.1), "cModelMag_r")
    panels = PARTS[name].load().draw(data).axes
    x = data.true if name.endswith("label") else data.scalar("cModelMag_r")
    first = x < np.quantile(x, 1 / 5)
    crps, cde, ks = (panel.lines[0].get_ydata() for panel in panels)
    assert len(crps) == len(cde) == len(ks) == 5
    label = np.tile(data.true[first], len(data.test))
    point = np.concatenate([part.prediction.point[data.known][first] for part in data.test.values()])
    z = (label - point) / 0.1
    expected = 0.1 * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    assert crps[0] == pytest.approx(expected.mean(), rel=1e-6)
    square = 1 / (2 * 0.1 * np.sqrt(np.pi))
    assert cde[0] == pytest.approx(np.mean(square - 2 * stats.norm.pdf(z) / 0.1), rel=1e-6)
    assert ks[0] == pytest.approx(stats.kstest(stats.norm.cdf(z), "uniform").statistic, rel=1e-6)


def with_magnitudes(data: JudgedRow, *names: str) -> JudgedRow:
    return with_scalars(data, with_preferred({name: scalar_column(name, "") for name in names}))


def test_the_magnitude_is_that_of_band_r_without_dust():
    names = [
        "cModelMag_g",
        "cModelMagErr_r",
        "extinction_r",
        "psfMag_r",
        "cModelMag_r",
        "dered_g",
        "dered_r",
        "image_r",
    ]
    assert with_magnitudes(run(), *names).magnitude == "dered_r"
    assert with_magnitudes(run(), *names[:5]).magnitude == "cModelMag_r"
    assert with_magnitudes(run(), "mag", "mag_err").magnitude == "mag"
    assert with_magnitudes(run(), *names[1:3], "image_r", "magic").magnitude is None
    assert "magnitude" not in with_magnitudes(run(label="psfMag_r"), "psfMag_g").holds
    missing = with_magnitudes(run(), "psfMag_g", "psfMag_r")
    for part in missing.test.values():
        part.scalars["psfMag_r"][:] = -9999
    assert missing.magnitude == "psfMag_g"
    figure = PARTS["error_against_magnitude"].load().draw(missing)
    assert figure.axes[-1].get_xlabel() == "psfMag_g [mag]"


def hexes(axes) -> list:
    return [item for item in axes.collections if item.get_array() is not None]


def test_reliability_shows_the_calibration_error():
    for classes in (2, 5):
        data = classified(n=300, classes=classes)
        figure = PARTS["reliability"].load().draw(data)
        p = data.classes().reshape(-1, classes)
        right = p.argmax(axis=1) == np.tile(data.true, 2)
        place = np.minimum((p.max(axis=1) * 15).astype(int), 14)
        expected = sum(
            abs(right[place == item].mean() - p.max(axis=1)[place == item].mean()) * np.mean(place == item)
            for item in set(place)
        )
        assert f"ECE {expected:.3f}" in texts(figure)
        line = next(line for line in figure.axes[0].lines if "objects" in str(line.get_label()))
        assert line.get_ydata().tolist() == pytest.approx([right[place == item].mean() for item in sorted(set(place))])


def test_the_band_of_reliability_is_that_of_independent_objects():
    data = classified(n=300)

    def band(objects):
        bins = [{**item, "effective_n": objects if item["n"] else None} for item in data.judged["reliability"]]
        axes = PARTS["reliability"].load().draw(replace(data, judged={**data.judged, "reliability": bins})).axes[0]
        return [np.ptp(one, axis=0)[1] for item in axes.collections for one in item.get_segments()]

    assert band(None) == []
    assert np.mean(band(10)) > 2 * np.mean(band(1000)) > 0


def test_curves_of_classes_have_the_areas_of_scikit_learn():
    two, ten = classified(n=300, seeds=(1, 2, 3)), classified(n=300, classes=10, sharp=1.0)
    member, scores = np.tile(two.true == 1, 3), two.classes()[..., 1].ravel()
    roc, pr = (PARTS[name].load().draw for name in ("roc", "precision_recall"))
    assert f"class 1: AUC {metrics.roc_auc_score(member, scores):.3f}" in texts(roc(two))
    assert f"class 1: AP {metrics.average_precision_score(member, scores):.3f}" in texts(pr(two))
    assert "class 0" not in texts(roc(two))
    assert len(roc(two).axes[0].lines) == 3 + 1 + 1
    member, scores = np.tile(ten.true == 4, 2), ten.classes()[..., 4].ravel()
    said = texts(roc(ten))
    assert f"class 4: AUC {metrics.roc_auc_score(member, scores):.3f}" in said
    assert "class 6" not in said
    assert "other classes" in said


@pytest.mark.parametrize("name", ["roc", "precision_recall"])
def test_curves_of_classes_are_called_by_their_names(name):
    data = classified(classes=3)
    column = replace(data.test[1].column, classes=("star", "galaxy", "a quasar with a very long name"))
    named = replace(data, test={seed: replace(part, column=column) for seed, part in data.test.items()})
    said = texts(PARTS[name].load().draw(named))
    assert all(f"{words}: A" in said for words in ("star", "galaxy", "a quasar w\N{HORIZONTAL ELLIPSIS}long name"))
    assert "class 0" not in said


@pytest.mark.parametrize("name", ["reliability", "roc", "precision_recall"])
def test_classifications_that_are_not_finite_or_of_one_object(name, tmp_path):
    bad = classified()
    bad.test[2].prediction.classes[3] = np.nan
    assert "not finite" in texts(PARTS[name].load().draw(judged(bad)))
    figures.draw(name, classified(n=1, seeds=(1,)), tmp_path)
    if name != "reliability":
        assert "all objects are of one class" in texts(PARTS[name].load().draw(classified(n=1)))


def test_names_beyond_the_palette_are_grey():
    colours = _style.colours([f"m{place}" for place in range(9)] * 2)
    assert len(colours) == 9
    assert list(colours.values())[len(_style.PALETTE) :] == [_style.GREY] * (9 - len(_style.PALETTE))
    assert len(set(colours.values())) == len(_style.PALETTE) + 1


def test_a_baseline_has_no_loss_in_its_name():
    assert _style.BASELINE == BASELINE_LOSS
    assert _style.competitor("ridge", BASELINE_LOSS) == "ridge"
    assert _style.competitor("ridge", "huber") == "ridge, huber"
