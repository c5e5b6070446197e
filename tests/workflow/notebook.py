"""The notebook of the docs, executed in a folder with the ``results`` of the small bake-off in conftest.py."""

import os

import nbclient
import nbformat
import numpy as np
import pandas as pd
import pytest

from skybake.results import distributions, ensembles
from tests.conftest import ROOT

PATH = ROOT / "docs" / "notebook.ipynb"


def executed(folder):
    """Return the notebook with the outputs that it has in a folder; an error of a cell is raised."""
    notebook = nbformat.read(PATH, as_version=4)
    client = nbclient.NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute(env={**os.environ, "PYTHONPATH": str(ROOT)})
    return notebook


def told(notebook):
    """Return the text that each cell of code shows."""
    kinds = ("execute_result", "display_data")
    return [
        "\n".join(output.data["text/plain"] for output in cell.outputs if output.output_type in kinds)
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def check_new_images(found):
    """Assert that ``predict`` gives the numbers of the runs of a finished bake-off, and says what is wrong."""
    dataset, test = found.dataset("clusters"), found.parts("clusters")["test"]
    images, scalars = dataset.images(test), {name: values[test] for name, values in dataset.scalars.items()}
    row = {"model": "deeper_sequential", "loss": "gaussian_nll", "dataset": "clusters"}
    images[1, 0, 0, 0] = np.nan
    table = pd.DataFrame(scalars, index=dataset.ids[test])
    with pytest.warns(UserWarning, match=f"1 of {len(test)} images have pixels that are no numbers"):
        told = found.predict(images, table, **row, batch_size=7)
    assert list(told.index) == list(dataset.ids[test])
    levels = [f"quantile_{level}" for level in (0.025, 0.16, 0.5, 0.84, 0.975)]
    assert list(told.columns) == ["point", "std", *levels, "spread", "not_finite"]
    assert np.flatnonzero(told["not_finite"]).tolist() == [1]
    assert told.iloc[1, :-1].isna().all()
    rest = np.arange(len(test)) != 1
    each = [found.predicted(**row, seed=seed).prediction for seed in (1, 2)]
    mean, within = ensembles.mean(each), 1e-5 * np.std(dataset.labels[dataset.label])
    expected = {"point": mean.point, "std": mean.std, "spread": np.std([one.point for one in each], axis=0, ddof=1)}
    expected |= dict(zip(levels, distributions.required(mean).quantile([0.025, 0.16, 0.5, 0.84, 0.975]).T, strict=True))
    for name, values in expected.items():
        np.testing.assert_allclose(told[name][rest], values[rest], rtol=0, atol=within, err_msg=name)
    alone = found.predict(images[2:4], {name: values[2:4] for name, values in scalars.items()}, **row, seed=2)
    np.testing.assert_allclose(alone["point"], each[1].point[2:4], rtol=0, atol=within)
    with pytest.raises(ValueError, match=r"images of shape \(.*\) found; expected \(N, .*Hint: images\[None\] for"):
        found.predict(images[0], scalars, **row)
    with pytest.raises(ValueError, match="scalars: no 'redshift', found none"):
        found.predict(images, **row)
    with pytest.raises(ValueError, match=r"constant is a baseline.* expected a model and a loss: deeper_seq"):
        found.predict(images, scalars, model="constant", dataset="clusters")
