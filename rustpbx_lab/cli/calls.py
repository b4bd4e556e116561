"""Commands that talk to a server and come back."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from rustpbx_lab.errors import InvalidOptionError
from rustpbx_lab.workbench.outcome import CallOutcome

from .output import output
from .shared import (
    Agent,
    CaFile,
    CallType,
    Codec,
    Json,
    LogFile,
    Overwrite,
    Rate,
    ServerRelease,
    Set,
    command,
    seconds_option,
)
from .starting import starting


@command()
def call(
    url: Annotated[str, typer.Argument(help="Address of the server, ws://HOST:PORT.")],
    type: Annotated[
        CallType | None,
        typer.Option(help="Kind of call; without it what URL ends in, else websocket."),
    ] = None,
    wav: Annotated[
        Path | None, typer.Option(metavar="FILE.wav", help="What the caller says.")
    ] = None,
    channel: Annotated[int | None, typer.Option(help="Channel of --wav.")] = None,
    codec: Codec = None,
    rate: Rate = None,
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
        float | None, seconds_option("Length of the conversation.")
    ] = None,
    log: LogFile = None,
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.wav", help="Write the sound of both sides after the call."
        ),
    ] = None,
    overwrite: Overwrite = False,
    dtmf: Annotated[
        str | None,
        typer.Option(
            metavar="DIGITS",
            help="Keys that the agent presses, one after the other: 0-9 * # A-D.",
        ),
    ] = None,
    cafile: CaFile = None,
    server_version: ServerRelease = None,
    json: Json = False,
) -> None:
    """Make one call, hang up, and sum it up; Ctrl+C hangs up early."""
    with starting():
        import anyio

        from rustpbx_lab.audio.clip import Clip
        from rustpbx_lab.models.line_commands import read_keys
        from rustpbx_lab.models.option_settings import read_option_file, with_settings
        from rustpbx_lab.models.options import CallOption
        from rustpbx_lab.workbench.make_call import (
            CallPlan,
            check_plan_outputs,
            default_option,
            make_call,
        )

    if wav is not None and say:
        raise InvalidOptionError("cannot use --wav with --say: choose one of them")
    check_plan_outputs(log, record, wav, overwrite)
    base = default_option() if option is None else read_option_file(CallOption, option)
    clip = None
    if wav is not None:
        clip = Clip.read(wav, channel, codec=codec, sample_rate_hz=rate)
    for remark in () if clip is None else clip.remarks:
        output.progress(f"{wav}: {remark}")
    plan = CallPlan(
        url=url,
        option=with_settings(base, set),
        call_type=None if type is None else type.value,
        cafile=cafile,
        server_version=server_version,
        dtmf=read_keys(dtmf or ""),
        wav=clip,
        say=say,
        tts=tts,
        has_agent=agent is Agent.FRONTDESK,
        seconds=seconds,
        log_path=log,
        record_path=record,
        overwrite=overwrite,
        on_progress=output.progress,
    )
    _show_outcome(anyio.run(make_call, plan), json)


def _show_outcome(outcome: CallOutcome, as_json: bool) -> None:
    result = outcome.result
    for problem in (*result["problems"], result["error"]):
        if problem is not None and outcome.failure is None:
            output.error(f"rustpbx-lab: {problem}")
    if as_json:
        output.json(result)
    else:
        for key, value in result["summary"].items():
            output.line(f"{key:28} {'' if value is None else value}".rstrip())
    if outcome.failure is not None:
        raise outcome.failure
    if outcome.stop_signal is not None:
        raise typer.Exit(128 + outcome.stop_signal)
    if not outcome.is_complete:
        raise typer.Exit(1)


@command()
def watch(
    url: Annotated[str, typer.Argument(help="Address of the server, ws://HOST:PORT.")],
    id: Annotated[
        str | None, typer.Argument(help="Call to follow; without it, list them.")
    ] = None,
    seconds: Annotated[float | None, seconds_option("How long to follow.")] = None,
    log: LogFile = None,
    overwrite: Overwrite = False,
    cafile: CaFile = None,
    json: Json = False,
) -> None:
    """List the calls of a server, or follow one, whoever owns it."""
    with starting():
        import anyio

        from rustpbx_lab.workbench.watch_calls import (
            COLUMNS,
            WatchPlan,
            follow,
            list_calls,
            rows_of,
        )

    if id is None:
        calls = anyio.run(list_calls, url, cafile)
        if json:
            output.json({"calls": calls})
        else:
            output.table(dict.fromkeys(COLUMNS, False), rows_of(calls))
        return
    plan = WatchPlan(
        url,
        id,
        seconds=seconds,
        log_path=log,
        overwrite=overwrite,
        on_row=output.progress if json else output.line,
        on_progress=output.error,
        cafile=cafile,
    )
    result = anyio.run(follow, plan)
    if json:
        output.json(result)
    for problem in result["problems"]:
        output.error(f"rustpbx-lab: {problem}")
    if result["problems"]:
        raise typer.Exit(1)


@command()
def conformance(
    url: Annotated[str, typer.Argument(help="Address of the server, ws://HOST:PORT.")],
    other: Annotated[
        str | None,
        typer.Argument(help="Another server: prints what the two answer differently."),
    ] = None,
    gateway: Annotated[
        str | None, typer.Option(help="Speech gateway that the server can reach.")
    ] = None,
    recorder_dir: Annotated[
        Path | None, typer.Option(help="The server's folder of logs and recordings.")
    ] = None,
    wav: Annotated[Path | None, typer.Option(help="Speech to send.")] = None,
    only: Annotated[str, typer.Option(help="Points whose name has this.")] = "",
    server_version: Annotated[
        str | None,
        typer.Option(
            metavar="0.3.113",
            help="Release of the server: asks what that promises, and without it what "
            "all of them do.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Ask a server whether it behaves as the protocol says; 1 if anything differs."""
    with starting():
        import anyio

        from rustpbx_lab.conformance import Report, check_server, differences

    def report(address: str) -> Report:
        ask = partial(
            check_server,
            address,
            gateway=gateway,
            recorder_dir=recorder_dir,
            wav=wav,
            only=only,
            server_version=server_version,
            asks_all=other is not None,
            told=output.progress,
        )
        return anyio.run(ask)

    first = report(url)
    if other is not None:
        second = report(other)
        found = differences(first, second)
        if json:
            both = [first.to_dict(), second.to_dict()]
            output.json({"servers": both, "differences": found})
        else:
            output.line("\n".join([*found, f"{len(found)} different"]))
        raise typer.Exit(1 if found else 0)
    if json:
        output.json(first.to_dict())
    else:
        output.line(first.told())
    if not first.is_conformant:
        raise typer.Exit(1)
