"""Fixtures of this room's tests."""

import csv as csvfile
import shutil
from pathlib import Path

import pytest

import tests
from skybake.report.overview import Page, join
from tests.debian import script
from tests.unit.report.small_bakeoffs import COMBINATIONS, bake, compared


@pytest.fixture(scope="session")
def pdflatex():
    """LaTeX, installed where it is missing."""
    if shutil.which("pdflatex") is None:
        script(Path(tests.__file__).parent / "latex.sh")


@pytest.fixture(scope="module")
def baked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bake") / "efeds_mock"
    return folder, bake(folder)


@pytest.fixture(scope="module")
def out(baked):
    return compared(baked[1], *(baked[0],) * 2)


@pytest.fixture(scope="module")
def html(out):
    return (out / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def table(out):
    with (out / "comparison.csv").open(newline="") as stream:
        return {(line["model"], line["loss"]): line for line in csvfile.DictReader(stream)}


@pytest.fixture(scope="module")
def joined(baked, out, tmp_path_factory):
    results = out.parent
    real = results / "real_field"
    compared(bake(real, dataset="real_field", mock=False, combinations=COMBINATIONS[3:6]), real, real)
    pages = [
        Page(name, *(results / name / file for file in ("comparison.csv", "verdict.json", "report.html", "figures")))
        for name in ("efeds_mock", "real_field")
    ]
    join(pages, csv=results / "comparison.csv", html=results / "report.html", title="Both", config_text="a: 1\n")
    return results
