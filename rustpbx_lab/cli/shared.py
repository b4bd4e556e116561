"""The Typer application and the options that commands share."""

import math
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from rustpbx_lab.errors import InvalidOptionError

from .output import output
from .verbosity import Quiet, Verbose, set_verbosity, with_verbosity

T = TypeVar("T")
STOPPING = ("SIGINT", "SIGTERM", "SIGHUP")
"""Names of the signals that end a command; a system may lack some."""
LONGEST_S = 10 * 365 * 86400
"""The longest time that an option takes: ten years."""
WAKE_S = 0.5
STDIN = Path("-")
"""The name of a file that means standard input."""

app = typer.Typer(
    name="rustpbx-lab",
    help="The lab bench for voice agents on the Active Call server.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
vad = typer.Typer(
    help="Replay and tune voice activity detection.", no_args_is_help=True
)
app.add_typer(vad, name="vad")


def show_version(is_wanted: bool) -> None:
    """Print the version of the package and stop."""
    if is_wanted:
        from importlib.metadata import version

        output.line(f"{app.info.name} {version('rustpbx-lab')}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", is_eager=True, callback=show_version, help="Show the version."
    ),
]


@app.callback()
def program(
    verbose: Verbose = 0, quiet: Quiet = False, version: Version = False
) -> None:
    """The lab bench for voice agents on the Active Call server."""
    set_verbosity(verbose, quiet)


def command(
    group: typer.Typer = app, name: str | None = None
) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Return a decorator that adds a command, with ``-v`` and ``--quiet``."""

    def register(function: Callable[..., object]) -> Callable[..., object]:
        group.command(name)(with_verbosity(function))
        return function

    return register


class CallType(StrEnum):
    """The three kinds of call a server takes."""

    WEBSOCKET = "websocket"
    WEBRTC = "webrtc"
    SIP = "sip"


class Agent(StrEnum):
    """Who talks to the caller."""

    NONE = "none"
    FRONTDESK = "frontdesk"


def finite_seconds(value: float | None) -> float | None:
    """Refuse what is not a number of seconds that can be waited for."""
    if value is not None and not (math.isfinite(value) and value <= LONGEST_S):
        raise typer.BadParameter(f"{value} is not between 0.1 and {LONGEST_S} seconds.")
    return value


def seconds_option(text: str) -> Any:
    """Return an option of a number of seconds."""
    return typer.Option(min=0.1, callback=finite_seconds, metavar="SECONDS", help=text)


def host_name(value: str) -> str:
    """Refuse what cannot be the name or the address of a host."""
    try:
        value.encode("idna")
    except UnicodeError as exc:
        raise typer.BadParameter(f"{value[:80]!r} is not the name of a host.") from exc
    if not value or not value.isprintable():
        raise typer.BadParameter(f"{value[:80]!r} is not the name of a host.")
    return value


Host = Annotated[
    str,
    typer.Option(
        metavar="HOST", callback=host_name, help="Name or address to listen on."
    ),
]
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
Codec = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The recording has no header: pcm, pcmu, pcma, g722 or gsm.",
    ),
]
Rate = Annotated[
    int | None,
    typer.Option(metavar="HZ", min=2000, help="Its sample rate, with --codec."),
]
Engine = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="VAD engine that computes the probability of speech here: silero (the "
        "server's: silero-i16, before 0.3.100 silero-f32), silero-lite, energy, or one "
        "of an installed package.",
    ),
]
ServerRelease = Annotated[
    str | None,
    typer.Option(
        "--server-version",
        metavar="0.3.113",
        help="Release of the server: what it is too old for is said.",
    ),
]
TapToken = Annotated[
    str | None,
    typer.Option(
        envvar="RUSTPBX_LAB_TAP_TOKEN",
        help="What the server must send as a bearer token; beyond the loopback one is "
        "made up.",
    ),
]
TapUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Where the server reaches the tap, if not where it listens: ws://HOST:PORT.",
    ),
]
Browser = Annotated[bool, typer.Option("--no-browser", help="Open no browser.")]
Logs = Annotated[Path | None, typer.Option(help="Folder for logs and recordings.")]
LogFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write the event log as it comes; .gz packs it.",
    ),
]
SipflowFile = Annotated[
    Path | None,
    typer.Option(
        "--sipflow",
        metavar="FILE",
        help="SIP messages of the session; without it ID.sipflow.jsonl or ID.jsonl "
        "beside the log.",
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.pem",
        help="Trust these certificates too, for wss:// with one of your own.",
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace files that exist.")
]


def read_stdin() -> bytes:
    """Return all of standard input.

    Raises:
        InvalidOptionError: If it cannot be read.
    """
    try:
        if sys.stdin is None:
            raise ValueError("it is closed")
        return sys.stdin.buffer.read()
    except (OSError, ValueError) as exc:
        why = getattr(exc, "strerror", None) or exc
        raise InvalidOptionError(
            f"cannot read standard input: {why}; give the name of a file"
        ) from exc


@contextmanager
def stdin_as_file(paths: Iterable[Path]) -> Generator[dict[Path, str]]:
    """Give path → label of a copy of standard input, if ``-`` is one of the paths.

    Raises:
        InvalidOptionError: If standard input cannot be read.
    """
    if STDIN not in paths:
        yield {}
        return
    content = read_stdin()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "standard-input"
        copy.write_bytes(content)
        yield {copy: str(STDIN)}


def report_address(url: str) -> None:
    """Report where the dashboard is, when all that serves it is there."""
    from rustpbx_lab.workbench.gc_tuning import settle_collector

    settle_collector()
    output.progress(f"dashboard on {url}  (Ctrl+C ends it)")


@contextmanager
def ended_by_signals(calls: AbstractContextManager[T]) -> Generator[T]:
    """Enter what keeps the calls; SIGTERM and SIGHUP end the block as Ctrl+C does.

    While the calls are then ended and saved, a further signal ends the process at once.
    """
    is_main = threading.current_thread() is threading.main_thread()
    numbers = [
        getattr(signal, name) for name in STOPPING if is_main and hasattr(signal, name)
    ]
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        with calls as entered:
            for number in numbers:
                if number != signal.SIGINT and before[number] != signal.SIG_IGN:
                    signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
            try:
                yield entered
            finally:
                for number in numbers:
                    signal.signal(number, lambda number, _: os._exit(128 + number))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_for_the_end(
    running: str, meanwhile: Callable[[], object] = lambda: None
) -> None:
    """Report what is running, and wait until the process is asked to stop.

    Args:
        running: What is running.
        meanwhile: Called twice a second.
    """
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    output.progress(f"{running}  (Ctrl+C ends it)")
    while not ended.wait(WAKE_S):  # a wait without a limit takes no signal on Windows
        meanwhile()
