"""Advice before a command is sent: what the call's state tells, and no more."""

from typing import Any

import pytest
from client_peer import a_call

from rustpbx_lab import commands, events, notes, options
from rustpbx_lab.client.command_queue import blocks_queue, overflow_ends_call
from rustpbx_lab.client.protocol import CallProtocol
from rustpbx_lab.errors import InvalidOptionError
from rustpbx_lab.models.server_versions import NEWEST, OLDEST, ServerVersion

VOICE = options.CallOption(tts=options.SynthesisOption(provider="deepgram"))


class Call:
    """A protocol without a wire: what is sent, what is heard, what is advised."""

    def __init__(
        self,
        call_type: str = "websocket",
        gap_ms: int = 100,
        server_version: ServerVersion | None = None,
    ) -> None:
        self.protocol = CallProtocol(
            call_type, call_id="s.1", server_version=server_version
        )
        self.now_ms, self.gap_ms = 1_000, gap_ms

    def sends(self, command: Any) -> list[str]:
        self.now_ms += self.gap_ms
        given = self.protocol.advise(command, self.now_ms)
        self.protocol.send(command)
        return [advice.rule for advice in given]

    def hears(self, event: events.BaseEvent) -> None:
        self.protocol.receive_text(event.to_json(), self.now_ms)

    def starts(self, play_id: str | None = None, track: str = "server-side-track"):
        fields = {} if play_id is None else {"play_id": play_id}
        self.hears(events.TrackStart(track_id=track, timestamp=1, **fields))

    def ends(self, play_id: str | None = None, track: str = "server-side-track"):
        fields = {} if play_id is None else {"play_id": play_id}
        self.hears(
            events.TrackEnd(track_id=track, timestamp=1, duration=5, ssrc=1, **fields)
        )

    def answers(self, **fields: Any) -> None:
        fields.setdefault("track_id", "s.1")
        self.hears(events.Answer(timestamp=1, sdp="", **fields))


def an_answered_call(call_type: str = "websocket", **given: Any) -> Call:
    call = Call(call_type, **given)
    assert call.sends(commands.Invite(option=VOICE)) == []
    call.starts(track="s.1")
    call.answers(refer=False)
    return call


def tts(text: str = "hello", **fields: Any) -> commands.Tts:
    return commands.Tts(text=text, **fields)


def piece(play_id: str | None, **fields: Any) -> commands.Tts:
    return tts(streaming=True, **({"play_id": play_id} if play_id else {}), **fields)


@pytest.mark.parametrize("play_id", ["a", None])
def test_a_second_tts_with_the_same_play_id_is_never_spoken(play_id):
    call = an_answered_call()
    fields = {} if play_id is None else {"play_id": play_id}
    assert call.sends(tts(**fields)) == []
    assert call.sends(tts(**fields)) == ["same_play_id_never_spoken"]
    call.starts(play_id)
    assert call.sends(tts(**fields)) == ["same_play_id_never_spoken"]
    call.ends(play_id)
    assert call.sends(tts(**fields)) == []


def test_a_fresh_play_id_interrupts_and_is_spoken():
    call = an_answered_call()
    assert call.sends(tts(play_id="a")) == []
    assert call.sends(tts(play_id="b")) == []
    call.starts("b")
    call.ends("a")  # the old one's end says nothing about the new one
    assert call.sends(tts(play_id="b")) == ["same_play_id_never_spoken"]


def test_pieces_after_the_end_of_stream_are_never_spoken():
    call = an_answered_call()
    assert call.sends(piece("a")) == []
    assert call.sends(piece("a")) == []
    assert call.sends(piece("a", end_of_stream=True)) == []
    assert call.sends(piece("a")) == ["piece_after_end_of_stream"]
    call.ends("a")
    assert call.sends(piece("a")) == []


def test_a_whole_tts_ends_a_stream_it_joins():
    call = an_answered_call()
    assert call.sends(piece("a")) == []
    assert call.sends(tts(play_id="a")) == []
    assert call.sends(piece("a")) == ["piece_after_end_of_stream"]


def test_a_tts_that_failed_blocks_nothing():
    call = an_answered_call()
    call.sends(tts(play_id="a"))
    call.hears(
        events.Error(track_id="s.1", timestamp=1, sender="command", error="no keys")
    )
    assert call.sends(tts(play_id="a")) == []


@pytest.mark.parametrize(
    "stops", [commands.Interrupt(), commands.Play(url="a.wav"), commands.Pause()]
)
def test_only_what_stops_a_playback_makes_room(stops):
    call = an_answered_call()
    call.sends(tts(play_id="a"))
    assert call.sends(stops) == []
    rules = call.sends(tts(play_id="a"))
    is_pause = isinstance(stops, commands.Pause)
    assert rules == (["same_play_id_never_spoken"] if is_pause else [])


def test_a_replayed_play_id_loses_its_auto_hangup():
    call = an_answered_call()
    call.sends(tts(play_id="a"))
    call.sends(commands.Interrupt())
    assert call.sends(tts(play_id="a", auto_hangup=True)) == ["play_id_replayed"]
    call = an_answered_call()
    call.sends(commands.Play(url="a.wav"))
    again = commands.Play(url="a.wav", wait_input_timeout=5000)
    assert call.sends(again) == ["play_id_replayed"]
    call.ends("a.wav")
    call = an_answered_call()
    call.sends(tts(play_id="a"))
    call.sends(commands.Interrupt())
    call.ends("a")
    assert call.sends(tts(play_id="a", auto_hangup=True)) == []


def test_a_pause_needs_a_track():
    call = an_answered_call()
    assert call.sends(commands.Pause()) == ["pause_without_track"]
    assert call.sends(commands.Resume()) == ["pause_without_track"]
    call.starts("greeting")  # somebody else's command, or a playbook
    assert call.sends(commands.Pause()) == []
    call = Call()
    assert call.sends(commands.Pause()) == []  # not set up: nothing is known


def test_a_graceful_interrupt_of_a_paused_speech_never_ends():
    call = an_answered_call()
    call.sends(tts(play_id="a"))
    assert call.sends(commands.Interrupt(graceful=True)) == []
    call.sends(tts(play_id="b"))
    call.sends(commands.Pause())
    assert call.sends(commands.Interrupt(graceful=True)) == ["graceful_while_paused"]


def test_speech_without_any_voice_fails():
    call = Call()
    call.sends(commands.Invite(option=options.CallOption()))
    assert call.sends(tts()) == ["no_tts_option"]
    own = options.SynthesisOption(provider="aliyun", volume=50, secret_key="k")
    assert call.sends(tts(play_id="x", option=own)) == []


def test_commands_behind_a_blocked_one_are_counted():
    call = Call("sip", server_version=OLDEST)
    call.sends(commands.Invite(option=VOICE))
    rules = [call.sends(commands.Custom(data=n)) for n in range(40)]
    assert [(n, rule) for n, rule in enumerate(rules) if rule] == [
        (20, ["commands_pile_up"]),
        (32, ["commands_overflow"]),
    ]
    assert call.sends(commands.Hangup()) == ["hangup_waits"]
    call.answers(refer=False)
    assert call.sends(commands.Hangup()) == []
    for n in range(40):
        assert call.sends(commands.Custom(data=n)) == []


@pytest.mark.parametrize(
    "decided",
    [
        events.Answer(track_id="server-side-track", timestamp=1, sdp="", refer=True),
        events.Reject(
            track_id="server-side-track", timestamp=1, reason="486", refer=True
        ),
        events.Error(track_id="s.1", timestamp=1, sender="command", error="timed out"),
    ],
)
def test_a_transfer_blocks_until_it_is_decided(decided):
    call = an_answered_call("sip", server_version=OLDEST)
    refer = commands.Refer(
        caller="", callee="sip:a@b", options=options.ReferOption(auto_hangup=True)
    )
    assert call.sends(refer) == []
    assert call.sends(commands.Hangup()) == ["hangup_waits"]
    call.hears(decided)
    assert call.sends(commands.Hangup()) == []
    connected = isinstance(decided, events.Answer)
    assert call.sends(tts()) == (["playback_during_transfer"] if connected else [])
    call.ends()
    assert call.sends(tts(play_id="b")) == []


@pytest.mark.parametrize("version", [None, NEWEST])
def test_newer_servers_wait_for_neither_an_invite_nor_a_transfer(version):
    call = Call("sip", server_version=version)
    call.sends(commands.Invite(option=VOICE))
    for n in range(40):
        assert call.sends(commands.Custom(data=n)) == []
    assert call.sends(commands.Hangup()) == []
    call = an_answered_call("sip", server_version=version)
    call.sends(commands.Refer(caller="", callee="sip:a@b"))
    assert call.sends(commands.Hangup()) == []


def test_only_the_invites_of_0_3_84_still_block():
    between = ServerVersion(0, 3, 84)
    assert blocks_queue("invite", between)
    assert not blocks_queue("refer", between)
    assert not blocks_queue("tts", OLDEST)
    assert overflow_ends_call(OLDEST)
    assert not overflow_ends_call(between)


@pytest.mark.parametrize(
    ("version", "then"),
    [(OLDEST, "one more ends the call"), (NEWEST, "of more the oldest is lost")],
)
def test_what_a_command_too_many_does_is_said_for_the_release(version, then):
    call = an_answered_call(gap_ms=1, server_version=version)
    given: list[notes.Advice] = []
    for n in range(40):
        call.now_ms += 1
        given += call.protocol.advise(commands.Custom(data=n), call.now_ms)
        call.protocol.send(commands.Custom(data=n))
    assert [advice.rule for advice in given] == ["command_burst"]
    assert given[0].text.endswith(then)


def test_a_burst_is_noted_once_and_a_pause_ends_it():
    call = an_answered_call(gap_ms=1)
    rules = [call.sends(commands.Custom(data=n)) for n in range(60)]
    assert [n for n, rule in enumerate(rules) if rule] == [19]  # the invite counts
    call.now_ms += 100
    rules = [call.sends(commands.Custom(data=n)) for n in range(20)]
    assert rules == [[]] * 20


@pytest.mark.parametrize(
    ("call_type", "command", "rule"),
    [
        ("websocket", commands.Invite(option=VOICE), "second_invite"),
        ("webrtc", commands.Accept(option=VOICE), "accept_without_call"),
        ("websocket", commands.Message(body="x"), "message_not_sip"),
        ("websocket", commands.Ringing(), "ringing_on_websocket"),
        ("sip", commands.Bridge(target_session_id="s.1"), "bridge_to_itself"),
    ],
)
def test_what_this_kind_of_call_cannot_do(call_type, command, rule):
    assert rule in an_answered_call(call_type).sends(command)


def test_what_options_tell_is_said_once_a_call():
    call = an_answered_call()
    spoken = [call.sends(tts(play_id=str(n), speaker="x")) for n in range(3)]
    assert spoken == [["tts_speaker_ignored"], [], []]


BAD = options.CallOption(
    vad=options.VADOption(type="ten", ratio=0.3, silence_padding=400)
)


@pytest.mark.anyio
async def test_warn_puts_advice_rows_before_the_invite():
    async with a_call() as (call, peer):
        with pytest.raises(TimeoutError):
            await call.invite(BAD, timeout=0.01)
        assert (await peer.hears())["command"] == "invite"
        names = [(record.direction, record.name) for record in call.log]
        assert names == [("note", "advice")] * 2 + [("command", "invite")]
        first = call.log[0].message
        assert (first.rule, first.severity) == ("vad_type_unknown", "error")
        assert first.text.startswith("option.vad.type: ")
        assert first.instead == 'type "silero"'
        row = call.log.frame().iloc[0]
        assert (row["key"], row["text"]) == (first.rule, first.text)


@pytest.mark.anyio
async def test_strict_raises_before_anything_is_sent():
    async with a_call(lint="strict") as (call, peer):
        with pytest.raises(InvalidOptionError, match=r"did not send invite: .*silero"):
            await call.invite(BAD)
        assert len(call.log) == 0
        await call.custom(1)
        assert (await peer.hears()) == {"command": "custom", "data": 1}
        with pytest.raises(TimeoutError):  # warnings and infos do not stop it
            await call.invite(
                options.CallOption(codec="opus", handshake_timeout=5), timeout=0.01
            )
        assert (await peer.hears())["command"] == "invite"


@pytest.mark.anyio
async def test_off_says_nothing():
    async with a_call(lint="off") as (call, _):
        with pytest.raises(TimeoutError):
            await call.invite(BAD, timeout=0.01)
        assert [record.name for record in call.log] == ["invite"]


@pytest.mark.anyio
async def test_a_lost_utterance_is_a_row_before_its_command():
    async with a_call() as (call, _):
        await call.tts("one", play_id="a")
        lost = await call.tts("two", play_id="a")
        advice = call.log[lost.seq - 1].message
        assert advice.rule == "same_play_id_never_spoken"
        assert "never spoken" in advice.text
