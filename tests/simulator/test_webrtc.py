"""WebRTC calls between our peer and the stand-in, over the loopback."""

import json
import subprocess
import sys
from contextlib import ExitStack

import anyio
import numpy as np
import pytest
from anyio import to_thread
from simulator.call_bench import SST, TTS, CallBench, base64_tone, tone

from rustpbx_lab import connect, events, notes, options
from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.sources import ClipSource
from rustpbx_lab.client.media.webrtc import webrtc_peer
from rustpbx_lab.errors import CallFailedError
from rustpbx_lab.simulator import StandIn
from rustpbx_lab.simulator.call.webrtc_call import WebRtcCall

pytest.importorskip("aiortc")
pytestmark = pytest.mark.anyio
on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])


@pytest.fixture(scope="module")
def server():
    with StandIn(asr="scripted", tts="scripted").in_thread() as running:
        yield running


def pitch_hz(samples, rate=16000):
    """The strongest frequency."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return np.argmax(spectrum) * rate / len(samples)


@on_asyncio
async def test_audio_flows_both_ways_and_is_tapped(server):
    source = ClipSource(Clip(tone(3000), 16000))
    option = options.CallOption(
        tts=options.SynthesisOption(**TTS),
        vad=options.VADOption(type="nop"),
        subscribe=True,
    )
    async with (
        connect(server.url, call_type="webrtc", id="rtc") as call,
        webrtc_peer(call, source, loopback=True) as peer,
    ):
        answer = await peer.invite(option)
        assert "a=ice-ufrag" in answer.sdp
        await call.wait_for(events.Speaking, timeout=10, after=call.log[0])
        sent = await call.tts(base64_tone(1000), base64=True, play_id="p")
        await call.wait_for(events.TrackEnd, timeout=5, after=sent)
        names = [r.name for r in call.log if r.direction == "event"]
        assert names[:2] == ["trackStart", "answer"]
        assert "mediaReady" not in names
        assert "127.0.0.1" in answer.sdp
        assert call.recording.caller.n_samples % 320 == 0
        caller = call.recording.caller.samples()
        server_leg = call.recording.server.samples()
    assert pitch_hz(caller[-8000:]) == pytest.approx(440, abs=4)
    assert len(server_leg) == 16000  # the header byte names the side
    assert pitch_hz(server_leg) == pytest.approx(440, abs=4)


@on_asyncio
async def test_a_running_call_is_negotiated_anew():
    newest = StandIn(asr="scripted", tts="scripted", server_version="0.3.113")
    option = options.CallOption(tts=options.SynthesisOption(**TTS))
    with newest.in_thread() as server:
        async with (
            connect(server.url, call_type="webrtc") as call,
            webrtc_peer(call, loopback=True) as peer,
        ):
            first = await peer.invite(option)
            again = await peer.renegotiate(timeout=10)
            assert again.timestamp >= first.timestamp
            assert "a=ice-ufrag" in again.sdp
            sent = await call.tts(base64_tone(500), base64=True, play_id="p")
            await call.wait_for(events.TrackEnd, timeout=5, after=sent)
            assert peer.state == "connected"
            sent = await call.renegotiate("v=0")
            error = await call.wait_for(events.Error, timeout=5, after=sent)
            assert error.sender == "command"
            assert peer.state == "connected", "a bad offer changes nothing"


@on_asyncio
async def test_without_subscribe_the_peer_keeps_both_sides(server):
    source = ClipSource(Clip(tone(1000, 8000), 8000))
    option = options.CallOption(tts=options.SynthesisOption(**TTS))
    async with (
        connect(server.url, call_type="webrtc") as call,
        webrtc_peer(call, source, loopback=True) as peer,
    ):
        await peer.invite(option)
        sent = await call.tts(base64_tone(800), base64=True)
        await call.wait_for(events.TrackEnd, timeout=5, after=sent)
        heard = 0
        with anyio.fail_after(10):
            async for pcm in call.audio():
                samples = np.frombuffer(pcm, "<i2")
                heard += int(np.count_nonzero(np.abs(samples.astype(int)) > 1000))
                if heard > 8000:  # of 12800 samples of a tone
                    break
            await call.wait_for(notes.AudioStopped, where=is_callers, timeout=5)
    sent = call.recording.caller.samples()
    assert 15_900 <= len(sent) <= 16_100
    assert pitch_hz(sent[4000:12000]) == pytest.approx(440, abs=4)


def is_callers(note):
    return note.leg == "caller"


@on_asyncio
async def test_a_peer_that_leaves_ends_its_track_and_not_the_call(server):
    async with connect(server.url, call_type="webrtc", id="left") as call:
        async with webrtc_peer(call, loopback=True) as peer:
            await peer.invite(options.CallOption())
        end = await call.wait_for(events.TrackEnd, timeout=10, after=call.log[0])
        assert end.track_id == "left"
        sent = await call.custom("still here")
        await call.wait_for(events.Custom, timeout=5, after=sent)
        await call.hangup()
        await call.wait_for(notes.Closed, timeout=5)
    assert [r.name for r in call.log].count("trackEnd") == 1


@on_asyncio
async def test_commands_wait_for_the_answer_and_candidates_are_taken(server):
    candidate = "candidate:1 1 udp 2130706431 127.0.0.1 9 typ host"
    async with (
        connect(server.url, call_type="webrtc") as call,
        webrtc_peer(call, loopback=True) as peer,
    ):
        await call.add_ice_candidate(candidate)
        await peer.invite(options.CallOption())
        await call.add_ice_candidate(candidate)
        sent = await call.add_ice_candidate("nonsense")
        error = await call.wait_for(events.Error, timeout=5, after=sent)
        assert error.sender == "command"
        assert "cannot read the candidate" in error.error


@on_asyncio
@pytest.mark.parametrize("offer", [None, "nonsense", "v=0\r\n"])
async def test_an_offer_that_makes_no_sense_ends_the_call(server, offer):
    async with connect(server.url, call_type="webrtc", lint="off") as call:
        option = (
            options.CallOption() if offer is None else options.CallOption(offer=offer)
        )
        with pytest.raises(CallFailedError, match="Failed to setup track"):
            await call.invite(option, timeout=5)
        await call.wait_for(notes.Closed, timeout=5)


@on_asyncio
async def test_more_than_one_fingerprint_is_refused_as_by_the_server(server):
    offer = "v=0\r\na=fingerprint:sha-256 AA\r\na=fingerprint:sha-512 BB\r\n"
    async with connect(server.url, call_type="webrtc") as call:
        with pytest.raises(CallFailedError, match="conflicting DTLS fingerprint"):
            await call.invite(options.CallOption(offer=offer), timeout=5)


async def test_the_peer_says_that_it_needs_asyncio(server, anyio_backend):
    if anyio_backend == "trio":
        async with connect(server.url, call_type="webrtc") as call:
            with pytest.raises(CallFailedError, match="asyncio loop"):
                async with webrtc_peer(call):
                    pass


@on_asyncio
async def test_a_server_that_stops_closes_its_peers():
    with ExitStack() as running:
        stand_in = StandIn(asr="scripted", tts="scripted").in_thread()
        server = running.enter_context(stand_in)
        async with (
            connect(server.url, call_type="webrtc") as call,
            webrtc_peer(call, loopback=True) as peer,
        ):
            await peer.invite(options.CallOption())
            await to_thread.run_sync(running.close)
            await call.wait_for(notes.Closed, timeout=5, after=call.log[0])
            with anyio.fail_after(5):
                await peer.wait_closed()


@pytest.mark.slow
def test_without_the_extra_there_is_one_clear_error():
    program = """
import sys
sys.modules["aiortc"] = None
from simulator.call_bench import CallBench
from rustpbx_lab.simulator.call.webrtc_call import WebRtcCall
bench = CallBench(kind=WebRtcCall)
bench.say("invite", option={"offer": "v=0"})
bench.advance(10)
print(bench.new_events()[0][1]["error"])
"""
    told = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd="tests",
        check=True,
        timeout=60,
    )
    assert "pip install" in told.stdout
    assert "[webrtc]'" in told.stdout


def test_a_bench_without_a_loop_says_so():
    bench = CallBench(kind=WebRtcCall)
    bench.say("invite", option={"offer": "v=0"})
    bench.advance(10)
    error = bench.new_events()[0][1]
    assert error["sender"] == "invite"
    assert "no event loop" in error["error"]
    assert json.dumps(error).count(SST) == 0


@on_asyncio
@pytest.mark.parametrize("subscribe", [True, False])
async def test_our_peer_talks_to_the_real_server(real_server, subscribe):
    source = ClipSource(Clip(tone(4000), 16000))
    option = options.CallOption(
        tts=options.SynthesisOption(provider="aliyun"),
        vad=options.VADOption(type="nop"),
        subscribe=subscribe,
    )
    async with (
        connect(real_server.url, call_type="webrtc") as call,
        webrtc_peer(call, source, loopback=True) as peer,
    ):
        await peer.invite(option)
        await call.wait_for(events.Speaking, timeout=10, after=call.log[0])
        sent = await call.tts(base64_tone(1000), base64=True, play_id="p")
        await call.wait_for(events.TrackEnd, timeout=5, after=sent)
        names = [r.name for r in call.log if r.direction == "event"]
    assert names[:2] == ["trackStart", "answer"]
    assert "mediaReady" not in names
    heard = call.recording.server.samples()
    assert pitch_hz(heard[-8000:]) == pytest.approx(440, abs=4)
