"""Logs made by hand: what the server says at which millisecond."""

import json
from typing import Any

from rustpbx_lab.log import EventLog, Record
from rustpbx_lab.models import commands, events, notes

EPOCH = 1_787_302_461_000
CALLER = "s.caller"
SERVER = "server-side-track"


class Call:
    """Builds a log; times are milliseconds since the call began."""

    def __init__(self, **option: Any) -> None:
        self.log = EventLog()
        self.event("ping", 0)
        self.command("invite", 5, option=option)
        self.event("answer", 10, trackId=CALLER, sdp="", refer=False)

    def event(self, name: str, at: int, **fields: Any) -> Record:
        wire = {"event": name, "timestamp": EPOCH + at, **fields}
        text = json.dumps(wire)
        return self.log.append(Record.of_event(events.parse(text), text, EPOCH + at))

    def command(self, name: str, at: int, **fields: Any) -> Record:
        command = commands.parse(json.dumps({"command": name, **fields}))
        return self.log.append(Record.of_command(command, EPOCH + at))

    def note(self, note: notes.KnownNote, at: int) -> Record:
        return self.log.append(Record.of_note(note, EPOCH + at))

    def audio(
        self,
        kind: str,
        at: int,
        leg: str = "server",
        noted: int | None = None,
        is_silent: bool | None = None,
    ):
        values = {"leg": leg, "at_ms": EPOCH + at, "sample": 0}
        if kind == "started":
            how = {"sample_rate_hz": 8000, "codec": "pcm", "is_silent": is_silent}
            note = notes.AudioStarted(**values, **how)
        elif kind == "sound":
            note = notes.SoundStarted(**values)
        elif kind == "silence":
            note = notes.SoundStopped(**values)
        else:
            note = notes.AudioStopped(**values)
        return self.note(note, at if noted is None else noted)

    def speaking(self, at: int, start: int, track: str = CALLER, **fields: Any):
        return self.event(
            "speaking", at, trackId=track, startTime=EPOCH + start, **fields
        )

    def silence(
        self, at: int, start: int, duration: int, track: str = CALLER, **fields: Any
    ):
        return self.event(
            "silence",
            at,
            trackId=track,
            startTime=EPOCH + start,
            duration=duration,
            **fields,
        )

    def asr(self, kind: str, at: int, text: str, index: int = 0, **fields: Any):
        for key in ("startTime", "endTime"):
            if key in fields:
                fields[key] += EPOCH
        return self.event(kind, at, trackId=CALLER, index=index, text=text, **fields)

    def track_start(self, at: int, play_id: str | None = None, track: str = SERVER):
        named = {} if play_id is None else {"playId": play_id}
        return self.event("trackStart", at, trackId=track, **named)

    def track_end(self, at: int, play_id: str | None = None, track: str = SERVER):
        named = {} if play_id is None else {"playId": play_id}
        return self.event("trackEnd", at, trackId=track, duration=1, ssrc=1, **named)

    def interruption(self, at: int, play_id: str, current: int, total: int):
        return self.event(
            "interruption",
            at,
            trackId=SERVER,
            playId=play_id,
            subtitle="…",
            totalDuration=total,
            current=current,
        )

    def synthesised(self, at: int, play_id: str, ttfb: int, n_bytes: int, cached=False):
        data = {"playId": play_id, "ttfb": ttfb, "length": n_bytes, "cached": cached}
        return self.event(
            "metrics", at, key="completed.tts.deepgram", duration=ttfb + 1, data=data
        )

    def closed(self, at: int) -> None:
        self.note(notes.Closed(why="the server closed the connection"), at)
        self.log.close()
