"""Concurrent incoming calls: one task each, none ends the others."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio

from rustpbx_lab.client.failures import described, failure_of
from rustpbx_lab.errors import CallError, ConnectError, shorten
from rustpbx_lab.masking import mask_url
from rustpbx_lab.models.rest import IncomingCall

logger = logging.getLogger(__name__)

CallHandler = Callable[[IncomingCall], Awaitable[object]]
FailureHandler = Callable[[IncomingCall, BaseException], object]


async def serve_calls(
    calls: AsyncIterator[IncomingCall],
    handler: CallHandler,
    *,
    max_at_once: int,
    on_failure: FailureHandler,
) -> None:
    """Run a handler for each call, in a task of its own, until there are no more.

    Args:
        calls: The incoming calls.
        handler: Takes one call.
        max_at_once: Calls that run at the same time; further ones wait their turn.
        on_failure: Gets a call and what its handler raised.
    """
    places = anyio.Semaphore(max_at_once)

    async def run(call: IncomingCall) -> None:
        try:
            await handler(call)
        except Exception as error:  # noqa: BLE001  (a user's function: any of them)
            _log(call, error)
            on_failure(call, error)
        finally:
            places.release()

    async with anyio.create_task_group() as tasks:
        while True:
            await places.acquire()  # before a call is taken, or it could not wait
            try:
                call = await anext(calls)
            except StopAsyncIteration:
                return
            tasks.start_soon(run, call)


def _log(call: IncomingCall, error: Exception) -> None:
    failure = failure_of(error) or error
    is_expected = isinstance(failure, CallError | ConnectError)
    logger.log(
        logging.WARNING if is_expected else logging.ERROR,
        "the incoming call %s from %s failed: %s",
        shorten(call.dialog_id),
        shorten(mask_url(call.caller)),
        described(failure),
        exc_info=None if is_expected else error,
    )
