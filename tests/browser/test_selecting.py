"""Objects that are marked with the mouse in a figure, in a real browser: by a box and by a lasso."""

import csv

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import wait

# Makes a tool of the figure the active one, and returns the places of all objects that a model is drawn for.
BEGIN = """
const plot = Bokeh.documents[0].get_model_by_name("predicted");
const view = [...Bokeh.index.roots].find((one) => one.model === plot);
view.el.scrollIntoView({block: "center"});
for (const tool of plot.toolbar.tools)
  if (tool.type.includes("Select") || tool.type === "PanTool") tool.active = tool.type === arguments[0];
const glyph = plot.renderers.find((one) => one.name === "model0").glyph;
const data = Bokeh.documents[0].get_model_by_name("objects").data;
const box = view.el.getBoundingClientRect();
return data.id.map((id, row) => [id,
  box.left + view.frame.x_scale.compute(data[glyph.x.field][row]),
  box.top + view.frame.y_scale.compute(data[glyph.y.field][row])]);
"""


def corners(places, few):
    """Return the box around so many objects at the left, with room on all sides."""
    left = sorted(places, key=lambda place: place[1])
    inside = left[:few]
    right = (left[few - 1][1] + left[few][1]) / 2
    tops = [place[2] for place in inside]
    return left[0][1] - 4, min(tops) - 5, right, max(tops) + 5


def drag(driver, points):
    chain = ActionChains(driver, duration=30)
    pointer = chain.w3c_actions.pointer_action
    pointer.move_to_location(*map(round, points[0]))
    pointer.pointer_down()
    for point in points[1:]:
        pointer.move_to_location(*map(round, point))
    pointer.pointer_up()
    chain.perform()


def selected(driver):
    return [row.text for row in driver.find_elements(By.CSS_SELECTOR, "#selected tbody th")]


@pytest.mark.parametrize("tool", ["BoxSelectTool", "LassoSelectTool"])
def test_what_is_marked_is_listed_and_saved(tool, opened):
    places = opened.execute_script(BEGIN, tool)
    left, top, right, bottom = corners(places, 12)
    if tool == "BoxSelectTool":
        drag(opened, [(left, top), (right, bottom)])
    else:
        drag(opened, [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)])
    inside = {name for name, x, y in places if left <= x <= right and top <= y <= bottom}
    assert len(inside) >= 10
    names = wait(lambda: selected(opened))
    near = {name for name, x, y in places if left - 2 <= x <= right + 2 and top - 2 <= y <= bottom + 2}
    assert len(set(names) ^ inside) <= len(near) - len(inside) + 1  # one may lie on the edge
    for old in opened.downloads.glob("*.csv"):
        old.unlink()
    opened.find_element(By.ID, "selected-save").send_keys(Keys.ENTER)
    file = wait(lambda: list(opened.downloads.glob("*.csv")))[0]
    with file.open(newline="", encoding="utf-8") as stream:
        assert [row["id"] for row in csv.DictReader(stream)] == names
