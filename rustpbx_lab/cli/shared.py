"""What the commands share: the program, its words, its output."""

import json
import signal
import threading
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

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
AllowHost = Annotated[
    list[str],
    typer.Option(
        "--allow-host",
        metavar="NAME[:PORT]",
        help="Further name it is reached by; may be repeated.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Set = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="Set an option; may be repeated."),
]
Browser = Annotated[bool, typer.Option("--no-browser", help="Open no browser.")]
Logs = Annotated[Path | None, typer.Option(help="Folder for logs and recordings.")]
File = Annotated[Path | None, typer.Option(metavar="FILE")]


def wait_for_the_end(running: str) -> None:
    """Say what is running, and wait until the process is told to stop."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    told.print(f"{running}  (Ctrl+C ends it)")
    ended.wait()


def tell_address(url: str) -> None:
    """Say where the dashboard is, when all that serves it is there."""
    from rustpbx_lab.workbench.collector import settle_collector

    settle_collector()
    told.print(f"dashboard on {url}  (Ctrl+C ends it)")


def print_json(document: object) -> None:
    """Print one JSON document on standard output."""
    print(json.dumps(document, ensure_ascii=False, indent=2, default=str))
