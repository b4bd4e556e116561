"""A saved call: its log, and its sound beside it."""

import logging
import os
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.audio.recording import Leg, Recording
from rustpbx_lab.errors import AudioError, InvalidOptionError, LogFileError
from rustpbx_lab.log import EventLog, read_log
from rustpbx_lab.log.sipflow import read_sipflow, sipflow_beside, with_sip_messages
from rustpbx_lab.log.storage import session_name
from rustpbx_lab.models import commands, notes
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.models.server_versions import ServerVersion

logger = logging.getLogger(__name__)

Anchor = tuple[int, int]
"""Sample of a leg, and our clock there in ms."""


@dataclass
class SavedCall:
    """What is known of a call that was saved."""

    path: Path
    log: EventLog
    recording: Recording
    """Both legs; empty where there is no sound file."""
    remarks: list[str] = field(default_factory=list[str])
    """What one should know about it, one sentence each."""

    @property
    def name(self) -> str:
        """File name without its endings: usually the call's id."""
        return session_name(self.path)

    @property
    def option(self) -> CallOption | None:
        """What the call was invited or accepted with; None if the log has neither."""
        for record in self.log.records(0, 200):
            if record.name in ("invite", "accept"):
                message = record.message
                if isinstance(message, commands.Invite | commands.Accept):
                    return message.option
        return None

    @property
    def server_version(self) -> ServerVersion | None:
        """Release of the server it was on; None if the log does not name it."""
        named = None if self.connected is None else self.connected.server_version
        if named is None:
            return None
        try:
            return ServerVersion.parse(named)
        except InvalidOptionError:
            return None  # someone has edited the file

    @property
    def connected(self) -> notes.Connected | None:
        """Where the call was, if we made it."""
        for record in self.log.records(0, 20):
            if record.name == "connected" and isinstance(
                record.message, notes.Connected
            ):
                return record.message
        return None


def read_saved(path: Path, sipflow: Path | None = None) -> SavedCall:
    """Read an event log and the sound beside it: ``ID.wav``, ``ID.caller.wav``.

    A sound file that cannot be read leaves its leg empty and becomes a remark. SIP
    messages become rows of the log (see `with_sip_messages`); a file of them that was
    only found, and cannot be used, becomes a remark.

    Args:
        path: The event log.
        sipflow: The SIP messages of the session; None: `sipflow_beside` looks for them.

    Raises:
        LogFileError: If there is no such file, or it is not an event log; or if
            ``sipflow`` cannot be used.
    """
    log = read_log(path)
    saved = SavedCall(path, log, Recording())
    saved.remarks += [f"The log: {remark}." for remark in log.remarks]
    if not len(log):
        saved.remarks.append("The log is empty: nothing happened in this call.")
    elif _is_cut_off(log):
        saved.remarks.append(
            "The log has no end: the call was cut off, or is still running."
        )
    both = _sound(path.with_name(f"{session_name(path)}.wav"), saved)
    caller = _sound(path.with_name(f"{session_name(path)}.caller.wav"), saved)
    if both is not None or caller is not None:
        _place(saved, both, caller)
    _add_sip_messages(saved, sipflow)
    return saved


def _add_sip_messages(saved: SavedCall, named: Path | None) -> None:
    found = sipflow_beside(saved.path) if named is None else named
    if found is None:
        return
    try:
        flow = read_sipflow(found, saved.name)
        saved.log = with_sip_messages(saved.log, flow)
    except LogFileError as exc:
        if named is not None:
            raise
        saved.remarks.append(f"No SIP messages: {exc}.")
        return
    saved.remarks += [f"{found.name}: {remark}." for remark in flow.remarks]


def _is_cut_off(log: EventLog) -> bool:
    """Whether a log of ours lacks the note that each of them ends with."""
    is_ours = any(record.name == "connected" for record in log.records(0, 5))
    last = log.records(max(len(log) - 20, 0))
    return is_ours and all(record.name != "closed" for record in last)


CAUGHT_UP_MS = 100
"""A burst longer than its time by less is one frame of a sender, and jitter."""


def _sound(path: Path, saved: SavedCall) -> Clip | None:
    if not os.path.exists(path):  # also where the name is too long
        return None
    try:
        return Clip.read_channels(path)
    except AudioError as exc:
        saved.remarks.append(f"No sound: {exc}.")
        return None


def _place(saved: SavedCall, both: Clip | None, caller: Clip | None) -> None:
    bursts = _bursts(saved.log)
    began_ms = _began_ms(saved, bursts)
    if both is not None and both.channels == 1 and caller is None:
        saved.remarks.append(
            "The recording has one channel: it is shown as the caller's, and nothing "
            "can be told per side."
        )
    whole = Recording(limit_bytes=2**40)
    if caller is not None:
        left = caller.channel(0)
        _fill(whole.caller, left, bursts["caller"] or [(0, began_ms)])
    elif both is not None:
        _fill(whole.caller, both.channel(0), [(0, began_ms)])
    if both is not None and both.channels > 1:
        _fill(whole.server, both.channel(1), [(0, began_ms)])
    saved.recording = whole


def _began_ms(saved: SavedCall, bursts: dict[str, list[Anchor]]) -> int:
    """Return when sample 0 of the recording was: our clock if known, ms."""
    heard = [anchors[0][1] for anchors in bursts.values() if anchors]
    if heard:
        return min(heard)
    saved.remarks.append(
        "The log does not say when its recording began: it is taken to be the answer."
    )
    log = saved.log
    found = {record.name: record.time_ms for record in reversed(log.records(0, 500))}
    at_ms = found.get("answer", found.get("trackStart", 0)) or 0
    return log.clock.to_wall(at_ms) or 0


def _bursts(log: EventLog) -> dict[str, list[Anchor]]:
    """Return when which sample of each leg came, as far as the log says it."""
    found: dict[str, list[Anchor]] = {"caller": [], "server": []}
    began: dict[str, notes.AudioStarted] = {}
    for record in log:
        if record.name not in ("audioStarted", "audioStopped"):
            continue
        match record.message:
            case notes.AudioStarted() as started:
                began[started.leg] = started
                found[started.leg].append((started.sample, started.at_ms))
            case notes.AudioStopped(clock=clock, leg=leg) if clock:
                found[leg] += clock
            case notes.AudioStopped(leg=leg) as stopped if leg in began:
                found[leg] += _caught_up(began[leg], stopped)
            case _:
                pass
    return found


def _caught_up(
    started: notes.AudioStarted, stopped: notes.AudioStopped
) -> list[Anchor]:
    """Return the anchor after what came at once at the begin of a burst.

    An older log says only when a burst began and ended. One with more sound than time
    began with what its sender had been held up with.
    """
    rate = started.sample_rate_hz
    passed = (stopped.at_ms - started.at_ms) * rate // 1000
    early = stopped.sample - started.sample - passed
    if early * 1000 <= CAUGHT_UP_MS * rate:
        return []
    return [(started.sample + early, started.at_ms)]


def _fill(leg: Leg, clip: Clip, anchors: list[Anchor]) -> None:
    leg.configure("pcm", clip.sample_rate_hz)
    samples = clip.samples
    ends = [sample for sample, _ in anchors[1:]] + [len(samples)]
    for (sample, at_ms), end in zip(anchors, ends, strict=True):
        leg.append(_bytes(samples[sample:end]), at_ms)


def _bytes(samples: Samples) -> bytes:
    return np.ascontiguousarray(samples, np.dtype("<i2")).tobytes()


def due_samples(leg: Leg, our_ms: float) -> int:
    """Return how many samples of a leg had come by a moment of our clock."""
    anchors = [*leg.anchors, (leg.n_samples, 0)]
    due = 0
    for (sample, at_ms), (end, _) in pairwise(anchors):
        if at_ms > our_ms:
            break
        passed = int((our_ms - at_ms) * leg.sample_rate_hz // 1000)
        due = sample + min(end - sample, passed)
    return due
