"""Record SIP sessions of the real server with sipp; see capture.py.

    RUSTPBX_LAB_REAL_SERVER=…/active-call PYTHONPATH=tests \
        python tests/recordings/capture_sip.py [NAME …]

``sip_keys`` needs a server since 0.3.100. sipp is in Debian's package sip-tester.
"""

import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import soundfile
from real_server import RealServer, running_real_server
from recordings.capture import HERE, NO_PROVIDER, SILERO, beep, caller_audio, keep

from rustpbx_lab import CallSession, connect, errors, notes, options
from rustpbx_lab.client.incoming.webhook import IncomingCalls, accept_call
from rustpbx_lab.log import EventLog

SCENARIOS = HERE / "sipp"
SPEECH: list[str | int] = [500, "sense_0930.flac", 500]
SESSIONS: dict[str, tuple[str, list[str | int]]] = {
    "sip_inbound": ("calls.xml", SPEECH),
    "sip_busy": ("is_busy.xml", []),
    "sip_outbound": ("answers.xml", []),
    "sip_keys": ("is_silent.xml", []),
    "sip_transfer_request": ("refers.xml", []),
}
"""Name → what the other side does, and what it says."""


@contextmanager
def sipp(scenario: str, *target: str) -> Iterator[int]:
    """Run a scenario; gives the port it is on."""
    ours = free_port()
    with tempfile.TemporaryDirectory() as folder:
        clip = caller_audio(SPEECH).resampled(8000)
        soundfile.write(Path(folder, "speech.wav"), clip.samples, 8000, subtype="ULAW")
        command = [
            *("sipp", "-sf", str(SCENARIOS / scenario), "-m", "1", "-nostdin"),
            *("-i", "127.0.0.1", "-p", str(ours), "-mi", "127.0.0.1"),
            *("-timeout", "20", *target),
        ]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as other:
            try:
                yield ours
                assert other.wait(10) == 0
            finally:
                other.terminate()


def free_port() -> int:
    """Return a UDP port nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


async def inbound(server: RealServer, incoming: IncomingCalls) -> CallSession:
    """Accept a call that speaks, presses a key and hangs up."""
    with sipp("calls.xml", server.sip_address):
        call = await anext(incoming)
        async with accept_call(
            server.url, call, options.CallOption(vad=SILERO, tts=NO_PROVIDER)
        ) as session:
            await session.tts(beep(300), play_id="beep", base64=True)
            await session.wait_for(notes.Closed, timeout=20)
    return session


async def outbound(server: RealServer, scenario: str, name: str) -> CallSession:
    """Call somebody who does what the scenario says."""
    with sipp(scenario) as port:
        await anyio.sleep(1)  # it says nothing when it listens
        async with connect(server.url, "sip", id=f"capture-{name}") as session:
            option = options.CallOption(
                caller="sip:desk@127.0.0.1", callee=f"sip:bob@127.0.0.1:{port}"
            )
            with suppress(errors.CallRejectedError):  # to be refused is the session
                await session.invite(option, timeout=10)
            await until_closed(session.log)
    return session


async def keys(server: RealServer) -> CallSession:
    """Press keys in a call to somebody who is silent; a playback ends it."""
    with sipp("is_silent.xml") as port:
        await anyio.sleep(1)  # it says nothing when it listens
        async with connect(server.url, "sip", id="capture-sip_keys") as session:
            option = options.CallOption(
                caller="sip:desk@127.0.0.1",
                callee=f"sip:bob@127.0.0.1:{port}",
                rtp_timeout=1,
                tts=NO_PROVIDER,
            )
            await session.invite(option, timeout=10)
            await session.wait_for("rtpTimeout", timeout=10)
            await session.press("5#")
            await session.tts(
                beep(300), play_id="farewell", base64=True, auto_hangup=True
            )
            await until_closed(session.log)
    return session


async def transfer_request(server: RealServer) -> CallSession:
    """Call someone who asks for a transfer, with headers of its own."""
    with sipp("refers.xml") as port:
        await anyio.sleep(1)  # it says nothing when it listens
        async with connect(
            server.url, "sip", id="capture-sip_transfer_request"
        ) as session:
            option = options.CallOption(
                caller="sip:desk@127.0.0.1", callee=f"sip:bob@127.0.0.1:{port}"
            )
            await session.invite(option, timeout=10)
            await session.wait_for("transferRequest", timeout=10)
            await session.hangup()
            await until_closed(session.log)
    return session


async def until_closed(log: EventLog) -> None:
    """Wait for the end of a call."""
    with anyio.fail_after(20):
        async for _ in log.cursor():
            pass


async def main(names: list[str]) -> None:
    """Capture the sessions of these names, or all."""
    assert shutil.which("sipp"), "needs sipp: apt install sip-tester"
    async with IncomingCalls() as incoming:
        with running_real_server(handler=incoming.url) as server:
            made: dict[str, Callable[[], Any]] = {
                "sip_inbound": lambda: inbound(server, incoming),
                "sip_busy": lambda: outbound(server, "is_busy.xml", "sip_busy"),
                "sip_outbound": lambda: outbound(server, "answers.xml", "sip_outbound"),
                "sip_keys": lambda: keys(server),
                "sip_transfer_request": lambda: transfer_request(server),
            }
            for name in names or made:
                session = await made[name]()
                scenario, parts = SESSIONS[name]
                says = f"SIP: the other side {scenario.partition('.')[0]} (sipp)"
                script = "tests/recordings/capture_sip.py"
                await keep(name, session, server, says, f"{script} {name}", parts)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1:])
