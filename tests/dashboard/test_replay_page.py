"""Replay, sound, the wall and files, in a browser."""

import io
import json
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from waiting import LIMIT_S, until

from rustpbx_lab import EventLog, read_log
from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.sources import SilenceSource
from rustpbx_lab.hub.hub import CallHub

from .conftest import HOSTILE, SID, conversation, note
from .site import OPTION, SIZE, show_in
from .test_timeline_page import LANES, point_of

CALLER_LANE = 1
PLAYHEAD = """() => Bokeh.documents[0]._all_models.values().find((model) =>
  model.type === 'Span' && model.line_width === 2 && model.visible)?.location ?? -1"""
WHOLE_ROWS = """() => {
  const deep = (root) => [...root.querySelectorAll('*')].flatMap((node) =>
    [node, ...(node.shadowRoot ? deep(node.shadowRoot) : [])])
  return deep(document).filter((node) => {
    if (!node.matches('.row.ev')) return false
    let top = 0, bottom = innerHeight
    for (let at = node.parentNode; at; at = at.parentNode ?? at.host)
      if (at instanceof Element && getComputedStyle(at).overflowY !== 'visible') {
        const box = at.getBoundingClientRect()
        top = Math.max(top, box.top)
        bottom = Math.min(bottom, box.bottom)
      }
    const box = node.getBoundingClientRect()
    return box.height > 15 && box.top >= top - 1 && box.bottom <= bottom + 1
  }).length
}"""
"""Rows of events that one sees from top to bottom without scrolling."""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved call of four seconds, with its sound."""
    from rustpbx_lab.models import notes

    from .conftest import T0

    folder = tmp_path_factory.mktemp("saved")
    log = EventLog()
    started = {"sample": 0, "sample_rate_hz": 16000, "codec": "pcm"}
    begun = notes.AudioStarted(leg="caller", at_ms=T0 + 52, **started)
    for record in [*conversation(HOSTILE)[:5], note(50, begun)]:
        log.append(record)
    for record in conversation(HOSTILE)[5:]:
        log.append(record)
    log.save(folder / f"{SID}.events.jsonl")
    times = np.arange(4 * 16000) / 16000
    both = np.zeros((len(times), 2), np.int16)
    both[:, 0] = 9000 * np.sin(2 * np.pi * 300 * times)
    Clip(both, 16000).write(folder / f"{SID}.wav")
    return folder / f"{SID}.events.jsonl"


def test_a_replay_plays_pauses_seeks_and_changes_speed(kept, site, file):
    call, tab = site.hub.replay(file, speed=4), kept.page
    show_in(tab, call)
    until(lambda: call.is_over)
    tab.locator(".row.ev", has_text="asrFinal").first.wait_for()
    assert call.log == read_log(file)
    assert tab.locator("img").count() == 0
    until(lambda: tab.locator(".p .name").text_content() == "Listen")
    call.speed = 0.5  # slow enough to act in
    slider = tab.locator(".p input[type=range]")
    slider.fill("500")  # to listen from there: nothing is hidden
    tab.locator("button.again", has_text="Replay from here").click()
    until(lambda: 500 <= call.position_ms < 3000 and not call.is_over)
    until(lambda: tab.locator("button.play").text_content() == "❚❚")
    tab.locator(".p select").select_option("1")
    until(lambda: call.speed == 1)
    tab.locator("button.play").click()
    until(lambda: call.is_paused)
    slider.fill("1000")
    until(lambda: call.position_ms == 1000)
    until(lambda: tab.locator(".row.ev", has_text="asrFinal").count() == 0)
    tab.locator(".row.ev", has_text="trackStart").first.wait_for()
    tab.locator(".p select").select_option("20")
    until(lambda: call.speed == 20)
    tab.keyboard.press("Space")
    until(lambda: call.is_over)


def test_a_saved_call_is_listened_to_and_stays_whole(kept, site, file):
    call = site.hub.replay(file, at_end=True)
    tab = kept.page
    show_in(tab, call)
    tab.get_by_text("Saved call", exact=False).first.wait_for()
    final = tab.locator(".row.ev", has_text="asrFinal").first
    final.wait_for()
    shown = tab.evaluate(LANES)
    now = tab.locator(".p .time")
    tab.locator(".p input[type=range]").fill("500")
    until(lambda: now.inner_text().startswith("00:00.5"))
    # where one clicks in a lane, one listens from
    tab.mouse.click(*point_of(tab, CALLER_LANE, 2500, 60))
    until(lambda: now.inner_text().startswith("00:02.5"))
    tab.locator("button.again").click()
    final.wait_for(state="detached")
    until(lambda: call.position_ms > 2400)
    tab.locator("button.again", has_text="Whole call").click()
    final.wait_for()
    assert call.is_whole
    assert tab.evaluate(LANES) == shown, "nothing moved"


def test_a_saved_call_is_heard_to_its_end_and_told_by_the_clock(kept, site, file):
    call = site.hub.replay(file, at_end=True)
    tab = kept.page
    show_in(tab, call)
    now = tab.locator(".p .time")
    until(lambda: tab.locator(".p .name").text_content() == "Listen")
    # to the very end, as fast as a browser plays sound
    speed = tab.locator(".p select")
    assert speed.locator("option:not([disabled])").all_inner_texts()[-1] == "8\u00d7"
    speed.select_option("8")
    tab.locator(".p input[type=range]").fill("100")
    tab.locator("button.play").click()
    until(lambda: tab.evaluate(PLAYHEAD) >= call.end_ms - 150, awaited="the end")
    speed.select_option("1")
    tab.keyboard.press("c")
    until(lambda: re.match(r"\d\d:\d\d:\d\d / \d\d:\d\d:\d\d$", now.inner_text()))
    tab.keyboard.press("c")
    until(lambda: re.match(r"\d\d:\d\d\.\d / ", now.inner_text()))


@pytest.mark.parametrize(
    ("width", "height"), [(1600, 1000), (1366, 768), (1366, 625), (1280, 600)]
)
def test_lanes_events_and_player_share_a_low_window(kept, site, file, width, height):
    call = site.hub.replay(file, at_end=True)
    tab = kept.page
    tab.set_viewport_size({"width": width, "height": height})
    show_in(tab, call)
    until(lambda: tab.locator(".p .name").text_content() == "Listen")
    until(lambda: tab.evaluate(WHOLE_ROWS) >= 5, awaited="five rows of events")
    handle = tab.get_by_role("separator", name="Height of lanes").bounding_box()
    player = tab.locator(".p").bounding_box()
    assert handle["y"] < player["y"] < height - 200
    fold = tab.get_by_role("button", name="Fold Caller").bounding_box()
    assert fold["y"] + fold["height"] < handle["y"], "the caller's lane is in view"
    tab.set_viewport_size(SIZE)


def test_nothing_can_be_sent_in_a_replay(kept, site, file):
    call = site.hub.replay(file)
    tab = kept.page
    show_in(tab, call)
    assert tab.locator("button:has-text('Interrupt')").last.is_disabled()
    assert tab.locator("button:has-text('Hang up')").last.is_disabled()


def test_the_sound_follows_the_replay(kept, site, file):
    call = site.hub.replay(file, speed=0.5)
    tab = kept.page
    with tab.expect_response(lambda answer: "/sound/" in answer.url) as heard:
        show_in(tab, call)
    assert heard.value.status in (200, 206)


def test_the_sound_is_served_in_parts(site, file):
    call = site.hub.replay(file)
    url = f"{site.url}/sound/{call.id}"
    request = urllib.request.Request(url, headers={"Range": "bytes=0-99"})
    with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
        assert answer.status == 206
        assert len(answer.read()) == 100
    with urllib.request.urlopen(url, timeout=LIMIT_S) as answer:
        samples, rate = soundfile.read(io.BytesIO(answer.read()), dtype="int16")
    saved, _ = soundfile.read(file.with_name(f"{SID}.wav"), dtype="int16")
    assert rate == 16000
    np.testing.assert_array_equal(samples, saved)


def test_the_player_plays_what_came_after_it_first_looked(kept, site):
    call = site.call(audio=SilenceSource())
    tab = kept.page
    show_in(tab, call)
    tab.keyboard.press("ArrowLeft")  # somebody looks back: the bar comes
    slider = tab.locator(".p input[type=range]")
    slider.wait_for()

    def end_ms() -> float:
        return float(slider.get_attribute("max") or 0)

    def place_ms() -> float:
        shown = tab.locator(".p .time").inner_text().partition(" / ")[0]
        minutes, seconds = shown.split(":")
        return 1000 * (60 * int(minutes) + float(seconds))

    first_ms = until(end_ms)
    until(lambda: end_ms() > first_ms + 2000)
    site.hub.hang_up(call.id)
    until(lambda: call.is_over)
    later_ms = round(first_ms) + 1200
    slider.fill(str(later_ms))
    until(lambda: place_ms() >= later_ms - 100)
    tab.locator("button.play").click()
    until(lambda: place_ms() > later_ms + 300)


@pytest.mark.parametrize("path", ["/sound/s.nobody", "/sound/../../etc/passwd"])
def test_no_other_file_is_served(site, path):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(site.url + path, timeout=LIMIT_S)
    refused.value.close()
    assert refused.value.code == 404


def test_files_of_the_browser_are_replayed(kept, site, file):
    tab = kept.page
    chooser = tab.locator("input[type=file][multiple]").first
    chooser.wait_for(state="attached")
    before = {call.id for call in site.hub.calls}
    chooser.set_input_files([file, file.with_name(f"{SID}.wav")])
    (call,) = until(lambda: [c for c in site.hub.calls if c.id not in before])
    assert call.role == "replay"
    assert call.whole.caller.n_samples == 64000
    tab.get_by_text("Saved call", exact=False).first.wait_for()


def test_another_site_cannot_open_files(site):
    request = urllib.request.Request(
        f"{site.url}/open?name=x.events.jsonl", data=b"{}", method="POST"
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=LIMIT_S)
    refused.value.close()
    assert refused.value.code == 403


def test_a_slow_click_on_the_wall_is_a_click(kept, site):
    tab, call = kept.page, site.call()
    show_in(tab, call)
    tab.locator("nav button", has_text="Calls").click()
    button = tab.locator(f".card[data-id='{call.id}'] button", has_text="Open")
    button.hover()
    duration = tab.locator(".q", has_text="duration").locator("span")

    def shown_s() -> float:
        minutes, seconds = duration.inner_text().split(":")
        return 60 * int(minutes) + float(seconds)

    tab.mouse.down()
    pressed_s = shown_s()
    # the cards, as the duration, are drawn every second
    until(lambda: shown_s() > pressed_s + 2.2, awaited="two redraws")
    tab.mouse.up()
    tab.wait_for_url("**view=live*")
    site.hub.hang_up(call.id)


def test_the_wall_watches_and_opens_calls(opened, site):
    with CallHub() as theirs:
        call = theirs.start(site.server.url, OPTION)
        until(lambda: call.state == "in call")
        tab = opened.page
        tab.goto(f"{site.url}/calls")
        card = tab.locator(f".card[data-id='{call.id}']")
        card.wait_for()
        assert "not watched" in (card.text_content() or "")
        card.locator("button", has_text="Watch").click()
        tab.get_by_text("Watching", exact=False).first.wait_for()
        tab.wait_for_url(f"**call={call.id}*")
        assert "view=live" in tab.url
        tab.locator("button", has_text="Interrupt").last.click()
        until(
            lambda: any(record.name == "interrupt" for record in _watched(site, call))
        )
        tab.locator("nav button", has_text="Calls").click()
        card.locator("svg.spark").wait_for()
        card.locator("button.danger").click()
        assert call.state == "in call"
        card.locator("button.sure").click()
        until(lambda: call.is_over)


def _watched(site: Any, call: Any) -> Any:
    return site.hub.get(call.id).log


def test_options_are_saved_and_loaded(kept, tmp_path):
    tab = kept.page
    with tab.expect_download() as saved:
        tab.locator("button", has_text="Save…").click()
    text = Path(saved.value.path()).read_text()
    assert "vad" in json.loads(text)
    preset = tmp_path / "mine.json"
    preset.write_text('{"vad": {"type": "silero", "silencePadding": 480}}')
    tab.locator("input[type=file]:not([multiple])").set_input_files(preset)
    tab.get_by_text("loaded mine.json").wait_for()
    # the slider's own label is hidden until it is dragged, and may stand first
    tab.get_by_text("480 ms").first.wait_for(state="attached")
    before = tmp_path / "before.json"
    before.write_text(text)
    tab.locator("input[type=file]:not([multiple])").set_input_files(before)
    tab.get_by_text("loaded before.json").wait_for()
