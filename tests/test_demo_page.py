"""One command to a real call on screen: the demo in a browser, as newcomers see it."""

import json
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jiwer
import pytest
from browser import Page, browser
from waiting import until

from rustpbx_lab import EventLog, events, read_log
from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.models import commands
from rustpbx_lab.models.options import VADOption
from rustpbx_lab.simulator.caller import BargeIn, Say
from rustpbx_lab.speech.replay import replay_vad
from rustpbx_lab.workbench.demo import SCRIPTS

pytestmark = [pytest.mark.browser, pytest.mark.speech, pytest.mark.slow]

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


class Demo:
    """The demo as a process, with the folder it saves its calls to."""

    def __init__(self, port: int, logs: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.host = f"127.0.0.1:{port}"
        self.logs = logs

    def log_of(self, call_id: str) -> EventLog:
        return read_log(self.logs / f"{call_id}.events.jsonl")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    pytest.importorskip("faster_whisper", reason="the local extra is not installed")
    logs = tmp_path_factory.mktemp("logs")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [sys.executable, "-m", "rustpbx_lab.cli", "demo", "--no-browser"]
    with subprocess.Popen(
        [*program, "--port", str(port), "--logs", str(logs)],
        stderr=subprocess.STDOUT,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            running = Demo(port, logs)
            until(lambda: answers(running.url), 150, "the page to be served")
            yield running
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as started:
        yield started


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=120) as response:
            return response.status == 200
    except OSError:
        return False


def drawn(page: Page, words: str) -> list[str]:
    """The tips of the marks on the page's timeline that say ``words``."""
    sources = page.page.evaluate(SOURCES)
    tips = [tip for source in sources for tip in source.get("tip", [])]
    return [tip for tip in tips if words in tip]


def call_ids(demo: Demo) -> list[str]:
    logs = demo.logs.glob("*.events.jsonl")
    by_age = sorted(logs, key=lambda path: path.stat().st_mtime)
    return [path.name.removesuffix(".events.jsonl") for path in by_age]


def opened(chromium: Any, demo: Demo, path: str = "/") -> Page:
    page = Page(chromium.new_page(viewport={"width": 1600, "height": 1000}), demo.host)
    page.page.goto(demo.url + path)
    return page


def test_within_twenty_seconds_a_page_shows_a_whole_exchange(chromium, demo):
    page = opened(chromium, demo)
    try:
        until(lambda: drawn(page, "the server said so at"), 20, "a speaking span")
        until(lambda: drawn(page, ", final, said "), 20, "a final transcript")
        until(lambda: drawn(page, "trackStart "), 20, "a playback span")
        assert page.problems == []
        assert page.foreign == []
    finally:
        page.page.close()


def test_the_servers_spans_are_those_of_a_replay_and_the_words_are_right(demo):
    def first_that_ended() -> str | None:
        ended = [i for i in call_ids(demo) if (demo.logs / f"{i}.caller.wav").exists()]
        return ended[0] if ended else None

    call_id = until(first_that_ended, 90, "the end of a call")
    log = demo.log_of(call_id)
    invite = next(r.message for r in log if r.name == "invite")
    assert isinstance(invite, commands.Invite)
    assert isinstance(invite.option.vad, VADOption)
    clip = Clip.read(demo.logs / f"{call_id}.caller.wav")
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


def next_call(demo: Demo) -> str:
    """The id of the next call that begins, once it is answered."""
    seen = set(call_ids(demo))

    def answered() -> str | None:
        for call_id in set(call_ids(demo)) - seen:
            if "answer" in [r.name for r in demo.log_of(call_id)]:
                return call_id
        return None

    return until(answered, 60, "a new call")


def test_buttons_act_and_a_reload_keeps_the_call(chromium, demo):
    page = opened(chromium, demo, "/live")  # in time: it goes on to each new call
    try:
        call_id = next_call(demo)
        until(lambda: call_id in address(page), 60, "the new call on the page")
        until(lambda: drawn(page, "trackStart "), 30, "the call's sound on the page")
        say(page, "The office closes at noon today, all of the rooms and the garden.")
        tts = row(demo, call_id, "tts", lambda m: m.text.startswith("The office"))
        heard = row(demo, call_id, "trackStart", lambda m: m.play_id == tts.play_id)
        assert heard.track_id == "server-side-track"
        press(page, "Interrupt")
        row(demo, call_id, "interrupt")
        row(demo, call_id, "trackEnd", lambda m: m.play_id == tts.play_id)

        assert demo.log_of(call_id)[-1].name != "closed"
        press(page, "Hang up")
        row(demo, call_id, "hangup")
        row(demo, call_id, "closed")
        page.page.get_by_text("Disconnected").first.wait_for()

        page.page.goto(f"{demo.url}/live?call={call_id}")
        until(lambda: drawn(page, "trackStart "), 60, "the call after a reload")
        assert call_id in address(page)
        assert page.problems == []
        assert page.foreign == []
    finally:
        page.page.close()


def say(page: Page, text: str) -> None:
    page.page.get_by_placeholder("Say to the caller…").fill(text)
    press(page, "Say")


def address(page: Page) -> str:
    """The page's address; Playwright's own copy stands still while Python waits."""
    return str(page.page.evaluate("location.href"))


def press(page: Page, name: str) -> None:
    page.page.locator("button", has_text=re.compile(rf"{name}$")).first.click()


def row(demo: Demo, call_id: str, name: str, fits: Callable[[Any], bool] = bool) -> Any:
    """The message of the row that the saved log will have."""

    def found() -> Any:
        rows = [r for r in demo.log_of(call_id) if r.name == name]
        return next((r.message for r in rows if fits(r.message)), None)

    try:
        return until(found, 60, f"a row {name}")
    except AssertionError as exc:
        exc.add_note(f"the last rows: {[r.name for r in demo.log_of(call_id)][-12:]}")
        raise


def test_the_saved_log_is_json_lines(demo):
    call_id = call_ids(demo)[0]
    lines = (demo.logs / f"{call_id}.events.jsonl").read_text("utf-8").splitlines()
    assert {json.loads(line)["type"] for line in lines} <= {"event", "command", "note"}
