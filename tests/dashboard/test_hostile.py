"""Whatever a call says is text: nothing runs, nothing moves."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from browser import Page, Shared
from waiting import until

from rustpbx_lab.errors import UnreadableFrameError
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.log import EventLog, Record
from rustpbx_lab.models import commands, events, notes

from .conftest import (
    SID,
    T0,
    command,
    conversation,
    ended_call,
    kept_page_of,
    stand_in_site,
)
from .site import Site, show_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]

VECTORS = Path(__file__).parents[1] / "wire" / "vectors.jsonl"
TAKE = "window.taken=1"
TEXTS = {
    "markup": f'<img src=x onerror="{TAKE}"><svg onload="{TAKE}">',
    "script": f"</pre></script><script>{TAKE}</script><!--",
    "markdown": f"[press](javascript:{TAKE}) ![x](http://192.0.2.7/x.png) **b** `c`",
    "formula": f'=cmd()|"{TAKE}"!A1 @SUM(1) +1 -1',
    "template": "{{7*7}} ${7*7} @tip @{x}{safe} $x %s \\n &lt;b&gt; &amp;",
    "direction": "\u202e\u2066right to left\u2069 \u05d0\u05d1\u05d2 \u200f",
    "control": "a\x00b\x07\x1b[31mred\x1b[0m\r\n\t\x7f\u2028\ufeff",
    "surrogate": "half \ud83d a pair \udc00",
    "long": "W" * 10_000,
    "wide": "\u8a9e\U0001f468\u200d\U0001f469\u200d\U0001f467" * 800,
    "marks": "Z" + "\u0336\u0301\u0489" * 400,
}
PLACES = """() => {
  const found = {}
  const walk = (root) => {
    for (const node of root.querySelectorAll('*')) {
      const name = node.getAttribute('aria-label') ?? ''
      if (node.tagName === 'CANVAS' || node.matches('[role=log],[role=listbox],header'))
        (found[node.tagName + name] ??= []).push(
          Object.values(node.getBoundingClientRect().toJSON()).map(Math.round))
      if (node.shadowRoot) walk(node.shadowRoot)
    }
  }
  walk(document)
  return found
}"""
TAKEN = """() => {
  const strange = []
  const walk = (root) => {
    for (const node of root.querySelectorAll('*')) {
      const written = [...node.attributes ?? []].map((a) => a.name + '=' + a.value)
      if (node.matches('img, iframe, object, svg[onload]')
          || written.some((a) => /^(on|href=javascript|src=http)/.test(a)
                                 && a.includes('taken')))
        strange.push(node.outerHTML.slice(0, 200))
      if (node.shadowRoot) walk(node.shadowRoot)
    }
  }
  walk(document)
  return {strange, taken: window.taken ?? null, title: document.title,
          over: document.documentElement.scrollWidth - innerWidth}
}"""


SETTLE = """() => new Promise((done) => {
  const image = new Image()
  image.onerror = () => requestAnimationFrame(() => requestAnimationFrame(done))
  image.src = 'data:,'
})"""
"""Whatever was put in the page before has been loaded, or has failed, and is drawn."""
A_WHILE_DRAWN = """() => {
  window.drawn = (window.drawn ?? 0) + 1
  return window.drawn % 15 === 0
}"""
"""True once in 15 frames that are drawn: a quarter of a second, or more if busy."""


def taken_in(tab: Any) -> dict[str, Any]:
    """Return what the texts of the page have done to it."""
    tab.evaluate(SETTLE)
    return tab.evaluate(TAKEN)


def every_event(text: str) -> list[Record]:
    """Return an event of every name, the text in each of its text fields."""
    records, at_ms = [], 5000
    for line in VECTORS.read_text("utf-8").splitlines():
        vector = json.loads(line)
        fields = vector["json"]
        if vector["kind"] != "event" or not isinstance(fields, dict):
            continue
        at_ms += 50
        taken = {"event": fields["event"], "timestamp": T0 + at_ms}
        for name, value in fields.items():
            hostile = replaced(value, text)
            trial = {**fields, **taken, name: hostile}
            if name not in taken and is_readable(trial):
                taken[name] = hostile
        records.append(logged({**fields, **taken}, T0 + at_ms + 2))
    note = notes.Unreadable(text=json.dumps({"event": text}), error=str(at_ms))
    return [*records, Record.of_note(note, T0 + at_ms + 60)]


def logged(fields: dict[str, Any], received_ms: int) -> Record:
    """Return the record a frame becomes."""
    raw = json.dumps(fields)
    try:
        return Record.of_event(events.parse(raw), raw, received_ms)
    except UnreadableFrameError as exc:
        note = notes.Unreadable(text=raw, error=str(exc))
        return Record.of_note(note, received_ms)


def replaced(value: Any, text: str) -> Any:
    """Return a value with the text for every text in it, names of keys included."""
    match value:
        case str():
            return text
        case list():
            return [replaced(each, text) for each in value]
        case dict():
            return {
                f"{key} {text}": replaced(each, text) for key, each in value.items()
            }
        case _:
            return value


def is_readable(fields: dict[str, Any]) -> bool:
    try:
        events.parse(json.dumps(fields))
    except UnreadableFrameError:
        return False
    return True


def hostile_call(name: str) -> HubCall:
    text = TEXTS[name]
    spoken = text.encode("utf-8", "replace").decode()
    said = [
        command(4000, commands.Tts(text=spoken, play_id=spoken, speaker=spoken)),
        command(4100, commands.History(speaker=spoken, text=spoken)),
    ]
    return ended_call([*conversation(spoken), *said, *every_event(text)], f"s.{name}")


def show(site: Site, tab: Any, call: HubCall) -> None:
    site.keep(call)
    show_in(tab, call)
    tab.get_by_text("Fit", exact=True).first.click()


def places_of(tab: Any) -> dict[str, Any]:
    """Return where things stand once nothing moves any more."""
    seen: list[dict[str, Any]] = [tab.evaluate(PLACES)]

    def is_at_rest() -> bool:
        tab.wait_for_function(A_WHILE_DRAWN)
        seen.append(tab.evaluate(PLACES))
        return seen[-1] == seen[-2]

    until(is_at_rest, awaited="a page at rest")
    return seen[-1]


@pytest.fixture(scope="module")
def places(shared: Shared) -> dict[str, Any]:
    """Where things stand when nobody says anything bad."""
    call = ended_call([*conversation(), *every_event("fine")], "s.harmless")
    tab = kept_page_of(shared).open().page
    show(shared.get(stand_in_site), tab, call)
    found = places_of(tab)
    assert len(found) >= 4
    return found


@pytest.mark.parametrize("name", TEXTS)
def test_text_of_a_call_is_text(
    kept: Page, site: Site, places: dict[str, Any], name: str
):
    tab = kept.page
    show(site, tab, hostile_call(name))
    for row in range(0, 10, 3):
        tab.locator(".row.ev").nth(row).click()
        tab.locator("pre").first.wait_for()
    tab.locator(".row .words").first.click()
    hover(tab)
    look = taken_in(tab)
    assert look["taken"] is None
    assert look["strange"] == []
    assert look["over"] <= 0
    assert look["title"] == f"Disconnected · s.{name} · rustpbx lab"
    assert moved(places_of(tab), places) == {}


def test_an_error_that_comes_is_told_as_text(kept: Page, site: Site):
    tab, call = kept.page, open_call("s.toast")
    show(site, tab, call)
    for number, text in enumerate(TEXTS.values()):
        said = f"no. {number}: {text}"
        fields = {"event": "error", "sender": text, "error": said, "trackId": SID}
        at_ms = round(time.time() * 1000)
        record = logged({**fields, "timestamp": at_ms}, at_ms)
        call.log.append(record)
        if record.name != "error":  # it cannot be read: no error, but a note
            continue
        told = f"the server reported: no. {number}:"
        tab.locator(".w.error", has_text=told).wait_for()
        look = taken_in(tab)
        assert look["strange"] == []
        assert look["over"] <= 0
        assert look["taken"] is None
    call.log.close()


def test_a_log_with_hostile_text_can_be_saved_and_read(tmp_path: Path):
    for name in TEXTS:
        log = hostile_call(name).log
        log.save(tmp_path / "hostile.jsonl")
        assert EventLog.load(tmp_path / "hostile.jsonl") == log


def open_call(call_id: str) -> HubCall:
    now = round(time.time() * 1000)
    call = HubCall(call_id, "ws://127.0.0.1:1", "websocket", None, now, time.monotonic)
    for record in conversation():
        call.log.append(record)
    return call


def hover(tab: Any) -> None:
    """Move over every lane: the tooltips of what lies there come up."""
    boxes = [canvas.bounding_box() for canvas in tab.locator("canvas").all()]
    places = {tuple(box.values()) for box in boxes if box is not None}
    for left, top, width, height in sorted(places):  # a figure has two canvases
        if width < 400:
            continue
        for part in (0.05, 0.3, 0.5, 0.7, 0.9):
            tab.mouse.move(left + part * width, top + height * 0.8)


def moved(now: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Return what does not stand where it stood."""
    return {
        name: (now.get(name), rects)
        for name, rects in before.items()
        if now.get(name) != rects
    }
