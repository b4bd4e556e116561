"""The page for who does not see it, or cannot bear that it moves, in a browser."""

import re
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

import pytest
from browser import Page
from waiting import until

from .conftest import conversation, ended_call
from .site import SIZE, Site, sent, show_in

pytestmark = pytest.mark.browser

NAMED = {
    *("button", "checkbox", "combobox", "link", "menuitem", "radio", "slider"),
    *("spinbutton", "switch", "tab", "textbox", "listbox", "log"),
}
"""Roles of what can be worked with: each must say what it is."""
BLANK = " \u200b"
"""What an icon leaves of itself in a name."""
END = """() => [...Bokeh.documents[0]._all_models.values()]
  .findLast(({type, tags}) => type === 'Figure' && tags.includes('rustpbx-lab-lane'))
  .x_range.end"""
WATCH = f"""() => {{
  const isWatched = 'steps' in window
  window.steps = []
  if (isWatched) return
  let end = ({END})()
  const look = () => {{
    const now = ({END})()
    if (now !== end) window.steps.push(performance.now())
    end = now
    requestAnimationFrame(look)
  }}
  look()
}}"""
"""Notes when the lanes moved, in the page's own milliseconds."""


def named(tab: Any) -> list[tuple[str, str]]:
    """Return role and name of what can be worked with, as Chromium tells it."""
    session = tab.context.new_cdp_session(tab)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    return [
        (node["role"]["value"], node.get("name", {}).get("value", "").strip(BLANK))
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in NAMED
    ]


def test_what_happens_is_said_once_in_one_place(kept: Page, site: Site):
    tab, call = kept.page, site.call()
    show_in(tab, call)
    news = tab.get_by_role("status")
    said = news.locator("p")
    until(lambda: said.all_text_contents()[-1:] == ["In call"])
    assert news.get_attribute("aria-live") == "polite"
    site.hub.hang_up(call.id)
    until(lambda: said.all_text_contents()[-1].startswith("Disconnected"))
    assert news.count() == 1


def test_the_plots_have_a_summary(kept: Page, site: Site):
    call = ended_call(conversation(), "s.summary")
    site.keep(call)
    show_in(kept.page, call)
    summary = kept.page.get_by_role("note", name="Summary of the timeline")
    words = r"\d+ turns?, .*\d cut-offs?, 1 interruption$"
    # the call that was shown before has none
    until(lambda: re.match(words, summary.text_content() or ""))


def test_everything_that_can_be_worked_with_has_a_name(kept: Page, site: Site):
    tab, call = kept.page, site.call()
    show_in(tab, call)
    tab.locator(".row.ev", has_text="answer").first.wait_for()
    tab.keyboard.press("w")
    tab.get_by_role("slider").nth(6).wait_for()
    parts = [
        tab.locator(".MuiAccordionSummary-root", has_text=summary).first
        for summary in ("ASR", "TTS", "SIP", "Recorder", "Media")
    ]
    for part in parts:
        part.click()
    found = until(lambda: seen if len(seen := named(tab)) > 70 else [])
    assert {("button", "Zoom in (+)"), ("switch", "Follow live")} <= set(found)
    assert [role for role, name in found if not name] == []
    for part in parts:
        part.click()
    tab.keyboard.press("w")
    tab.get_by_role("slider").nth(6).wait_for(state="hidden")
    site.hub.hang_up(call.id)


BUTTONS = """() => {
  const deep = (root) => [...root.querySelectorAll('*')].flatMap((node) =>
    [node, ...(node.shadowRoot ? deep(node.shadowRoot) : [])])
  return deep(document).filter((node) => node.tagName === 'BUTTON').map((node) => {
    const copy = node.cloneNode(true)
    for (const icon of copy.querySelectorAll('[aria-hidden=true]')) icon.remove()
    return [copy.textContent.replace(/\\u200b/g, '').trim(), node.ariaLabel ?? '']
  })
}"""


def test_a_button_is_called_what_it_says(kept: Page, site: Site):
    """Or nobody could say "Hang up" to a voice control."""
    tab, call = kept.page, site.call()
    show_in(tab, call)
    tab.locator(".row.ev", has_text="answer").first.wait_for()
    tab.locator("button", has_text="Mute caller").last.click()
    tab.locator("button", has_text="Unmute caller").wait_for()
    found = tab.evaluate(BUTTONS)
    assert {"Hang up", "Say", "More"} <= {text for text, _ in found}
    worded = [(text, name) for text, name in found if name and re.search(r"\w", text)]
    assert [(text, name) for text, name in worded if text not in name] == []
    # a name is kept while its tip is shown
    icon = tab.get_by_role("button", name="Zoom in (+)")
    tab.keyboard.press("Tab")  # a tip is shown to who moves by keys
    icon.focus()
    tab.get_by_role("tooltip").wait_for()
    assert icon.count() == 1
    site.hub.hang_up(call.id)


def test_space_and_enter_press_what_is_focused(kept: Page, site: Site):
    tab, call = kept.page, site.call()
    show_in(tab, call)
    tab.locator(".row.ev", has_text="answer").first.wait_for()
    until(tab.locator("button", has_text="Interrupt").last.is_enabled)
    for number, key in enumerate(("Enter", " "), start=1):
        tab.locator("button", has_text="Interrupt").last.focus()
        tab.keyboard.press(key)
        until(lambda n=number: sent(call).count("interrupt") == n)
    tab.keyboard.press("h")  # the button has the focus, but Enter belongs to H now
    tab.keyboard.press("Enter")
    until(lambda: call.is_over)
    assert sent(call).count("interrupt") == 2


def gaps_of(tab: Any) -> list[float]:
    """Return the times between some steps of the lanes, shortest first."""
    tab.evaluate(WATCH)
    tab.wait_for_function("() => window.steps.length > 3")
    steps = tab.evaluate("() => window.steps")
    return sorted(after - before for before, after in pairwise(steps))


def test_a_page_is_and_stays_as_the_system_is_dark_or_still(chromium: Any, site: Site):
    wishes = {"reduced_motion": "reduce", "color_scheme": "dark"}
    page = Page(chromium.new_page(viewport=SIZE, **wishes), site.host)
    tab, call = page.page, site.call()
    tab.goto(site.page_of(call))
    tab.locator(".row.ev", has_text="answer").first.wait_for()
    tab.locator(".mui-dark").first.wait_for(state="attached")
    until(lambda: '"system":"dark"' in unquote(tab.evaluate("document.cookie")))
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        tab.locator(f".mui-{scheme}").first.wait_for(state="attached")
    before = tab.evaluate(END)
    for _ in range(4):
        tab.keyboard.press("+")  # a short span, so that it moves from the begin on
    until(lambda: tab.evaluate(END) != before)
    # a busy machine may bring one step late, and so the next one sooner after it
    assert gaps_of(tab)[1] > 500
    tab.emulate_media(reduced_motion="no-preference")
    until(lambda: gaps_of(tab)[0] < 500, awaited="lanes that move on")
    tab.close()
    page.check()
    site.hub.hang_up(call.id)
