"""Points about SIP and WebRTC that need no other telephone."""

from typing import Any

import anyio

from .bench import TTS, Bench, base64_tone
from .points import Between, Matching, SomeOf, point

SIP, WEBRTC = "/call/sip", "/call/webrtc"
NOBODY = {"callee": "sip:nobody@127.0.0.1:9", "caller": "sip:desk@127.0.0.1"}


def _no_pending(path: str) -> None:
    @point(f"{path}: accept with nothing pending", "3.2", [486, False, 1005])
    async def _(bench: Bench) -> list[Any]:
        async with bench.connect(path=path) as wire:
            await wire.say("accept", option={})
            code = await wire.close_code()
            reject = wire.first_event("reject")
            return [reject.get("code"), "refer" in reject, code]

    @point(f"{path}: reject with nothing pending does nothing", "3.4", [])
    async def _(bench: Bench) -> list[str]:
        async with bench.connect(path=path) as wire:
            await wire.say("reject", reason="busy")
            await wire.echo()
            return wire.story()


for _path in (SIP, WEBRTC):
    _no_pending(_path)


@point(
    "/call/sip: message before any dialog",
    "3.11",
    ["error command: no established SIP dialog found for message command, refer=false"],
)
async def _(bench: Bench) -> list[str]:
    async with bench.connect(path=SIP) as wire:
        await wire.say("message", body="hello")
        await wire.echo()
        return wire.story()


@point(
    "/call/sip: speech before a set-up plays to nobody",
    "3",
    [["trackStart p", "trackEnd p"], 0],
)
async def _(bench: Bench) -> list[Any]:
    async with bench.connect(path=SIP) as wire:
        text = base64_tone(100)
        await wire.say("tts", text=text, base64=True, playId="p", option=TTS)
        await wire.until_end("p")
        return [wire.story(), len(wire.audio)]


@point(
    "/call/sip: a callee that is not an address",
    "3.1",
    [Matching("error invite: .+"), SomeOf(Matching("error command: .+")), 1005],
)
async def _(bench: Bench) -> list[Any]:
    async with bench.connect(path=SIP) as wire:
        await wire.say("invite", option={"callee": ":::"})
        code = await wire.close_code()
        first, *others, _ = wire.story()
        return [first, others, code]


def _unanswered(command: str, **keys: Any) -> None:
    @point(
        f"/call/sip: {command} that nobody answers ends with 408 after 32 s",
        "3.1",
        {
            "at once": "trackStart caller",
            "then": ["reject", f"error {command}"],
            "reason": "408 Request Timeout",
            "others": SomeOf("error command", "trackEnd caller", "hangup"),
            "after": Between(31_000, 34_500),
        },
        is_slow=True,
    )
    async def _(bench: Bench) -> dict[str, Any]:
        async with bench.connect(path=SIP) as wire:
            await wire.say(command, **keys)
            await wire.close_code(timeout=45)
            first, *then = [line.split(":")[0] for line in wire.story()]
            return {
                "at once": first,
                "then": then[:2],
                "reason": wire.first_event("reject")["reason"],
                "others": then[2:-1],
                "after": round(wire.arrivals("close")[0]),
            }


_unanswered("invite", option=NOBODY)
# with nothing pending it becomes an outbound call to nowhere
_unanswered("ringing")


def _kill_point(
    how: str, reason: str, *, since: str | None = None, until: str | None = None
) -> None:
    promised = [SomeOf("trackEnd caller", "hangup"), "close", reason]

    name = f"/call/sip: /kill while it rings, {how}"

    @point(name, "9.2", promised, since=since, until=until)
    async def _(bench: Bench) -> list[Any]:
        return await _killed(bench, reason)


_kill_point("with Some around the reason", "Some(Canceled)", until="0.3.83")
_kill_point("with the plain reason", "Canceled", since="0.3.84")


async def _killed(bench: Bench, usual: str) -> list[Any]:
    call_id = bench.new_id()
    async with bench.connect(f"id={call_id}", SIP) as wire:
        await wire.say("invite", option=NOBODY)
        await wire.until("trackStart")
        await anyio.sleep(0.3)
        wire.mark()
        await bench.http.get(f"/kill/{call_id}")
        await wire.close_code()
        *before, last = wire.story()
        hangup = next(iter(wire.events("hangup")), {"reason": usual})
        return [before, last, hangup["reason"]]


def _bad_offer(name: str, option: dict[str, Any]) -> None:
    promised = Matching("error invite: Failed to setup track: .+")

    @point(f"/call/webrtc: {name}", "3.1", [promised, 1005])
    async def _(bench: Bench) -> list[Any]:
        async with bench.connect(path=WEBRTC) as wire:
            await wire.say("invite", option=option)
            code = await wire.close_code()
            return [wire.story()[0], code]


_bad_offer("invite without an offer", {})
_bad_offer("an offer that is not SDP", {"offer": "hello"})
