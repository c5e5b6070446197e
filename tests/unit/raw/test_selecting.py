"""Objects that a dataset takes: by a condition on its columns, and at most a number."""

import numpy as np
import pytest

from skybake.config.applications import as_dataset
from skybake.config.blocks import DatasetBlock, NewObjects
from skybake.inputs import InputError
from skybake.raw import selecting
from skybake.raw.cutouts.options import Options
from tests.unit.raw.cutouts_files import N, pixels, run, said, table, write_csv


def cube(folder, frame=None, order=None):
    order = np.arange(N) if order is None else order
    folder.mkdir(exist_ok=True)
    np.save(folder / "cube.npy", pixels()[order])
    frame = (table() if frame is None else frame).iloc[order]
    return {"images": folder / "cube.npy", "catalogue": write_csv(folder / "catalogue.csv", frame)}


def ids(rows):
    return [f"g{row}" for row in rows]


def test_a_range_of_the_label(tmp_path):
    where = "0.5 < log10_size and log10_size < 0.9"  # sizes are 1.5, 2.5, ...
    dataset, rejected = run(tmp_path, cube(tmp_path), label="size", transform="log10", most_rejected=0, where=where)
    assert list(dataset.ids) == ids([2, 3, 4, 5, 6])
    assert set(rejected["reason"]) == {"not selected"}
    assert rejected["detail"][0] == "log10_size is 0.176091"


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("z >= 0.03 and not size > 6", [3, 4]),
        ("z < 0.015 or z > 0.1", [0, 1, 11]),
        ("0.025 < z <= 0.05", [3, 4, 5]),
        ("size - 1.5 == 2 or `size` != size or 100 * z > 10.5", [2, 11]),
    ],
)
def test_conditions(tmp_path, where, rows):
    dataset, rejected = run(tmp_path, cube(tmp_path), label="size", scalars=("z",), where=where)
    assert list(dataset.ids) == ids(rows)
    assert len(rejected) == N - len(rows)


@pytest.mark.parametrize("where", ["z < 5", "not z > 5", "z > 5 or size > 0", "log10(z) < 5"])
def test_a_missing_value_is_not_selected(tmp_path, where):
    frame = table()
    frame.loc[[0, 4], "z"] = np.nan
    dataset, rejected = run(tmp_path, cube(tmp_path, frame), label="size", scalars=("z",), where=where)
    assert list(dataset.ids) == ids([1, 2, 3, *range(5, N)])
    assert list(rejected["detail"])[-1].startswith("z is missing")


def test_a_column_that_is_not_there_is_named(tmp_path):
    text = said(tmp_path, cube(tmp_path), label="size", where="sizes > 3")
    assert "no column 'sizes' of 'sizes > 3'; found size" in text
    assert "Did you mean 'size'?" in text


def test_that_nothing_is_selected_is_said(tmp_path):
    assert "not selected: 12" in said(tmp_path, cube(tmp_path), label="size", where="size > 99")


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("size", "place 1: size found; expected a comparison"),
        ("size > ", "place"),
        ("1 < 2", "the same for every object"),
        ("size in z", "expected a comparison"),
        ("size > 3 and __import__('os')", "__import__"),
        ("size.real > 3", "size.real found"),
        ("(" * 60 + "size > 1" + ")" * 60 + " and " + "not " * 60 + "size > 1", "within one another"),
    ],
)
def test_what_is_no_condition_is_refused_with_the_config(where, told):
    with pytest.raises(InputError) as error:
        selecting.condition(where)
    assert told in str(error.value)
    with pytest.raises(ValueError, match="where"):
        Options(where=where)


def test_a_draw_is_the_same_for_any_order_of_rows(tmp_path):
    backwards = np.arange(N)[::-1]
    options = {"label": "size", "max_objects": 4, "most_rejected": 0}
    one, rejected = run(tmp_path, cube(tmp_path / "one"), **options)
    other, _ = run(tmp_path, cube(tmp_path / "other", order=backwards), **options)
    assert len(one) == 4
    assert set(rejected["reason"]) == {"not drawn"}
    assert len(rejected) == N - 4
    assert list(other.ids) == list(one.ids)[::-1]
    third, _ = run(tmp_path, cube(tmp_path / "one"), **options, max_objects_seed=2)
    assert set(third.ids) != set(one.ids)


def test_objects_are_drawn_of_those_that_are_selected(tmp_path):
    raw = cube(tmp_path)
    dataset, rejected = run(tmp_path, raw, label="size", where="size > 6", max_objects=3)
    assert len(dataset) == 3
    assert min(dataset.labels["size"]) > 6
    assert rejected["reason"].value_counts().to_dict() == {"not selected": 5, "not drawn": 4}
    every, rejected = run(tmp_path, raw, label="size", max_objects=N)
    assert (len(every), len(rejected)) == (N, 0)


def test_new_objects_are_all_taken():
    options = {"label": "size", "where": "size > 6", "max_objects": 3}
    like = DatasetBlock(survey="cutouts", raw={"images": "a"}, options=options)
    assert as_dataset(NewObjects(raw={"images": "b"}), like).options == {"label": "size", "without_label": "keep"}
    own = as_dataset(NewObjects(raw={"images": "b"}, options={"where": "z > 1"}), like)
    assert own.options["where"] == "z > 1"
