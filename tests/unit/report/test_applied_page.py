"""The page of what a network predicts for new objects."""

from types import SimpleNamespace

import numpy as np
import pytest

from skybake.applying import familiarity, parts, sample
from skybake.applying.parts import Applied
from skybake.applying.sample import Sample
from skybake.data import rejections, splits
from skybake.data.dataset import load_dataset
from skybake.evaluation.judge import judge
from skybake.files import write_json
from skybake.report import applied_page
from skybake.results import identity
from skybake.results.predictions import Prediction
from tests.unit._synthetic_runs import write_classified, write_dataset
from tests.unit.report.small_bakeoffs import HOLDOUT, STATISTICS, Document, bake, row_of

N = 200
FIGURES = ["applied_predictions", "applied_sky"]  # all are drawn by the checks of plug-ins


def new_objects(folder, task, mock):
    """Write a dataset of new objects and their predictions in two parts; every fifth has a label."""
    classes = 3 if task == "classification" else 0
    opened = load_dataset(write_dataset(folder / "dataset.h5", n=N, classes=classes, mock=mock))
    rejections.write_rejected(folder / "rejected.csv", [rejections.Rejection(3, "x", "image of <zeros>")])
    rng = np.random.default_rng(1)
    if classes:
        probabilities = rng.dirichlet([1, 2, 3], N)
        prediction = Prediction(probabilities.argmax(axis=1).astype(float), classes=probabilities)
    else:
        point = np.where(np.arange(N) == 4, np.nan, rng.normal(14, 0.2, N))
        prediction = Prediction(point, std=rng.uniform(0.1, 0.3, N))
    unfamiliar = np.arange(N) % 4 == 0
    for number, rows in enumerate(np.array_split(np.arange(N), 2)):
        applied = Applied(
            ids=opened.ids[rows],
            groups=opened.groups[rows],
            row=rows,
            label=np.where(rows % 5, np.nan, opened.labels[opened.label][rows]),
            scalars={},
            prediction=prediction.select(rows),
            spread=np.full(len(rows), 0.05),
            distance=rows / 7.0,
            familiarity=rows / 2.0,
            flags={"unfamiliar": unfamiliar[rows], "not_finite": rows == 4},
            name=opened.label,
            column=opened.columns[f"label/{opened.label}"],
        )
        parts.write(folder / f"{number}.h5", applied)
    return SimpleNamespace(prediction=prediction, unfamiliar=unfamiliar)


def write_sample(path, held_out):
    """Write what new objects are compared with, where so many are held out."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(held_out + 20, 6, 6, 1))
    known = familiarity.fit(images[:20, 0, :, 0], images[:20], images[20:, 0, :, 0], images[20:])
    sample.write(path, Sample({}, 1, known.arrays()))


def page_of(folder, task, made, *, mock=True, held_out=99):
    """Return the page of the first row, and what was predicted."""
    new = folder.parent / ("new" if mock else "real")
    new.mkdir()
    told = new_objects(new, task, mock)
    write_sample(new / "sample.h5", held_out)
    write_json(new / "chosen.json", {"chosen": identity.of(made[0])})
    applied_page.write_page(
        "wide <field>",
        [new / "0.h5", new / "1.h5"],
        dataset=new / "dataset.h5",
        rejected=new / "rejected.csv",
        sample=new / "sample.h5",
        false_alarms=0.01,
        trained_on=folder / "dataset.h5",
        split=folder / "split-40.h5",
        candidates=made,
        chosen=[new / "chosen.json"],
        html=new / "report.html",
        figures=new / "figures",
        figure_names=FIGURES if mock else [],
        title="Masses & more",
        place="results/apply/wide/",
        config_text="apply: {}\n",
    )
    return (new / "report.html").read_text(encoding="utf-8"), told


@pytest.fixture(scope="module")
def regression(tmp_path_factory):
    folder = tmp_path_factory.mktemp("applied") / "efeds_mock"
    made = bake(folder, combinations=[("nonsequential", "gaussian_nll")])
    return folder, made, *page_of(folder, "regression", made)


def test_the_page_needs_nothing_else(regression):
    document = Document(regression[2])
    beside = {"catalogue.fits", "catalogue.parquet", "catalogue.csv", "rejected.csv"}
    beside |= {"distributions.h5", "distributions_qp.hdf5"}
    assert {item for item in document.addresses if not item.startswith("data:image/png;base64,")} == beside
    assert document.tags.count("img") == 1  # no positions are known
    assert len(regression[2]) < 2e6


def test_flags_are_counted_with_their_meaning(regression):
    html, told = regression[2:]
    text = Document(html).text
    assert f"unfamiliar {told.unfamiliar.sum()} 25.0 unlike the training objects" in text
    assert "not_finite 1 0.5 what is predicted is no number" in text
    assert "50 of 200 objects (25 %) are unlike those that the network was trained with" in text
    assert "1 without a prediction." in text
    assert "image of <zeros> 1" in text
    assert "Of objects like those of training 1 % are unfamiliar too, on the mean, by what 99 held-out objects" in text
    assert "too few to promise" not in text


def test_numbers_stand_beside_those_of_training_and_of_the_test(regression):
    html, told = regression[2:]
    text = Document(html).text
    median = np.nanmedian(told.prediction.point)
    assert f"predicted 199 {np.nanmin(told.prediction.point.astype(np.float32)):.4g}" in text
    assert f"{median:.4g}" in text
    assert "labels of the training part" in text
    assert "the mean of 3 networks, seeds 1, 2, 3" in text
    assert 'Table.read("results/apply/wide/catalogue.fits")' in text
    assert '"log10_m500c", "std"]' in text
    assert "40 of these objects have a label" in text


def test_networks_of_simulations_are_told_on_real_objects(regression):
    folder, made = regression[:2]
    html, _ = page_of(folder, "regression", made, mock=False, held_out=40)
    assert "the network was trained on simulated objects, and these are real" in Document(html).text
    assert "MOCK" not in html.split("<main>")[0]
    said = "2.4 % are unfamiliar too, on the mean, by what 40 held-out objects of the validation part tell: more than"
    assert f"{said} the 1 % that were asked for" in Document(html).text


def test_classes_have_their_shares(tmp_path):
    folder = tmp_path / "stamps"
    opened = load_dataset(write_dataset(folder / "dataset.h5", n=300, tested=100, classes=3))
    splits.write(folder / "split-40.h5", splits.make(opened, HOLDOUT))
    row = row_of(folder, "nonsequential", "focal", "stamps", seeds=(1,))
    write_classified(row.runs[1], loss="focal", n=100, classes=3, data=opened.path)
    judge(row.runs, opened, row.metrics, STATISTICS)
    html, told = page_of(folder, "classification", [row])
    counts = np.bincount(told.prediction.point.astype(int), minlength=3)
    text = Document(html).text
    for number, count in enumerate(counts):
        mean = 100 * told.prediction.classes[:, number].mean()
        assert f"{number} {count} {count / 2:.1f} {mean:.1f}" in text
    assert '"class", "probability_0"]' in text
    assert "one network, seed 1" in text


def test_a_row_that_is_not_there_is_an_error(regression):
    folder, made = regression[:2]
    other = row_of(folder, "dense", "gaussian_nll")
    write_json(folder / "chosen.json", {"chosen": identity.of(other)})
    with pytest.raises(ValueError, match="expected one of the networks"):
        applied_page._predicting(made, [folder / "chosen.json"])
