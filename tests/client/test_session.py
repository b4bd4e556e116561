import logging

import anyio
import pytest
from client_peer import a_call

from rustpbx_lab import commands, connect, events, notes, options
from rustpbx_lab.audio.sources import SilenceSource
from rustpbx_lab.client import CallPhase
from rustpbx_lab.errors import (
    CallClosedError,
    CallError,
    CallFailedError,
    CallRejectedError,
    CallTimeoutError,
    InvalidOptionError,
)

pytestmark = pytest.mark.anyio


async def test_every_message_is_logged_in_order():
    async with a_call() as (call, peer):
        for number in range(50):
            await peer.says("custom", data=number)
            if number % 10 == 0:
                await peer.wire.send(b"\x00\x00" * 160)
        seen = []
        async for event in call:
            seen.append(event.data)
            if len(seen) == 50:
                break
    assert seen == list(range(50))
    assert [r.seq for r in call.log] == list(range(len(call.log)))
    assert call.log[-1].name == "closed"


async def test_invite_returns_the_answer_and_names_the_call():
    async with a_call() as (call, peer), anyio.create_task_group() as tasks:
        answers = []

        async def invite() -> None:
            answers.append(await call.invite(options.CallOption(codec="pcmu")))

        tasks.start_soon(invite)
        assert await peer.hears() == {"command": "invite", "option": {"codec": "pcmu"}}
        assert call.phase is CallPhase.INVITING
        await peer.says("ringing", earlyMedia=False, refer=False)
        await peer.says("error", sender="tts", error="not fatal", code=500)
        await peer.says("answer", sdp="", refer=True, trackId="server-side-track")
        await peer.says("answer", sdp="", refer=False)
        with anyio.fail_after(2):
            while not answers:
                await anyio.lowlevel.checkpoint()
        assert isinstance(answers[0], events.Answer)
        assert answers[0].track_id == call.id == "s.1"
        assert call.phase is CallPhase.ANSWERED
        assert call.recording.server.codec == "pcmu"


@pytest.mark.parametrize(
    ("event", "fields", "error", "says"),
    [
        ("reject", {"reason": "486 Busy Here", "code": 486}, CallRejectedError, "Busy"),
        ("error", {"sender": "invite", "error": "bad SDP"}, CallFailedError, "bad SDP"),
        ("error", {"sender": "playbook", "error": "gone"}, CallFailedError, "playbook"),
    ],
)
async def test_a_failed_invite_says_why_and_keeps_the_connection(
    event, fields, error, says
):
    async with a_call() as (call, peer), anyio.create_task_group() as tasks:
        raised = []

        async def invite() -> None:
            try:
                await call.invite(timeout=None)
            except CallError as exc:
                raised.append(exc)

        tasks.start_soon(invite)
        await peer.hears()
        await peer.says(event, **fields)
        with anyio.fail_after(2):
            while not raised:
                await anyio.lowlevel.checkpoint()
        assert isinstance(raised[0], error)
        assert says in str(raised[0])
        await call.custom(1)
        assert await peer.hears() == {"command": "custom", "data": 1}


async def test_an_invite_times_out_and_may_be_tried_for_as_a_timeout_error():
    async with a_call() as (call, _):
        with pytest.raises(TimeoutError, match=r"no answer within 0\.01 s"):
            await call.invite(timeout=0.01)
        with pytest.raises(CallTimeoutError):
            await call.wait_for(events.Speaking, timeout=0.01)


async def test_a_close_during_the_invite_is_said():
    async with a_call() as (call, peer), anyio.create_task_group() as tasks:

        async def invite() -> None:
            with pytest.raises(CallClosedError, match="server closed"):
                await call.invite()

        tasks.start_soon(invite)
        await peer.hears()
        await peer.wire.close()


async def test_the_servers_close_ends_loops_and_is_a_note_not_an_event():
    async with a_call() as (call, peer):
        await peer.says("speaking", startTime=5)
        await peer.wire.close()
        with anyio.fail_after(2):
            names = [event.event async for event in call]
        assert names == ["speaking"]
        closed = call.log[-1].message
        assert isinstance(closed, notes.Closed)
        assert "server" in closed.why
        assert call.phase is CallPhase.CLOSED
        with pytest.raises(CallClosedError):
            await call.pause()
        with pytest.raises(CallClosedError):
            await call.send_audio(b"\0\0")
        with pytest.raises(CallClosedError):
            await call.wait_for("answer")


async def test_leaving_the_block_closes_the_wire_and_ends_the_log():
    async with a_call() as (call, _):
        pass
    assert call.close_reason is not None
    assert call.log.is_closed
    assert call.log[-1].message.code == 1000


async def test_what_the_block_raises_comes_out_as_it_is():
    seen = []

    async def fails() -> None:
        async with a_call() as (call, _):
            seen.append(call)
            call.on("*", lambda event: None)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await fails()
    assert seen[0].log.is_closed


async def test_a_cancelled_block_still_closes():
    with anyio.move_on_after(0.02) as scope:
        async with a_call() as (call, _):
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert call.log[-1].name == "closed"


async def test_a_command_is_a_row_before_its_frame_leaves():
    async with a_call() as (call, peer):
        record = await call.tts("Hello", play_id="p1", auto_hangup=False)
        assert (record.direction, record.name) == ("command", "tts")
        assert call.log[record.seq] == record
        assert await peer.hears() == {
            "command": "tts",
            "text": "Hello",
            "playId": "p1",
            "autoHangup": False,
        }


async def test_wait_for_looks_behind_the_record_it_is_given():
    async with a_call() as (call, peer):
        await peer.says("trackEnd", trackId="t", duration=1, playId="old")
        await call.wait_for(events.TrackEnd, after=None, timeout=2)
        record = await call.play("a.wav", play_id="new")
        await peer.says("trackEnd", trackId="t", duration=2, playId="other")
        await peer.says("trackEnd", trackId="t", duration=3, playId="new")
        end = await call.wait_for(
            events.TrackEnd,
            timeout=2,
            after=record,
            where=lambda event: event.play_id == "new",
        )
        assert end.duration == 3
        again = await call.wait_for("trackEnd", after=record, timeout=2)
        assert again.duration == 2


async def test_handlers_run_in_order_beside_each_other():
    slow, fast = [], []
    release = anyio.Event()
    async with a_call() as (call, peer):

        @call.on(events.Custom)
        async def takes_its_time(event: events.Custom) -> None:
            await release.wait()
            slow.append(event.data)

        call.on("custom", lambda event: fast.append(event.data))
        for number in range(20):
            await peer.says("custom", data=number)
        with anyio.fail_after(2):
            while len(fast) < 20:
                await anyio.lowlevel.checkpoint()
        assert slow == []
        release.set()
    assert fast == slow == list(range(20))


async def test_a_handler_that_raises_is_logged_counted_and_called_again(caplog):
    async with a_call() as (call, peer):

        def broken(event: events.Custom) -> None:
            raise RuntimeError("boom")

        closed = []
        first = await call.pause()
        call.on(events.Custom, broken)
        call.on(notes.HandlerFailed, broken)
        call.on(notes.Closed, closed.append)
        with caplog.at_level(logging.ERROR):
            await peer.says("custom", data=1)
            await peer.says("custom", data=2)
            failed = await call.wait_for(
                notes.HandlerFailed,
                timeout=2,
                after=first,
                where=lambda note: note.count == 2,
            )
    assert "boom" in failed.error
    assert "broken" in failed.handler
    assert len(closed) == 1
    assert '"data":2' in caplog.text
    assert [r.name for r in call.log].count("handlerFailed") == 2


@pytest.mark.slow
async def test_a_handler_that_never_ends_is_given_two_seconds():
    started = anyio.current_time()
    async with a_call() as (call, peer):

        @call.on("custom")
        async def hangs(event: events.Custom) -> None:
            await anyio.sleep_forever()

        await peer.says("custom", data=1)
        await call.wait_for("custom", timeout=2)
    assert 1.5 < anyio.current_time() - started < 6


async def test_frames_nobody_can_read_are_rows_and_the_call_goes_on():
    frames = [
        "\x01garbage" * 8192,
        '{"event":"speaking","trackId":',
        '{"event":"fromTomorrow","x":1}',
        '{"event":"speaking","trackId":"s","timestamp":1,"startTime":"soon"}',
    ]
    async with a_call() as (call, peer):
        for frame in frames:
            await peer.wire.send(frame)
        await peer.says("custom", data="still here")
        await call.wait_for("custom", timeout=5)
    rows = list(call.log)[:5]
    assert [row.name for row in rows] == [
        "unreadable",
        "unreadable",
        "fromTomorrow",
        "unreadable",
        "custom",
    ]
    assert isinstance(rows[2].message, events.UnknownEvent)
    assert "startTime" in rows[3].message.error


async def test_a_secret_sent_is_masked_wherever_it_comes_back():
    secret = "k-7f3a91c2"
    async with a_call() as (call, peer):
        option = options.CallOption(
            asr=options.TranscriptionOption(provider="deepgram", secret_key=secret)
        )
        await call.send(commands.Invite(option=option))
        sent = await peer.hears()
        assert sent["option"]["asr"]["secretKey"] == secret
        await peer.says("error", sender="asr", error=f"denied for {secret}")
        await peer.wire.send(f"garbage {secret}")
        await call.wait_for(notes.Unreadable, timeout=2)
    everything = "".join(f"{r!r}{r.raw}{r.message}" for r in call.log)
    assert secret not in everything
    assert everything.count("***") >= 3


async def test_audio_is_recorded_noted_and_handed_on():
    async with a_call() as (call, peer):
        heard = []

        async def listen() -> None:
            heard.extend([pcm async for pcm in call.audio()])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen)
            await call.send_audio(b"\x01\x00" * 320)
            for _ in range(3):
                await peer.wire.send(b"\x02\x00" * 160)
            await peer.wire.close()
    assert b"".join(heard) == b"\x02\x00" * 480
    assert call.recording.caller.data == b"\x01\x00" * 320
    started = [r.message for r in call.log if r.name == "audioStarted"]
    stopped = [r.message for r in call.log if r.name == "audioStopped"]
    assert {(n.leg, n.sample_rate_hz) for n in started} == {
        ("caller", 16000),
        ("server", 8000),
    }
    assert {(n.leg, n.sample) for n in stopped} == {("caller", 320), ("server", 480)}


async def test_subscribed_audio_is_split_by_its_first_byte():
    async with a_call(call_type="sip") as (call, peer):
        await peer.wire.send(b"\x00" + b"\x05\x00" * 320)
        await peer.wire.send(b"\x01" + b"\x06\x00" * 320)
        await peer.says("custom", data=1)
        await call.wait_for("custom", timeout=2)
    assert call.recording.server.data == b"\x05\x00" * 320
    assert call.recording.server.sample_rate_hz == 16000
    assert call.recording.caller.data == b"\x06\x00" * 320


@pytest.mark.parametrize(
    ("method", "arguments", "frame"),
    [
        ("ringing", {"early_media": True}, {"command": "ringing", "earlyMedia": True}),
        (
            "reject",
            {"reason": "Busy", "code": 486},
            {"command": "reject", "reason": "Busy", "code": 486},
        ),
        ("accept", {}, {"command": "accept", "option": {}}),
        (
            "stream_tts",
            {"text": "Hi", "play_id": "p", "end_of_stream": False},
            {
                "command": "tts",
                "text": "Hi",
                "streaming": True,
                "playId": "p",
                "endOfStream": False,
            },
        ),
        (
            "play",
            {"url": "a.wav", "offset_ms": 5, "wait_input_timeout": 0},
            {
                "command": "play",
                "url": "a.wav",
                "offsetMs": 5,
                "waitInputTimeout": 0,
            },
        ),
        (
            "interrupt",
            {"graceful": True, "fade_out_ms": 20},
            {"command": "interrupt", "graceful": True, "fadeOutMs": 20},
        ),
        ("pause", {}, {"command": "pause"}),
        ("resume", {}, {"command": "resume"}),
        (
            "hangup",
            {"reason": "done", "headers": {"X-A": "1"}, "refer": False},
            {
                "command": "hangup",
                "reason": "done",
                "headers": {"X-A": "1"},
                "refer": False,
            },
        ),
        (
            "refer",
            {
                "caller": "",
                "callee": "sip:b@c",
                "options": options.ReferOption(auto_hangup=False),
            },
            {
                "command": "refer",
                "caller": "",
                "callee": "sip:b@c",
                "options": {"autoHangup": False},
            },
        ),
        ("mute", {"track_id": "s.1"}, {"command": "mute", "trackId": "s.1"}),
        ("unmute", {}, {"command": "unmute"}),
        (
            "history",
            {"speaker": "user", "text": "x"},
            {"command": "history", "speaker": "user", "text": "x"},
        ),
        ("message", {"body": "b"}, {"command": "message", "body": "b"}),
        (
            "bridge",
            {"target_session_id": "t"},
            {"command": "bridge", "targetSessionId": "t"},
        ),
        (
            "unbridge",
            {"target_session_id": "t"},
            {"command": "unbridge", "targetSessionId": "t"},
        ),
        ("custom", {"data": None}, {"command": "custom", "data": None}),
        (
            "add_ice_candidate",
            {"candidate": "c", "sdp_mline_index": 0},
            {"command": "addIceCandidate", "candidate": "c", "sdpMlineIndex": 0},
        ),
    ],
)
async def test_a_method_sends_its_command(method, arguments, frame):
    async with a_call() as (call, peer):
        record = await getattr(call, method)(**arguments)
        sent = await peer.hears()
        sent.pop("sdpMLineIndex", None)
        assert sent == frame
        assert record.name == frame["command"]


def test_every_command_has_a_method():
    from rustpbx_lab.client.call_commands import CallCommands
    from rustpbx_lab.client.session import CallSession

    methods = {name.replace("_", "").lower() for name in dir(CallSession)}
    assert {name.lower() for name in commands.COMMAND_NAMES} <= methods
    assert issubclass(CallSession, CallCommands)


async def answering_badly() -> None:
    raise KeyError("no such order")


async def test_a_bug_in_the_agent_is_a_row_and_the_reason_why_the_call_closed():
    seen = []

    async def fails() -> None:
        async with a_call() as (call, _), anyio.create_task_group() as tasks:
            seen.append(call)
            tasks.start_soon(answering_badly)
            await anyio.sleep_forever()

    with pytest.raises(ExceptionGroup):
        await fails()
    failed, closed = (record.message for record in seen[0].log[-2:])
    assert failed.error == "KeyError: 'no such order'"
    assert "test_session.py" in failed.where
    assert "in answering_badly" in failed.where
    assert closed.why == "we closed the connection: KeyError: 'no such order'"
    assert seen[0].close_reason == closed.why


async def test_a_rejected_call_is_no_bug_of_the_agent():
    seen = []

    async def is_rejected() -> None:
        async with a_call() as (call, _):
            seen.append(call)
            raise CallRejectedError("busy", 486)

    with pytest.raises(CallRejectedError):
        await is_rejected()
    assert [record.name for record in seen[0].log] == ["closed"]
    assert "the call was rejected: busy (SIP 486)" in seen[0].close_reason


async def test_a_secret_in_what_the_agent_raised_is_masked():
    seen = []

    async def fails() -> None:
        async with a_call() as (call, _):
            seen.append(call)
            await call.send(commands.Tts(text="x", option={"secretKey": "s3cret-key"}))
            raise ValueError("401 for s3cret-key")

    with pytest.raises(ValueError, match="401"):
        await fails()
    assert not any("s3cret-key" in record.raw for record in seen[0].log)
    assert seen[0].close_reason == "we closed the connection: ValueError: 401 for ***"


@pytest.mark.parametrize("call_type", ["sip", "webrtc"])
async def test_audio_for_a_call_that_takes_none_is_refused_and_sends_nothing(call_type):
    async with a_call(call_type=call_type) as (call, peer):
        with pytest.raises(InvalidOptionError, match=f"audio on a {call_type} call"):
            await call.send_audio(b"\0\0")
        await call.pause()
        assert (await peer.hears())["command"] == "pause"
    assert not call.recording.caller.n_samples
    with pytest.raises(InvalidOptionError, match=call_type):
        async with connect("ws://127.0.0.1:1", call_type, audio=SilenceSource()):
            pass
