"""Columns of saturation and of bright neighbours."""

import numpy as np

from tests.unit.raw.cutouts_files import N, run, said, table, write_csv

SIDE = 21


def objects(folder):
    """Objects in the middle: 0 alone, 1 saturated, 2 beside a brighter one, 3 beside a fainter one, 4 of the sky."""
    images = np.random.default_rng(1).normal(100, 1, (N, SIDE, SIDE)).astype(np.float32)
    images[:4, 10, 10] += 50
    images[1, 10, 10] = 4000
    images[2, 3, 4] += 120
    images[3, 3, 4] += 20
    np.save(folder / "cube.npy", images)
    return {"images": folder / "cube.npy", "catalogue": write_csv(folder / "catalogue.csv", table())}


def test_objects_are_flagged_and_none_is_rejected(tmp_path):
    dataset, rejected = run(tmp_path, objects(tmp_path), label="size", saturation=3000, neighbours=2)
    assert len(rejected) == 0
    assert dataset.scalars["saturated"].tolist() == [0, 1, *[0] * (N - 2)]
    flagged = dataset.scalars["bright_neighbour"]
    assert flagged[:4].tolist() == [0, 0, 1, 0]
    assert set(np.unique(flagged)) <= {0, 1}


def test_a_condition_leaves_them_out(tmp_path):
    where = "saturated == 0 and bright_neighbour == 0"
    dataset, rejected = run(
        tmp_path, objects(tmp_path), label="size", saturation=3000, neighbours=2, where=where, most_rejected=1
    )
    assert {"g1", "g2"} <= set(rejected["id"])
    assert {"g0", "g3"} <= set(dataset.ids)
    assert set(rejected["reason"]) == {"not selected"}


def test_without_the_options_there_are_no_columns(tmp_path):
    dataset, _ = run(tmp_path, objects(tmp_path), label="size")
    assert not {"saturated", "bright_neighbour"} & set(dataset.scalars)


def test_a_name_that_is_taken_is_told(tmp_path):
    frame = table()
    frame["saturated"] = 0.0
    raw = objects(tmp_path)
    raw["catalogue"] = write_csv(tmp_path / "catalogue.csv", frame)
    text = said(tmp_path, raw, label="size", scalars=("saturated",), saturation=3000)
    assert "'saturated' is a column of the raw data already" in text
