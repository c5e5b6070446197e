"""The table of a comparison, in a real browser: sorting, filters, columns, deep links, a phone, paper, size."""

import base64
import math

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tests.browser.conftest import wait

MEGABYTES = 5
READY = "return document.documentElement.dataset.tables === 'ready'"
WIDTH = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"


@pytest.fixture
def tabled(opened):
    wait(lambda: opened.execute_script(READY))
    return opened


def rows(driver):
    """Return what the shown rows of the comparison are called on the page."""
    found = driver.find_elements(By.CSS_SELECTOR, "table[id] tbody tr[data-row]")
    return [row.get_attribute("data-row") for row in found if row.is_displayed()]


def head(driver, name):
    found = driver.find_elements(By.CSS_SELECTOR, "table[id] thead th")
    return next(cell for cell in found if cell.is_displayed() and cell.text.split("\n")[0].strip().startswith(name))


def values(driver, name):
    """Return the numbers of a column from top to bottom; NaN where a row has none."""
    place = "const heads = [...document.querySelectorAll('table[id] thead th')];"
    texts = driver.execute_script(
        f"{place} const at = heads.findIndex((cell) => cell.textContent.trim().startsWith(arguments[0]));"
        "const rows = [...document.querySelectorAll('table[id] tbody tr[data-row]')];"
        "return rows.map((row) => row.cells[at]?.dataset.order)",
        name,
    )
    return [float(text) if text else math.nan for text in texts]


def test_a_heading_sorts_with_a_visible_arrow_and_empty_cells_stay_last(tabled):
    for key, order in ((Keys.ENTER, "ascending"), (Keys.ENTER, "descending")):
        cell = head(tabled, "Std")
        cell.find_element(By.CSS_SELECTOR, "[role=button], button").send_keys(key)
        wait(lambda order=order: head(tabled, "Std").get_attribute("aria-sort") == order)
        found = values(tabled, "Std")
        told = [value for value in found if math.isfinite(value)]
        assert len(told) > 3
        assert told == sorted(told, reverse=order == "descending")
        assert not any(map(math.isfinite, found[len(told) :]))


def test_choosing_and_searching_leave_the_rows_that_were_asked_for(tabled):
    everything = rows(tabled)
    chosen = Select(tabled.find_element(By.CSS_SELECTOR, "form[data-table] select[name=loss]"))
    chosen.select_by_index(1)
    some = wait(lambda: (found := rows(tabled)) != everything and found)
    assert 0 < len(some) < len(everything)
    losses = {
        row.get_attribute("data-loss")
        for row in tabled.find_elements(By.CSS_SELECTOR, "table[id] tbody tr[data-row]")
        if row.is_displayed()
    }
    assert losses == {chosen.first_selected_option.get_attribute("value")}
    tabled.find_element(By.CSS_SELECTOR, "form[data-table] button[type=reset]").send_keys(Keys.ENTER)
    wait(lambda: rows(tabled) == everything)
    tabled.find_element(By.CSS_SELECTOR, "form[data-table] input[type=search]").send_keys("nonsequential")
    found = wait(lambda: (names := rows(tabled)) != everything and names)
    assert found
    assert all("nonsequential" in name for name in found)


def test_groups_of_columns_are_shown_and_hidden(tabled):
    shown = [cell.text for cell in tabled.find_elements(By.CSS_SELECTOR, "table[id] thead th") if cell.is_displayed()]
    group = tabled.find_element(By.XPATH, "//button[@data-group][normalize-space()='Cost']")
    assert group.get_attribute("aria-pressed") == "false"
    group.send_keys(Keys.ENTER)
    wait(lambda: group.get_attribute("aria-pressed") == "true")
    more = [cell.text for cell in tabled.find_elements(By.CSS_SELECTOR, "table[id] thead th") if cell.is_displayed()]
    assert set(more) > set(shown)


def test_an_address_leads_to_a_row(tabled, page):
    name = rows(tabled)[2]
    tabled.get("about:blank")
    tabled.get(f"{page.as_uri()}#row={name}")
    row = wait(lambda: tabled.find_elements(By.CSS_SELECTOR, "tr.visited"))[0]
    assert row.get_attribute("data-row") == name
    wait(
        lambda: tabled.execute_script(
            "const b = arguments[0].getBoundingClientRect(); return b.top > 0 && b.bottom < innerHeight", row
        )
    )


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_lies_beyond_the_right_edge(tabled, width):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    tabled.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        wait(lambda: abs(tabled.execute_script("return innerWidth") - width) < 20)
        needed, there = tabled.execute_script(WIDTH)
        assert needed <= there
        first = tabled.find_element(By.CSS_SELECTOR, "table[id] tbody tr[data-row] > :first-child")
        position = tabled.execute_script("return getComputedStyle(arguments[0]).position", first)
        assert position == "sticky"
    finally:
        tabled.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_paper_has_the_table_and_no_controls(tabled):
    tabled.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        wait(lambda: not tabled.find_element(By.CSS_SELECTOR, "form[data-table]").is_displayed())
        assert len(rows(tabled)) > 3
        printed = base64.b64decode(tabled.print_page())
        assert printed.startswith(b"%PDF")
        assert len(printed) > 20_000
    finally:
        tabled.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_the_page_is_small(page):
    assert page.stat().st_size < MEGABYTES * 1e6
