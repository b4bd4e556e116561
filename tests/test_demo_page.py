"""The demo in a browser: one command to a real call on screen, as newcomers see it.

It needs the speech models and Chromium. ``pytest -m smoke`` watches and steers a call
for half a minute: the test that each Python is given.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jiwer
import pytest
from browser import Page, Shared, browser
from waiting import until

from rustpbx_lab import EventLog, events, read_log
from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.models import commands
from rustpbx_lab.models.options import VADOption
from rustpbx_lab.participants.demo_scripts import SCRIPTS
from rustpbx_lab.participants.scripted_caller import BargeIn, Say
from rustpbx_lab.speech.replay import replay_vad

pytestmark = [
    *(pytest.mark.browser, pytest.mark.speech, pytest.mark.slow),
    pytest.mark.timeout(300),
]

WATCHED_S = 30
"""Of calls that talk; the quiet between two calls is not counted."""
LATE_MS = 3000
"""The page may be that far behind the log, on a machine that does other work."""
START_S = 120
"""The speech models are loaded first."""
CALL_S = 60
CALL = re.compile(r"[?&]call=([^&#]+)")
TIMES = """() => {
  const deep = (root) => [...root.querySelectorAll('*')].flatMap((node) =>
    [node, ...(node.shadowRoot ? deep(node.shadowRoot) : [])])
  return deep(document).filter((node) => node.matches('.row.ev .mono:first-child'))
    .map((node) => node.textContent)
}"""

SOURCES = """() => {
  const found = [];
  for (const doc of Bokeh.documents)
    for (const model of doc._all_models.values())
      if (model.type === "ColumnDataSource") {
        const is_map = model.data instanceof Map;
        const data = is_map ? [...model.data] : Object.entries(model.data);
        found.push(Object.fromEntries(data.map(([k, v]) => [k, Array.from(v)])));
      }
  return found;
}"""
WORDS = jiwer.Compose(
    [
        jiwer.ToLowerCase(),
        jiwer.RemovePunctuation(),
        jiwer.RemoveMultipleSpaces(),
        jiwer.Strip(),
        jiwer.ReduceToListOfListOfWords(),
    ]
)


class RunningDemo:
    """The demo as users start it: where it serves, what it prints and saves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.printed = folder / "printed.txt"
        self.url = ""

    @property
    def output(self) -> str:
        return self.printed.read_text("utf-8", "replace")

    def address(self) -> str | None:
        found = re.search(r"http://127\.0\.0\.1:\d+", self.output)
        return found[0] if found else None

    def log(self, call_id: str) -> EventLog:
        return read_log(self.folder / f"{call_id}.events.jsonl")

    def call_ids(self) -> list[str]:
        """The calls so far, oldest first."""
        logs = self.folder.glob("*.events.jsonl")
        by_age = sorted(logs, key=lambda path: path.stat().st_mtime)
        return [path.name.removesuffix(".events.jsonl") for path in by_age]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    running = RunningDemo(tmp_path_factory.mktemp("demo"))
    program = [sys.executable, "-m", "rustpbx_lab.cli", "demo", "--no-browser"]
    with (
        running.printed.open("wb") as output,
        subprocess.Popen(
            [*program, "--port", "0", "--logs", str(running.folder)],
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            running.url = until(running.address, START_S, "the demo's address")
            yield running
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def page(demo: RunningDemo, shared: Shared) -> Iterator[Page]:
    size = {"width": 1600, "height": 1000}
    opened = Page(shared.get(browser).new_page(viewport=size), demo.url)
    opened.page.goto(demo.url)
    yield opened
    opened.page.close()


class Watch:
    """Compares the events list with the log that the demo saves."""

    def __init__(self, demo: RunningDemo, tab: Any) -> None:
        self._demo, self._tab = demo, tab
        self.talked_s = 0.0
        self.n_rows = 0
        """Rows that came while it was watched."""
        self.worst_ms = 0.0
        """How old a row was, at most, when the page did not have it yet."""
        self._seen_s: float | None = None
        self._newest: tuple[str, float] = ("", 0.0)

    def look(self) -> None:
        """Take one look; fail if the page is late."""
        now_s, call_id = time.monotonic(), self.call_id()
        times = [_ms(text) for text in self._tab.evaluate(TIMES)]
        newest_ms = max(times, default=0.0)
        log = self._demo.log(call_id) if call_id else None
        is_over = log is None or any(record.name == "closed" for record in log)
        if log is not None and not is_over:
            if self._seen_s is not None:
                self.talked_s += now_s - self._seen_s
            self.n_rows += (call_id, newest_ms) != self._newest
            self._check(log, newest_ms)
            self._newest = (call_id or "", newest_ms)
        self._seen_s = None if is_over else now_s

    def _check(self, log: EventLog, newest_ms: float) -> None:
        now_ms = time.time() * 1000
        for record in log:
            # partial results share the row of their first
            if record.name == "asrDelta" or record.time_ms is None:
                continue
            if record.time_ms > newest_ms + 1:
                late_ms = now_ms - record.received_ms
                self.worst_ms = max(self.worst_ms, late_ms)
                assert late_ms < LATE_MS, (
                    f"{record.name} was {late_ms:.0f} ms old and not in the page"
                )

    def has_caught_up(self) -> bool:
        """Whether the page has what the log had two seconds ago."""
        call_id = self.call_id()
        if call_id is None:
            return False
        newest_ms = max(map(_ms, self._tab.evaluate(TIMES)), default=-1.0)
        past_ms = time.time() * 1000 - 2000
        known = [
            record.time_ms or 0
            for record in self._demo.log(call_id)
            if record.name != "asrDelta" and (record.received_ms or 0) < past_ms
        ]
        return newest_ms >= max(known, default=0)

    def call_id(self) -> str | None:
        """Return the call that the page shows."""
        # asked for: what Playwright knows of it waits for its events
        found = CALL.search(self._tab.evaluate("location.href"))
        return found[1] if found else None


def _ms(text: str) -> float:
    """Return a call time such as ``00:02.120`` in milliseconds."""
    minutes, _, seconds = text.rpartition(":")
    return (int(minutes or 0) * 60 + float(seconds)) * 1000


def drawn(page: Page, words: str) -> list[str]:
    """The tips of the marks on the page's timeline that say ``words``."""
    sources = page.page.evaluate(SOURCES)
    tips = [tip for source in sources for tip in source.get("tip", [])]
    return [tip for tip in tips if words in tip]


def test_within_twenty_seconds_a_page_shows_a_whole_exchange(
    demo: RunningDemo, page: Page
):
    until(lambda: drawn(page, "the server said so at"), 20, "a speaking span")
    until(lambda: drawn(page, ", final, said "), 20, "a final transcript")
    until(lambda: drawn(page, "trackStart "), 20, "a playback span")
    page.check()


@pytest.mark.smoke
def test_the_page_keeps_up_with_the_call(demo: RunningDemo, page: Page):
    tab = page.page
    tab.locator(".row.ev", has_text="answer").first.wait_for(timeout=CALL_S * 1000)
    watch = Watch(demo, tab)
    # what a page shows first is what there was when it was made, seconds ago
    until(watch.has_caught_up, 20, "the page to have caught up with its call")

    def is_watched() -> bool:
        watch.look()
        return watch.talked_s >= WATCHED_S

    until(is_watched, 4 * WATCHED_S, f"calls that talk for {WATCHED_S} s")
    print(  # noqa: T201
        f"{watch.n_rows} rows in {watch.talked_s:.0f} s of talk; "
        f"the page was {watch.worst_ms:.0f} ms late at most"
    )
    assert watch.n_rows >= 10
    page.check()


@pytest.mark.smoke
def test_say_and_interrupt_reach_the_call(demo: RunningDemo, page: Page):
    tab, watch = page.page, Watch(demo, page.page)

    def new_call() -> str | None:
        call_id = watch.call_id()
        names = [record.name for record in demo.log(call_id)] if call_id else []
        return call_id if "answer" in names and "closed" not in names else None

    call_id = until(new_call, CALL_S, "a call that talks")
    tab.get_by_placeholder("Say to the caller…").fill("The office closes at noon.")
    press(tab, "Say")
    said = until(lambda: sent(demo, call_id, "tts", "closes at noon"), awaited="a tts")
    press(tab, "Interrupt")
    until(lambda: sent(demo, call_id, "interrupt"), awaited="an interrupt")
    ended = [r.play_id for r in messages(demo, call_id, "trackEnd")]
    until(
        lambda: (
            said.play_id
            in ended + [m.play_id for m in messages(demo, call_id, "trackEnd")]
        ),
        awaited="the end of what was said",
    )
    page.check()


def test_hang_up_ends_a_call_which_stays_readable(demo: RunningDemo, page: Page):
    tab = page.page
    # the button waits for a call that talks; that may be the next
    press(tab, "Hang up")
    call_id = until(
        lambda: next((i for i in demo.call_ids() if sent(demo, i, "hangup")), None),
        CALL_S,
        "a hangup",
    )
    until(lambda: messages(demo, call_id, "closed"), awaited="the end of the call")
    tab.goto(f"{demo.url}/live?call={call_id}")
    tab.get_by_text("Disconnected").first.wait_for()
    until(lambda: drawn(page, "trackStart "), CALL_S, "the call after a reload")
    assert call_id in tab.evaluate("location.href")
    page.check()


def test_the_saved_log_is_json_lines(demo: RunningDemo):
    (path, *_) = sorted(demo.folder.glob("*.events.jsonl"))
    lines = path.read_text("utf-8").splitlines()
    assert {json.loads(line)["type"] for line in lines} <= {"event", "command", "note"}


def test_the_servers_spans_are_those_of_a_replay_and_the_words_are_right(
    demo: RunningDemo,
):
    def first_that_ended() -> str | None:
        ended = (
            call_id
            for call_id in demo.call_ids()
            if (demo.folder / f"{call_id}.caller.wav").exists()
        )
        return next(ended, None)

    call_id = until(first_that_ended, 90, "the end of a call")
    log = demo.log(call_id)
    invite = next(r.message for r in log if r.name == "invite")
    assert isinstance(invite, commands.Invite)
    assert isinstance(invite.option.vad, VADOption)
    clip = Clip.read(demo.folder / f"{call_id}.caller.wav")
    assert clip.sample_rate_hz == 16000
    replay = replay_vad(clip, invite.option.vad)
    server = [r.message for r in log if r.name in ("speaking", "silence")]
    first = server[0].start_time
    said = [
        (e.event, e.start_time - first, getattr(e, "duration", None)) for e in server
    ]
    ours = [
        (e.event, e.start_time - replay.events[0].start_time, e.duration)
        for e in replay.events
    ]
    # a call may end before the server has heard the last of what was recorded
    assert said == ours[: len(said)]
    assert len(said) >= 4
    finals = [r.message.text for r in log if isinstance(r.message, events.AsrFinal)]
    texts = [
        " ".join(step.text for step in script if isinstance(step, Say | BargeIn))
        for script in SCRIPTS
    ]
    rates = [jiwer.wer(text, " ".join(finals), WORDS, WORDS) for text in texts]
    assert min(rates) <= 0.2


@pytest.mark.smoke
def test_the_server_printed_no_traceback(demo: RunningDemo):
    output = demo.output
    assert "Traceback" not in output, output[-4000:]
    assert "ERROR" not in output, output[-4000:]


def messages(demo: RunningDemo, call_id: str, name: str) -> list[Any]:
    return [record.message for record in demo.log(call_id) if record.name == name]


def sent(demo: RunningDemo, call_id: str, name: str, text: str = "") -> Any:
    """Return the command of that name which the log has, if it has one."""
    found = messages(demo, call_id, name)
    return next((one for one in found if text in str(one.to_wire())), None)


def press(tab: Any, name: str) -> None:
    tab.locator("button:visible", has_text=re.compile(rf"{name}$")).last.click()
