from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import numpy as np
import pytest
from client_peer import Peer, a_call
from waiting import LIMIT_S

from rustpbx_lab.audio.clip import level_dbfs
from rustpbx_lab.client import CallSession
from rustpbx_lab.participants.scripted_caller import (
    NOISE_DBFS,
    BargeIn,
    CallerVoice,
    HangUp,
    Pause,
    Say,
    ScriptedCaller,
    Step,
    WaitForBot,
)
from rustpbx_lab.speech.synthesis import ScriptedSynthesiser

START = 1_787_302_461_000
FRAME = 320
LOUD = 300


@asynccontextmanager
async def calling(
    *script: Step,
) -> AsyncIterator[tuple[ScriptedCaller, Peer, CallSession]]:
    caller = ScriptedCaller(script, ScriptedSynthesiser(ms_per_character=20))
    async with a_call() as (call, peer), anyio.create_task_group() as tasks:
        await caller.prepare()
        tasks.start_soon(caller.run, call)
        tasks.start_soon(drain, peer)
        yield caller, peer, call
        tasks.cancel_scope.cancel()


async def drain(peer: Peer) -> None:
    while True:
        await peer.wire.receive()


async def plays(peer: Peer, play_id: str, seconds: float) -> None:
    await peer.says("trackStart", trackId="server-side-track", playId=play_id)
    data = {"playId": play_id, "ttfb": 1, "length": 2, "cached": False}
    await peer.says("metrics", key="completed.tts.x", duration=1, data=data)
    await anyio.sleep(seconds)
    fields = {"trackId": "server-side-track", "duration": 1, "ssrc": 1}
    await peer.says("trackEnd", playId=play_id, **fields)


async def until(claim: Callable[[], bool]) -> None:
    with anyio.fail_after(LIMIT_S):
        while True:
            if claim():
                return
            await anyio.sleep(0.005)


async def until_said(caller: ScriptedCaller, n: int) -> None:
    await until(lambda: len(caller.said) >= n)


def test_the_line_is_never_dead_and_the_same_for_a_seed():
    first, second = CallerVoice(seed=3), CallerVoice(seed=3)
    frames = [first.read(FRAME) for _ in range(100)]
    assert all(np.any(frame) for frame in frames)
    assert all(np.array_equal(frame, second.read(FRAME)) for frame in frames)
    assert level_dbfs(np.concatenate(frames)) == pytest.approx(NOISE_DBFS, abs=1)
    assert not np.array_equal(frames[0], CallerVoice(seed=4).read(FRAME))


@pytest.mark.anyio
async def test_it_sends_twenty_milliseconds_in_real_time_all_the_time():
    began = anyio.current_time()
    async with calling() as (_, __, call):
        await until(lambda: call.recording.caller.duration_ms >= 500)
        sent = call.recording.caller.duration_ms
        # a busy machine may be late, never far ahead
        assert sent <= (anyio.current_time() - began) * 1000 + 140
        assert call.recording.caller.n_samples % FRAME == 0


@pytest.mark.anyio
async def test_a_pause_in_a_sentence_is_as_long_as_it_was_written():
    async with calling(Say("one"), Pause(400), Say("two"), HangUp()) as (
        caller,
        _,
        call,
    ):
        await until_said(caller, 2)
        await until(lambda: any(record.name == "hangup" for record in call.log))
    loud = np.flatnonzero(np.abs(call.recording.caller.samples()) > LOUD)
    gap_ms = int(np.max(np.diff(loud))) / 16
    assert gap_ms == pytest.approx(400, abs=45)  # sentences begin with a frame
    assert caller.said == ["one", "two"]


@pytest.mark.anyio
async def test_it_waits_until_the_bot_has_answered_and_is_quiet():
    async with calling(WaitForBot(), Say("hi"), WaitForBot(), Say("bye")) as (
        caller,
        peer,
        _,
    ):
        await plays(peer, "greeting", 0.2)
        await until_said(caller, 1)
        await anyio.sleep(0.2)
        assert caller.said == ["hi"], "the greeting is no answer to it"
        await plays(peer, "answer", 0.1)
        await until_said(caller, 2)


@pytest.mark.anyio
async def test_it_gives_up_on_a_bot_that_says_nothing():
    async with calling(WaitForBot(timeout_s=0.1), Say("hello?")) as (caller, _, __):
        await until_said(caller, 1)


@pytest.mark.anyio
async def test_it_barges_in_while_the_bot_talks():
    async with calling(BargeIn("stop", after_ms=100)) as (caller, peer, _):
        await anyio.sleep(0.2)
        assert caller.said == []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(plays, peer, "long", 3)
            await until_said(caller, 1)
            tasks.cancel_scope.cancel()


@pytest.mark.anyio
async def test_it_ends_with_the_call():
    caller = ScriptedCaller([Say("a long sentence")], ScriptedSynthesiser())
    async with a_call() as (call, peer):
        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(caller.run, call)
                await until_said(caller, 1)
                await peer.wire.close()


@pytest.mark.speech
def test_a_recogniser_understands_the_caller():
    from rustpbx_lab.speech.recognition import recogniser
    from rustpbx_lab.speech.synthesis import synthesiser

    text = "I would like to book an appointment on Tuesday"
    caller = ScriptedCaller([Say(text)], synthesiser())
    caller._speak_all()
    stream = recogniser().stream()
    said = stream.push(caller._clips[text])
    said += stream.push(np.zeros(16000, np.int16)) + stream.finish()
    words = " ".join(one.text for one in said if one.is_final).lower()
    assert "appointment" in words
    assert "tuesday" in words
