"""The notebook of the docs, executed. ``python -m tests.workflow.notebook FOLDER`` keeps its outputs in the file.

FOLDER has the ``results`` of the small bake-off in conftest.py.
"""

import os
import re
import sys
from pathlib import Path

import nbclient
import nbformat

from tests.conftest import ROOT

PATH = ROOT / "docs" / "notebook.ipynb"
NUMBER = re.compile(r"-?\d+\.\d+")


def executed(folder):
    """Return the notebook with the outputs that it has in a folder."""
    notebook = nbformat.read(PATH, as_version=4)
    client = nbclient.NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute(env={**os.environ, "PYTHONPATH": str(ROOT)})
    return notebook


def kept_and_found(folder):
    """Return what the cells of the file show, and what they show in a folder."""
    return told(nbformat.read(PATH, as_version=4)), told(executed(folder))


def told(notebook):
    """Return what each cell of code shows: its words and columns, and its numbers."""
    shown = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            results = [output for output in cell.outputs if output.output_type in ("execute_result", "display_data")]
            # Of a figure the words are its class and size.
            texts = [re.sub(r"<Figure .*>", "a figure", output.data["text/plain"]) for output in results]
            text = "\n".join(texts)
            words = NUMBER.sub("number", text).split()
            shown.append((words, [float(number) for number in NUMBER.findall(text)]))
    return shown


def keep(folder):
    """Execute the notebook and write it with its outputs."""
    notebook = executed(folder)
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.output_type != "stream"]
    notebook.metadata = {
        "kernelspec": {"display_name": "skybake", "language": "python", "name": "skybake"},
        "language_info": {"name": "python"},
    }
    nbformat.validate(notebook)
    nbformat.write(notebook, PATH)


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
