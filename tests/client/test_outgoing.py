"""Halves of characters in what is sent: repaired, noted, and no end of the call."""

import logging

import anyio
import pytest
from client_peer import a_call
from hypothesis import given
from hypothesis import strategies as st

from rustpbx_lab import commands, options, read_log
from rustpbx_lab.client import CallPhase, CallProtocol
from rustpbx_lab.models import notes
from rustpbx_lab.models.surrogates import has_surrogates, well_formed

HIGH, LOW = "\ud83d", "\ude00"


def advice(call) -> list[str]:
    return [
        record.message.text
        for record in call.log
        if record.name == "advice" and record.message.rule == "half_character"
    ]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "command",
    [
        commands.Tts(text=f"Great news {HIGH}"),
        commands.Tts(text="x", play_id=LOW),
        commands.History(speaker="user", text=HIGH),
        commands.Custom(data={HIGH: [LOW]}),
        commands.Message(body=HIGH, headers={"X-A": HIGH}),
        commands.Hangup(reason=HIGH),
        commands.Play(url=HIGH),
        commands.Invite(option=options.CallOption(tts={"secretKey": HIGH})),
    ],
    ids=lambda command: command.command,
)
async def test_half_a_character_is_replaced_and_noted_and_the_call_goes_on(command):
    async with a_call(call_type="sip") as (call, peer):
        record = await call.send(command)
        sent = await peer.hears()
        assert sent["command"] == command.command
        assert "\ufffd" in str(sent)
        if "option" not in sent:  # there it is a secret, masked in the log
            assert "\ufffd" in record.raw
        assert any("U+FFFD" in text for text in advice(call))
        assert call.phase is not CallPhase.CLOSED
        assert call.close_reason is None
    assert not any(has_surrogates(row.raw) for row in call.log)


@pytest.mark.anyio
async def test_a_character_cut_between_two_pieces_is_sent_whole():
    async with a_call() as (call, peer):
        for text in (f"Great news {HIGH}", f"{LOW}!", ""):
            await call.stream_tts(text, play_id="p", end_of_stream=not text)
        pieces = [(await peer.hears())["text"] for _ in range(3)]
        assert pieces == ["Great news ", "😀!", ""]
        assert advice(call) == []


@pytest.mark.anyio
async def test_a_piece_of_only_a_half_is_sent_empty_and_its_rest_with_the_next():
    async with a_call() as (call, peer):
        await call.stream_tts(HIGH, play_id="p")
        await call.stream_tts(LOW, play_id="p", end_of_stream=True)
        assert [(await peer.hears())["text"] for _ in range(2)] == ["", "😀"]


@pytest.mark.anyio
async def test_the_last_piece_brings_a_half_that_waits_as_a_replacement():
    async with a_call() as (call, peer):
        await call.stream_tts(f"a{HIGH}", play_id="p")
        await call.stream_tts("", play_id="p", end_of_stream=True)
        assert [(await peer.hears())["text"] for _ in range(2)] == ["a", "\ufffd"]
        await call.stream_tts(HIGH, play_id="q", end_of_stream=True)
        assert (await peer.hears())["text"] == "\ufffd"
        assert len(advice(call)) == 2


@pytest.mark.anyio
@pytest.mark.parametrize(
    "next_command",
    [
        commands.Tts(text=f"{LOW}b", play_id="q", streaming=True),
        commands.Tts(text="b", play_id="p"),
        commands.Play(url="x.wav"),
        commands.Interrupt(),
    ],
    ids=["another id", "not streamed", "play", "interrupt"],
)
async def test_a_half_whose_playback_is_over_is_dropped_with_a_note(next_command):
    async with a_call() as (call, peer):
        await call.stream_tts(f"a{HIGH}", play_id="p")
        await call.send(next_command)
        sent = [await peer.hears() for _ in range(2)]
        assert sent[0]["text"] == "a"
        assert "😀" not in str(sent)
        assert "dropped" in advice(call)[0]


@pytest.mark.anyio
async def test_other_commands_between_two_pieces_change_nothing():
    async with a_call() as (call, peer):
        await call.stream_tts(HIGH, play_id="p")
        await call.history("bot", "said so far")
        await call.mute()
        await call.stream_tts(LOW, play_id="p")
        assert [await peer.hears() for _ in range(4)][3]["text"] == "😀"
        assert advice(call) == []


@pytest.mark.anyio
async def test_a_half_that_waits_when_the_call_closes_is_noted(tmp_path):
    async with a_call() as (call, _):
        await call.stream_tts(f"a{HIGH}", play_id="p")
    assert "the call is closed" in advice(call)[0]
    assert call.log[-1].name == "closed"
    call.log.save(tmp_path / "call.jsonl")
    assert read_log(tmp_path / "call.jsonl") == call.log


@given(
    st.lists(
        st.text(st.sampled_from(["a", " ", HIGH, LOW, "😀"]), max_size=4), max_size=6
    )
)
def test_streamed_pieces_say_the_whole_text_wherever_it_was_cut(pieces):
    protocol, sent = CallProtocol(), ""
    for number, piece in enumerate([*pieces, ""]):
        command = commands.Tts(
            text=piece,
            play_id="p",
            streaming=True,
            end_of_stream=number == len(pieces),
        )
        outgoing = protocol.prepare(command, number)
        protocol.commit(outgoing)
        assert isinstance(outgoing.command, commands.Tts)
        outgoing.command.to_json().encode()
        sent += outgoing.command.text
    assert sent == well_formed("".join(pieces))
    assert protocol.unfinished() == []


def test_a_command_that_strict_lint_refuses_leaves_the_half_waiting():
    protocol = CallProtocol(lint="strict")
    first = protocol.prepare(
        commands.Tts(text=HIGH, play_id="p", streaming=True), now_ms=0
    )
    protocol.commit(first)
    protocol.prepare(commands.Interrupt(), now_ms=1)  # never sent
    second = protocol.prepare(
        commands.Tts(text=LOW, play_id="p", streaming=True), now_ms=2
    )
    assert second.command == commands.Tts(text="😀", play_id="p", streaming=True)


@pytest.mark.anyio
async def test_what_a_handler_raises_with_such_a_text_is_logged(caplog):
    async with a_call() as (call, peer):

        @call.on("custom")
        def fails(event):
            raise ValueError(HIGH)

        with caplog.at_level(logging.CRITICAL):
            await peer.says("custom", data=1)
            with anyio.fail_after(5):
                failed = await call.wait_for(notes.HandlerFailed)
        assert "\ufffd" in failed.error
