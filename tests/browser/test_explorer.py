"""Figures to explore, in a real browser: models, hovering, selecting, the list and its CSV, colours, accessibility."""

import csv
import json

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import wait

PLACE = """
const plot = Bokeh.documents[0].get_model_by_name("predicted");
const view = [...Bokeh.index.roots].find((one) => one.model === plot);
plot && view.el.scrollIntoView({block: "center"});
const glyph = plot.renderers.find((one) => one.name === "model0").glyph;
const data = Bokeh.documents[0].get_model_by_name("objects").data;
const box = view.el.getBoundingClientRect();
const at = (scale, field) => scale.compute(data[field][arguments[0]]);
return [box.left + at(view.frame.x_scale, glyph.x.field), box.top + at(view.frame.y_scale, glyph.y.field)];
"""
TOOLTIP = """
const texts = [];
const look = (root) => { for (const one of root.querySelectorAll("*")) {
  if (one.matches(".thumb") && one.getRootNode() !== document)
    texts.push(one.parentElement.textContent, getComputedStyle(one).backgroundImage);
  if (one.shadowRoot) look(one.shadowRoot); } };
look(document);
return texts;
"""


def visible(driver, plot):
    return driver.execute_script(
        f"const found = Bokeh.documents[0].get_model_by_name('{plot}').renderers;"
        "return found.filter((one) => one.visible).map((one) => one.name)"
    )


def selected(driver):
    return [row.text for row in driver.find_elements(By.CSS_SELECTOR, "#selected tbody th")]


def test_a_check_box_shows_and_hides_a_model_in_all_figures(opened):
    assert {"model0" in visible(opened, name) for name in ("predicted", "error", "loss")} == {True}
    opened.find_element(By.CSS_SELECTOR, "#explorer-models input[value='0']").send_keys(Keys.SPACE)
    assert {"model0" in visible(opened, name) for name in ("predicted", "error", "loss")} == {False}


def test_hovering_shows_the_object_and_its_image(opened):
    x, y = opened.execute_script(PLACE, 5)
    chain = ActionChains(opened)
    chain.w3c_actions.pointer_action.move_to_location(int(x), int(y))
    chain.perform()
    text, image, *_ = wait(lambda: opened.execute_script(TOOLTIP))
    assert "test0" in text
    assert "true" in text
    assert image.startswith('url("blob:')


def test_the_worst_are_listed_by_keyboard_and_saved(opened):
    number = opened.find_element(By.ID, "select-number")
    number.send_keys(Keys.CONTROL, "a")
    number.send_keys("3")
    opened.find_element(By.ID, "select-go").send_keys(Keys.ENTER)
    names = wait(lambda: selected(opened))
    assert len(names) == 3
    opened.find_element(By.ID, "selected-save").send_keys(Keys.ENTER)
    file = wait(lambda: list(opened.downloads.glob("*.csv")))[0]
    with file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["id"] for row in rows] == names
    errors = opened.execute_script(
        "const d = Bokeh.documents[0].get_model_by_name('objects').data;"
        "const rows = d.id.map((id, row) => [Math.abs(d.error0[row]), id]).sort((a, b) => b[0] - a[0]);"
        "return rows.slice(0, 3).map((one) => one[1])"
    )
    assert sorted(errors) == sorted(names)


def test_errors_are_shown_against_another_scalar(opened):
    opened.execute_script(
        "const list = document.getElementById('explorer-against'); list.value = 'scalar redshift';"
        "list.dispatchEvent(new Event('change'))"
    )
    field, label = opened.execute_script(
        "const plot = Bokeh.documents[0].get_model_by_name('error');"
        "return [plot.renderers[0].glyph.x.field, plot.below[0].axis_label]"
    )
    assert (field, label) == ("scalar redshift", "redshift")


def test_a_dark_page_has_dark_figures(opened):
    def paper():
        return opened.execute_script("return Bokeh.documents[0].get_model_by_name('predicted').background_fill_color")

    assert paper() == "#ffffff"
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    try:
        wait(lambda: paper() != "#ffffff")
    finally:
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_no_request_leaves_the_page_and_nothing_is_logged(opened):
    addresses = [
        message["params"]["request"]["url"]
        for entry in opened.get_log("performance")
        if (message := json.loads(entry["message"])["message"])["method"] == "Network.requestWillBeSent"
    ]
    assert addresses
    assert [one for one in addresses if not one.startswith(("file:", "data:", "blob:"))] == []
    assert [entry["message"] for entry in opened.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_everybody_can_use_it(opened, axe):
    opened.execute_script(axe)
    found = opened.execute_async_script("const done = arguments[arguments.length - 1]; axe.run(document).then(done)")
    grave = [
        (one["id"], one["nodes"][0]["html"][:200])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert grave == []
