"""Make the pictures of docs/ from the real application, in headless Chromium.

``python docs/screenshots.py [NAME …] [--out docs]``; without names, all of them.
It needs the extra ``local`` and the group ``test``; nothing leaves this host.
"""

import argparse
import io
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from rustpbx_lab.dashboard.app import serve
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.models import events
from rustpbx_lab.models.options import CallOption, TranscriptionOption, VADOption
from rustpbx_lab.participants.demo_scripts import SCRIPTS
from rustpbx_lab.workbench.demo import Demo

HERE = Path(__file__).parent
STEADY = HERE.parent / "benchmarks" / "steady.py"
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE_S = 120


@dataclass(frozen=True)
class Shot:
    """One picture: where it is taken and how large it is."""

    name: str
    query: str = ""
    width: int = 1600
    height: int = 1000
    tap: str | None = None
    """A row of the events table to select, by its text."""
    press: str = ""
    """Keys to press before the picture is taken."""


def save(tab: Any, path: Path) -> None:
    """Take the picture, in its true colours."""
    with Image.open(io.BytesIO(tab.screenshot())) as picture:
        picture.convert("RGB").save(path, optimize=True)


class Studio:
    """A browser, and the pages it photographs."""

    def __init__(self, browser: Browser, out: Path, wanted: set[str]) -> None:
        self._browser = browser
        self._out = out
        self.wanted = wanted

    def shoot(self, url: str, shot: Shot, settle_s: float = 4) -> None:
        """Open a page, let it draw, and keep the picture."""
        if self.wanted and shot.name not in self.wanted:
            return
        size = {"width": shot.width, "height": shot.height}
        tab = self._browser.new_page(viewport=size)
        tab.goto(f"{url}{shot.query}")
        tab.wait_for_selector("canvas", state="attached")
        tab.evaluate("document.fonts.ready")
        tab.wait_for_timeout(settle_s * 1000)
        if shot.tap is not None:
            tab.locator(".row.ev", has_text=shot.tap).first.click()
            tab.wait_for_timeout(800)
        for key in shot.press:
            tab.keyboard.press(key)
            tab.wait_for_timeout(800)
        path = self._out / f"{shot.name}.png"
        save(tab, path)
        tab.close()
        print(f"{path}: {path.stat().st_size // 1000} kB")

    def wants(self, *names: str) -> bool:
        """Whether any of these pictures is asked for."""
        return not self.wanted or bool(self.wanted & set(names))


@contextmanager
def served(hub: CallHub, endpoint: str) -> Iterator[str]:
    """Serve the dashboard while the block lasts; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    thread = serve(hub, port=port, show=False, endpoint=endpoint, threaded=True)
    try:
        yield f"http://127.0.0.1:{port}/live"
    finally:
        thread.stop()


def until(holds: Callable[[], bool], awaited: str) -> None:
    """Wait for something of the call."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"cannot take the picture: no {awaited}")
        time.sleep(0.1)


def count(call: HubCall, kind: type) -> int:
    """Return how many messages of a kind a call has so far."""
    return sum(isinstance(record.message, kind) for record in call.log)


def conversation(studio: Studio) -> None:
    """A call in which the caller interrupts, its end, all calls, and its replay."""
    with (
        TemporaryDirectory() as folder,
        Demo(scripts=SCRIPTS[1:2], pause_s=2, logs=Path(folder)) as demo,
        served(demo.hub, demo.url) as url,
    ):
        until(lambda: bool(demo.hub.calls), "call")
        call = demo.hub.calls[0]
        until(lambda: count(call, events.AsrFinal) >= 2, "second final transcript")
        studio.shoot(url, Shot("live", tap="asrFinal", press="w"))
        studio.shoot(url, Shot("live_dark", "?theme=dark", 1200, 800))
        studio.shoot(url, Shot("live_1200", width=1200, height=900))
        demo.hub.hang_up(call.id)
        until(lambda: call.is_over, "end of the call")
        studio.shoot(url, Shot("disconnected", f"?call={call.id}"))
        if studio.wants("calls", "replay"):
            until(lambda: len(demo.hub.calls) > 1, "next call")
            newest = demo.hub.calls[0]
            until(lambda: count(newest, events.AsrFinal) >= 1, "transcript in it")
            saved = Path(folder) / f"{call.id}.events.jsonl"
            replay = demo.hub.replay(saved, 1.0)
            studio.shoot(url, Shot("calls", "?view=calls"))
            replay.seek(9000)
            studio.shoot(url, Shot("replay", f"?call={quote(replay.id)}"))


def empty(studio: Studio) -> None:
    """A page with no call."""
    with CallHub() as hub, served(hub, "ws://127.0.0.1:8080") as url:
        studio.shoot(url, Shot("empty"))


def busy(studio: Studio) -> None:
    """A call with 500 events a second."""
    program = [sys.executable, str(STEADY), "500"]
    pipe = subprocess.PIPE
    with subprocess.Popen(program, stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdout is not None
        endpoint = f"ws://127.0.0.1:{int(server.stdout.readline())}"
        option = CallOption(
            vad=VADOption(), asr=TranscriptionOption(provider="deepgram")
        )
        with CallHub() as hub, served(hub, endpoint) as url:
            call = hub.start(endpoint, option)
            until(lambda: len(call.log) > 6000, "some seconds of events")
            studio.shoot(url, Shot("busy"))
        server.terminate()


SCENES = {
    conversation: (
        *("live", "live_dark", "live_1200", "disconnected"),
        *("calls", "replay"),
    ),
    empty: ("empty",),
    busy: ("busy",),
}


def main() -> None:
    """Take the pictures that are asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="pictures to take; none: all")
    parser.add_argument("--out", type=Path, default=HERE)
    chosen = parser.parse_args()
    with sync_playwright() as driver:
        path = CHROMIUM if CHROMIUM.exists() else None
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        studio = Studio(browser, chosen.out, set(chosen.names))
        for scene, names in SCENES.items():
            if studio.wants(*names):
                scene(studio)
        browser.close()


if __name__ == "__main__":
    main()
