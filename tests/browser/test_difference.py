"""The page of what changed between two states, in a real browser."""

import pytest
from selenium.webdriver.common.by import By

from tests.browser.conftest import wait
from tests.browser.test_large_pages import is_usable
from tests.browser.test_table import READY
from tests.unit.report.small_bakeoffs import bake, compared
from tests.unit.report.test_difference import told, write


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    folders = [tmp_path_factory.mktemp(name) for name in ("before", "now")]
    losses = (("mean_squared_error", "gaussian_nll"), ("mean_squared_error", "huber-delta=0.3"))
    states = []
    for folder, of_state in zip(folders, losses, strict=True):
        made = bake(folder, combinations=[("nonsequential", loss) for loss in of_state], figures=())
        compared(made, folder, folder, names=[], reference={})
        states.append(told(folder, made))
    write(folders[1], states[1], states[0])
    return folders[1] / "report.html"


def test_it_can_be_used_by_everybody_and_on_a_phone(browser, changed, axe):
    browser.get(changed.as_uri())
    wait(lambda: browser.execute_script(READY))
    badges = [badge.text for badge in browser.find_elements(By.CSS_SELECTOR, "td .badge")]
    assert sorted(badges) == ["gone", "new", "the same"]
    is_usable(browser, axe)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 900, "deviceScaleFactor": 1, "mobile": True}
    )
    try:
        is_usable(browser, axe)
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
