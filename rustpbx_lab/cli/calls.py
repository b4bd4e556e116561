"""Commands that talk to a server and come back."""

from functools import partial
from pathlib import Path
from typing import Annotated

import anyio
import typer
from rich.console import Console

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.errors import InvalidOptionError
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.models.settings import read_option_file, with_settings

from .shared import Agent, CallType, File, Json, Set, app, print_json, told


@app.command()
def call(
    url: Annotated[str, typer.Argument(help="Address of the server, ws://HOST:PORT.")],
    type: Annotated[CallType, typer.Option(help="Kind of call.")] = CallType.WEBSOCKET,
    wav: Annotated[
        Path | None, typer.Option(metavar="FILE.wav", help="What the caller says.")
    ] = None,
    channel: Annotated[int | None, typer.Option(help="Channel of --wav.")] = None,
    say: Annotated[
        list[str], typer.Option(help="A sentence of the caller; may be repeated.")
    ] = [],  # noqa: B006  (typer wants the default itself)
    option: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="The call option.")
    ] = None,
    set: Set = [],  # noqa: B006
    tts: Annotated[
        str | None, typer.Option(help="A text for the agent to say.")
    ] = None,
    agent: Annotated[Agent, typer.Option(help="Who answers.")] = Agent.NONE,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="Length of the conversation.")
    ] = None,
    log: File = None,
    record: File = None,
    json: Json = False,
) -> None:
    """Make one call, hang up, and sum it up."""
    from rustpbx_lab.workbench.one_call import CallPlan, default_option, make_call

    if wav is not None and say:
        raise InvalidOptionError("cannot use --wav with --say: choose one of them")
    base = default_option() if option is None else read_option_file(CallOption, option)
    plan = CallPlan(
        url=url,
        option=with_settings(base, set),
        call_type=type.value,
        wav=None if wav is None else Clip.read(wav, channel),
        say=say,
        tts=tts,
        has_agent=agent is Agent.FRONTDESK,
        seconds=seconds,
        log_path=log,
        record_path=record,
        told=told.print,
    )
    result = anyio.run(make_call, plan)
    if json:
        print_json(result)
    else:
        for key, value in result["summary"].items():
            print(f"{key:28} {'' if value is None else value}")
    if result["error"] is not None:
        told.print(f"rustpbx-lab: {result['error']}")
        raise typer.Exit(1)


@app.command()
def watch(
    url: Annotated[str, typer.Argument(help="Address of the server, ws://HOST:PORT.")],
    id: Annotated[
        str | None, typer.Argument(help="Call to follow; without it, list them.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="How long to follow.")
    ] = None,
    log: File = None,
    json: Json = False,
) -> None:
    """List the calls of a server, or follow one, whoever owns it."""
    from rustpbx_lab.workbench.watch_calls import WatchPlan, follow, list_calls, shown

    if id is None:
        calls = anyio.run(list_calls, url)
        if json:
            print_json({"calls": calls})
        else:
            Console(highlight=False, markup=False).print(shown(calls))
        return
    plan = WatchPlan(url, id, seconds, log, told.print if json else print)
    result = anyio.run(follow, plan)
    if json:
        print_json(result)


@app.command()
def conformance(
    url: Annotated[str, typer.Argument(help="Address of the server, ws://HOST:PORT.")],
    gateway: Annotated[
        str | None, typer.Option(help="Speech gateway that the server can reach.")
    ] = None,
    recorder_dir: Annotated[
        Path | None, typer.Option(help="The server's folder of logs and recordings.")
    ] = None,
    wav: Annotated[Path | None, typer.Option(help="Speech to send.")] = None,
    only: Annotated[str, typer.Option(help="Points whose name has this.")] = "",
    json: Json = False,
) -> None:
    """Ask a server whether it behaves as the protocol says; 1 if anything differs."""
    from rustpbx_lab.workbench.conformance import check_server

    report = anyio.run(
        partial(
            check_server,
            url,
            gateway=gateway,
            recorder_dir=recorder_dir,
            wav=wav,
            only=only,
            told=told.print,
        )
    )
    if json:
        print_json(report.to_dict())
    else:
        print(report.told())
    if not report.is_conformant:
        raise typer.Exit(1)
