"""The witness on a results folder of a few numbers: what it sees, what it must not see, and what it refuses."""

import csv
import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from tests import witness, witness_files

IDS = [f"o{number}" for number in range(6)]
PARTS = {"train": [4, 0, 2], "valid": [5], "test": [3, 1]}
POINTS = {"valid": [0.5], "test": [1.5, float("nan")]}
METRICS = {"test": {"pooled": {"rmse": {"value": 0.75, "n": 2}}, "in_bins": {"z": [{"low": 0, "edges": [0, 1]}]}}}
WEIGHTS = {"conv2d/vars/0": np.arange(8.0).reshape(2, 4), "dense/vars/0": -np.ones((2, 4)), "dense/vars/1": np.zeros(4)}


def write_table(path, rows):
    with path.open("w", newline="") as stream:
        table = csv.DictWriter(stream, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def write_predictions(path, points=POINTS, rows="id", order=slice(None)):
    """Write predictions with ids, or with row numbers under another name."""
    with h5py.File(path, "w") as file:
        for part, values in points.items():
            group = file.create_group(part)
            numbers = PARTS[part][order]
            group[rows] = [IDS[number] for number in numbers] if rows == "id" else numbers
            group["label"] = np.ones(len(numbers))
            group["prediction/point"] = np.array(values[order], dtype=np.float32)
            group["prediction/dof"] = 5.0


def write_network(path, weights):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, values in weights.items():
            file[f"layers/{name}"] = values.astype(np.float32)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", buffer.getvalue())


@pytest.fixture
def results(tmp_path):
    """A dataset of six objects, one network and one baseline."""
    folder = tmp_path / "results"
    (folder / "few").mkdir(parents=True)
    with h5py.File(folder / "few/dataset.h5", "w") as file:
        file.attrs.update({"survey": "efeds", "task": "regression", "mock": True, "raw": json.dumps({"a.pkl": "12"})})
        for name, values in (
            ("image", np.arange(24.0, dtype=np.float32).reshape(6, 2, 2, 1)),
            ("label/mass", np.arange(6.0)),
            ("scalar/z", np.ones(6)),
        ):
            file[name] = values
            file[name].attrs["units"] = ""
        file["image"].attrs["bands"] = ["soft"]
        file["id"] = IDS
        file["group"] = IDS
    with h5py.File(folder / "few/split-40.h5", "w") as file:
        for part, rows in PARTS.items():
            file[part] = rows
    write_table(folder / "few/rejected.csv", [{"row": 6, "id": "o6", "reason": "dark", "detail": "all zero"}])
    rows = []
    for model, loss in (("net", "mse"), ("constant", "baseline")):
        run, judged = folder / "few/runs" / model / loss / "seed-1", folder / "few/evaluation" / model / loss
        run.mkdir(parents=True)
        judged.mkdir(parents=True)
        write_predictions(run / "predictions.h5")
        write_table(run / "history.csv", [{"epoch": 1, "loss": 0.5, "val_loss": 0.25}])
        (run / "run.json").write_text(json.dumps({"n_train": 3, "versions": {"keras": "3"}, "fingerprint": "ab"}))
        (judged / "metrics.json").write_text(json.dumps(METRICS | {"predictions": {"1": "ab"}}))
        rows.append(
            {
                "dataset": "few",
                "model": model,
                "loss": loss,
                "status": "ok",
                "rmse": 0.75,
                "train_seconds": 3.5,
                "device": "cpu",
            }
        )
    write_network(folder / "few/runs/net/mse/seed-1/model.keras", WEIGHTS)
    for path in (folder / "few/comparison.csv", folder / "comparison.csv"):
        write_table(path, rows)
    return folder


def network(results):
    return results / "few/runs/net/mse/seed-1"


def document(found):
    return {"format": witness.FORMAT, "version": witness.VERSION, "made": {}, "configs": {}, "contents": found}


def changed(results, edit):
    """Return the (station, row, field, kind) of all that differs after an edit."""
    before = witness.contents(results)
    edit()
    found = witness.differences(before, witness.contents(results))
    return [(item.station, item.row, item.field, item.kind) for item in found]


def test_every_station_is_seen(results):
    found = witness.contents(results)
    both = {"few/net/mse", "few/constant/baseline"}
    assert found["dataset"]["few"]["image"]["shape"] == [6, 2, 2, 1]
    assert found["dataset"]["few"]["raw/a.pkl"] == "12"
    assert found["split"]["few"]["train"] == witness.digest(np.array(["o4", "o0", "o2"], dtype=object))
    assert found["rejected"]["few"]["reason/dark"] == 1
    assert set(found["weights"]) == {"few/net/mse/seed-1"}
    assert set(found["weights"]["few/net/mse/seed-1"]) == {"2x4/0", "2x4/1", "4/0"}
    for station in ("predictions", "history", "run"):
        assert set(found[station]) == {f"{row}/seed-1" for row in both}
    for station in ("metrics", "comparison", "joined comparison"):
        assert set(found[station]) == both
    assert found["history"]["few/net/mse/seed-1"] == {"epoch": [1.0], "loss": [0.5], "val_loss": [0.25]}
    assert found["metrics"]["few/net/mse"] == {
        **{"test/pooled/rmse/value": 0.75, "test/pooled/rmse/n": 2},
        **{"test/in_bins/z/0/low": 0, "test/in_bins/z/0/edges": [0, 1]},
    }
    assert found["run"]["few/net/mse/seed-1"] == {"n_train": 3}
    assert found["predictions"]["few/net/mse/seed-1"]["test/dof"] == witness.digest(np.array(5.0))
    assert "train_seconds" not in found["comparison"]["few/net/mse"]


@pytest.mark.parametrize("rows", witness_files.ROWS)
def test_rows_of_the_dataset_say_the_same_as_ids(results, rows):
    assert changed(results, lambda: write_predictions(network(results) / "predictions.h5", rows=rows)) == []


def test_the_order_of_predictions_does_not_count(results):
    back = slice(None, None, -1)
    assert changed(results, lambda: write_predictions(network(results) / "predictions.h5", order=back)) == []


def test_names_and_order_of_layers_do_not_count(results):
    again = {f"block/{place}": values for place, values in enumerate(reversed(WEIGHTS.values()))}
    assert changed(results, lambda: write_network(network(results) / "model.keras", again)) == []


def test_timing_and_device_do_not_count(results):
    def edit():
        path = results / "comparison.csv"
        path.write_text(path.read_text().replace("3.5,cpu", "4.5,gpu"))

    assert changed(results, edit) == []


def test_a_prediction_that_belongs_to_another_object_is_seen(results):
    points = {"valid": [0.5], "test": [float("nan"), 1.5]}
    found = changed(results, lambda: write_predictions(network(results) / "predictions.h5", points))
    assert found == [("predictions", "few/net/mse/seed-1", "test/point", "different")]


def test_one_weight_is_seen(results):
    weights = {**WEIGHTS, "dense/vars/1": np.array([0, 0, 0, 1e-7])}
    found = changed(results, lambda: write_network(network(results) / "model.keras", weights))
    assert found == [("weights", "few/net/mse/seed-1", "4/0", "different")]


def test_another_order_of_training_is_seen(results):
    def edit():
        with h5py.File(results / "few/split-40.h5", "r+") as file:
            file["train"][:] = sorted(PARTS["train"])

    assert changed(results, edit) == [("split", "few", "train", "different")]


def test_numbers_that_come_go_or_change_are_seen(results):
    path = results / "few/evaluation/net/mse/metrics.json"
    edited = {"test": METRICS["test"] | {"pooled": {"rmse": {"value": 0.75 + 1e-15}, "mae": None}}}
    assert changed(results, lambda: path.write_text(json.dumps(edited))) == [
        ("metrics", "few/net/mse", "test/pooled/mae", "new"),
        ("metrics", "few/net/mse", "test/pooled/rmse/n", "gone"),
        ("metrics", "few/net/mse", "test/pooled/rmse/value", "different"),
    ]


def test_a_digest_is_of_values_and_not_of_how_they_are_stored():
    values = np.array([[0.0, 1.5], [np.nan, -2.0]])
    same = witness.digest(values)
    assert witness.digest(values.astype(np.float32)) == same
    assert witness.digest(np.asfortranarray(values)) == same
    assert witness.digest(np.where(values == 0, -0.0, values)) == same
    for other in (values.T, values.ravel(), np.nextafter(values, 9)):
        assert witness.digest(other) != same
    assert witness.digest(np.array(["ab", "c"])) != witness.digest(np.array(["a", "bc"]))
    assert witness.digest(np.array(["ab"], dtype=object)) == witness.digest(np.array(["ab"]))


def test_true_is_not_one_and_null_is_not_nothing():
    before = {"metrics": {"row": {"flag": True, "none": None}}}
    found = witness.differences(before, {"metrics": {"row": {"flag": 1}}})
    assert [(item.field, item.kind) for item in found] == [("flag", "different"), ("none", "gone")]


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ("few/runs/net/mse/seed-1/model.keras", "weights"),
        ("few/evaluation/net/mse/metrics.json", "metrics"),
        ("few/split-40.h5", "split"),
    ],
)
def test_what_is_not_found_is_an_error_and_no_difference(results, missing, named):
    (results / missing).unlink()
    with pytest.raises(witness.WitnessError, match=f"few/net/mse is ok; not found: {named}.*Hint"):
        witness.contents(results)


def test_predictions_of_nameless_objects_are_refused(results):
    write_predictions(network(results) / "predictions.h5", rows="index")
    with pytest.raises(witness.WitnessError, match=r"test holds \['index', .*expected 'id' or one of row"):
        witness.contents(results)


def test_a_row_that_stands_twice_is_refused(results):
    path = results / "comparison.csv"
    path.write_text(path.read_text() + "few,net,mse,ok,1,1,cpu\n")
    with pytest.raises(witness.WitnessError, match="few/net/mse stands twice"):
        witness.contents(results)


def test_compare_groups_what_differs_and_exits_with_1(results, tmp_path, capsys):
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    before.write_text(json.dumps(document(witness.contents(results))))
    assert witness.main(["compare", str(before), str(before)]) == 0
    assert "differ" not in capsys.readouterr().out
    for model in ("net/mse", "constant/baseline"):
        path = results / "few/evaluation" / model / "metrics.json"
        path.write_text(path.read_text().replace("0.75", "1.5"))
    after.write_text(json.dumps(document(witness.contents(results)) | {"configs": {"small": {}}}))
    assert witness.main(["compare", str(before), str(after)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "note: the bake-off 'small' has not the same config in both, or is in one only"
    place = lines.index("metrics: 8 values, 2 differ")
    assert lines[place + 1] == "  test/pooled/rmse/value: 2 different in 2 rows, by at most 0.5 of the value"
    assert lines[place + 2] == "    few/constant/baseline test/pooled/rmse/value: 0.75 -> 1.5"
    assert "comparison: 10 values, all equal" in lines


def test_what_is_no_digest_is_refused(tmp_path, capsys):
    path = tmp_path / "other.json"
    path.write_text("{}")
    assert witness.main(["compare", str(path), str(path)]) == 2
    assert "not a digest of version" in capsys.readouterr().err
    assert witness.main(["compare", str(tmp_path / "nowhere.json"), str(path)]) == 2
    assert "nowhere.json" in capsys.readouterr().err


def test_a_long_list_of_differences_is_cut(results):
    before = witness.contents(results)
    fields = {f"field {number}": number for number in range(witness.FIELDS + 2)}
    after = {**before, "run": {row: fields | {"n_train": 3} for row in before["run"]}}
    short, _ = witness.report(document(before), document(after))
    whole, _ = witness.report(document(before), document(after), everything=True)
    assert "  ... and 2 more fields (--all)" in short
    assert len([line for line in whole if line.startswith("    few/")]) == 2 * len(fields)
