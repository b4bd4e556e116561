"""The live page on small screens: what acts is in reach, nothing is pushed out."""

from typing import Any

import pytest
from browser import Page
from waiting import until

from rustpbx_lab.views.event_rows import KINDS

from .conftest import conversation, ended_call
from .site import SIZE, Site, show_in

pytestmark = pytest.mark.browser

SIZES = [(1600, 1000), (1366, 625), (1280, 600), (1024, 768), (390, 844)]
COMMANDS = ["Say", "Interrupt", "Mute caller", "Pause", "More", "Hang up"]
"""Play is in the menu where there is no room for it."""
OUT_OF_REACH = """(names) => {
  const deep = (root) => [...root.querySelectorAll('*')].flatMap((node) =>
    [node, ...(node.shadowRoot ? deep(node.shadowRoot) : [])])
  const hit = (x, y) => {
    let found = document.elementFromPoint(x, y)
    while (found?.shadowRoot?.elementFromPoint(x, y) && found !==
           found.shadowRoot.elementFromPoint(x, y))
      found = found.shadowRoot.elementFromPoint(x, y)
    return found
  }
  const buttons = deep(document).filter((node) => node.tagName === 'BUTTON')
  return names.filter((name) => !buttons.some((button) => {
    if (!button.textContent.trim().endsWith(name)) return false
    const box = button.getBoundingClientRect()
    const isInside = box.width > 0 && box.left >= 0 && box.right <= innerWidth &&
      box.top >= 0 && box.bottom <= innerHeight
    const top = hit(box.left + box.width / 2, box.top + box.height / 2)
    return isInside && (button === top || button.contains(top))
  }))
}"""
CUT_CELLS = """() => {
  const deep = (root) => [...root.querySelectorAll('*')].flatMap((node) =>
    [node, ...(node.shadowRoot ? deep(node.shadowRoot) : [])])
  return deep(document).filter((node) => node.matches('.row.ev .mono') &&
    node.scrollWidth > node.clientWidth).map((node) => node.textContent)
}"""
"""Times and differences of the events that have no room for themselves."""
STATE_WIDTH = """() => {
  const deep = (root) => [...root.querySelectorAll('*')].flatMap((node) =>
    [node, ...(node.shadowRoot ? deep(node.shadowRoot) : [])])
  return deep(document).find((node) => node.matches('.st'))?.clientWidth ?? 0
}"""
LIST_HEIGHT = """() => {
  const deep = (root) => [...root.querySelectorAll('*')].flatMap((node) =>
    [node, ...(node.shadowRoot ? deep(node.shadowRoot) : [])])
  let node = deep(document).find((node) => node.matches('.row.ev'))
  while (node && getComputedStyle(node).overflowY !== 'auto') node = node.parentElement
  return node?.clientHeight ?? 0
}"""
"""Of what scrolls the events."""
SIDEWAYS = "() => document.scrollingElement.scrollWidth - innerWidth"
FIGURE_WIDTH = """() => Math.max(...[...Bokeh.documents[0]._all_models.values()]
  .filter((model) => model.tags?.includes('rustpbx-lab-lane'))
  .map((model) => model.inner_width))"""


def test_every_command_is_in_reach_on_every_screen(kept: Page, site: Site):
    tab, call = kept.page, site.call()
    tab.set_viewport_size(SIZE)  # whatever the test before it left
    show_in(tab, call)
    tab.locator(".row.ev").first.wait_for()
    for width, height in SIZES:
        tab.set_viewport_size({"width": width, "height": height})
        until(
            lambda: tab.evaluate(OUT_OF_REACH, COMMANDS) == [],
            awaited=f"all commands at {width} x {height}",
        )
        assert tab.evaluate(SIDEWAYS) <= 0, f"{width} x {height} scrolls sideways"
        rows = tab.locator(".row.ev")
        rows.nth(3).scroll_into_view_if_needed()
        heights = [rows.nth(place).bounding_box()["height"] for place in range(4)]
        assert min(heights) > 15, f"no room for four rows at {width} x {height}"
        shown = tab.evaluate(LIST_HEIGHT)
        assert shown > 100, f"{shown} px of events at {width} x {height}"
        cut = tab.evaluate(CUT_CELLS)
        assert cut == [], f"cut at {width} x {height}"
        until(lambda: tab.evaluate(STATE_WIDTH) >= 120, awaited="room for the state")
        if width < 1400:  # the inspector is a drawer there
            tab.keyboard.press("Enter")
            tab.get_by_role("button", name="Close the inspector").first.wait_for()
            assert tab.evaluate(OUT_OF_REACH, COMMANDS) == [], "under the inspector"
            tab.keyboard.press("Escape")
        # the lanes are drawn for the width they have
        until(lambda w=width: tab.evaluate(FIGURE_WIDTH) < w, awaited="a new width")
    site.hub.hang_up(call.id)


class Handle:
    """What one drags to give the lanes less room."""

    def __init__(self, tab: Any) -> None:
        self.bar = tab.get_by_role("separator", name="Height of lanes")

    @property
    def y(self) -> float:
        return self.bar.bounding_box()["y"]

    def drag(self, by: float) -> None:
        """Move it down by so many pixels, or up."""
        mouse, to = self.bar.page.mouse, self.y + by
        self.bar.hover()
        mouse.down()
        mouse.move(700, to, steps=4)
        mouse.up()
        assert self.y == pytest.approx(to, abs=8)


def test_the_lanes_give_room_to_the_lists(kept: Page, site: Site):
    """That it is remembered is seen where a page is loaded again."""
    tab, call = kept.page, ended_call(conversation(), "s.split")
    tab.set_viewport_size({"width": 1366, "height": 768})
    site.keep(call)
    show_in(tab, call)
    handle = Handle(tab)
    handle.drag(-150)
    lanes = tab.get_by_role("button", name="Fold Commands, errors")
    assert lanes.bounding_box()["y"] > handle.y, "scrolled, not squeezed"
    lanes.scroll_into_view_if_needed()
    assert lanes.bounding_box()["y"] < handle.y
    assert tab.get_by_role("button", name="Fit", exact=True).is_visible()
    handle.bar.dblclick()


def test_the_height_of_the_lanes_is_chosen_by_keys_too(kept: Page, site: Site):
    tab, call = kept.page, ended_call(conversation(), "s.keys")
    tab.set_viewport_size({"width": 1366, "height": 768})
    site.keep(call)
    show_in(tab, call)
    handle = Handle(tab)
    handle.bar.press("Home")
    assert handle.bar.get_attribute("aria-valuenow") not in (None, "100")
    least = handle.y
    handle.bar.press("ArrowDown")
    assert handle.y == pytest.approx(least + 24, abs=2)
    handle.bar.press("ArrowUp")
    assert handle.y == pytest.approx(least, abs=2)
    handle.bar.press("End")
    until(lambda: handle.bar.get_attribute("aria-valuenow") == "100")
    whole = handle.y
    assert whole > least + 100
    handle.bar.dblclick()
    until(lambda: least < handle.y < whole, awaited="what the window has room for")


def test_a_narrow_page_wraps_what_it_has_no_width_for(kept: Page, site: Site):
    tab = kept.page
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.locator(".row.ev").nth(3).scroll_into_view_if_needed()
    in_lists = [tab.get_by_placeholder("Filter"), tab.get_by_label("Inspector").first]
    chips = [tab.get_by_role("button", name=name).first for name in KINDS]

    def outside() -> list[str]:
        boxes = {str(part): part.bounding_box() for part in (*in_lists, *chips)}
        return [
            part
            for part, box in boxes.items()
            if box is None or box["x"] < 0 or box["x"] + box["width"] > 390
        ]

    until(lambda: outside() == [], awaited="all of the events' head within 390 px")
    tab.keyboard.press("w")
    names = [
        tab.get_by_text(f"{name}:", exact=False).last
        for name in ("threshold", "silencePadding, ms")
    ]
    names[1].wait_for()
    first, second = (name.bounding_box() for name in names)
    assert first["y"] + first["height"] < second["y"], "sliders in two lines"
    tab.keyboard.press("w")


def test_below_1400_pixels_the_inspector_has_a_button(kept: Page, site: Site):
    tab = kept.page
    tab.set_viewport_size({"width": 1366, "height": 900})
    inspector = tab.get_by_text("Inspector", exact=True)
    until(lambda: not inspector.is_visible())
    tab.get_by_label("Inspector: the selected row").first.click()
    inspector.wait_for()
    tab.locator(".row.ev").first.click()
    tab.get_by_text("log row", exact=False).last.wait_for()
    tab.get_by_label("Close the inspector").first.click()
    until(lambda: not inspector.is_visible())
