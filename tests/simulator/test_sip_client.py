"""SIP calls of the stand-in as our client sees them, on both event loops."""

from functools import partial

import anyio
import httpx
import pytest
from anyio import to_thread
from simulator.call_bench import TTS, base64_tone

from rustpbx_lab import connect, events, notes, options
from rustpbx_lab.client.incoming.webhook import IncomingCalls, accept_call
from rustpbx_lab.client.protocol import CallPhase
from rustpbx_lab.errors import CallRejectedError, CallTimeoutError
from rustpbx_lab.models.rest import IncomingCall
from rustpbx_lab.simulator import StandIn

pytestmark = pytest.mark.anyio
on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])


@pytest.fixture(scope="module")
def server():
    with StandIn(asr="scripted", tts="scripted").in_thread() as running:
        yield running


def callee(uri, **option):
    tts = options.SynthesisOption(**TTS)
    return options.CallOption(callee=uri, caller="sip:me@here", tts=tts, **option)


def story(call):
    return [record.name for record in call.log if record.direction == "event"]


async def test_a_call_out_is_answered_heard_and_hung_up(server):
    async with connect(server.url, call_type="sip") as call:
        answer = await call.invite(
            callee("sip:ring@h;rings=2;ring-ms=50;echo;bye-after=1500", subscribe=True),
            timeout=10,
        )
        assert "m=audio" in answer.sdp
        assert call.phase is CallPhase.ANSWERED
        sent = await call.tts(base64_tone(300), base64=True, play_id="p")
        await call.wait_for(events.TrackEnd, timeout=5, after=sent)
        hangup = await call.wait_for(events.Hangup, timeout=10, after=sent)
        await call.wait_for(notes.Closed, timeout=5)
    assert hangup.reason_name == "byCallee"
    assert hangup.from_.username == "me"
    assert hangup.extra["call_type"] == "sip"
    assert story(call) == [
        *("trackStart", "ringing", "ringing", "answer", "mediaReady"),
        *("trackStart", "trackEnd", "trackEnd", "hangup"),
    ]
    assert call.recording.server.n_samples == 4800
    echoed = call.recording.caller.samples()
    assert abs(echoed.astype(int)).max() == pytest.approx(8000, rel=0.01)


async def test_a_refusal_is_an_error_and_its_end_is_in_the_log(server):
    async with connect(server.url, call_type="sip") as call:
        with pytest.raises(CallRejectedError) as refused:
            await call.invite(callee("sip:busy@h;ring-ms=50"), timeout=5)
        await call.wait_for(notes.Closed, timeout=5, after=call.log[0])
    assert refused.value.code == 486
    assert story(call)[-4:] == ["reject", "error", "trackEnd", "hangup"]


async def test_leaving_the_block_cancels_a_call_that_rings(server):
    async with connect(server.url, call_type="sip", id="ringing") as call:
        with pytest.raises(CallTimeoutError):
            await call.invite(callee("sip:noanswer@h"), timeout=0.3)
        assert call.phase is CallPhase.RINGING
        await call.hangup()  # it waits behind the invite
    assert call.log[-1].name == "closed"


async def test_a_kill_cancels_a_call_that_rings(server, anyio_backend):
    name = f"kill-{anyio_backend}"
    url = server.url.replace("ws", "http", 1) + f"/kill/{name}"
    async with connect(server.url, call_type="sip", id=name) as call:
        with pytest.raises(CallTimeoutError):
            await call.invite(callee("sip:noanswer@h"), timeout=0.3)
        killed = await to_thread.run_sync(partial(httpx.get, url))
        assert killed.status_code == 200
        hangup = await call.wait_for(events.Hangup, timeout=5, after=call.log[0])
        await call.wait_for(notes.Closed, timeout=5, after=call.log[0])
    assert (hangup.reason_name, hangup.initiator) == ("canceled", "caller")


async def test_a_transfer_seen_by_the_client(server):
    async with connect(server.url, call_type="sip") as call:
        await call.invite(callee("sip:answer@h"), timeout=5)
        sent = await call.refer("", "sip:answer@h;keys=5;keys-after=50;bye-after=200")
        answer = await call.wait_for(events.Answer, timeout=5, after=sent)
        key = await call.wait_for(events.Dtmf, timeout=5, after=sent)
        await call.wait_for(notes.Closed, timeout=5, after=sent)
    assert (answer.refer, key.refer, key.digit) == (True, True, "5")


async def start_incoming(server, **body):
    url = server.url.replace("ws", "http", 1) + "/simulate/incoming"
    answer = await to_thread.run_sync(partial(httpx.post, url, json=body))
    assert answer.status_code == 200, answer.text
    return IncomingCall.model_validate(answer.json())


async def caller_state(server, incoming):
    path = f"/simulate/incoming/{incoming.dialog_id}"
    url = server.url.replace("ws", "http", 1) + path
    return (await to_thread.run_sync(partial(httpx.get, url))).json()


async def test_an_incoming_call_is_accepted_by_its_id(server):
    headers = {"X-Customer": "42"}
    caller = "sip:alice@a;keys=7;keys-after=20;bye-after=300"
    incoming = await start_incoming(server, caller=caller, headers=headers)
    assert incoming.event == "invite"
    assert "X-Customer: 42" in incoming.headers
    assert (await caller_state(server, incoming))["state"] == "waiting"
    async with accept_call(server.url, incoming) as call:
        assert (await caller_state(server, incoming))["state"] == "answered"
        await call.wait_for(notes.Closed, timeout=5, after=call.log[0])
    assert story(call) == [
        *("incoming", "trackStart", "answer", "mediaReady", "dtmf"),
        *("trackEnd", "hangup"),
    ]
    assert call.log[1].name == "accept"
    with pytest.raises(CallRejectedError, match="no pending call"):
        async with accept_call(server.url, incoming):
            pass


async def test_an_incoming_call_rings_and_is_refused(server):
    incoming = await start_incoming(server)
    async with connect(server.url, "sip", id=incoming.dialog_id) as call:
        await call.ringing(early_media=True)
        await call.wait_for(events.TrackStart, timeout=5, after=call.log[0])
        assert (await caller_state(server, incoming))["code"] == 183
        await call.reject("closed today", code=480)
        await call.wait_for(notes.Closed, timeout=5)
    state = await caller_state(server, incoming)
    assert (state["state"], state["code"]) == ("refused", 480)
    assert state["reason"] == "closed today"


@on_asyncio
async def test_the_webhook_is_told_of_incoming_calls():
    async with IncomingCalls() as hook:
        stand_in = StandIn(asr="scripted", tts="scripted", webhook=hook.url)
        with stand_in.in_thread() as server:
            started = await start_incoming(server, caller="sip:bob@b;bye-after=100")
            with anyio.fail_after(5):
                incoming = await anext(hook)
            assert incoming == started
            async with accept_call(server.url, incoming) as call:
                await call.wait_for(events.Hangup, timeout=5, after=call.log[0])


@on_asyncio
@pytest.mark.parametrize("path", ["", "/elsewhere"])
async def test_a_webhook_that_does_not_take_the_call_refuses_it(path):
    async with IncomingCalls() as hook:
        url = f"http://127.0.0.1:{hook.port if path else 9}{path}"
        stand_in = StandIn(asr="scripted", tts="scripted", webhook=url)
        with stand_in.in_thread() as server:
            incoming = await start_incoming(server)
            with anyio.fail_after(5):
                while (await caller_state(server, incoming))["code"] != 503:
                    pass


async def test_a_trigger_that_makes_no_sense_says_why(server):
    url = server.url.replace("ws", "http", 1) + "/simulate/incoming"
    for body, why in (
        ({"caller": 3}, "caller"),
        ({"from": "x"}, "from"),
        ({"caller": "sip:a@b;rings=two"}, "not a number"),
        ([], "dictionary"),
    ):
        answer = await to_thread.run_sync(partial(httpx.post, url, json=body))
        assert (answer.status_code, why in answer.text) == (422, True), answer.text
    missing = await to_thread.run_sync(partial(httpx.get, f"{url}/nobody"))
    assert missing.status_code == 404
