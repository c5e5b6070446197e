"""The stamp simulator: what it promises of its sources, its noise and its bytes."""

import csv

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from skybake.data.dataset import load_dataset
from skybake.data.limit import read_truth
from skybake.metrics import classification, matched_filter
from skybake.mock import decam as mock
from skybake.raw import decam
from skybake.raw.ingest import ingest


def simulate(folder, **options):
    """Write a small survey: paths, arrays and the catalogue's columns."""
    raw = {key: folder / name for key, name in mock.RAW_FILES.items()}
    mock.simulate(raw, mock.Options(**options))
    with raw["catalogue"].open() as stream:
        rows = list(csv.DictReader(stream))
    table = {name: np.array([row[name] for row in rows]) for name in mock.COLUMNS}
    for name in ("snr", "psf_sigma", "x", "y", "sky_noise"):
        table[name] = np.array([float(value or "nan") for value in table[name]])
    return raw, np.load(raw["sources"]), np.load(raw["noise"]), table


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("mock"), n_sources=1500, n_noise=1500, seed=3)


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """Sources of one S/N on sky noise alone, and their noise-free light."""
    folder = tmp_path_factory.mktemp("clean")
    options = {"n_sources": 4000, "n_noise": 4000, "noise_kinds": ["sky"], "seed": 5, "expectation": True}
    _, sources, noise, table = simulate(folder, snr_min=1.5, snr_max=1.5, **options)
    return sources, noise, np.load(folder / "expectation.npy"), table


def test_same_options_same_bytes(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        simulate(tmp_path / name, n_sources=60, n_noise=50, seed=7 + (name == "c"))
    for file in mock.RAW_FILES.values():
        first, again, other = ((tmp_path / name / file).read_bytes() for name in ("a", "b", "c"))
        assert first == again != other


def test_the_survey_is_as_asked_for(survey):
    _, sources, noise, table = survey
    assert sources.shape == noise.shape == (1500, 21, 21)
    assert sources.dtype == np.float32
    assert list(np.unique(table["class"], return_counts=True)[1]) == [1500, 1500]
    is_source = table["class"] == "source"
    assert np.isnan(table["snr"][~is_source]).all()
    snr = table["snr"][is_source]
    assert snr.min() >= 3
    assert snr.max() <= 100
    objects = np.unique(table["object"][is_source], return_index=True)[1]
    assert len(objects) == pytest.approx(1500 / 2, rel=0.1)  # two stamps an object
    assert stats.kstest(np.log(snr[objects]), stats.uniform(np.log(3), np.log(100 / 3)).cdf).pvalue > 1e-3
    assert np.hypot(table["x"], table["y"])[is_source].max() < 2 + 4 * 0.3
    counts = dict(zip(*np.unique(table["kind"][~is_source], return_counts=True), strict=True))
    assert set(counts) == set(mock.KINDS)
    assert min(counts.values()) > 1500 / 5 - 5 * np.sqrt(1500 / 5)
    assert np.mean(table["kind"][is_source] != "sky") == pytest.approx(0.3, abs=0.06)


def test_an_object_has_one_brightness_in_all_its_stamps(survey):
    table = survey[3]
    for name in np.unique(table["object"][table["class"] == "source"])[:50]:
        assert len(set(table["snr"][table["object"] == name])) == 1


def test_sources_have_the_signal_to_noise_that_the_catalogue_says(clean):
    _, _, expected, table = clean
    is_source = table["class"] == "source"
    snr = np.sqrt(np.square(expected.astype(float)).sum(axis=(1, 2))) / table["sky_noise"][is_source]
    assert snr == pytest.approx(table["snr"][is_source], rel=1e-4)


def test_light_is_where_the_catalogue_says(clean):
    _, _, expected, table = clean
    near = np.arange(21) - 10
    total = expected.sum(axis=(1, 2))
    x, y = (expected.sum(axis=axis) @ near / total for axis in (1, 2))
    assert np.median(np.abs(x - table["x"][:4000])) < 0.02  # a wing beyond the edge moves a few
    assert np.median(np.abs(y - table["y"][:4000])) < 0.02


def test_light_is_that_of_a_gaussian_psf_integrated_over_pixels():
    shape = mock.trailed(np.zeros((1, 1)), np.zeros((1, 1)), np.array([1.3]), 21)[0]
    middle = stats.norm.cdf(0.5 / 1.3) - stats.norm.cdf(-0.5 / 1.3)
    assert shape[10, 10] == pytest.approx(middle**2)
    assert shape.sum() == pytest.approx(1)
    moved = mock.trailed(np.array([[2.0, 2.0]]), np.array([[-1.0, -1.0]]), np.array([1.3]), 21)[0]
    assert np.unravel_index(moved.argmax(), moved.shape) == (9, 12)  # x is the column, y the row


def test_a_matched_filter_of_known_place_reaches_its_limit_and_not_more(clean):
    """On sky noise its statistic is normal of width 1, around S/N or 0; hence its area under the ROC curve."""
    sources, noise, expected, table = clean
    filters = expected / np.sqrt(np.square(expected).sum(axis=(1, 2), keepdims=True))
    sigma = table["sky_noise"].reshape(2, -1)
    there, none = (
        (stamps * filters).sum(axis=(1, 2)) / level for stamps, level in zip((sources, noise), sigma, strict=True)
    )
    n = len(there)
    assert stats.kstest(none, stats.norm.cdf).pvalue > 1e-3
    assert stats.kstest(there - 1.5, stats.norm.cdf).pvalue > 1e-3
    score = np.concatenate([there, none])
    odds = 1 / (1 + np.exp(-score))
    found = classification.roc_auc(np.repeat([1.0, 0.0], n), np.column_stack([1 - odds, odds]))
    limit = float(matched_filter.auc(1.5))
    error = np.sqrt(limit * (1 - limit) / n)  # at most, Birnbaum & Klose 1957
    assert abs(found - limit) < 4 * error
    assert 4 * error < 0.03  # the test can tell
    threshold = np.quantile(none, 0.95)
    assert np.mean(there > threshold) == pytest.approx(float(matched_filter.completeness(1.5, 0.05)), abs=0.04)


def test_the_limit_in_numbers():
    assert matched_filter.auc(0.0) == 0.5
    assert matched_filter.auc(np.array([1.0, 3.0])) == pytest.approx([0.7602499, 0.9830526])
    found = stats.norm.sf(stats.norm.isf(0.01) - 3)
    assert matched_filter.completeness(np.array([0.0, 3.0]), 0.01) == pytest.approx([0.01, found])


def test_every_kind_of_noise_differs_from_sky_as_it_should(tmp_path):
    found = {}
    for kind in mock.KINDS:
        (tmp_path / kind).mkdir()
        options = {"n_sources": 1, "n_noise": 300, "noise_kinds": [kind], "snr_min": 50.0, "seed": 2}
        _, _, noise, table = simulate(tmp_path / kind, **options)
        assert set(table["kind"][1:]) == {kind}
        found[kind] = noise / table["sky_noise"][1:, None, None]
    sky = found["sky"]
    assert stats.kstest(sky.ravel()[:20_000], stats.norm.cdf).pvalue > 1e-3
    edge = np.isnan(found.pop("masked_edge"))
    assert edge.any(axis=(1, 2)).all()
    assert edge.mean(axis=(1, 2)).max() <= 5 / 21 + 1e-9
    assert not edge[:, 10, 10].any()
    for kind in ("residual", "cosmic_ray", "bad_row"):
        chi2 = np.square(found[kind]).sum(axis=(1, 2))
        assert np.quantile(chi2, 0.01) > np.quantile(np.square(sky).sum(axis=(1, 2)), 0.99)
    flat = found["bad_row"].reshape(-1, 21, 21)
    spread = np.maximum(np.abs(flat.mean(axis=1)).max(axis=1), np.abs(flat.mean(axis=2)).max(axis=1))
    assert spread.min() > 5  # of a mean over 21 pixels of noise 1
    negative = found["residual"].min(axis=(1, 2)) < -6
    assert negative.mean() > 0.3  # a dipole has a dark side
    assert (found["cosmic_ray"].min(axis=(1, 2)) > -6).all()


def test_masked_pixels_can_be_zero(tmp_path):
    options = {"n_sources": 1, "n_noise": 20, "noise_kinds": ["masked_edge"], "masked": "zero"}
    _, _, noise, _ = simulate(tmp_path, **options)
    assert np.isfinite(noise).all()
    assert ((noise == 0).sum(axis=(1, 2)) >= 21).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"snr_min": 5, "snr_max": 4}, "snr_min 5 is above snr_max 4"),
        ({"noise_kinds": []}, "at least 1"),
        ({"noise_kinds": ["ghost"]}, "cosmic_ray"),
        ({"size": 3}, "greater than or equal to 9"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        mock.Options(**options)


def test_the_reader_takes_what_the_simulator_writes(survey, tmp_path):
    raw, sources, noise, table = survey
    ingest(decam, raw, tmp_path / "d.h5", tmp_path / "rejected.csv", decam.Options(), mock=True)
    data = load_dataset(tmp_path / "d.h5")
    assert data.mock
    assert data.classes == ("noise", "source")
    assert list(data.ids) == list(table["id"])
    assert list(data.groups) == list(table["object"])
    assert np.array_equal(data.labels["class"], (table["class"] == "source").astype(float))
    assert np.array_equal(data.scalars["snr"], table["snr"], equal_nan=True)
    words = dict(entry.split() for entry in data.columns["scalar/kind"].description.split(": ")[1].split(", "))
    assert [words[f"{code:g}"] for code in data.scalars["kind"]] == list(table["kind"])
    stamps = np.concatenate([sources, noise])
    assert np.array_equal(data.scalars["n_masked"], np.isnan(stamps).sum(axis=(1, 2)))
    kept = ~np.isnan(stamps)
    assert np.array_equal(data.images(np.arange(3000))[..., 0][kept], stamps[kept])


@pytest.fixture(scope="module", autouse=True)
def _few_shapes():
    """A bank of 300 sources in place of thousands: what is tested here does not depend on its size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mock.observer, "SHAPES", 300)
        yield


@pytest.fixture(scope="module")
def observed(tmp_path_factory):
    """What was drawn of stamps without artefacts, and what ideal observers say of them."""
    folder = tmp_path_factory.mktemp("observed")
    options = mock.Options(n_sources=700, n_noise=700, seed=11, noise_kinds=("sky",))
    raw = {name: folder / file for name, file in mock.RAW_FILES.items()}
    mock.simulate({**raw, "truth": folder / "truth.npz"}, options)
    ids = [f"{name}-{row:06d}" for name in ("source", "noise") for row in range(700)]
    truth = read_truth(folder / "truth.npz", ids)
    return truth, mock.limit(options, truth), np.load(raw["sources"])


def test_truth_is_of_the_stamps_in_their_order(observed):
    truth, _, sources = observed
    assert truth["class"].tolist() == [1] * 700 + [0] * 700
    over = truth["sky_noise"][:700, None, None]
    assert np.allclose(truth["stamp"][:700] * over, sources, rtol=1e-5, atol=1e-3)
    norm = np.sqrt(np.square(truth["signal"][:700].astype(float)).sum(axis=(1, 2)))
    assert norm == pytest.approx(truth["snr"][:700], rel=1e-5)
    assert not truth["signal"][700:].any()


def test_the_observer_that_knows_the_source_is_the_matched_filter(observed):
    """Its accuracy at signal to noise s is Phi(s / 2); 1,400 stamps tell it to 0.002."""
    truth, (_, known), _ = observed
    right = (known.values > 0.5) == (truth["class"] == 1)
    assert right.mean() == pytest.approx(stats.norm.cdf(truth["snr"][:700] / 2).mean(), abs=0.006)


def test_the_observer_that_must_find_it_is_worse_and_calibrated(observed):
    truth, (unknown, known), _ = observed
    y = truth["class"] == 1
    losses = [-np.log(np.clip(np.where(y, line.values, 1 - line.values), 1e-12, 1)).mean() for line in (unknown, known)]
    assert losses[0] > 1.5 * losses[1]
    doubtful = (unknown.values > 0.05) & (unknown.values < 0.95)
    error = np.sqrt((unknown.values * (1 - unknown.values))[doubtful].sum()) / doubtful.sum()
    assert y[doubtful].mean() == pytest.approx(unknown.values[doubtful].mean(), abs=3 * error)


def test_masked_pixels_tell_nothing(observed):
    truth = observed[0]
    few = {name: values[[0, 700]] for name, values in truth.items()}
    hidden = mock.limit(mock.Options(noise_kinds=("sky",)), few | {"stamp": np.full_like(few["stamp"], np.nan)})
    assert [line.values.tolist() for line in hidden] == [[pytest.approx(0.5)] * 2] * 2


def test_what_kind_of_artefact_lies_in_it_is_told():
    """A cosmic ray lies in a fifth of the noise stamps, and in 0.3 / 4 of the sources."""
    blank = {"class": np.array([1]), "kind": np.array([mock.KINDS.index("cosmic_ray")])}
    blank |= {name: np.full((1, 21, 21), value, np.float32) for name, value in (("stamp", np.nan), ("signal", 0.0))}
    for line in mock.limit(mock.Options(n_sources=100, n_noise=300), blank):
        assert line.values[0] == pytest.approx(0.075 * 100 / (0.075 * 100 + 0.2 * 300))
