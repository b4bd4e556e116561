"""rustpbx-lab: every command line entry; the work is done elsewhere."""

import json
import logging
import signal
import sys
import threading
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import anyio
import typer
from rich.console import Console
from rich.logging import RichHandler

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.errors import InvalidOptionError, RustpbxLabError
from rustpbx_lab.models.options import CallOption, VADOption
from rustpbx_lab.models.settings import read_option_file, with_settings

app = typer.Typer(
    name="rustpbx-lab",
    help="The lab bench for voice agents on the Active Call server.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
vad = typer.Typer(
    help="Replay and tune voice activity detection.", no_args_is_help=True
)
app.add_typer(vad, name="vad")

MIN_WIDTH = 132
"""Columns of the table of calls, whatever the terminal has."""

told = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
"""Progress and errors; standard output is for results."""


class CallType(StrEnum):
    """The three kinds of call a server takes."""

    WEBSOCKET = "websocket"
    WEBRTC = "webrtc"
    SIP = "sip"


class Agent(StrEnum):
    """Who talks to the caller."""

    NONE = "none"
    FRONTDESK = "frontdesk"


Port = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Set = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="Set an option; may be repeated."),
]
Browser = Annotated[bool, typer.Option("--no-browser", help="Open no browser.")]
Logs = Annotated[Path | None, typer.Option(help="Folder for logs and recordings.")]
File = Annotated[Path | None, typer.Option(metavar="FILE")]


@app.command()
def demo(port: Port = 5006, no_browser: Browser = False, logs: Logs = None) -> None:
    """Show a talking caller and a bot on a local server, in the dashboard."""
    from rustpbx_lab.dashboard.app import serve as serve_pages
    from rustpbx_lab.workbench.demo import Demo

    told.print("loading the speech models …")
    with Demo(logs=logs) as running:
        told.print(f"stand-in server on {running.url}")
        serve_pages(
            running.hub,
            port=port,
            show=not no_browser,
            endpoint=running.url,
            told=tell_address,
        )


@app.command()
def serve(
    endpoint: Annotated[
        str, typer.Option(help="Address of the server.")
    ] = "ws://127.0.0.1:8080",
    logs: Logs = Path("logs"),
    port: Port = 5006,
    address: Annotated[str, typer.Option(help="Interface to serve on.")] = "127.0.0.1",
    basic_auth: Annotated[
        Path | None, typer.Option(help="File of users and passwords (JSON).")
    ] = None,
    oauth_provider: Annotated[
        str | None, typer.Option(help="As Panel names it.")
    ] = None,
    oauth_key: Annotated[str | None, typer.Option(envvar="PANEL_OAUTH_KEY")] = None,
    oauth_secret: Annotated[
        str | None, typer.Option(envvar="PANEL_OAUTH_SECRET")
    ] = None,
    operators: Annotated[
        str | None, typer.Option(metavar="NAME,…", help="Who may send commands.")
    ] = None,
    no_browser: Browser = False,
) -> None:
    """Serve the dashboard; calls are saved to --logs."""
    from rustpbx_lab.dashboard.app import serve as serve_pages
    from rustpbx_lab.workbench.hub import CallHub

    login: dict[str, Any] | None = None
    if oauth_provider is not None:
        login = {
            "oauth_provider": oauth_provider,
            "oauth_key": oauth_key,
            "oauth_secret": oauth_secret,
        }
    names = None if operators is None else operators.split(",")
    with CallHub(logs=logs, operators=names) as hub:
        serve_pages(
            hub,
            port=port,
            address=address,
            show=not no_browser,
            endpoint=endpoint,
            basic_auth=basic_auth,
            oauth=login,
            told=tell_address,
        )


@app.command()
def simulate(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Port = 8080,
    asr: Annotated[str, typer.Option(help="Engine of recognition.")] = "auto",
    tts: Annotated[str, typer.Option(help="Engine of synthesis.")] = "auto",
    strict: Annotated[
        bool, typer.Option("--strict", help="Say what the server drops in silence.")
    ] = False,
    dump_dir: Annotated[
        Path | None, typer.Option(help="Folder for the server's event logs.")
    ] = None,
    media_dir: Annotated[
        Path | None, typer.Option(help="Where relative paths of play begin.")
    ] = None,
) -> None:
    """Run the stand-in server alone, until Ctrl+C."""
    from rustpbx_lab.simulator.server import StandIn

    server = StandIn(
        host,
        port,
        asr=asr,
        tts=tts,
        strict=strict,
        dump_dir=dump_dir,
        media_dir=media_dir,
    )
    with server.in_thread():
        told.print(f"stand-in server on {server.url}  (Ctrl+C ends it)")
        wait_for_the_end()


@app.command()
def gateway(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Port = 8091,
    asr: Annotated[str, typer.Option(help="Engine of recognition.")] = "auto",
    tts: Annotated[str, typer.Option(help="Engine of synthesis.")] = "auto",
) -> None:
    """Serve local speech engines to a real server as its provider, until Ctrl+C."""
    from rustpbx_lab.simulator.gateway import Gateway

    served = Gateway(host, port, asr=asr, tts=tts)
    with served.in_thread():
        told.print(f"speech gateway on {served.url}  (Ctrl+C ends it)")
        print_json(
            {
                "asr": served.asr_option().to_wire(reveal=True),
                "tts": served.tts_option().to_wire(reveal=True),
            }
        )
        wait_for_the_end()


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
def analyse(
    paths: Annotated[
        list[Path], typer.Argument(help="Event logs, or folders of them.")
    ],
    json: Json = False,
    csv: Annotated[Path | None, typer.Option(metavar="OUT", help="Write CSV.")] = None,
) -> None:
    """Sum up saved calls: one row each."""
    from rustpbx_lab.workbench.summing_up import summarise_files

    table = summarise_files(paths)
    if csv is not None:
        table.write_csv(csv)
        told.print(f"{len(table.rows)} calls written to {csv}")
    if json:
        print_json({"calls": table.rows})
    elif csv is None:
        screen = Console(highlight=False, markup=False)
        screen.width = max(screen.width, MIN_WIDTH)
        screen.print(table.shown())


@app.command()
def lint(
    option: Annotated[
        Path, typer.Argument(metavar="OPTION.json", help="A call option or a command.")
    ],
    json: Json = False,
) -> None:
    """Say what the server will really do with an option; exit 1 on errors."""
    from rustpbx_lab.models.lint import lint_file

    remarks = lint_file(option)
    errors = sum(remark.severity == "error" for remark in remarks)
    if json:
        found = [remark.to_dict() for remark in remarks]
        print_json({"file": str(option), "errors": errors, "remarks": found})
    for remark in [] if json else remarks:
        instead = f"; instead: {remark.instead}" if remark.instead else ""
        print(f"{remark.severity:7}  {remark.path}: {remark.text}{instead}")
    if errors:
        raise typer.Exit(1)


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


@vad.command("replay")
def vad_replay(
    wav: Annotated[Path, typer.Argument(help="A recording.")],
    set: Set = [],  # noqa: B006
    channel: Annotated[
        int | None, typer.Option(help="Channel of the recording.")
    ] = None,
    json: Json = False,
) -> None:
    """Print the speaking and silence events the server would send."""
    from rustpbx_lab.speech.replay import replay_vad

    settings = [one.removeprefix("vad.") for one in set]
    replay = replay_vad(
        Clip.read(wav, channel), with_settings(VADOption(type="silero"), settings)
    )
    if json:
        print_json(replay.to_dict())
        return
    for event in replay.events:
        lasted = "" if event.duration is None else f"  duration {event.duration} ms"
        print(f"{event.at:8} ms  {event.event:8}  startTime {event.start_time}{lasted}")
    told.print(f"{len(replay.marginal)} chunks within 0.02 of the threshold")


def wait_for_the_end() -> None:
    """Wait until the process is told to stop."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()


def tell_address(url: str) -> None:
    """Say where the dashboard is."""
    told.print(f"dashboard on {url}  (Ctrl+C ends it)")


def print_json(document: object) -> None:
    """Print one JSON document on standard output."""
    print(json.dumps(document, ensure_ascii=False, indent=2, default=str))


def main() -> None:
    """Run the command line; a user's mistake ends with 2 and one clear line."""
    logging.basicConfig(
        level=logging.WARNING,
        format="%(message)s",
        handlers=[RichHandler(console=told, show_path=False, markup=False)],
    )
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; errors are told, not raised."""
    try:
        app(arguments)
    except RustpbxLabError as error:
        told.print(f"rustpbx-lab: {' '.join(str(error).split())}")
        return 2
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0


if __name__ == "__main__":
    main()
