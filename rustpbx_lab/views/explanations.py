"""Explanations of events, with the numbers behind them."""

from collections.abc import Mapping

from rustpbx_lab.log import Record
from rustpbx_lab.models import commands, events, notes
from rustpbx_lab.wording import clock, thousands

from .call_tables import Table
from .event_rows import message_of

Told = tuple[str, str]


def explain(record: Record, tables: Mapping[str, Table]) -> Told | None:
    """Return a heading and a sentence; None where the JSON says it all."""
    match message_of(record):
        case events.Silence() as message:
            return _silence(record, message, tables)
        case events.Speaking() as message:
            onset = _at(record, message.start_time)
            late = message.timestamp - message.start_time
            return (
                "Speech began.",
                f"The caller began at {clock(onset)}; the server said so "
                f"{thousands(late)} ms later, once speechPadding was filled.",
            )
        case events.AsrFinal() as message:
            return _final(message)
        case events.Interruption() as message:
            heard, total = message.current, message.total_duration
            told = f" of {thousands(total)} ms synthesised so far"
            return (
                "Playback was cut.",
                f"Heard {thousands(heard)} ms"
                f"{told if total else '; of how much is not known'}.",
            )
        case events.TrackStart():
            return (
                "A track was made.",
                "It is made before any of its audio exists: the first sound comes "
                "later, see the playback box.",
            )
        case events.Error() as message:
            return (
                "The server reported an error.",
                f"{message.sender}: {message.error}",
            )
        case commands.Tts() as message if not message.play_id:
            return (
                "Speech without a play id.",
                "A second one sent while this is playing would never be spoken.",
            )
        case notes.Advice() as message:
            return (message.text, message.instead or "")
        case notes.SipMessage():
            return _sip(record, tables)
        case message:
            return _of_line(message)


def _of_line(message: object) -> Told | None:
    """Explain what newer servers say of the line and of the end."""
    match message:
        case events.RtpTimeout() as message:
            return (
                "The line is silent.",
                f"No audio packet came for {message.timeout} s (rtpTimeout). The call "
                "goes on; it is said again only after audio has come in between.",
            )
        case events.TrackEnd(auto_hangup=str()):
            return (
                "The call ends with this track.",
                "It was played with autoHangup; a track that is interrupted says "
                "nothing of it.",
            )
        case notes.AudioLost():
            return (
                "The tap's audio has a hole.",
                "We read too slowly, and the server keeps 200 frames (4 s of one leg) "
                "and drops what is older. It tells nobody: the hole shows by the time "
                "that passed.",
            )
        case notes.Tapped():
            return (
                "The audio comes from a tap (option monitor).",
                "The server sends a copy of both legs; whoever runs the call is not "
                "disturbed.",
            )
        case _:
            return None


def _silence(
    record: Record, message: events.Silence, tables: Mapping[str, Table]
) -> Told:
    start = _at(record, message.start_time)
    rows = () if start is None else tables["speech"].rows(start - 1, start + 1)
    speech = next(
        (row for row in rows if row.said_ms is not None and row.start_ms == start),
        None,
    )
    if speech is None:
        return (
            "Still silent.",
            f"Nothing was said for {thousands(message.duration)} ms since "
            f"{clock(start)}; startTime is where that silence began.",
        )
    end = None if start is None else start + message.duration
    late = message.timestamp - message.start_time - message.duration
    return (
        "End of speech.",
        f"startTime is where the speech began, not the silence. The caller stopped at "
        f"{clock(end)}; the server said so {thousands(late)} ms later "
        "(silencePadding and chunks of 32 ms).",
    )


def _final(message: events.AsrFinal) -> Told:
    if message.end_time is None:
        return ("Recognised.", "This recogniser gives no times.")
    late = message.timestamp - message.end_time
    return (
        "Recognised.",
        f"The final came {thousands(late)} ms after the end of the speech, "
        "by the recogniser's own clock.",
    )


def _sip(record: Record, tables: Mapping[str, Table]) -> Told | None:
    at = record.time_ms or 0
    rows = tables["sip"].rows(at - 1, at + 1)
    row = next((row for row in rows if row.seq == record.seq), None)
    if row is None:
        return None
    again = ", sent before" if row.is_retransmission else ""
    told = [f"{row.way or 'seen'}{again}", row.delays, row.sdp]
    return f"{row.title}:", "; ".join(filter(None, told)) + "."


def _at(record: Record, epoch_ms: int) -> int | None:
    if record.time_ms is None or record.timestamp is None:
        return None
    return record.time_ms - (record.timestamp - epoch_ms)
