from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from client_peer import Peer, a_call

from rustpbx_lab.client import CallSession
from rustpbx_lab.models import events
from rustpbx_lab.participants.front_desk import BargeIn, FrontDesk
from rustpbx_lab.participants.replies import GOODBYE, Knowledge, Replies

CALLER, SERVER = "s.1", "server-side-track"
START = 1_787_302_461_000
AT_ONCE = BargeIn(ignore_first_ms=0, ignore_after_final_ms=0)
LIMIT_S = 5


class Server:
    """The server of a call in memory, as a front desk meets it."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.heard: list[dict[str, Any]] = []

    async def hears(self, name: str) -> dict[str, Any]:
        with anyio.fail_after(LIMIT_S):
            while True:
                command = await self.peer.hears()
                self.heard.append(command)
                if command["command"] == name:
                    return command

    async def hears_nothing_for(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            raise AssertionError(await self.peer.hears())

    async def plays(self, reply: dict[str, Any]) -> None:
        await self.starts(reply)
        await self.ends(reply)

    async def starts(self, reply: dict[str, Any]) -> None:
        await self.peer.says("trackStart", trackId=SERVER, playId=reply["playId"])

    async def ends(self, reply: dict[str, Any]) -> None:
        fields = {"trackId": SERVER, "duration": 1, "ssrc": 1}
        await self.peer.says("trackEnd", playId=reply["playId"], **fields)

    async def speaking(self, at: int = 0) -> None:
        await self.peer.says("speaking", startTime=START + at)

    async def silence(self, at: int = 0) -> None:
        await self.peer.says(
            "silence", trackId=CALLER, startTime=START + at, duration=900
        )

    async def delta(self, text: str, index: int = 0) -> None:
        await self.peer.says("asrDelta", trackId=CALLER, index=index, text=text)

    async def final(self, text: str, index: int = 0) -> None:
        await self.peer.says("asrFinal", trackId=CALLER, index=index, text=text)


@asynccontextmanager
async def desk(
    merge_ms: int = 30, **options: Any
) -> AsyncIterator[tuple[Server, CallSession]]:
    """A front desk that has greeted and is quiet."""
    bot = FrontDesk(merge_ms=merge_ms, **options)
    async with a_call() as (call, peer), anyio.create_task_group() as tasks:
        tasks.start_soon(bot.run, call)
        server = Server(peer)
        greeting = await server.hears("tts")
        await server.hears("history")
        await server.plays(greeting)
        yield server, call
        tasks.cancel_scope.cancel()


@pytest.mark.anyio
async def test_it_greets_and_answers_with_a_fresh_play_id_each_time():
    async with desk() as (server, _):
        await server.final("When are you open?")
        reply = await server.hears("tts")
        assert "nine to five" in reply["text"]
        assert reply.get("streaming") is None
        ids = [one["playId"] for one in server.heard if one["command"] == "tts"]
        assert len(set(ids)) == 2


@pytest.mark.anyio
async def test_it_keeps_the_history_of_both_sides():
    async with desk() as (server, _):
        await server.final("When are you open?")
        user = await server.hears("history")
        bot = await server.hears("history")
        assert (user["speaker"], user["text"]) == ("user", "When are you open?")
        assert bot["speaker"] == "bot"


@pytest.mark.anyio
async def test_finals_of_one_turn_are_answered_once():
    async with desk(merge_ms=150) as (server, _):
        await server.final("I would like", 0)
        await server.final("to book an appointment on Tuesday", 1)
        await server.hears("history")
        said = server.heard[-1]["text"]
        assert said == "I would like to book an appointment on Tuesday"


@pytest.mark.anyio
async def test_it_waits_while_the_caller_goes_on_speaking():
    async with desk() as (server, _):
        await server.speaking(0)
        await server.final("I would like to", 0)
        await server.hears_nothing_for(0.3)
        await server.final("book an appointment", 1)
        await server.silence(0)
        await server.hears("history")
        assert server.heard[-1]["text"] == "I would like to book an appointment"


@pytest.mark.anyio
async def test_a_final_long_after_the_end_of_speech_is_answered_at_once():
    async with desk(merge_ms=1000) as (server, _):
        await server.speaking(0)
        await server.silence(0)
        await anyio.sleep(1.05)  # the recogniser takes its time
        await server.final("When are you open?")
        with anyio.fail_after(0.9):
            await server.hears("tts")


@pytest.mark.anyio
async def test_speech_interrupts_a_reply():
    async with desk(barge_in=AT_ONCE) as (server, _):
        await server.final("When are you open?")
        reply = await server.hears("tts")
        await server.starts(reply)
        await server.speaking(0)
        await server.hears("interrupt")


@pytest.mark.anyio
async def test_speech_at_the_very_beginning_of_a_reply_does_not_interrupt():
    policy = BargeIn(ignore_first_ms=60_000, ignore_after_final_ms=0)
    async with desk(barge_in=policy) as (server, _):
        await server.final("When are you open?")
        reply = await server.hears("tts")
        await server.hears("history")
        await server.starts(reply)
        await server.speaking(0)
        await server.hears_nothing_for(0.2)


@pytest.mark.anyio
async def test_nothing_is_interrupted_when_nothing_plays():
    async with desk(barge_in=AT_ONCE) as (server, _):
        await server.speaking(0)
        await server.delta("hello")
        await server.hears_nothing_for(0.2)


@pytest.mark.anyio
async def test_what_was_cut_off_early_is_one_turn_with_the_rest():
    async with desk(barge_in=AT_ONCE) as (server, _):
        await server.final("I want to book", 0)
        reply = await server.hears("tts")
        await server.starts(reply)
        await server.delta("on Tuesday", 1)
        await server.hears("interrupt")
        await server.ends(reply)
        await server.final("on Tuesday", 1)
        await server.hears("history")
        user = server.heard[-1]
        while user["speaker"] != "user":
            user = await server.hears("history")
        assert user["text"] == "I want to book on Tuesday"


@pytest.mark.parametrize(
    ("event", "since_reply", "since_final", "expected"),
    [
        ("speaking", 900, 900, True),
        ("speaking", 799, 900, False),
        ("speaking", 900, 499, False),
        ("Yes I", 900, 900, True),
        ("Uh...", 900, 900, False),
        (" ", 900, 900, False),
    ],
)
def test_the_policy_of_interruptions(
    event: str, since_reply: int, since_final: int, expected: bool
):
    if event == "speaking":
        said = events.Speaking(timestamp=1, track_id="t", start_time=1)
    else:
        said = events.AsrDelta(timestamp=1, track_id="t", index=0, text=event)
    assert BargeIn().allows(said, since_reply, since_final) is expected


@pytest.mark.anyio
async def test_goodbye_hangs_up_and_is_not_interrupted():
    async with desk(barge_in=AT_ONCE) as (server, _):
        await server.final("No, that's all. Goodbye.")
        reply = await server.hears("tts")
        assert (reply["text"], reply["autoHangup"]) == (GOODBYE, True)
        await server.hears("history")
        await server.starts(reply)
        await server.speaking(0)
        await server.hears_nothing_for(0.2)


@pytest.mark.anyio
async def test_a_silent_caller_is_asked_twice_and_then_left():
    async with desk() as (server, _):
        texts: list[str] = []
        for _ in range(3):
            fields = {"startTime": START, "duration": 8000, "refer": False}
            await server.peer.says("silence", trackId=SERVER, **fields)
            reply = await server.hears("tts")
            await server.hears("history")
            await server.plays(reply)
            texts.append(reply["text"])
        assert texts[0] == texts[1]
        assert "still there" in texts[0]
        assert "Goodbye" in texts[2]


@pytest.mark.anyio
async def test_a_tick_of_silence_is_no_turn():
    async with desk() as (server, _):
        await server.silence(0)
        await server.hears_nothing_for(0.2)


@pytest.mark.anyio
async def test_it_transfers_when_it_can():
    parties = ("sip:desk@h", "sip:ann@h")
    async with desk(transfer=parties) as (server, _):
        await server.final("I want to speak to a human")
        reply = await server.hears("tts")
        await server.plays(reply)
        refer = await server.hears("refer")
        assert (refer["caller"], refer["callee"]) == parties


@pytest.mark.anyio
async def test_it_ends_with_the_call():
    async with a_call() as (call, peer):
        with anyio.fail_after(LIMIT_S):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(FrontDesk().run, call)
                await Server(peer).hears("tts")
                await peer.wire.close()


# ---------------------------------------------------------------------- replies


def test_an_appointment_asks_for_the_day_it_was_not_told():
    desk = Replies()
    assert "Which day" in desk.reply_to("I'd like an appointment").text
    assert "Saturday" in desk.reply_to("Saturday please").text
    assert "noted Tuesday" in desk.reply_to("then tuesday").text


def test_an_order_is_looked_up_by_spoken_digits():
    desk = Replies(Knowledge(orders={"427": "is on its way"}))
    assert "order number" in desk.reply_to("Where is my parcel?").text
    assert "Order 4 2 7 is on its way" in desk.reply_to("Four two seven.").text


def test_an_order_it_does_not_know_is_not_made_up():
    reply = Replies().reply_to("Status of order 999")
    assert "cannot find order 9 9 9" in reply.text


def test_what_it_does_not_understand_it_says_and_gives_up_in_the_end():
    desk = Replies()
    replies = [desk.reply_to("purple monkey dishwasher") for _ in range(3)]
    assert [reply.is_last for reply in replies] == [False, False, True]
    assert "did not understand" in replies[0].text


@pytest.mark.parametrize("text", ["No.", "no thank you", "Nope", "Okay, bye!"])
def test_ways_to_leave(text: str):
    assert Replies().reply_to(text).is_last


def test_a_person_is_not_promised_where_nobody_can_be_reached():
    reply = Replies().reply_to("Can I talk to someone?")
    assert not reply.transfers
    assert "cannot put you through" in reply.text
