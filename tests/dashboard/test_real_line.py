"""The page in front of the real server: keys on the line, calls of others."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Page
from real_server import RealServer, real_server_version
from waiting import until

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.sources import ClipSource
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.models.options import CallOption, RecorderOption, VADOption
from rustpbx_lab.models.server_versions import NEWEST, ServerVersion
from rustpbx_lab.speech.vad import VadParams, decide

from .site import SIZE, serving

RECORDINGS = Path(__file__).parent.parent / "recordings"
KEYS = "0123456789*#ABCD"
"""RFC 4733: the event of a key is its place here."""
TELEPHONE_EVENT = 101
RATE = 16_000


def newest_only() -> None:
    if ServerVersion.parse(real_server_version()) < NEWEST:
        pytest.skip(f"needs the real server {NEWEST}")


@contextmanager
def answering_sipp(folder: Path, media_port: int) -> Iterator[int]:
    """Run a SIP peer that answers; its audio goes to a port of ours."""
    if shutil.which("sipp") is None:
        pytest.skip("needs sipp: apt install sip-tester")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    answers = (RECORDINGS / "sipp" / "is_silent.xml").read_text("utf-8")
    scenario = folder / "answers.xml"
    scenario.write_text(answers.replace("[media_port]", str(media_port)), "utf-8")
    process = subprocess.Popen(
        [
            *("sipp", "-sf", str(scenario), "-m", "1", "-nostdin"),
            *("-i", "127.0.0.1", "-p", str(port), "-timeout", "120"),
        ],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(20)


def take_keys(line: socket.socket, presses: dict[bytes, str]) -> str:
    """Return the keys that came so far: packets of one time stamp are one press."""
    line.setblocking(False)
    while True:
        try:
            packet = line.recv(2048)
        except BlockingIOError:
            return "".join(presses.values())
        if packet[1] & 0x7F == TELEPHONE_EVENT:
            presses[packet[4:8]] = KEYS[packet[12]]


@pytest.mark.browser
def test_keys_of_the_page_are_heard_on_the_line(
    chromium: Any, real_server: RealServer, tmp_path: Path
):
    newest_only()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line,
        CallHub(server_version="0.3.113") as hub,
        serving(hub) as site,
    ):
        line.bind(("127.0.0.1", 0))
        with answering_sipp(tmp_path, line.getsockname()[1]) as port:
            option = CallOption(
                callee=f"sip:bob@127.0.0.1:{port}", caller="sip:alice@127.0.0.1"
            )
            call = hub.start(real_server.url, option, call_type="sip")
            until(lambda: call.state == "in call")
            page = Page(chromium.new_page(viewport=SIZE), site.host)
            page.page.goto(site.page_of(call))
            until(page.page.get_by_role("button", name="Keypad").is_enabled)
            page.page.keyboard.press("d")
            page.page.get_by_role("dialog", name="Keypad").wait_for()
            presses: dict[bytes, str] = {}
            page.page.keyboard.type("12#")
            until(lambda: "#" in take_keys(line, presses))
            hub.hang_up(call.id).result(20)
            page.page.close()
            page.check()
            assert take_keys(line, presses) == "12#"


def speech(seconds: float) -> Clip:
    caller = Clip.read_channels(RECORDINGS / "recorded.wav").channel(0).resampled(RATE)
    loud = caller.samples[np.argmax(np.abs(caller.samples) > 500) :]
    return Clip(np.resize(loud, int(RATE * seconds)), RATE)


def heard_call(hub: CallHub, call_id: str) -> HubCall:
    return until(
        lambda: next((call for call in hub.calls if call.id == call_id), None),
        awaited="the tapped call",
    )


def frames_found(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the share of our frames that are in another recording, bit for bit."""
    size = RATE // 50
    text = theirs.astype("<i2").tobytes()
    frames = [ours[at : at + size] for at in range(0, len(ours) - size, size)]
    loud = [frame for frame in frames if np.abs(frame).max() > 100]
    return sum(frame.astype("<i2").tobytes() in text for frame in loud) / len(loud)


def test_a_tapped_call_equals_the_servers_recording(
    real_server: RealServer, tmp_path: Path
):
    newest_only()
    with CallHub() as other, CallHub(server_version="0.3.113") as hub:
        tap = hub.tap(server=real_server.url)
        option = CallOption(
            vad=VADOption(),
            monitor=tap.option,
            recorder=RecorderOption(recorder_file=str(tmp_path / "theirs.wav")),
        )
        ids = [f"s.{number}" for number in range(10)]
        theirs = [
            other.start(
                real_server.url,
                option if number == 0 else option.model_copy(update={"recorder": None}),
                call_id=call_id,
                audio=ClipSource(speech(4)),
            )
            for number, call_id in enumerate(ids)
        ]
        until(lambda: all(call.state == "in call" for call in theirs))
        ours = [heard_call(hub, call_id) for call_id in ids]
        until(lambda: all(call.recording.caller.duration_ms >= 4000 for call in ours))
        for call in theirs:
            other.hang_up(call.id).result(20)
        until(lambda: all(call.is_over for call in ours))
        for call in ours:
            sent = speech(4).samples
            assert np.array_equal(call.recording.caller.samples()[: len(sent)], sent)
            assert "audioLost" not in [record.name for record in call.log]
            assert apart_ms(call) <= 20
        recorded = until(
            lambda: (tmp_path / "theirs.wav").exists() and tmp_path / "theirs.wav"
        )
        caller = Clip.read_channels(recorded).channel(0).resampled(RATE).samples
        assert frames_found(ours[0].recording.caller.samples(), caller) > 0.9


def apart_ms(call: HubCall) -> int:
    """Return how far the first speech of the events is from that of the audio."""
    said = next(record.message for record in call.log if record.name == "speaking")
    params = VadParams.from_option(VADOption())
    found = decide(call.probabilities, params)
    began = call.recording.caller.time_of(found[0].start_time * RATE // 1000)
    return abs(began - said.start_time)
