"""Moving about in a call, in a browser: address, zoom, clock, lanes, two tabs."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from browser import Page
from PIL import Image, ImageColor
from playwright.sync_api import TimeoutError as NotSeen
from waiting import until

from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.plots.lanes.commands import COMMAND_ROWS
from rustpbx_lab.plots.theme import LIGHT
from rustpbx_lab.plots.time_axis import RIGHT_AXIS_PX

from .conftest import conversation, ended_call
from .site import IS_IDLE, SIZE, Site, sent, show_in
from .test_what_if import call_with_sound

pytestmark = pytest.mark.browser

PART = re.compile(r"#t-(-?\d+)-(-?\d+)$")
LANES = """() => {
  const found = []
  for (const doc of Bokeh.documents)
    for (const model of doc._all_models.values())
      if (model.type === 'Figure' && model.tags.includes('rustpbx-lab-lane'))
        found.push([model.x_range.start, model.x_range.end])
  return found
}"""

TICKERS = """() => [...Bokeh.documents[0]._all_models.values()]
  .filter((model) => model.type === 'Figure')
  .flatMap((figure) => figure.above.map((axis) => axis.ticker.type))"""


def shown_in(page: Page, site: Site, call: HubCall) -> Any:
    site.keep(call)
    show_in(page.page, call)
    return page.page


def opened_at(page: Page, url: str) -> Any:
    page.page.goto(url)
    page.page.locator(".row.ev").first.wait_for()
    page.page.wait_for_function(IS_IDLE)
    return page.page


def part_of(tab: Any) -> tuple[int, int] | None:
    """Return the part that the address names."""
    found = PART.search(tab.evaluate("location.href"))
    return None if found is None else (int(found[1]), int(found[2]))


def test_an_address_names_a_part_and_follows_the_eye(opened: Page, site: Site):
    tab = opened_at(opened, site.page_of(call_with_sound()) + "#t-1000-3000")
    until(lambda: [1000, 3000] in tab.evaluate(LANES))
    tab.keyboard.press("+")
    until(lambda: part_of(tab) == (1500, 2500))
    tab.keyboard.press("ArrowRight")
    until(lambda: part_of(tab) == (2500, 3500))
    assert [2500, 3500] in tab.evaluate(LANES)
    tab.keyboard.press("End")
    until(lambda: part_of(tab) is None)


def test_a_drag_moves_the_lanes_and_stops_following(kept: Page, site: Site):
    call = site.call()
    tab = shown_in(kept, site, call)
    lane = tab.locator("canvas").nth(4).bounding_box()
    x, y = lane["x"] + 150, lane["y"] + lane["height"] / 2
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x + 900, y, steps=8)  # far: soon the call is ahead of what is shown
    tab.mouse.up()
    start, _ = until(lambda: part_of(tab))
    assert start < 0
    tab.get_by_text("s behind", exact=False).wait_for()
    site.hub.hang_up(call.id)


def test_the_time_of_day_and_the_lanes_are_chosen(kept: Page, site: Site):
    tab = shown_in(kept, site, call_with_sound())
    tab.keyboard.press("c")
    until(lambda: "CustomJSTicker" in tab.evaluate(TICKERS))
    tab.get_by_text("Time of day", exact=True).wait_for()
    times = tab.locator(".row.ev .mono:first-child").all_text_contents()
    assert times
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", time) for time in times)
    tab.keyboard.press("c")
    until(lambda: "CustomJSTicker" not in tab.evaluate(TICKERS))
    tab.get_by_text("Call time", exact=True).wait_for()
    tab.locator("button", has_text="Lanes").last.click()
    tab.locator("li", has_text="Metrics").click()
    until(lambda: not tab.get_by_text("ms, log scale").is_visible())
    # as the next test expects it
    tab.locator("button", has_text="Lanes").last.click()
    tab.locator("li", has_text="Metrics").click()
    tab.get_by_text("ms, log scale").wait_for()


def test_a_lane_is_folded_and_tells_what_is_under_the_pointer(kept: Page, site: Site):
    tab = shown_in(kept, site, call_with_sound())
    lane = tab.locator("canvas").nth(2).bounding_box()
    x, y = lane["x"] + lane["width"] * 0.4, lane["y"] + 60
    tab.mouse.move(x, y)
    tab.get_by_text("at cursor", exact=False).first.wait_for()
    fold = tab.get_by_role("button", name="Fold Caller", exact=True)
    fold.click()
    tab.get_by_role("button", name="Unfold Caller").wait_for()
    until(lambda: tab.locator("canvas").nth(2).bounding_box()["height"] < 50)
    assert "Caller" in unquote(tab.evaluate("document.cookie"))
    tab.keyboard.press("Enter")  # what replaces a button has its focus
    fold.wait_for()
    until(lambda: tab.locator("canvas").nth(2).bounding_box()["height"] > 100)


def test_two_tabs_share_a_call(kept: Page, chromium: Any, site: Site):
    call = site.call()
    tab = shown_in(kept, site, call)
    other = Page(chromium.new_page(viewport=SIZE), site.host)
    second = opened_at(other, site.page_of(call))
    until(lambda: call.watchers == 2)
    second.locator("button", has_text="Interrupt").last.click()
    until(lambda: "interrupt" in sent(call))
    tab.locator(".row.ev", has_text="interrupt").first.wait_for()
    second.close()
    assert other.problems == []
    assert call.state == "in call"
    site.hub.hang_up(call.id)


COMMANDS_LANE = 6
POINT = """([lane, at, up]) => {
  const models = [...Bokeh.documents[0]._all_models.values()]
  const figures = models.filter((model) =>
    model.type === 'Figure' && model.tags.includes('rustpbx-lab-lane'))
  const {x_range, inner_width, inner_height} = figures[lane]
  return {
    left: (at - x_range.start) / (x_range.end - x_range.start) * inner_width,
    top: inner_height - up,
    inner: inner_width,
  }
}"""


def point_of(tab: Any, lane: int, at_ms: float, up_px: float) -> tuple[float, float]:
    """Return where a call time is on the screen, so high above a lane's foot."""
    box = tab.locator("canvas").nth(2 * lane).bounding_box()  # two for each figure
    point = tab.evaluate(POINT, [lane, at_ms, up_px])
    left = box["x"] + box["width"] - RIGHT_AXIS_PX - point["inner"]
    return left + point["left"], box["y"] + point["top"]


def selected_of(tab: Any) -> list[str]:
    """Return the words of the rows that are lit, in the lists."""
    return tab.locator(".row.sel").all_text_contents()


def test_a_tap_on_a_mark_a_line_or_a_row_goes_there_everywhere(kept: Page, site: Site):
    call = ended_call(conversation(), "s.tapped")
    tab = shown_in(kept, site, call)
    inspected = tab.locator("pre")
    # a mark: its row is lit and inspected
    mark = next(record for record in call.log if record.name == "interrupt")
    tab.mouse.click(*point_of(tab, COMMANDS_LANE, mark.time_ms, COMMAND_ROWS[0]))
    until(lambda: ["interrupt" in words for words in selected_of(tab)] == [True])
    assert '"interrupt"' in inspected.text_content()
    # a line of the transcript: its row, far from what is shown
    for key in ("+", "+", "+", "ArrowRight"):
        tab.keyboard.press(key)
    until(lambda: part_of(tab) is not None)
    tab.locator(".row .words", has_text="Friday").first.click()
    until(lambda: any("asr" in words for words in selected_of(tab)))
    assert "asrDelta" in inspected.text_content()  # the row that began it
    # a row: the lanes go there
    tab.keyboard.press("End")
    tab.locator(".row.ev", has_text="invite").first.click()
    until(lambda: any("invite" in words for words in selected_of(tab)))
    start, end = tab.evaluate(LANES)[0]
    assert start <= call.log[1].time_ms <= end


def test_a_picture_of_the_lanes_is_saved(kept: Page, site: Site, tmp_path: Path):
    call = call_with_sound()
    tab = shown_in(kept, site, call)
    lanes = tab.locator("canvas").nth(12).bounding_box()  # the lowest
    with tab.expect_download() as saved:
        tab.locator("button", has_text="photo_camera").last.click()
    assert re.fullmatch(rf"{call.id}-\d+s\.png", saved.value.suggested_filename)
    saved.value.save_as(tmp_path / "lanes.png")
    with Image.open(tmp_path / "lanes.png") as picture:
        colours = picture.convert("RGB").getcolors(1 << 24)
        width, height = picture.size
    assert width > lanes["width"]
    assert 400 < height < lanes["y"] + lanes["height"]
    seen = {colour for _, colour in colours}
    for name in ("caller", "vad", "surface", "text"):
        assert ImageColor.getrgb(getattr(LIGHT, name)) in seen
    tab.locator(".w.info", has_text=f"saved {call.id}").wait_for()


MASKS = """() => [...Bokeh.documents[0]._all_models.values()]
  .filter((model) => model.type === 'Figure' && model.tags.includes('rustpbx-lab-lane'))
  .flatMap((figure) => figure.renderers.map((renderer) => renderer.view.masked))"""


def test_marks_that_come_into_view_are_not_dressed_anew(kept: Page, site: Site):
    """Bokeh does it in the middle of a change of data, with an error ever after."""
    tab = shown_in(kept, site, ended_call(conversation(), "s.masks"))
    tab.evaluate(f"() => {{ window.masks = ({MASKS})() }}")
    before = tab.evaluate(LANES)
    for key in ("+", "+", "ArrowLeft"):
        tab.keyboard.press(key)
    until(lambda: tab.evaluate(LANES) != before and part_of(tab) is not None)
    assert tab.evaluate("() => window.masks.length") > 10
    same = f"() => ({MASKS})().every((mask, place) => mask === window.masks[place])"
    assert tab.evaluate(same)


def test_the_instruments_are_a_key_away(kept: Page, site: Site):
    tab = shown_in(kept, site, call_with_sound())
    tab.get_by_text("Turn latency P50").wait_for()
    open_what_if(tab)
    tab.get_by_text("as the call has it").wait_for()
    slider = tab.get_by_role("slider", name="silencePadding, ms")
    thumb = slider.bounding_box()
    x, y = thumb["x"] + thumb["width"] / 2, thumb["y"] + thumb["height"] / 2
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x + 60, y, steps=6)
    tab.get_by_text("0.50: splits").wait_for()  # while it is held
    tab.mouse.up()
    tab.keyboard.press("?")  # a slider takes arrows only
    list_of_keys = tab.get_by_text("drag to zoom, until the next Z")
    list_of_keys.wait_for()
    # as the next test expects it: one worker may run them in another order
    tab.keyboard.press("Escape")
    list_of_keys.wait_for(state="hidden")
    tab.keyboard.press("w")
    tab.get_by_text("silencePadding, ms").wait_for(state="hidden")


def open_what_if(tab: Any) -> None:
    """Press W; again if the page was still being drawn, when it loses changes."""
    for _ in range(6):
        tab.keyboard.press("w")
        try:
            tab.get_by_text("silencePadding, ms").wait_for(timeout=2000)
        except NotSeen:
            tab.keyboard.press("w")
        else:
            return
    pytest.fail("the sliders never came")


def test_the_arrows_go_through_the_events(kept: Page, site: Site):
    tab = shown_in(kept, site, call_with_sound())
    events = tab.get_by_role("listbox", name="Events", exact=False)
    events.focus()
    rows = tab.locator(".row.ev")
    for key, place in (("ArrowDown", 0), ("ArrowDown", 1), ("ArrowUp", 0)):
        tab.keyboard.press(key)
        until(lambda at=place: "sel" in rows.nth(at).get_attribute("class"))
    assert rows.nth(0).get_attribute("aria-selected") == "true"
    active = events.get_attribute("aria-activedescendant")
    assert active == rows.nth(0).get_attribute("id")
