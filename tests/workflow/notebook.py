"""The notebook of the docs, executed in a folder with the ``results`` of the small bake-off in conftest.py."""

import os

import nbclient
import nbformat

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
