"""The notebook of the docs, executed in a folder with the ``results`` of the small bake-off in conftest.py.

python -m tests.workflow.notebook FOLDER    keeps the outputs that it has there
"""

import os
import re
import sys

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


def keep(folder):
    """Write the notebook with its outputs, without what differs from run to run and from machine to machine."""
    notebook = executed(folder)
    for number, cell in enumerate([cell for cell in notebook.cells if cell.cell_type == "code"], 1):
        cell.metadata.pop("execution", None)  # when it ran
        cell.execution_count = number
        cell.outputs = [output for output in cell.outputs if output.output_type != "stream"]  # TensorFlow's own words
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
    notebook.metadata.pop("language_info", None)  # the version of Python
    nbformat.write(notebook, PATH)


def check_kept(fresh):
    """Assert that the outputs kept are those of a fresh run, but for what was trained, and name no machine."""
    kept = nbformat.read(PATH, as_version=4)
    cells = [cell for cell in kept.cells if cell.cell_type == "code"]
    assert all(cell.outputs for cell in cells)
    assert not any("execution" in cell.metadata for cell in cells)
    texts = [told(kept), fresh]
    for old, new in zip(*[each[:3] for each in texts], strict=True):  # results, images, rows
        assert old == new
    for place in (3, 5):  # predictions: what they are, and of which objects
        old, new = ([line.split() for line in each[place].splitlines()] for each in texts)
        known = 4 if place == 3 else 1  # of row, id, true and redshift; of id
        assert old[0] == new[0]
        assert [line[:known] for line in old[1:]] == [line[:known] for line in new[1:]]
    assert not re.search(r"/(home|root|tmp|work|usr)/|File \"|[Ww]arning", "\n".join(texts[0]))


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


if __name__ == "__main__":
    keep(sys.argv[1])
