"""Record known faults of the real server; see capture.py and docs/server_faults.md.

    RUSTPBX_LAB_REAL_SERVER=…/active-call PYTHONPATH=tests \
        python tests/recordings/capture_faults.py [NAME …]

Each leaves faults/NAME-RELEASE.log.jsonl. The tests of the real server run the same.
"""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
from real_server import RealServer, real_server_version, running_real_server
from recordings.capture import NO_PROVIDER, beep
from sip_phone import SipMessage, SipPhone, sip_phone

from rustpbx_lab import CallSession, connect, events, options
from rustpbx_lab.client.incoming.webhook import IncomingCalls

FOLDER = Path(__file__).parent / "faults"
CONFIG = """
rtp_bind_ip = "127.0.0.1"
accept_timeout = "3s"
"""
"""A refusal that is lost ends in a 408 soon."""
OPTION = options.CallOption(tts=NO_PROVIDER)
GONE_S = 4
"""A call that goes on for so long after its caller has gone does not notice."""


async def keys_out_of_order(server: RealServer, call: CallSession, phone: SipPhone):
    """Two packets of a key overtake each other."""
    await _answered(call, phone)
    for key in "123":
        await phone.press(key, order="swapped")
        await phone.talk(300)


async def keys_also_in_info(server: RealServer, call: CallSession, phone: SipPhone):
    """The phone sends each key as packets and as an INFO request."""
    await _answered(call, phone)
    for key in "123":
        await phone.press(key)
        await phone.press_in_info(key)
        await phone.talk(300)


async def keys_of_one_length(server: RealServer, call: CallSession, phone: SipPhone):
    """Of each key only the packets of its end arrive."""
    await _answered(call, phone)
    for key in "0011":
        await phone.press(key, packets=0)
        await phone.talk(200)


async def whole_keys(server: RealServer, call: CallSession, phone: SipPhone):
    """Keys as they should be."""
    await _answered(call, phone)
    for key in "0011#":
        await phone.press(key)
        await phone.talk(200)


async def gives_up(server: RealServer, call: CallSession, phone: SipPhone):
    """The caller cancels before our first command, which comes later."""
    await phone.cancel()
    await phone.receive(code=487)
    await _until_closed(call, GONE_S)
    if call.close_reason is None:
        await call.ringing()
        await call.wait_for("trackStart", timeout=10)


async def refused_after_ringing(
    server: RealServer, call: CallSession, phone: SipPhone
) -> SipMessage:
    """A call rings and is refused; returns what the caller hears of it."""
    await call.ringing()
    await phone.receive(code=180)
    return await refused(server, call, phone)


async def refused(server: RealServer, call: CallSession, phone: SipPhone) -> SipMessage:
    """A call is refused at once; returns what the caller hears of it."""
    await call.reject("no", code=603)
    while True:
        message = await phone.receive(method="INVITE", any_code=True)
        if message.code is not None and message.code >= 300:
            return message


async def offers_the_same(server: RealServer, call: CallSession, phone: SipPhone):
    """The caller offers what it had twice, then holds and resumes."""
    await _answered(call, phone)
    for direction in ("sendrecv", "sendrecv", "sendonly", "sendrecv"):
        await phone.hold_or_resume(direction)


async def hung_up_in_a_text(server: RealServer, call: CallSession, phone: SipPhone):
    """We hang up while the last words play."""
    await _answered(call, phone)
    said = await call.tts(beep(400), play_id="farewell", base64=True)
    await call.wait_for(events.TrackStart, after=said, timeout=10)
    await call.hangup()


async def hung_up_after_a_text(server: RealServer, call: CallSession, phone: SipPhone):
    """The call ends with the last words."""
    await _answered(call, phone)
    await call.tts(beep(200), play_id="farewell", base64=True, auto_hangup=True)
    await _until_closed(call, 10)


async def _until_closed(call: CallSession, limit_s: float) -> None:
    with anyio.move_on_after(limit_s):
        async for _ in call.log.cursor():
            pass


async def _answered(call: CallSession, phone: SipPhone) -> None:
    await call.ringing()
    await call.accept(OPTION)
    await phone.answered()
    await phone.talk(300)


Scenario = Callable[[RealServer, CallSession, SipPhone], Awaitable[SipMessage | None]]
SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        keys_out_of_order,
        keys_also_in_info,
        keys_of_one_length,
        whole_keys,
        gives_up,
        refused_after_ringing,
        refused,
        offers_the_same,
        hung_up_in_a_text,
        hung_up_after_a_text,
    )
}


async def play(
    name: str, server: RealServer, incoming: IncomingCalls
) -> tuple[CallSession, SipMessage | None]:
    """Run a scenario to its end.

    Returns:
        The call, and the last that the caller's phone was told where that matters.
    """
    async with sip_phone(server.sip_port) as phone:
        await phone.invite()
        with anyio.fail_after(10):
            told = await anext(incoming)
        async with connect(server.url, "sip", id=told.dialog_id) as call:
            last = await SCENARIOS[name](server, call, phone)
            if call.close_reason is None and phone.media is not None:
                await phone.hang_up()
                await _until_closed(call, 5)
    return call, last


async def main(names: list[str]) -> None:
    """Capture the scenarios of these names, or all."""
    FOLDER.mkdir(exist_ok=True)
    release = real_server_version()
    async with IncomingCalls() as incoming:
        with running_real_server(handler=incoming.url, config=CONFIG) as server:
            for name in names or SCENARIOS:
                call, _ = await play(name, server, incoming)
                call.log.save(FOLDER / f"{name}-{release}.log.jsonl")


if __name__ == "__main__":
    anyio.run(main, sys.argv[1:])
