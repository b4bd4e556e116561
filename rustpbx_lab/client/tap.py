"""Audio of a tap in a call's log: joined with its events, or alone."""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup
from typing_extensions import override

from rustpbx_lab.client.incoming.audio_tap import TappedCall
from rustpbx_lab.log import EventLog
from rustpbx_lab.models import notes
from rustpbx_lab.models.rest import our_call_type

from .base_call import CallReader, system_clock_ms
from .protocol import CallPhase, CallProtocol

LEFT = "we stopped listening; the call goes on"


async def hear_tap(session: CallReader, tapped: TappedCall) -> bool:
    """Record a tap's audio as that of a call, until the tap or the call ends.

    Args:
        session: The call, our own or a watched one.
        tapped: Its audio.

    Returns:
        Whether it was recorded: a call that has audio of its own keeps that.
    """
    if not session.use_tap():
        return False
    start = tapped.start
    session.note(
        notes.Tapped(
            id=start.session_id,
            call_type=our_call_type(start.call_type),
            started_at=start.started_at,
        )
    )
    async for frame in tapped:
        if session.close_reason is not None:
            break
        for loss in frame.losses:
            session.note(
                notes.AudioLost(
                    leg=loss.leg,
                    lost_ms=loss.lost_ms,
                    began_ms=loss.began_ms,
                    ended_ms=loss.ended_ms,
                )
            )
        session.add_audio(frame.leg, frame.audio, frame.at_ms)
    return True


class HeardCall(CallReader):
    """A call of which only the audio is heard: its server's events are not known."""

    def __init__(
        self,
        tapped: TappedCall,
        *,
        log: EventLog | None = None,
        logger: logging.Logger | None = None,
        now_ms: Callable[[], int] = system_clock_ms,
    ) -> None:
        call_type = our_call_type(tapped.start.call_type)
        protocol = CallProtocol(call_type, call_id=tapped.id, lint="off")
        protocol.phase = CallPhase.ANSWERED
        super().__init__(
            call_type, log=log, logger=logger, now_ms=now_ms, protocol=protocol
        )
        self._tapped = tapped
        self._scope: anyio.CancelScope | None = None

    @property
    @override
    def id(self) -> str:
        """The session id."""
        return self._tapped.id

    @override
    def _start(self, tasks: TaskGroup) -> None:
        tasks.start_soon(self._follow)

    async def _follow(self) -> None:
        with anyio.CancelScope() as self._scope:
            await hear_tap(self, self._tapped)
            self._finish(self._tapped.ended or LEFT, None)

    @override
    async def aclose(self) -> None:
        """Stop listening; the call goes on."""
        if self._scope is not None:
            self._scope.cancel()
        self._finish(LEFT, None)


@asynccontextmanager
async def hear(
    tapped: TappedCall,
    *,
    log: EventLog | None = None,
    logger: logging.Logger | None = None,
) -> AsyncGenerator[HeardCall, None]:
    """Hear a call through its tap alone, without its server's events.

    Args:
        tapped: The call's audio.
        log: The log to write to; None makes a new one.
        logger: Where the call is logged, as in ``connect``.
    """
    call = HeardCall(tapped, log=log, logger=logger)
    async with call.running():
        yield call
