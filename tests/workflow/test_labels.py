"""Two labels of an object through the whole workflow: one training, and a comparison and a page for each label."""

import json

import numpy as np
import pandas as pd

from skybake.data.dataset import load_dataset
from skybake.missing import present
from skybake.results import run_folder
from tests.workflow.conftest import Bakeoff

N = 90
CONFIG = {
    "datasets": {
        "both": {
            "survey": "cutouts",
            "raw": {},
            "options": {"labels": ["size", "flux"], "transform": "log10", "units": {"flux": "mJy"}},
        }
    },
    "bakeoffs": {
        "main": {
            "datasets": ["both"],
            "models": ["lesson_cnn"],
            "losses": ["gaussian_nll"],
            "baselines": ["constant"],
            "seeds": [1],
            "training": {"epochs": 2},
        }
    },
    "figures": {"run": ["predicted_against_true"], "comparison": [], "explore": []},
    "statistics": {"draws": 200},
}


def write_raw(folder):
    rng = np.random.default_rng(1)
    size, flux = rng.uniform(1, 4, N), 10 ** rng.uniform(0, 1, N)
    y, x = np.mgrid[:16, :16] - 7.5
    images = flux[:, None, None] * np.exp(-0.5 * (x**2 + y**2) / size[:, None, None] ** 2)
    np.save(folder / "cube.npy", images.astype(np.float32)[..., None])
    size[::4], flux[1::4] = -9999, np.nan
    names = [f"g{number}" for number in range(N)]
    pd.DataFrame({"id": names, "size": size, "flux": flux}).to_csv(folder / "table.csv", index=False)
    return {"images": str(folder / "cube.npy"), "catalogue": str(folder / "table.csv")}


def test_each_label_has_its_numbers_figures_and_page(tmp_path):
    CONFIG["datasets"]["both"]["raw"] = write_raw(tmp_path)
    bakeoff = Bakeoff(tmp_path / "work")
    bakeoff.write(CONFIG)
    bakeoff.snakemake("results/comparison.csv")
    results = bakeoff.folder / "results"
    trained = {path.parent.parent.name for path in results.glob("logs/train/*/lesson_cnn/gaussian_nll.log")}
    assert trained == {"both"}  # one network for both labels
    table = pd.read_csv(results / "comparison.csv")
    known = {("both", "log10_size"), ("both@flux", "log10_flux")}
    assert set(zip(table["dataset"], table["label"], strict=True)) == known
    assert set(table["units"].fillna("")) == {"", "log10(mJy)"}
    assert set(zip(table["dataset"], table["loss"], strict=True)) == {
        (dataset, loss) for dataset, _ in known for loss in ("gaussian_nll", "baseline")
    }
    for place, label in known:
        dataset, folder = load_dataset(results / place / "dataset.h5"), results / place
        run = folder / "runs/lesson_cnn/gaussian_nll/seed-1"
        part = run_folder.read_predictions(run, "test", dataset)
        judged = folder / "evaluation/lesson_cnn/gaussian_nll"
        metrics = json.loads((judged / "metrics.json").read_text())
        assert metrics["label"] == label
        of_label = present(part.label)
        assert 0 < of_label.sum() < len(part.label)
        error = np.abs(part.prediction.point - part.label)[of_label]
        row = table[(table["dataset"] == place) & (table["loss"] == "gaussian_nll")].iloc[0]
        assert np.isclose(row["mae"], error.mean(), rtol=1e-5)
        assert list((judged / "figures").glob("predicted_against_true.*"))
        assert label in (folder / "report.html").read_text()
    splits = [load_dataset(results / place / "dataset.h5").digest for place, _ in known]
    assert splits[0] == splits[1]
    files = [(results / place / "split-40.h5") for place, _ in known]
    assert files[0].read_bytes() == files[1].read_bytes()
