import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from skybake import discovery, figures
from skybake.config import BASELINE_LOSS
from skybake.figures import Comparison, History, Run, _style, forest
from skybake.predictions import Predicted, Prediction

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(0)
SCOPES = {"run": Run, "comparison": Comparison}
PARTS = discovery.parts("figures", "draw")


def history(loss=lambda epoch: np.exp(-epoch / 3), epochs=10) -> History:
    epoch = np.arange(1, epochs + 1)
    return History(epoch, loss(epoch), loss(epoch) + 0.1, best_epoch=4 if epochs else None)


def run(n=60, seeds=(1, 2), *, label="log10_m500c", redshift=True, mock=True, point=None, histories=None) -> Run:
    true = np.random.default_rng(1).normal(14, 0.3, n)
    test = {}
    for seed in seeds:
        predicted = true + np.random.default_rng(seed).normal(0, 0.1, n) if point is None else np.full(n, point)
        test[seed] = Predicted(
            ids=np.array([str(row) for row in range(n)]),
            label=true,
            prediction=Prediction(predicted),
            scalars={"redshift": np.linspace(0.1, 1, n)} if redshift else {},
            name=label,
            units="log10 Msun",
        )
    return Run(
        dataset="clusters",
        model="nonsequential",
        loss="huber-delta=0.3",
        label=label,
        units="log10 Msun",
        error="predicted - true",
        mock=mock,
        histories=histories or {seed: history() for seed in seeds},
        test=test,
        errors=np.stack([part.prediction.point - true for part in test.values()]),
        outlier_threshold=0.3,
    )


def comparison(networks=3, baselines=2, *, mock=True) -> Comparison:
    rows = []
    for place in range(networks + baselines):
        baseline = place >= networks
        std = 0.1 + 0.01 * place
        rows.append(
            {
                "model": f"{'baseline' if baseline else 'network'}_{place % 30}",
                "loss": BASELINE_LOSS if baseline else f"loss_{place // 30}",
                "baseline": baseline,
                **{"mean_error": 0.01, "mean_error_low": -0.02, "mean_error_high": 0.05},
                **{"std_error": std, "std_error_low": std - 0.01, "std_error_high": std + 0.01},
                "train_seconds": 0.02 if baseline else 10.0 + place,
            }
        )
    return Comparison("clusters", "log10_m500c", "log10 Msun", "predicted - true", mock, 0.95, tuple(rows))


DATA = {"run": run, "comparison": comparison}


def texts(figure: Figure) -> str:
    return " | ".join(item.get_text() for item in figure.findobj(lambda item: hasattr(item, "get_text")))


@pytest.mark.parametrize("name", sorted(PARTS))
def test_contract(name, tmp_path):
    part = PARTS[name]
    assert part.constants["SCOPE"] in SCOPES
    assert set(part.constants["TASKS"]) <= {"regression", "classification"}
    assert part.constants["TITLE"]
    assert part.constants["CAPTION"].endswith(".")
    assert isinstance(part.load().draw(DATA[part.constants["SCOPE"]]()), Figure)


@pytest.mark.parametrize("name", sorted(PARTS))
def test_simulated_objects_are_named_in_the_figure_itself(name):
    make, draw = DATA[PARTS[name].constants["SCOPE"]], PARTS[name].load().draw
    assert "mock data" in texts(draw(make(mock=True)))
    assert "mock data" not in texts(draw(make(mock=False)))


@pytest.mark.parametrize("name", sorted(PARTS))
def test_the_same_figure_is_the_same_bytes(name, tmp_path):
    data = DATA[PARTS[name].constants["SCOPE"]]()
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


@pytest.mark.parametrize(("networks", "baselines"), [(1, 0), (0, 1), (3, 2), (40, 3), (500, 4), (0, 0)])
@pytest.mark.parametrize("name", ["forest", "accuracy_against_time"])
def test_comparisons_of_any_size(name, networks, baselines):
    figure = PARTS[name].load().draw(comparison(networks, baselines))
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


@pytest.mark.parametrize("name", ["predicted_against_true", "error_histogram"])
def test_a_run_that_gives_no_numbers_and_one_that_has_collapsed(name, tmp_path):
    figures.draw(name, run(point=np.nan), tmp_path)
    figures.draw(name, run(point=14.0), tmp_path)
    figures.draw(name, run(n=1, seeds=(1,)), tmp_path)
    assert "finite" in texts(PARTS[name].load().draw(run(point=np.nan)))


def test_histogram_gives_the_numbers():
    data = run()
    d = data.errors.ravel()
    said = texts(PARTS["error_histogram"].load().draw(data))
    assert f"mean {d.mean():+.3g}, std {d.std():.3g}" in said
    assert f"NMAD {1.4826 * np.median(np.abs(d - np.median(d))):.3g}" in said
    assert "60 objects, 2 seeds" in said


def test_names_beyond_the_palette_are_grey():
    colours = _style.colours([f"m{place}" for place in range(9)] * 2)
    assert len(colours) == 9
    assert list(colours.values())[len(_style.PALETTE) :] == [_style.GREY] * (9 - len(_style.PALETTE))
    assert len(set(colours.values())) == len(_style.PALETTE) + 1


def test_a_baseline_has_no_loss_in_its_name():
    assert _style.BASELINE == BASELINE_LOSS
    assert _style.competitor("ridge", BASELINE_LOSS) == "ridge"
    assert _style.competitor("ridge", "huber") == "ridge, huber"
