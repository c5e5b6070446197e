"""Pages of ten classes, and of five hundred rows, in a real browser."""

import json
import math
import shutil
from dataclasses import replace

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from skybake.data import rejections, splits
from skybake.data.dataset import load_dataset
from skybake.evaluation.judge import judge
from tests.browser.conftest import READY, wait
from tests.browser.test_table import READY as TABLED
from tests.browser.test_table import WIDTH, head, rows, values
from tests.unit._synthetic_runs import write_classified, write_dataset
from tests.unit.report.small_bakeoffs import HOLDOUT, STATISTICS, bake, compared, row_of

TEN, MANY = 10, 500
FEW = {**STATISTICS, "draws": 100}


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """The page of two networks that tell ten classes apart."""
    folder = tmp_path_factory.mktemp("classes") / "photographs"
    opened = load_dataset(write_dataset(folder / "dataset.h5", n=1000, tested=200, classes=TEN))
    made = []
    for model in ("nonsequential", "simple_sequential"):
        row = row_of(folder, model, "categorical_crossentropy", "photographs", seeds=(1,))
        write_classified(row.runs[1], model=model, seed=1, classes=TEN, dataset="photographs", data=opened.path)
        judge(row.runs, opened, row.metrics, FEW)
        made.append(row)
    splits.write(folder / "split-40.h5", splits.make(opened, HOLDOUT))
    rejections.write_rejected(folder / "rejected.csv", [])
    return compared(made, folder, folder, names=[], reference={}) / "report.html"


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """The page of one network under five hundred names."""
    folder = tmp_path_factory.mktemp("many") / "efeds_mock"
    (first,) = bake(folder, combinations=(("nonsequential", "mean_squared_error"),), figures=())
    first = replace(first, seeds=(1,), runs={1: first.runs[1]})
    judge(first.runs, load_dataset(folder / "dataset.h5"), first.metrics, FEW)
    made = []
    for number in range(MANY):
        row = row_of(folder, "nonsequential", f"huber-delta={number}", seeds=(1,))
        for source, target in ((first.runs[1], row.runs[1]), (first.metrics.parent, row.metrics.parent)):
            shutil.copytree(source, target)
        for file in (row.runs[1] / "run.json", row.metrics):
            told = json.loads(file.read_text())
            file.write_text(json.dumps({**told, "loss": row.loss}))
        made.append(row)
    return compared(made, folder, folder, names=["forest"], reference={}) / "report.html"


def opened(browser, page):
    browser.get(page.as_uri())
    wait(lambda: browser.execute_script(READY) and browser.execute_script(TABLED))
    return browser


def is_usable(driver, axe):
    needed, there = driver.execute_script(WIDTH)
    assert needed <= there
    driver.execute_script(axe)
    found = driver.execute_async_script("const done = arguments[arguments.length - 1]; axe.run(document).then(done)")
    assert [one["id"] for one in found["violations"] if one["impact"] in ("serious", "critical")] == []


def test_each_class_has_its_curves_and_a_cell_selects_its_objects(browser, classes, axe):
    driver = opened(browser, classes)
    lists = driver.find_elements(By.CSS_SELECTOR, ".explorer-class")
    assert {len(Select(one).options) for one in lists} == {TEN}
    Select(lists[0]).select_by_index(7)
    curves = driver.execute_script(
        "return ['roc', 'recall'].map((name) => Bokeh.documents[0].get_model_by_name(name).renderers"
        ".find((one) => one.name === 'model0').glyph.y.field)"
    )
    assert curves == ["class7", "class7"]
    listed = driver.execute_script(
        "const cells = Bokeh.documents[0].get_model_by_name('confusion').renderers"
        ".find((one) => one.name === 'cells').data_source;"
        "cells.selected.indices = [11];"  # of class 1, taken for class 1
        "const d = Bokeh.documents[0].get_model_by_name('objects').data;"
        "return d.id.filter((id, row) => d.true[row] === 1 && d.predicted0[row] === 1)"
    )
    names = wait(lambda: [row.text for row in driver.find_elements(By.CSS_SELECTOR, "#selected tbody th")])
    assert sorted(names) == sorted(listed)
    assert names
    is_usable(driver, axe)


def test_five_hundred_rows_are_sorted_and_searched(browser, many, axe):
    driver = opened(browser, many)
    assert 0 < len(rows(driver)) < MANY  # pages of it
    head(driver, "Std").find_element(By.CSS_SELECTOR, "[role=button], button").send_keys(Keys.ENTER)
    wait(lambda: head(driver, "Std").get_attribute("aria-sort") == "ascending")
    found = [value for value in values(driver, "Std") if math.isfinite(value)]
    assert found == sorted(found)
    driver.find_element(By.CSS_SELECTOR, "form[data-table] input[type=search]").send_keys("delta 499")
    shown = wait(lambda: (names := rows(driver)) and len(names) == 1 and names)
    assert "499" in shown[0]
    assert "1 of 500 rows" in driver.find_element(By.CSS_SELECTOR, "form[data-table] output").text
    is_usable(driver, axe)
