"""Points about commands: malformed ones, set-up, order, errors."""

from collections.abc import Sequence
from typing import Any

from .bench import TTS, Bench, base64_tone, frames, tone
from .points import Between, OneOf, point
from .wire import MissingError, Wire

# ---------------------------------------------------------------------- malformed

DROPPED = {
    "no JSON": "hello {",
    "an empty text": "",
    "JSON that is not an object": "[1, 2]",
    "an unknown command": '{"command":"dance"}',
    "no command at all": '{"option":{}}',
    "a missing key": '{"command":"history","speaker":"me"}',
    "a fraction where a whole number is due": (
        '{"command":"play","url":"x","offsetMs":5.0}'
    ),
    "a negative number": '{"command":"play","url":"x","offsetMs":-5}',
    "a number where a text is due": '{"command":"history","speaker":"a","text":5}',
    "null where an option is due": '{"command":"invite","option":null}',
    "a key given twice": (
        '{"command":"history","speaker":"a","speaker":"b","text":"c"}'
    ),
    "a key and its alias": (
        '{"command":"invite","option":{"asr":{"secretKey":"a","apiKey":"b"}}}'
    ),
    "handshakeTimeout as a text": (
        '{"command":"invite","option":{"handshakeTimeout":"30"}}'
    ),
    "null for a recorder's file": (
        '{"command":"invite","option":{"recorder":{"recorderFile":null}}}'
    ),
    "null for a vad's padding": (
        '{"command":"invite","option":{"vad":{"type":"silero","speechPadding":null}}}'
    ),
    "an unknown format of a recorder": (
        '{"command":"invite","option":{"recorder":{"format":"mp3"}}}'
    ),
    "message with its text called text": '{"command":"message","text":"hi"}',
}


def _dropped_point(name: str, text: str) -> None:
    @point(f"dropped: {name}", "1.7", [])
    async def _(bench: Bench) -> list[str]:
        async with bench.connect() as wire:
            await wire.send(text)
            await wire.echo()
            return wire.story()


for _name, _text in DROPPED.items():
    _dropped_point(_name, _text)


@point("unknown extra keys are ignored", "1.7", ["addHistory"])
async def _(bench: Bench) -> list[str]:
    async with bench.connect() as wire:
        await wire.say("history", speaker="a", text="b", mood="good")
        await wire.echo()
        return wire.story()


# ---------------------------------------------------------------------- set-up


@point(
    "invite: the track starts, then the answer", "3.1", ["trackStart caller", "answer"]
)
async def _(bench: Bench) -> list[str]:
    async with bench.connect() as wire:
        await wire.say("invite", option={})
        await wire.until("answer")
        return wire.story()


@point(
    "invite: keys of the answer, in order",
    "6.1",
    {"event": "answer", "sdp": "", "refer": False, "keys": 5},
)
async def _(bench: Bench) -> dict[str, Any]:
    async with bench.connect() as wire:
        await wire.say("invite", option={})
        answer = await wire.until("answer")
        keys = list(answer)
        assert keys[0] == "event"
        return {k: answer[k] for k in ("event", "sdp", "refer")} | {"keys": len(keys)}


INVITE: dict[str, Any] = {"command": "invite", "option": {}}
NO_TRACK = "error invite: no track created for caller"


@point(
    "a second invite ends the call",
    "3.1",
    [NO_TRACK, 1005],
)
async def _(bench: Bench) -> Any:
    async with bench.call() as wire:
        await wire.send(INVITE)
        code = await wire.close_code()
        return [wire.story()[0], code]


@point(
    "accept with nothing pending",
    "3.2",
    [["reject", "no pending call", 486, False], 1005],
)
async def _(bench: Bench) -> Any:
    async with bench.connect() as wire:
        await wire.say("accept", option={})
        code = await wire.close_code()
        reject = wire.first_event("reject")
        seen = [
            reject["event"],
            reject["reason"],
            reject.get("code"),
            "refer" in reject,
        ]
        return [seen, code]


@point("ringing sets a websocket call up", "3.3", ["trackStart caller", "answer"])
async def _(bench: Bench) -> list[str]:
    async with bench.connect() as wire:
        await wire.say("ringing")
        await wire.until("answer")
        return wire.story()


@point(
    "a ringtone on a websocket call is ignored", "3.3", ["trackStart caller", "answer"]
)
async def _(bench: Bench) -> list[str]:
    url = bench.media.put("ring.wav", tone(200))
    async with bench.connect() as wire:
        await wire.say("ringing", ringtone=url)
        await wire.until("answer")
        await wire.echo()
        return wire.story()


@point("reject with nothing pending does nothing", "3.4", [])
async def _(bench: Bench) -> list[str]:
    return await _story(bench, {"command": "reject", "reason": "busy"})


# ---------------------------------------------------------------------- one each


async def _story(bench: Bench, *commands: dict[str, Any], **option: Any) -> list[str]:
    async with bench.call(**option) as wire:
        await wire.send(*commands)
        await wire.echo()
        return wire.story()


def _story_point(
    name: str, section: str, promised: Sequence[str], *commands: dict[str, Any]
) -> None:
    @point(name, section, promised)
    async def _(bench: Bench) -> list[str]:
        return await _story(bench, *commands)


_story_point("interrupt with nothing playing", "3.7", [], {"command": "interrupt"})
_story_point(
    "pause before anything played",
    "3.8",
    ["error command: track not found: server-side-track"],
    {"command": "pause"},
)
_story_point(
    "resume before anything played",
    "3.8",
    ["error command: track not found: server-side-track"],
    {"command": "resume"},
)
_story_point(
    "hangup of a leg that was never there",
    "3.9",
    [],
    {"command": "hangup", "refer": True},
)
_story_point(
    "message on a websocket call",
    "3.11",
    ["error command: message command is only supported for SIP calls"],
    {"command": "message", "body": "hi"},
)
_story_point(
    "bridge to nobody",
    "3.12",
    ["error command: bridge target session not found: nobody"],
    {"command": "bridge", "targetSessionId": "nobody"},
)
_story_point(
    "unbridge from nobody", "3.12", [], {"command": "unbridge", "targetSessionId": "x"}
)
_story_point(
    "mute of an unknown track", "3.13", [], {"command": "mute", "trackId": "nobody"}
)
_story_point(
    "an ICE candidate on a websocket call",
    "3.16",
    [],
    {
        "command": "addIceCandidate",
        "candidate": "candidate:1 1 UDP 1 127.0.0.1 9 typ host",
    },
)


@point("tts without any tts option", "3.5", ["error command: no tts option available"])
async def _(bench: Bench) -> list[str]:
    async with bench.connect() as wire:
        await wire.send(INVITE)
        await wire.until("answer")
        wire.mark()
        await wire.say("tts", text="hi")
        await wire.until("error")
        await wire.echo()
        return wire.story()


@point(
    "tts with an unknown provider",
    "3.5",
    ["error command: TTS type not found: voiceapi"],
)
async def _(bench: Bench) -> list[str]:
    option = {"provider": "voiceapi"}
    return await _story(bench, {"command": "tts", "text": "hi"}, tts=option)


@point("tts with no provider", "3.5", ["error command: TTS type not found: None"])
async def _(bench: Bench) -> list[str]:
    return await _story(bench, {"command": "tts", "text": "hi"}, tts={})


@point("bridge to itself", "3.12", ["error command: cannot bridge a call to itself"])
async def _(bench: Bench) -> list[str]:
    call_id = bench.new_id()
    async with bench.call(f"id={call_id}") as wire:
        await wire.say("bridge", targetSessionId=call_id)
        await wire.echo()
        return wire.story()


@point("bridge: a track on both sides", "3.12", [["a:to:b"], ["b:to:a"]])
async def _(bench: Bench) -> Any:
    a_id, b_id = bench.new_id(), bench.new_id()

    async def started(wire: Wire) -> list[str]:
        await wire.until("trackStart")
        tracks = [event["trackId"] for event in wire.events("trackStart")]
        return [
            track.replace("bridge:", "").replace(a_id, "a").replace(b_id, "b")
            for track in tracks
        ]

    async with bench.call(f"id={a_id}") as a, bench.call(f"id={b_id}") as b:
        await a.say("bridge", targetSessionId=b_id)
        return [await started(a), await started(b)]


@point("bridge before any invite", "3.12", ["trackStart", "trackStart"])
async def _(bench: Bench) -> list[str]:
    b_id = bench.new_id()
    async with bench.connect() as a, bench.connect(f"id={b_id}") as b:
        await b.echo()
        await a.say("bridge", targetSessionId=b_id)
        await a.until("trackStart")
        await b.until("trackStart")
        return [seen["event"] for seen in [*a.events(), *b.events()]]


@point("bridge: one hears the other, not itself", "3.12", [0, Between(15, 25)])
async def _(bench: Bench) -> list[int]:
    b_id = bench.new_id()
    async with bench.call() as a, bench.call(f"id={b_id}") as b:
        await a.say("bridge", targetSessionId=b_id)
        await b.until("trackStart")
        for message in frames(tone(400)):
            await a.send(message)
        await b.until_audio(15)
        await b.echo()
        return [len(a.audio), len(b.audio)]


@point(
    "keys of a command error, in order",
    "6.4",
    ["event", "trackId", "timestamp", "sender", "error"],
)
async def _(bench: Bench) -> list[str]:
    async with bench.call() as wire:
        await wire.say("pause")
        return list(await wire.until("error"))


@point("history comes back with the session as sender", "3.14", ["user", "hello", True])
async def _(bench: Bench) -> Any:
    call_id = bench.new_id()
    async with bench.connect(f"id={call_id}") as wire:
        await wire.say("history", speaker="user", text="hello")
        said = await wire.until("addHistory")
        return [said["speaker"], said["text"], said["sender"] == call_id]


@point("custom comes back as it is", "3.15", [{"é": [1, None, 0.5]}, "me"])
async def _(bench: Bench) -> Any:
    async with bench.connect() as wire:
        await wire.say("custom", data={"é": [1, None, 0.5]}, sender="me")
        said = await wire.until("custom")
        return [said["data"], said["sender"]]


@point(
    "custom with null and no sender",
    "3.15",
    {"keys": ["event", "timestamp", "data"], "data": None},
)
async def _(bench: Bench) -> Any:
    async with bench.connect() as wire:
        await wire.say("custom", data=None)
        said = await wire.until("custom")
        return {"keys": list(said), "data": said["data"]}


# ---------------------------------------------------------------------- the queue


@point("commands keep their order", "1.8", list(range(20)))
async def _(bench: Bench) -> list[int]:
    async with bench.connect() as wire:
        await wire.send(*({"command": "custom", "data": n} for n in range(20)))
        await wire.until("custom", lambda event: event["data"] == 19)
        return [event["data"] for event in wire.events("custom")]


@point("100 commands in a burst", "1.8", OneOf("all done", "the call ended"))
async def _(bench: Bench) -> str:
    async with bench.connect() as wire:
        await wire.send(*({"command": "custom", "data": n} for n in range(100)))
        try:
            await wire.until("custom", lambda event: event["data"] == 99, timeout=3)
        except MissingError:
            await wire.close_code(timeout=3)
            return "the call ended"
        return "all done"


@point(
    "speech before invite plays to nobody",
    "3",
    [["trackStart p", "trackEnd p"], 0],
)
async def _(bench: Bench) -> Any:
    async with bench.connect() as wire:
        text = base64_tone(200)
        await wire.say("tts", text=text, base64=True, playId="p", option=TTS)
        await wire.until_end("p")
        return [wire.story(), len(wire.audio)]
