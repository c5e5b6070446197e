"""New objects predicted: the numbers of training, whatever the number of jobs."""

from dataclasses import replace

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from astropy.io import fits
from astropy.table import Table

from skybake.applying import arrays, catalogue, network, parts, predict, sample
from skybake.data import splits
from skybake.data.dataset import load_dataset
from skybake.data.writer import create_dataset
from skybake.results import distributions, ensembles, run_folder
from skybake.training import backend
from skybake.training.train import train_job
from tests.conftest import SCHEMA, write_dataset
from tests.training_settings import job

FILES = ["history.csv", "predictions.h5", "timing.json", "run.json", "model.keras", "predictor.keras"]
BATCH = 16


@pytest.fixture(scope="module")
def runs(small, tmp_path_factory):
    """Two seeds of a small network."""
    backend.start("tensorflow", threads=1, precision="float32")
    folder = tmp_path_factory.mktemp("applied")
    found = {seed: folder / f"seed-{seed}" for seed in (1, 2)}
    told = job("deeper_sequential", "gaussian_nll", parameters={"filters": 4}, epochs=1, images="robust")
    train_job(*small, told, found, folder / ".work", FILES)
    return found


def applied(dataset, split, runs, folder, jobs=1, seen=None):
    """Apply networks to a dataset; return the files of predictions."""
    folder.mkdir(exist_ok=True)
    predict.compare_with(seen or dataset, split, runs, folder / "sample.h5")
    paths = [folder / f"{part}.h5" for part in range(jobs)]
    for part, path in enumerate(paths):
        told = {"part": part, "jobs": jobs, "batch_size": BATCH, "false_alarms": 0.2, "asked_by": "apply.mine"}
        predict.predict(dataset, runs, folder / "sample.h5", path, **told)
    return paths


def written(paths, regions, folder):
    files = {kind: folder / f"catalogue.{kind}" for kind in ("fits", "parquet", "csv")}
    catalogue.write(paths, regions, **files)
    return files


def test_numbers_are_those_of_the_test_part_and_of_any_number_of_jobs(small, runs, tmp_path):
    dataset = load_dataset(small[0])
    split = splits.load(small[1], dataset)
    regions = catalogue.calibration(runs, dataset)
    files = written(applied(*small, runs, tmp_path / "one"), regions, tmp_path / "one")
    more = written(applied(*small, runs, tmp_path / "three", jobs=3), regions, tmp_path / "three")
    for kind, path in files.items():
        assert path.read_bytes() == more[kind].read_bytes(), kind

    table = Table.read(files["fits"])
    assert list(table["id"]) == list(dataset.ids)
    tested = [run_folder.read_predictions(folder, "test", dataset) for folder in runs.values()]
    expected = ensembles.mean([one.prediction for one in tested])
    found = table[split.test]
    assert list(found["id"]) == list(tested[0].ids)
    std = dataset.labels["log10_mass"][split.train]
    within = {"rtol": 0, "atol": 1e-5 * np.nanstd(std)}
    np.testing.assert_allclose(found["log10_mass"], expected.point, **within)
    np.testing.assert_allclose(found["std"], expected.std, **within)
    quantiles = distributions.of(expected).quantile([0.025, 0.5, 0.975])
    np.testing.assert_allclose(np.column_stack([found[name] for name in ("q025", "q500", "q975")]), quantiles, **within)
    np.testing.assert_allclose(
        np.column_stack([found["low_95"], found["high_95"]]), regions.intervals(expected)[:, 1], **within
    )
    spread = np.std([one.prediction.point for one in tested], axis=0, ddof=1)
    np.testing.assert_allclose(found["spread"], spread, **within)
    assert spread.max() > 1e-3
    assert not table["scalar_missing"].any()


def test_all_three_forms_hold_the_same(small, runs, tmp_path):
    files = written(applied(*small, runs, tmp_path), None, tmp_path)
    catalogued = Table.read(files["fits"])
    tables = [pyarrow.parquet.read_table(files["parquet"]), pyarrow.csv.read_csv(files["csv"])]
    for table in tables:
        assert table.column_names == catalogued.colnames
        assert table["id"].to_pylist() == list(catalogued["id"])
        assert table["padded"].to_pylist() == list(catalogued["padded"])
        np.testing.assert_allclose(np.array(table["std"]), catalogued["std"], rtol=1e-6)
        np.testing.assert_allclose(np.array(table["familiarity"]), catalogued["familiarity"], rtol=1e-6)
    assert tables[0].schema.field("std").metadata[b"units"] == b"log10 Msun"
    header = fits.getheader(files["fits"], 1)
    number = next(place for place in range(1, 99) if header[f"TTYPE{place}"] == "std")
    assert f"TUNIT{number}" not in header  # the logarithm of a mass is no unit that FITS knows
    assert header[f"TCOMM{number}"].endswith("[log10 Msun]")


def test_scalars_that_are_unlike_those_of_training_are_flagged(small, runs, tmp_path):
    path = write_dataset(tmp_path / "new.h5", n=20, missing=range(20), missing_scalars=[4], prefix="new")
    predict.compare_with(*small, runs, tmp_path / "sample.h5")
    known = sample.read(tmp_path / "sample.h5")
    low, high = known.ranges["redshift"]
    assert 0.1 <= low < high <= 0.9
    told = {"part": 0, "jobs": 1, "batch_size": BATCH, "false_alarms": 0.2, "asked_by": "apply.mine"}
    predict.predict(path, runs, tmp_path / "sample.h5", tmp_path / "0.h5", **told)
    (found,) = parts.read(tmp_path / "0.h5")
    redshift = load_dataset(path).scalars["redshift"]
    assert found.flags["scalar_missing"].tolist() == [row == 4 for row in range(20)]
    outside = (redshift < low) | (redshift > high)
    assert found.flags["scalar_outside"].tolist() == outside.tolist()
    assert np.isnan(found.label).all()
    assert np.isfinite(found.prediction.point).all()
    assert not found.flags["not_finite"].any()


def test_noise_is_unfamiliar_and_the_test_part_is_not(small, runs, tmp_path):
    path = tmp_path / "noise.h5"
    rng = np.random.default_rng(2)
    with create_dataset(path, SCHEMA) as writer:
        writer.append(
            image=rng.normal(0, 3, (40, 32, 32, 2)),
            id=[f"noise-{row}" for row in range(40)],
            group=[f"noise-{row}" for row in range(40)],
            labels={"log10_mass": np.full(40, np.nan)},
            scalars={"redshift": np.full(40, 0.4)},
        )
    (known,), (noise,) = (
        list(parts.read(applied(dataset, small[1], runs, tmp_path / name, seen=small[0])))
        for name, dataset in (("known", small[0]), ("noise", path))
    )
    test = splits.load(small[1], load_dataset(small[0])).test
    assert noise.flags["unfamiliar"].all()
    assert noise.distance.min() > np.median(known.distance)
    assert known.flags["unfamiliar"][test].mean() < 0.5
    assert (noise.familiarity > 80).all()


def test_images_of_another_size_are_refused(small, runs, tmp_path):
    path = write_dataset(tmp_path / "new.h5", n=5, size=30, prefix="new")
    (found,) = predict.load_networks({1: runs[1]}).values()
    with pytest.raises(network.ApplyError, match=r"30 x 30 x 2 found; expected 32 x 32 x 2"):
        network.check(found, load_dataset(path), "apply.mine")


def test_another_label_is_refused(small, runs):
    (found,) = predict.load_networks({1: runs[1]}).values()
    known = load_dataset(small[0])
    column = replace(known.columns["label/log10_mass"], units="ln Msun")
    with pytest.raises(network.ApplyError, match=r"log10_mass \[ln Msun\] found; expected log10_mass \[log10 Msun\]"):
        network.check(found, replace(known, columns={**known.columns, "label/log10_mass": column}), "apply.mine")


@pytest.mark.parametrize("jobs", [1, 3, 7, 20])
def test_every_row_is_in_one_part_and_parts_begin_with_whole_batches(jobs):
    rows = [predict.rows_of(101, part, jobs, 16) for part in range(jobs)]
    assert [row for part in rows for row in part] == list(range(101))
    assert all(part.start % 16 == 0 for part in rows)


def test_arrays_are_predicted_in_blocks_as_the_test_part_was(small, runs):
    dataset = load_dataset(small[0])
    test = splits.load(small[1], dataset).test
    members = list(predict.load_networks(runs).values())
    images, scalars = dataset.images(test), {name: values[test] for name, values in dataset.scalars.items()}
    images[2, 3] = np.nan
    known = arrays.checked(images, scalars, members[0])
    with pytest.warns(UserWarning, match=f"1 of {len(test)} images have pixels that are no numbers"):
        found = list(arrays.blocks(images, known, members, batch_size=5))
    assert [len(together) for together, _, _ in found][:-1] == [5] * (len(found) - 1)
    whole = np.concatenate([each for _, _, each in found])
    assert np.flatnonzero(~whole).tolist() == [2]
    each = [run_folder.read_predictions(folder, "test", dataset).prediction for folder in runs.values()]
    points = np.concatenate([together.point for together, _, _ in found])
    np.testing.assert_allclose(points[whole], ensembles.mean(each).point[whole], rtol=0, atol=1e-5)
    spread = np.std([one.point for one in each], axis=0, ddof=1)
    np.testing.assert_allclose(np.concatenate([one for _, one, _ in found])[whole], spread[whole], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("images", "scalars", "words"),
    [
        ((3, 30, 30, 2), {"redshift": [0.1] * 3}, r"shape \(3, 30, 30, 2\) found; expected \(N, 32, 32, 2\), bands"),
        ((32, 32, 2), {"redshift": [0.1]}, r"Hint: images\[None\] for a single one"),
        ((0, 32, 32, 2), {"redshift": []}, "no image found; expected one or more"),
        ((3, 32, 32, 2), None, "scalars: no 'redshift', found none; expected redshift"),
        ((3, 32, 32, 2), {"z": [0.1] * 3}, "scalars: no 'redshift', found z; expected redshift"),
        ((3, 32, 32, 2), {"redshift": [0.1] * 2}, r"'redshift' of shape \(2,\) found; expected \(3,\), as images"),
        ((3, 32, 32, 2), {"redshift": ["far"] * 3}, "'redshift' holds no numbers"),
    ],
)
def test_what_a_network_does_not_take_is_named(images, scalars, words, runs):
    (member,) = predict.load_networks({1: runs[1]}).values()
    with pytest.raises(ValueError, match=words):
        arrays.checked(np.zeros(images), scalars, member)
