"""Many callers at once: each call is on its own."""

import inspect
import logging
import textwrap
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import httpx
import pytest

from rustpbx_lab import events, options
from rustpbx_lab.client.incoming.serving import serve_calls
from rustpbx_lab.client.incoming.webhook import IncomingCalls, accept_call
from rustpbx_lab.errors import CallRejectedError
from rustpbx_lab.models.rest import IncomingCall
from rustpbx_lab.simulator import StandIn

pytestmark = pytest.mark.anyio
on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])

LIMIT_S = 20
OPTION = options.CallOption(tts={"provider": "deepgram"})


def incoming(dialog_id: str) -> IncomingCall:
    return IncomingCall(
        dialog_id=dialog_id,
        created_at="2026-08-21T08:54:21Z",
        caller=f"sip:{dialog_id}@example.com",
        callee="sip:1000@example.com",
        event="invite",
        headers=[],
        offer="",
    )


async def as_they_come(*calls: IncomingCall):
    for call in calls:
        yield call


async def test_what_one_call_raises_ends_no_other(caplog):
    ended, failed = [], []
    all_in = anyio.Event()

    async def answer(call: IncomingCall) -> None:
        if call.dialog_id == "gone":
            raise CallRejectedError("no pending call", 486)
        if call.dialog_id == "bug":
            raise ExceptionGroup("two", [KeyError("x"), ValueError("y")])
        if call.dialog_id == "last":
            all_in.set()
        await all_in.wait()
        ended.append(call.dialog_id)

    calls = [incoming(name) for name in ("first", "gone", "bug", "last")]
    with anyio.fail_after(LIMIT_S), caplog.at_level(logging.WARNING):
        await serve_calls(
            as_they_come(*calls),
            answer,
            max_at_once=10,
            on_failure=lambda call, error: failed.append((call.dialog_id, error)),
        )
    assert sorted(ended) == ["first", "last"]
    assert [name for name, _ in failed] == ["gone", "bug"]
    gone, bug = caplog.records
    assert (gone.levelname, gone.exc_info) == ("WARNING", None)
    assert "'gone' from 'sip:gone@example.com'" in gone.getMessage()
    assert "no pending call" in gone.getMessage()
    assert bug.levelname == "ERROR"
    assert bug.exc_info is not None


async def test_no_more_calls_than_allowed_are_served_at_once():
    running, most = 0, 0

    async def answer(call: IncomingCall) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        running -= 1

    with anyio.fail_after(LIMIT_S):
        await serve_calls(
            as_they_come(*(incoming(str(number)) for number in range(20))),
            answer,
            max_at_once=3,
            on_failure=lambda call, error: None,
        )
    assert most == 3


async def start_incoming(
    client: httpx.AsyncClient, server: StandIn, caller: str
) -> dict[str, object]:
    url = server.url.replace("ws", "http", 1) + "/simulate/incoming"
    answer = await client.post(url, json={"caller": caller})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def eventually(found: Callable[[], bool], awaited: str) -> None:
    with anyio.move_on_after(LIMIT_S):
        while not found():  # noqa: ASYNC110  (in another thread, or printed)
            await anyio.sleep(0.01)
        return
    pytest.fail(f"no sign of {awaited} in {LIMIT_S} s")


@on_asyncio
@pytest.mark.slow
async def test_the_example_of_the_docs_serves_many_callers_and_survives_one_who_left(
    caplog,
):
    with StandIn(asr="scripted", tts="scripted").in_thread() as server:
        printed, main = docs_example(server.url)
        async with anyio.create_task_group() as tasks, httpx.AsyncClient() as client:
            tasks.start_soon(main)
            await eventually(lambda: bool(printed), "its address")
            hook = str(printed[0])
            stays = await start_incoming(client, server, "sip:a@x;bye-after=2500")
            await client.post(hook, json=stays)
            gone = {**stays, "dialogId": "gone", "caller": "sip:gone@x"}
            await client.post(hook, json=gone)
            await eventually(lambda: "no pending call" in caplog.text, "a failed call")
            later = await start_incoming(client, server, "sip:b@x;bye-after=300")
            await client.post(hook, json=later)
            await eventually(
                lambda: sum(isinstance(e, events.Hangup) for e in printed) == 2,
                "the end of both calls",
            )
            tasks.cancel_scope.cancel()
    assert "'gone' from 'sip:gone@x'" in caplog.text


def docs_example(url: str) -> tuple[list[object], Callable[[], Awaitable[None]]]:
    """The example of the docstring as a function, and what it will have printed."""
    block = (inspect.getdoc(IncomingCalls) or "").partition("::\n\n")[2]
    lines = block.splitlines()
    end = next(i for i, line in enumerate(lines) if line and not line.startswith(" "))
    example = textwrap.dedent("\n".join(lines[:end]))
    here = example.replace("ws://127.0.0.1:8080", url).replace("port=8090", "")
    assert here != example
    printed: list[object] = []
    names: dict[str, Any] = {
        "IncomingCalls": IncomingCalls,
        "accept_call": accept_call,
        "OPTION": OPTION,
        "print": printed.append,
    }
    exec(f"async def main():\n{textwrap.indent(here, '    ')}", names)
    return printed, names["main"]


@on_asyncio
async def test_a_stopped_receiver_lets_its_calls_end_and_takes_no_further_one():
    ended = []

    async def answer(call: IncomingCall) -> None:
        receiver.stop()
        await anyio.lowlevel.checkpoint()
        ended.append(call.dialog_id)

    body = incoming("one").model_dump(by_alias=True)
    async with IncomingCalls() as receiver, httpx.AsyncClient() as server:
        assert (await server.post(receiver.url, json=body)).status_code == 200
        with anyio.fail_after(LIMIT_S):
            await receiver.serve(answer)
        body["dialogId"] = "two"
        assert (await server.post(receiver.url, json=body)).status_code == 503
    assert (ended, receiver.failed) == (["one"], 0)


@on_asyncio
async def test_a_failed_call_is_counted_and_handed_over():
    seen = []

    async def answer(call: IncomingCall) -> None:
        receiver.stop()
        raise KeyError("bug")

    body = incoming("one").model_dump(by_alias=True)
    async with IncomingCalls() as receiver, httpx.AsyncClient() as server:
        await server.post(receiver.url, json=body)
        with anyio.fail_after(LIMIT_S):
            await receiver.serve(answer, on_failure=lambda *what: seen.append(what))
    assert receiver.failed == 1
    ((call, error),) = seen
    assert call.dialog_id == "one"
    assert isinstance(error, KeyError)
