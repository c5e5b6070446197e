"""A real browser that opens pages of small bake-offs as files."""

import shutil
import time
from pathlib import Path

import pytest
from selenium import webdriver

from tests.debian import script
from tests.unit.report.small_bakeoffs import bake, compared

READY = "return document.documentElement.dataset.explorer === 'ready'"
NEEDED = ("chromium", "chromedriver", "npm")


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """The text of axe-core; where a browser is missing, it is installed."""
    folder = tmp_path_factory.mktemp("npm")
    script(Path(__file__).parent / "install.sh", folder)
    assert all(map(shutil.which, NEEDED)), "no browser, though it was installed"
    return (folder / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    """The page of a regression with failed and diverged rows."""
    folder = tmp_path_factory.mktemp("page") / "efeds_mock"
    return compared(bake(folder), folder, folder) / "report.html"


@pytest.fixture(scope="session")
def browser(axe, tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,1600"):
        options.add_argument(argument)
    downloads = tmp_path_factory.mktemp("downloads")
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    driver.downloads = downloads
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser, page):
    """The page, opened anew, its figures made."""
    browser.get(page.as_uri())
    wait(lambda: browser.execute_script(READY))
    return browser


def wait(found, seconds=30):
    """Return what is found, once it is true."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
    return value
