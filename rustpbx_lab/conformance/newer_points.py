"""Points about what came after 0.3.83: keys, renegotiation, the end in a trackEnd."""

from typing import Any

from .bench import Bench, base64_tone
from .points import Between, OneOf, point
from .wire import Wire

ONES = ["trackStart one"] * 2
KEYS_SINCE, ENDS_SINCE = "0.3.100", "0.3.84"
PRESSED = ["trackStart k", "trackStart k", "trackEnd k"]
"""A key: one start of the stream, one of the track itself, and the end."""


async def _press(wire: Wire, digit: str, **keys: Any) -> None:
    await wire.say("dtmf", digit=digit, playId="k", **keys)


async def _pressed(wire: Wire, digit: str) -> list[str]:
    """Press a key and return what was said up to its end."""
    await _press(wire, digit)
    await wire.until_end("k")
    return wire.story()


@point("dtmf: two starts, then the end", "3.17", PRESSED, since=KEYS_SINCE)
async def _(bench: Bench) -> list[str]:
    async with bench.call() as wire:
        return await _pressed(wire, "5")


@point(
    "dtmf: its track is dtmf-track",
    "3.17",
    [["event", "playId", "timestamp", "trackId"], "dtmf-track", "dtmf-track"],
    since=KEYS_SINCE,
)
async def _(bench: Bench) -> list[Any]:
    async with bench.call() as wire:
        await _press(wire, "5")
        end = await wire.until_end("k")
        start = wire.first_event("trackStart")
        return [sorted(start), start["trackId"], end["trackId"]]


def _length_point(asked: int | None, least: int, most: int) -> None:
    shown = "no duration" if asked is None else f"{asked} ms"

    @point(f"dtmf: {shown}", "3.17", Between(least, most), since=KEYS_SINCE)
    async def _(bench: Bench) -> int:
        async with bench.call() as wire:
            await _press(wire, "5", **({} if asked is None else {"durationMs": asked}))
            return int((await wire.until_end("k"))["duration"])


for _asked, _least, _most in (
    (None, 75, 110),
    (45, 36, 60),
    (0, 0, 15),
    (300, 275, 320),
):
    _length_point(_asked, _least, _most)


@point("dtmf before an invite", "3.17", PRESSED, since=KEYS_SINCE)
async def _(bench: Bench) -> list[str]:
    async with bench.connect() as wire:
        return await _pressed(wire, "#")


@point(
    "dtmf: a key replaces the one that sounds",
    "3.17",
    OneOf(
        [*ONES, "trackStart two", "trackStart two", "trackEnd one", "trackEnd two"],
        [*ONES, "trackStart two", "trackEnd one", "trackStart two", "trackEnd two"],
    ),
    since=KEYS_SINCE,
)
async def _(bench: Bench) -> list[str]:
    async with bench.call() as wire:
        await wire.say("dtmf", digit="1", durationMs=5000, playId="one")
        await wire.until("trackStart")
        await wire.say("dtmf", digit="2", playId="two")
        await wire.until_end("two")
        return wire.story()


@point("dtmf: one ssrc for all keys of a call", "3.17", 1, since=KEYS_SINCE)
async def _(bench: Bench) -> int:
    async with bench.call() as wire:
        ends: set[int] = set()
        for play_id in ("one", "two"):
            await wire.say("dtmf", digit="1", playId=play_id)
            ends.add((await wire.until_end(play_id))["ssrc"])
        return len(ends)


@point(
    "dtmf: a key interrupts nothing",
    "3.17",
    [*PRESSED, "trackEnd long"],
    since=KEYS_SINCE,
)
async def _(bench: Bench) -> list[str]:
    async with bench.call() as wire:
        await wire.say("tts", text=base64_tone(900), base64=True, playId="long")
        await wire.until("trackStart")
        wire.mark()
        await _press(wire, "*")
        await wire.until_end("long")
        return wire.story()


def _no_key_point(digit: str) -> None:
    promised = [f"error command: invalid DTMF digit: '{digit}'"]

    @point(f"dtmf: {digit!r} is not a key", "3.17", promised, since=KEYS_SINCE)
    async def _(bench: Bench) -> list[str]:
        async with bench.call() as wire:
            await _press(wire, digit)
            await wire.echo()
            return wire.story()


for _digit in ("x", "+", "E"):
    _no_key_point(_digit)


def _key_point(digit: str) -> None:
    @point(f"dtmf: {digit} is a key", "3.17", PRESSED, since=KEYS_SINCE)
    async def _(bench: Bench) -> list[str]:
        async with bench.call() as wire:
            return await _pressed(wire, digit)


for _digit in "0*#ADad":
    _key_point(_digit)


def _unread_point(name: str, message: dict[str, Any], since: str | None) -> None:
    until = None if since else "0.3.99"

    @point(name, "1.7", [], since=since, until=until)
    async def _(bench: Bench) -> list[str]:
        async with bench.call() as wire:
            await wire.send(message)
            await wire.echo()
            return wire.story()


_KEY: dict[str, Any] = {"command": "dtmf", "digit": "5"}
_unread_point("dtmf: two characters are dropped", {**_KEY, "digit": "12"}, KEYS_SINCE)
_unread_point("dtmf: no character is dropped", {**_KEY, "digit": ""}, KEYS_SINCE)
_unread_point("dtmf: a number is dropped", {**_KEY, "digit": 5}, KEYS_SINCE)
_unread_point(
    "renegotiate: no offer is dropped", {"command": "renegotiate"}, KEYS_SINCE
)
_unread_point("dtmf is dropped", _KEY, None)
_unread_point(
    "renegotiate is dropped", {"command": "renegotiate", "offer": "v=0"}, None
)


@point("renegotiate on /call is an error", "3.18", True, since=KEYS_SINCE)
async def _(bench: Bench) -> bool:
    call_id = bench.new_id()
    async with bench.call(f"id={call_id}") as wire:
        await wire.say("renegotiate", offer="v=0")
        await wire.echo()
        why = f"error command: track {call_id} does not support renegotiation"
        return wire.story() == [why]


@point("renegotiate before an invite is an error", "3.18", True, since=KEYS_SINCE)
async def _(bench: Bench) -> bool:
    call_id = bench.new_id()
    async with bench.connect(f"id={call_id}") as wire:
        await wire.say("renegotiate", offer="v=0")
        await wire.echo()
        return wire.story() == [f"error command: track not found: {call_id}"]


@point("rtpTimeout has no effect on /call", "5.1", [], since=KEYS_SINCE, is_slow=True)
async def _(bench: Bench) -> list[str]:
    async with bench.call(rtpTimeout=1) as wire:
        await wire.say("tts", text=base64_tone(2500), base64=True, playId="long")
        await wire.until_end("long")
        return [name for name in wire.story() if name == "rtpTimeout"]


def _ends(wire: Wire) -> list[str]:
    """Return what each trackEnd says of the end of the call, sorted."""
    return sorted(end.get("autoHangup", "") for end in wire.events("trackEnd"))


@point(
    "trackEnd of an autoHangup says why the call ends",
    "4.6",
    ["", "bySystem"],
    since=ENDS_SINCE,
)
async def _(bench: Bench) -> Any:
    async with bench.call() as wire:
        text = base64_tone(200)
        await wire.say("tts", text=text, base64=True, playId="q", autoHangup=True)
        await wire.close_code()
        return _ends(wire)


@point(
    "trackEnd of a file that ends the call says why",
    "4.6",
    ["", "bySystem"],
    since=ENDS_SINCE,
)
async def _(bench: Bench) -> Any:
    async with bench.call() as wire:
        await wire.say("play", url="/no/such/file.wav", autoHangup=True)
        await wire.close_code()
        return _ends(wire)


@point("trackEnd of an interrupted autoHangup", "4.6", None, since=ENDS_SINCE)
async def _(bench: Bench) -> Any:
    async with bench.call() as wire:
        text = base64_tone(3000)
        await wire.say("tts", text=text, base64=True, playId="q", autoHangup=True)
        await wire.until_audio(5)
        await wire.say("interrupt")
        return (await wire.until_end("q")).get("autoHangup")


@point("trackEnd without autoHangup", "4.6", [None, None], since=ENDS_SINCE)
async def _(bench: Bench) -> list[Any]:
    async with bench.call() as wire:
        ends: list[Any] = []
        for how in ({}, {"autoHangup": False}):
            await wire.say(
                "tts", text=base64_tone(100), base64=True, playId=f"q{len(ends)}", **how
            )
            ends.append((await wire.until_end(f"q{len(ends)}")).get("autoHangup"))
        return ends
