"""A first config of files of one's own: it passes the check, and its dataset can be read."""

import h5py
import numpy as np
import pytest
import yaml

from skybake import __main__ as command
from skybake.config import ConfigError, make_plan
from skybake.raw import RawError
from skybake.raw.propose import propose
from tests.unit.raw.cutouts_files import N, pixels, run, table, write_csv, write_fits


def files(folder, form):
    """Write images and a catalogue; return the words that name them."""
    if form == "HDF5":
        with h5py.File(folder / "all.h5", "w") as file:
            file["images"], file["kind"], file["size"] = pixels(), np.arange(N) % 3, table()["size"].to_numpy()
        return ["--images", str(folder / "all.h5")]
    frame = table().assign(split=["train", "train", "test"] * 4)
    catalogue = write_csv(folder / "c.csv", frame, sep=";" if form == "cube" else ",")
    if form == "cube":
        np.save(folder / "cube.npy", pixels())
        return ["--images", str(folder / "cube.npy"), "--catalogue", str(catalogue)]
    for band in ("g", "r") if form == "bands" else ("",):
        write_fits(folder / "fits", pixels(), f"{{id}}_{band}.fits" if band else "{id}.fits")
    return ["--images", str(folder / "fits"), "--catalogue", str(catalogue)]


@pytest.mark.parametrize("form", ["folder", "bands", "cube", "HDF5"])
def test_a_proposed_config_is_right_and_can_be_read(tmp_path, capsys, form):
    out = tmp_path / "mine.yaml"
    words = ["propose", *files(tmp_path, form), "--out", str(out)]
    assert command.main(words) == 0
    assert f"{out}: right." in capsys.readouterr().out
    ((_, block),) = yaml.safe_load(out.read_text())["datasets"].items()
    dataset, rejected = run(tmp_path, block["raw"], **block["options"])
    assert (len(dataset), len(rejected), dataset.task) == (N, 0, "classification")
    assert len(dataset.classes) == (3 if form == "HDF5" else 2)
    assert (block["split"] == "column") == (form != "HDF5")
    assert dataset.bands == (("g", "r") if form == "bands" else ("image",))
    assert "(?)" in out.read_text()
    assert command.main(words) == 1
    assert "is there already" in capsys.readouterr().err


def test_a_number_is_proposed_with_its_logarithm(tmp_path):
    write_fits(tmp_path / "fits", pixels())
    catalogue = write_csv(tmp_path / "c.csv", table().assign(size=10.0 ** np.arange(N)))
    block = yaml.safe_load(propose(tmp_path / "fits", catalogue, "size"))["datasets"]["fits"]
    assert block["options"] == {
        "id": "id",
        "pattern": "{id}.fits",
        "label": "size",
        "task": "regression",
        "transform": "log10",
    }


def test_files_that_no_column_names(tmp_path):
    write_fits(tmp_path / "fits", pixels(), ids=[f"x{row}y" for row in range(N)])
    catalogue = write_csv(tmp_path / "c.csv", table()[["id", "kind", "size"]])
    with pytest.raises(RawError, match=r"no column names these files: x0y\.fits"):
        propose(tmp_path / "fits", catalogue)


def planned(folder, losses, **options):
    for name in ("cube.npy", "c.csv"):
        (folder / name).touch()
    raw = {"images": str(folder / "cube.npy"), "catalogue": str(folder / "c.csv")}
    return make_plan(
        {
            "datasets": {"d": {"survey": "cutouts", "raw": raw, "options": options}},
            "bakeoffs": {"b": {"datasets": ["d"], "models": ["dense"], "losses": losses}},
        }
    )


def test_task_and_label_are_those_of_the_options(tmp_path):
    classes = {"label": "kind", "classes": ["a", "b"]}
    plan = planned(tmp_path, ["categorical_crossentropy"], **classes)
    assert (plan.task("d"), plan.label("d")) == ("classification", "kind")
    plan = planned(tmp_path, ["mse"], label="size", transform="log10")
    assert (plan.task("d"), plan.label("d")) == ("regression", "log10_size")
    with pytest.raises(ConfigError, match=r"the loss 'mse' is for regression, the dataset 'd' is a classification"):
        planned(tmp_path, ["mse"], **classes)
    with pytest.raises(ConfigError, match=r"datasets\.d\.options: .*transform and label_error are of numbers"):
        planned(tmp_path, ["mse"], **classes, transform="ln")


def test_the_check_opens_the_catalogue(tmp_path, capsys):
    out = tmp_path / "mine.yaml"
    command.main(["propose", *files(tmp_path, "cube"), "--out", str(out)])
    good = out.read_text()
    out.write_text(good.replace("label: kind", "label: kimd"))
    assert command.main(["check", str(out)]) == 1
    words = capsys.readouterr().err
    assert f"{out}: datasets.cube: {tmp_path / 'c.csv'}: option label: no column 'kimd'; found id, ra, dec" in words
    assert "Hint: options: {label: kind}" in words
    out.write_text(good + "apply:\n  new: {raw: {images: CUBE, catalogue: OTHER}, options: {scalars: [z]}}\n")
    write_csv(tmp_path / "other.csv", table()[["id", "ra"]])
    text = out.read_text().replace("CUBE", str(tmp_path / "cube.npy")).replace("OTHER", str(tmp_path / "other.csv"))
    out.write_text(text)
    assert command.main(["check", str(out)]) == 1
    assert "apply.new: " in (words := capsys.readouterr().err)
    assert "option scalars: no column 'z'" in words  # a label is not needed


def test_results_within_the_raw_files_are_refused(tmp_path):
    block = {"survey": "frames", "raw": {"frames": str(tmp_path), "catalogue": str(tmp_path / "c.csv")}}
    write_csv(tmp_path / "c.csv", table())
    bakeoff = {"datasets": ["d"], "models": ["dense"], "losses": ["mse"]}
    given = {"datasets": {"d": block}, "bakeoffs": {"b": bakeoff}, "results": str(tmp_path / "results")}
    with pytest.raises(ConfigError, match=r"results: '.*results' lies in datasets\.d\.raw\.frames, .*another folder"):
        make_plan(given)
