"""The live page in a browser, against the stand-in."""

import re
from urllib.parse import unquote

import pytest
from browser import Page
from waiting import until

from .conftest import HOSTILE, conversation, ended_call
from .site import PAINTS_FAST, Site, sent, show_in
from .test_sizes_page import LIST_HEIGHT, Handle

pytestmark = pytest.mark.browser

DRAFT = "() => sessionStorage.getItem('lab-draft') ?? ''"


def test_a_page_connects_and_steers_a_call(kept: Page, site: Site):
    tab = kept.page
    before = len(site.hub.calls)
    tab.locator("button:visible", has_text="Connect").last.click()
    until(lambda: len(site.hub.calls) > before)
    call = site.hub.calls[0]
    tab.get_by_text("In call", exact=False).first.wait_for()
    tab.get_by_placeholder("Say to the caller…").fill("Hello from the test")
    tab.locator("button:has-text('Say')").last.click()
    until(lambda: "tts" in sent(call))
    tab.locator("button:has-text('Interrupt')").last.click()
    until(lambda: "interrupt" in sent(call))
    tab.locator(".row.ev", has_text="Hello from the test").first.click()
    tab.locator("pre", has_text="Hello from the test").wait_for()
    tab.locator("button:has-text('Hang up')").last.click()
    until(lambda: call.is_over)
    tab.get_by_text("Disconnected", exact=False).first.wait_for()


def test_a_reload_keeps_the_call_its_picture_and_what_was_typed(kept: Page, site: Site):
    tab, call = kept.page, site.call()
    show_in(tab, call)
    tab.locator(".row.ev", has_text="answer").first.wait_for()
    tab.get_by_placeholder("Filter").fill("answ")
    slider = tab.get_by_role("slider", name="silencePadding").first
    slider.focus()
    slider.press("ArrowRight")
    lanes = Handle(tab)
    before, rows = lanes.y, tab.evaluate(LIST_HEIGHT)
    lanes.drag(-150)
    until(lambda: {"110", "answ"} <= set(re.findall(r"\w+", tab.evaluate(DRAFT))))
    tab.reload()
    tab.wait_for_function(PAINTS_FAST)
    tab.locator(".row.ev", has_text="answer").first.wait_for()
    until(lambda: tab.get_by_placeholder("Filter").input_value() == "answ")
    until(lambda: tab.locator(".row.ev").count() == 1)
    until(lambda: slider.input_value() == "110")
    until(lambda: lanes.y < before - 140, awaited="the height that was chosen")
    assert tab.evaluate(LIST_HEIGHT) >= rows
    lanes.bar.dblclick()
    tab.get_by_placeholder("Filter").fill("")
    slider.press("ArrowLeft")
    assert call.state == "in call"
    assert call.id in tab.url
    site.hub.hang_up(call.id)


def test_keys_work_and_are_silent_while_typing(kept: Page, site: Site):
    tab, call = kept.page, site.call()
    show_in(tab, call)
    tab.locator(".row.ev", has_text="answer").first.wait_for()
    tab.keyboard.press("i")
    until(lambda: "interrupt" in sent(call))
    box = tab.get_by_placeholder("Say to the caller…")
    until(box.is_enabled)
    tab.keyboard.press("t")
    until(lambda: box.evaluate("input => input.matches(':focus')"))
    tab.keyboard.type("mimi")
    assert box.input_value() == "mimi"
    assert sent(call).count("interrupt") == 1
    assert "mute" not in sent(call)
    site.hub.hang_up(call.id)


def test_hostile_text_of_a_call_is_shown_as_text(kept: Page, site: Site):
    tab, call = kept.page, ended_call(conversation(HOSTILE), "s.hostile")
    site.keep(call)
    show_in(tab, call)
    row = tab.locator(".row.ev", has_text="onerror").first
    row.wait_for()
    row.click()
    tab.locator("pre", has_text="onerror").wait_for()
    tab.locator(".row .words", has_text="onerror").first.wait_for()
    assert tab.locator("img").count() == 0
    assert tab.title() != "taken"


DARK_WORDS_AFTER_TOGGLE = """async () => {
  const deep = (root) => [...root.querySelectorAll('*')].flatMap((node) =>
    [node, ...(node.shadowRoot ? deep(node.shadowRoot) : [])])
  const button = deep(document).find(
    (node) => node.ariaLabel === 'Toggle theme' && node.tagName === 'BUTTON')
  button.click()
  const frame = () => new Promise((drawn) => requestAnimationFrame(drawn))
  await frame(); await frame()
  const isDark = (colour) => {
    const numbers = colour.match(/[\\d.]+/g).slice(0, 3).map(Number)
    return Math.max(...numbers) < (colour.startsWith('rgb') ? 90 : 0.35)
  }
  const skipped = '.MuiButton-contained, .MuiToggleButton-root.Mui-selected, .play, ' +
    '[role=status], [role=note]'  // on a colour of their own, or never seen
  return deep(document)
    .filter((node) => [...node.childNodes].some((one) =>
      one.nodeType === Node.TEXT_NODE && one.data.trim()))
    .filter((node) => !node.closest(skipped) && node.checkVisibility())
    .filter((node) => !['STYLE', 'SCRIPT', 'OPTION'].includes(node.tagName))
    .filter((node) => isDark(getComputedStyle(node).color))
    .map((node) => `${node.tagName} ${node.className} ${node.textContent}`)
}"""


def test_the_palette_changes_while_the_page_is_open(kept: Page, site: Site):
    tab, call = kept.page, ended_call(conversation(), "s.dark")
    site.keep(call)
    show_in(tab, call)
    canvas = tab.locator("canvas").nth(2)
    before = canvas.screenshot()
    # at once, whatever is told by the server or drawn anew later
    assert tab.evaluate(DARK_WORDS_AFTER_TOGGLE) == []
    tab.locator(".mui-dark").first.wait_for(state="attached")
    until(lambda: canvas.screenshot() != before)
    assert '"theme":"dark"' in unquote(tab.evaluate("document.cookie"))
    assert tab.title().startswith("Disconnected"), "the tab is named after the call"
    tab.get_by_role("button", name="Toggle theme").click()
    tab.locator(".mui-light").first.wait_for(state="attached")
