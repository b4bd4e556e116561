"""Every button and form of the command bar, in a browser: it sends what it says."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Page
from waiting import until

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.dashboard.commands.command_bar import MORE
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.models import commands
from rustpbx_lab.models.options import CallOption, SynthesisOption
from rustpbx_lab.simulator.server.stand_in import StandIn

from .filled_forms import FILLED, Fields
from .site import OPTION, SIZE, Site, sent, serving, show_in

pytestmark = pytest.mark.browser

SPEAKER = SynthesisOption(provider="aliyun")
TYPED = ("tts", "interrupt", "message", "custom", "hangup")
"""Those with fields of every kind; what a dialog costs in Chromium adds up."""


def newest(call: HubCall, name: str) -> Fields:
    """Return the last command of a name, without that name."""
    of_name = [
        record
        for record in call.log
        if record.direction == "command" and record.name == name
    ]
    wire = json.loads(of_name[-1].raw)
    assert wire.pop("command") == name
    return wire


def opened_on(tab: Any, site: Site, option: CallOption = OPTION) -> HubCall:
    call = site.call(option)
    show_in(tab, call)
    tab.locator(".row.ev", has_text="answer").first.wait_for()
    until(tab.locator("button", has_text="Interrupt").last.is_enabled)
    tab.keyboard.press("ArrowLeft")  # follow no longer: a page at rest is quicker
    return call


def button(tab: Any, words: str | re.Pattern[str]) -> Any:
    return tab.locator("button:visible", has_text=words).last


@pytest.mark.timeout(120)
def test_commands_of_the_menu_are_sent_as_they_were_filled_in(kept: Page, site: Site):
    tab, call = kept.page, opened_on(kept.page, site)
    button(tab, "More").click()
    menu = tab.get_by_role("menuitem")
    until(lambda: menu.all_text_contents() == list(MORE))
    tab.keyboard.press("Escape")
    for name in TYPED:
        button(tab, "More").click()
        tab.get_by_role("menuitem", name=name, exact=True).click()
        form = tab.get_by_role("dialog")
        send = form.get_by_role("button", name=f"Send {name}", exact=True)
        send.wait_for()
        fill(tab, form, FILLED[name][0])
        send.click()
        until(lambda name=name: name in sent(call), awaited=f"a {name}")
        assert newest(call, name) == FILLED[name][1]
        form.wait_for(state="hidden")
    until(lambda: call.is_over)


def fill(tab: Any, form: Any, typed: Fields) -> None:
    for label, text in typed.items():
        field = form.get_by_label(label, exact=True).first
        if text is True:
            field.click()
            tab.locator("li[value=true]").click()
        else:
            field.fill(text)
            field.press("Tab")


def test_a_form_that_is_wrong_sends_nothing_and_says_why(kept: Page, site: Site):
    tab = kept.page
    call = opened_on(tab, site)
    button(tab, "Play URL…").click()
    form = tab.get_by_role("dialog")
    send = form.get_by_role("button", name="Send play")
    send.click()
    form.get_by_text("needed", exact=False).first.wait_for()
    form.get_by_label("url *").fill("http://127.0.0.1:9/a.wav")
    form.get_by_label("offsetMs (ms)").fill("soon")
    form.get_by_label("offsetMs (ms)").blur()
    send.click()
    form.get_by_text("'soon' is not a whole number").wait_for()
    assert "play" not in sent(call)
    tab.keyboard.press("Escape")
    form.wait_for(state="hidden")
    site.hub.hang_up(call.id)


def test_the_buttons_send_what_they_say(kept: Page, site: Site):
    tab = kept.page
    call = opened_on(tab, site, OPTION.model_copy(update={"tts": SPEAKER}))
    track = next(r for r in call.log if r.name == "answer").message
    text = tab.get_by_placeholder("Say to the caller…")
    long = "One moment. " * 20  # it is still spoken when it is paused
    text.fill(long)
    tab.get_by_placeholder("speaker of the call").fill("ann")
    tab.get_by_label("Streaming").check()
    button(tab, "Say").click()
    until(lambda: "tts" in sent(call))
    said = newest(call, "tts")
    assert said.pop("playId").startswith("say-")
    assert said.pop("option")["speaker"] == "ann"
    assert said == {
        "text": long.strip(),
        "speaker": "ann",
        "streaming": True,
        "endOfStream": True,
    }
    until(lambda: text.input_value() == "")
    for words, name in (
        ("Mute caller", "mute"),
        ("Unmute caller", "unmute"),
        ("Pause", "pause"),
        ("Resume", "resume"),
        ("Interrupt", "interrupt"),
    ):
        button(tab, re.compile(words)).click()  # with regard to case
        until(lambda name=name: name in sent(call))
        expected = {"trackId": track.track_id} if "mute" in name else {}
        assert newest(call, name) == expected
    tab.keyboard.press("m")
    until(lambda: sent(call).count("mute") == 2)
    say_as_before(tab)
    tab.keyboard.press("h")
    tab.keyboard.press("Enter")
    until(lambda: call.is_over)


def say_as_before(tab: Any) -> None:
    """Leave what goes with a sentence as it was, and the fields."""
    tab.get_by_placeholder("speaker of the call").fill("")
    tab.get_by_label("Streaming").uncheck()
    tab.keyboard.press("Escape")


def test_the_form_of_a_call_invites_with_what_was_chosen(kept: Page, site: Site):
    tab = kept.page
    slider = tab.get_by_role("slider", name="silencePadding")
    slider.focus()
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    until(lambda: tab.get_by_text("120 ms").first.is_visible())
    before = len(site.hub.calls)
    button(tab, "Connect").click()
    until(lambda: len(site.hub.calls) > before)
    call = site.hub.calls[0]
    until(lambda: call.state == "in call")
    assert newest(call, "invite")["option"]["vad"]["silencePadding"] == 120
    slider.press("ArrowLeft")
    slider.press("ArrowLeft")
    site.hub.hang_up(call.id)


def test_a_sound_file_of_the_browser_is_the_callers_voice(
    kept: Page, site: Site, tmp_path: Path
):
    said = (9000 * np.sin(np.arange(16_000) / 10)).astype(np.int16)
    Clip(np.stack([said, 0 * said], axis=1), 16_000).write(tmp_path / "said.wav")
    tab, before = kept.page, len(site.hub.calls)
    choose_caller(tab, "sound file")
    button(tab, "Connect").click()
    tab.get_by_text("type its path or press Browse", exact=False).wait_for()
    files = tab.locator("input[type=file][accept*=ulaw]")
    files.set_input_files(tmp_path / "said.wav")
    until(lambda: tab.get_by_label("Sound file").input_value() == "said.wav")
    button(tab, "Connect").click()
    tab.get_by_text("said.wav has 2 channels; the first is sent").wait_for()
    until(lambda: len(site.hub.calls) > before)
    call = site.hub.calls[0]
    until(lambda: call.recording.caller.n_samples >= len(said))
    assert np.array_equal(call.recording.caller.samples()[: len(said)], said)
    site.hub.hang_up(call.id)
    choose_caller(tab, "silence")  # as the next test expects it


def test_a_select_is_opened_and_chosen_from_by_keys(kept: Page, site: Site):
    tab = kept.page
    show_in(tab, site.call())
    select = tab.get_by_label("Caller audio", exact=True).first
    choice = tab.locator("li", has_text="scripted caller")
    for key in ("Enter", "ArrowDown"):
        select.focus()
        tab.keyboard.press(key)
        choice.wait_for()
        tab.keyboard.press("Escape")
        choice.wait_for(state="detached")
    select.focus()
    tab.keyboard.press(" ")
    choice.wait_for()
    choice.focus()
    tab.keyboard.press("Enter")
    until(lambda: select.inner_text() == "scripted caller")
    choose_caller(tab, "silence")  # as the next test expects it


def test_a_dialog_opens_with_the_cursor_in_its_first_field(kept: Page, site: Site):
    tab, call = kept.page, opened_on(kept.page, site)
    tab.locator("button:visible", has_text="More").last.click()
    tab.locator("li", has_text="refer").first.click()
    focused = """() => {
      let node = document.activeElement
      while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement
      return node?.tagName
    }"""
    until(lambda: tab.evaluate(focused) == "INPUT", awaited="the cursor in a field")
    tab.keyboard.type("sip:bob@lab")
    value = focused.replace("node?.tagName", "node?.value")
    assert tab.evaluate(value) == "sip:bob@lab"
    tab.keyboard.press("Escape")
    tab.keyboard.press("Escape")  # the first leaves the field
    site.hub.hang_up(call.id)


def choose_caller(tab: Any, name: str) -> None:
    tab.get_by_label("Caller audio").first.click()
    tab.locator("li", has_text=name).click()


COUNT = """() => {
  const deep = (root) => [...root.querySelectorAll('*')].flatMap((node) =>
    [node, ...(node.shadowRoot ? deep(node.shadowRoot) : [])])
  const chip = deep(document).find(({value}) => value === 'Errors')
  return getComputedStyle(chip, '::after').content
}"""


def test_an_error_is_counted_on_its_chip_and_can_be_hidden(kept: Page, site: Site):
    tab, call = kept.page, opened_on(kept.page, site)
    until(lambda: tab.evaluate(COUNT) == '""', awaited="a call without errors")
    site.hub.send(call.id, commands.Play(url="http://127.0.0.1:9/none.wav"))
    tab.locator(".row.ev", has_text="error").first.wait_for()
    until(lambda: tab.evaluate(COUNT) == '"\u00a01"')
    chip = tab.get_by_role("button", name="Errors", exact=True)
    chip.click()
    tab.locator(".row.ev", has_text="filetrack").first.wait_for(state="detached")
    chip.click()  # as the next test expects it
    site.hub.hang_up(call.id)


def test_a_call_of_somebody_else_is_watched_from_the_sidebar(kept: Page, site: Site):
    tab = kept.page
    with CallHub() as elsewhere:
        assert site.server is not None
        theirs = elsewhere.start(site.server.url, OPTION)
        until(lambda: theirs.state == "in call")
        watch = tab.get_by_role("button", name=f"Watch {theirs.id}")
        watch.focus()
        # the list is answered anew, the place is kept
        another = elsewhere.start(site.server.url, OPTION)
        tab.get_by_role("button", name=f"Watch {another.id}").wait_for()
        tab.keyboard.press("Enter")
        tab.get_by_text("Watching", exact=False).first.wait_for()
        call = site.hub.calls[0]
        assert (call.id, call.role) == (theirs.id, "watched")
        button(tab, "Interrupt").click()
        until(lambda: "interrupt" in sent(call))
        tab.get_by_role("button", name=f"Watch {theirs.id}").wait_for(state="detached")


def outlined(tab: Any, url: str) -> None:
    """Open a page and see that its outline is drawn where the page will be."""
    tab.goto(url, wait_until="commit")
    drawn = tab.locator(".lab-skeleton .lane b")
    drawn.first.wait_for()
    before = {name: box(drawn, place) for place, name in enumerate(("Caller", "ASR"))}
    drawn.first.wait_for(state="detached")
    for name, (left, top) in before.items():
        fold = tab.get_by_role("button", name=f"Fold {name}")
        fold.wait_for()
        # titles are where they were, within the height of a line
        until(lambda f=fold, y=top: abs(f.bounding_box()["y"] - y) < 20)
        assert left < fold.bounding_box()["x"] < left + 150


def box(drawn: Any, place: int) -> tuple[float, float]:
    """Return left and top of a lane's head in the outline."""
    found = drawn.nth(place).bounding_box()
    return found["x"], found["y"]


def test_a_page_without_a_call_has_an_outline_and_offers_the_ways_to_one(chromium: Any):
    with (
        StandIn(asr="scripted", tts="scripted").in_thread() as server,
        CallHub() as hub,
        serving(hub, server) as site,
    ):
        page = Page(chromium.new_page(viewport=SIZE), site.host)
        tab = page.page
        outlined(tab, site.live)
        sentence = tab.get_by_text("No call. Connect, or open a saved call.")
        sentence.wait_for()
        assert tab.get_by_text("Open files…").count() == 2
        with tab.expect_file_chooser() as chosen:
            tab.get_by_text("Open files…").first.click()
        assert chosen.value.is_multiple()
        button(tab, "Connect").click()  # that over the lanes
        until(lambda: [call.state for call in hub.calls] == ["in call"])
        sentence.wait_for(state="hidden")
        hub.hang_up(hub.calls[0].id)
        tab.close()
        assert page.problems == []


@pytest.fixture
def watched(chromium: Any) -> Iterator[tuple[Page, Site]]:
    """A dashboard whose only operator is somebody else."""
    with (
        StandIn(asr="scripted", tts="scripted").in_thread() as server,
        CallHub(operators=["ann"]) as hub,
        serving(hub, server) as site,
    ):
        page = Page(chromium.new_page(viewport=SIZE), site.host)
        yield page, site
        page.page.close()
        assert page.problems == []
        assert page.foreign == []


def test_a_viewer_sees_the_call_and_can_send_nothing(watched: tuple[Page, Site]):
    page, site = watched
    tab, call = page.page, site.call(user="ann")
    tab.goto(site.page_of(call))
    tab.locator(".row.ev", has_text="answer").first.wait_for()
    for words in ("Say", "Interrupt", "Mute caller", "Pause", "More", "Hang up"):
        assert button(tab, words).is_disabled()
    for key in ("i", "m", "h", "Enter"):
        tab.keyboard.press(key)
    button(tab, "Connect").click()
    tab.get_by_text("only the operators may", exact=False).first.wait_for()
    assert site.hub.calls == [call]
    assert sent(call) == ["invite"]
    assert call.state == "in call"
    assert call.option == OPTION
    site.hub.hang_up(call.id, user="ann")


def said(call: HubCall) -> list[str]:
    """Return the texts that were sent to be spoken."""
    logged = [record.message for record in call.log if record.name == "tts"]
    return [message.text for message in logged if isinstance(message, commands.Tts)]


def test_enter_sends_a_sentence_once_and_empties_the_box(kept: Page, site: Site):
    tab = kept.page
    call = opened_on(tab, site)
    box = tab.get_by_placeholder("Say to the caller…")
    box.click()
    for number in range(3):  # faster than the page answers
        tab.keyboard.type(f"Sentence {number}.")
        tab.keyboard.press("Enter")
    sentences = [f"Sentence {number}." for number in range(3)]
    until(lambda: said(call)[-1:] == sentences[-1:], awaited="the last sentence")
    assert said(call) == sentences
    assert box.input_value() == ""
    tab.keyboard.press("Enter")
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("ArrowUp")
    assert box.input_value() == "Sentence 1."
    tab.keyboard.press("Enter")
    until(lambda: said(call) == [*sentences, "Sentence 1."])
    site.hub.hang_up(call.id)


def test_a_slider_says_the_value_that_it_has(kept: Page, site: Site):
    tab = kept.page
    call = opened_on(tab, site)
    site.hub.hang_up(call.id)
    until(lambda: call.is_over)
    slider = tab.get_by_role("slider", name="speechPadding").first
    slider.focus()
    for _ in range(7):
        tab.keyboard.press("ArrowRight")
    label = tab.locator(".MuiFormLabel-root", has_text="speechPadding").first
    until(lambda: slider.input_value() == "320", awaited="seven steps of 10 from 250")
    until(lambda: "320 ms" in label.inner_text(), awaited="320 ms in the label")
    for _ in range(7):
        tab.keyboard.press("ArrowLeft")
