"""What-if, keys and box zoom in a browser."""

from typing import Any

import pytest
from browser import Page
from playwright.sync_api import TimeoutError as NotSeen

from .site import Site
from .test_what_if import call_with_sound

pytestmark = pytest.mark.browser


def test_the_instruments_are_a_key_away(opened: Page, site: Site):
    tab: Any = opened.page
    tab.goto(site.page_of(call_with_sound()))
    tab.wait_for_selector("canvas")
    tab.get_by_text("Turn latency P50").wait_for()
    tab.locator(".row.ev").first.wait_for()
    open_what_if(tab)
    tab.get_by_text("as the call has it").wait_for()
    slider = tab.locator('input[type=range][max="2000"]')
    thumb = slider.bounding_box()
    x, y = thumb["x"] + thumb["width"] / 2, thumb["y"] + thumb["height"] / 2
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x + 60, y, steps=6)
    tab.get_by_text("0.50: splits").wait_for()  # while it is held
    tab.mouse.up()
    tab.keyboard.press("?")  # a slider takes arrows only
    tab.get_by_text("drag to zoom, until the next Z").wait_for()


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
