"""Calls that never were: what happened is known, what the log shows is computed.

Each event is late by up to 200 ms, in order, as one socket delivers it; commands are
late on their way, too. The server's clock is hours off. Recognition may be slower than
the caller's next sentence, and replies begin with silence.
"""

import random
from dataclasses import dataclass, field
from typing import Any

import orjson

from rustpbx_lab.log import EventLog, Record
from rustpbx_lab.models import commands, events, notes
from rustpbx_lab.models.base import BaseCommand, BaseNote
from rustpbx_lab.models.options import CallOption, VADOption

T0 = 1_787_302_461_000
CALLER, AGENT = "s.caller", "server-side-track"
FRAME_MS = 20


@dataclass
class TrueTurn:
    """What happened, milliseconds of true time since the log's first row."""

    play_id: str
    stop: int
    said: int
    final: int
    asked: int
    first_byte: int
    frame: int
    heard: int

    @property
    def parts(self) -> dict[str, int]:
        """The true lengths, by column of the latency table."""
        return {
            "hang_over_ms": self.said - self.stop,
            "asr_final_ms": self.final - self.said,
            "app_ms": self.asked - self.final,
            "tts_ms": self.first_byte - self.asked,
            "buffer_ms": self.frame - self.first_byte,
            "lead_in_ms": self.heard - self.frame,
        }


@dataclass
class GeneratedCall:
    """A call with its truth and its log."""

    seed: int
    turns: list[TrueTurn] = field(default_factory=list)
    finals: dict[int, int] = field(default_factory=dict)
    """Index of a sentence → from the true end of its own speech to its final."""
    causes: dict[str, int] = field(default_factory=dict)
    """Play id → when it was asked for."""

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self.skew_ms = self._random.randint(-5_000_000, 5_000_000)
        self.slowest_ms = self._random.choice((0, 5, 30, 100, 200))
        """The longest delay of an event or a command on its way."""
        self._rows: list[tuple[int, int, Record]] = []
        self._events: list[tuple[int, dict[str, Any]]] = []
        self.log = EventLog()
        self._talk()
        self._deliver()
        for _, _, record in sorted(self._rows, key=lambda row: row[:2]):
            self.log.append(record)

    def _between(self, least: int, most: int) -> int:
        return self._random.randint(least, most)

    def _delay(self) -> int:
        return self._between(0, self.slowest_ms)

    # -------------------------------------------------------------------- rows

    def _event(self, at: int, event: str, **fields: Any) -> None:
        self._events.append((at, {"event": event, **fields}))

    def _server(self, at: int) -> int:
        return T0 + at + self.skew_ms

    def _command(self, at: int, made: BaseCommand) -> None:
        self._rows.append((at, len(self._rows), Record.of_command(made, T0 + at)))

    def _note(self, at: int, made: BaseNote) -> None:
        self._rows.append((at, len(self._rows), Record.of_note(made, T0 + at)))

    def _deliver(self) -> None:
        """Let the events arrive: late, but in the order in which they were made."""
        came = 0
        for at, fields in sorted(self._events, key=lambda event: event[0]):
            came = max(came, at + self._delay())
            raw = orjson.dumps({**fields, "timestamp": self._server(at)})
            made = events.parse(raw)
            record = Record.of_event(made, made.to_json(), T0 + came)
            self._rows.append((came, len(self._rows), record))

    # -------------------------------------------------------------------- the call

    def _talk(self) -> None:
        url = "ws://127.0.0.1:1/call"
        self._note(0, notes.Connected(url=url, call_type="websocket"))
        self._command(8, commands.Invite(option=CallOption(vad=VADOption())))
        at = 8 + self._delay() + self._between(0, 8)
        self._event(at, "trackStart", trackId=CALLER)
        self._event(at + 1, "answer", trackId=CALLER, sdp="", refer=False)
        at = self._reply(at + 300, "greeting").heard + 1500
        for number in range(self._between(4, 9)):
            at = self._exchange(at, number)
        self._event(at + 500, "trackEnd", trackId=CALLER, duration=at)
        self._note(at + 1000, notes.Closed(why="we closed the connection"))

    def _speech(self, start: int, stop: int, pad: int) -> int:
        """The caller speaks; return when the server says that it was over."""
        begin = self._server(start)
        self._event(start + 60, "speaking", trackId=CALLER, startTime=begin)
        said = stop + pad
        self._event(
            said, "silence", trackId=CALLER, startTime=begin, duration=stop - start
        )
        return said

    def _final(self, index: int, start: int, stop: int, at: int) -> None:
        self._event(
            at,
            "asrFinal",
            trackId=CALLER,
            index=index,
            startTime=self._server(start),
            endTime=self._server(stop),
            text=f"sentence {index}",
        )
        self.finals[index] = at - stop

    def _exchange(self, at: int, number: int) -> int:
        """The caller says one or two sentences and is answered; return the end."""
        start, stop = at, at + self._between(700, 2500)
        pad = self._between(100, 500)
        said = self._speech(start, stop, pad)
        final = said + self._between(40, 3000)
        self._final(2 * number, start, stop, final)
        if self._random.random() < 0.4:  # goes on before anybody could answer
            start = said + self._between(200, 900)
            stop = start + self._between(500, 1500)
            said = self._speech(start, stop, pad)
            final = max(said + self._between(40, 3000), final + 1)
            self._final(2 * number + 1, start, stop, final)
        told = final + self.slowest_ms  # the application has it by then
        turn = self._reply(told + self._between(0, 800), f"reply-{number}")
        turn.stop, turn.said, turn.final = stop, said, final
        self.turns.append(turn)
        return turn.heard + 4500

    def _reply(self, asked: int, play_id: str) -> TrueTurn:
        self._command(asked, commands.Tts(text="Well.", play_id=play_id))
        self.causes[play_id] = asked
        at = asked + self._delay() + self._between(0, 6)
        track = {"trackId": AGENT, "playId": play_id}
        self._event(at, "trackStart", **track)
        first_byte = at + self._between(80, 600)
        frame = first_byte + FRAME_MS + self._delay()
        heard = frame + FRAME_MS * self._between(0, 20)
        audio = {"leg": "server", "at_ms": T0 + frame, "sample": 0}
        self._note(
            frame,
            notes.AudioStarted(
                **audio,
                sample_rate_hz=16_000,
                codec="pcm",
                is_silent=heard > frame,
            ),
        )
        if heard > frame:
            self._note(
                heard,
                notes.SoundStarted(leg="server", at_ms=T0 + heard, sample=1),
            )
        self._event(
            heard + 900,
            "metrics",
            key="completed.tts.generated",
            duration=first_byte - at + 300,
            data={"ttfb": first_byte - at, "playId": play_id, "length": 32_000},
        )
        self._event(heard + 1200, "trackEnd", **track, duration=1200)
        over = T0 + heard + 1100
        self._note(heard + 1100, notes.AudioStopped(leg="server", at_ms=over, sample=9))
        return TrueTurn(play_id, 0, 0, 0, asked, first_byte, frame, heard)
