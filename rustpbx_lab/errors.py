"""Exceptions of the package, in one tree.

::

    RustpbxLabError
    ├── UnreadableFrameError     a text that is not an event or command of the protocol
    ├── InvalidOptionError       an option or command that we will not send
    ├── ConnectError             no connection to the server
    ├── RequestRefusedError      a REST request that the server refused
    ├── CallError                a call that did not do what was asked
    │   ├── CallRejectedError    the other side said no
    │   ├── CallFailedError      the server reported a fatal error
    │   ├── CallClosedError      the connection is closed
    │   └── CallTimeoutError     no answer in time (also a TimeoutError)
    ├── LogFileError             an event log that cannot be read or written
    ├── OutputFileError          a file that a command is to write, and cannot
    ├── AudioError               audio that cannot be read, written or converted
    ├── SpeechEngineError        a speech engine that cannot do what was asked
    ├── MissingExtraError        an optional package that is not installed
    ├── ServerStartError         a local server that could not start
    ├── UnknownCallError         an id that the hub or the server does not know
    └── NotAllowedError          a command by someone who may only watch
"""

from typing import Any, cast

from typing_extensions import override

SHOWN_CHARACTERS = 80


def shorten(value: object, limit: int = SHOWN_CHARACTERS) -> str:
    """Return ``repr(value)``, cut to ``limit`` characters for a message."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def leaves(error: BaseException) -> list[BaseException]:
    """Return the errors of an exception group, at any depth; else the error itself."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    group = cast("BaseExceptionGroup[BaseException]", error)
    return [leaf for inner in group.exceptions for leaf in leaves(inner)]


class RustpbxLabError(Exception):
    """The base of everything this package raises on purpose.

    Each can be pickled and copied, as process pools and Dask do.
    """

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        # the usual way calls the class with ``args``, which is the message alone
        return _restored, (type(self), self.args, self.__dict__.copy())


def _restored(
    kind: type[RustpbxLabError], args: tuple[object, ...], facts: dict[str, Any]
) -> RustpbxLabError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(facts)
    return error


class UnreadableFrameError(RustpbxLabError):
    """A text that is not an event or command of the protocol."""

    def __init__(self, kind: str, text: str, why: str) -> None:
        super().__init__(f"cannot read {kind} {shorten(text)}: {why}")
        self.kind = kind
        """What it was read as: ``"event"`` or ``"command"``."""
        self.text = text
        self.why = why


class InvalidOptionError(RustpbxLabError):
    """An option or command that does not fit the protocol and was not sent."""


class ConnectError(RustpbxLabError):
    """No connection to the server could be opened."""

    def __init__(self, url: str, why: str, *, may_pass: bool = False) -> None:
        super().__init__(f"cannot connect to {shorten(url)}: {why}")
        self.url = url
        self.why = why
        self.may_pass = may_pass
        """Whether the same may work later: nobody answered, or not yet."""


class RequestRefusedError(RustpbxLabError):
    """The server refused a request of its REST interface."""

    def __init__(self, what: str, status: int, why: str) -> None:
        super().__init__(f"cannot {what}: the server refused (HTTP {status}): {why}")
        self.what = what
        self.status = status
        """HTTP status."""
        self.why = why


class CallError(RustpbxLabError):
    """A call did not do what was asked."""


class CallRejectedError(CallError):
    """The other side refused the call."""

    def __init__(self, reason: str | None, code: int | None) -> None:
        said = reason or "no reason given"
        super().__init__(
            f"the call was rejected: {said}" + (f" (SIP {code})" if code else "")
        )
        self.reason = reason
        self.code = code
        """SIP status, where the server sent one."""


class CallFailedError(CallError):
    """The server reported an error that ended the set-up of the call."""

    def __init__(self, sender: str, error: str) -> None:
        super().__init__(f"the call failed in {sender}: {error}")
        self.sender = sender
        self.error = error


class CallClosedError(CallError):
    """The connection of the call is closed."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the call is closed: {why}")
        self.why = why


class CallTimeoutError(CallError, TimeoutError):
    """Nothing came in the time that was allowed."""

    def __init__(self, awaited: str, timeout: float) -> None:
        super().__init__(f"no {awaited} within {timeout:g} s")
        self.awaited = awaited
        self.timeout = timeout
        """Seconds."""


class LogFileError(RustpbxLabError):
    """An event log file cannot be read or written."""


class OutputFileError(RustpbxLabError):
    """A file or folder that a command was asked to write to cannot be written."""


class AudioError(RustpbxLabError):
    """Audio cannot be read, written or converted."""


class SpeechEngineError(RustpbxLabError):
    """A speech engine cannot do what was asked of it."""


class MissingExtraError(RustpbxLabError):
    """An optional package is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} is not installed; {_ways_to_install(extra)}")
        self.extra = extra


def _ways_to_install(extra: str) -> str:
    """Return what to type for an extra, from where this copy of the package came."""
    # neither is needed before something is missing
    import json
    from importlib.metadata import PackageNotFoundError, distribution

    wanted = f"rustpbx-lab[{extra}]"
    try:
        text = distribution("rustpbx-lab").read_text("direct_url.json")
    except PackageNotFoundError:  # a source tree on the path
        text = None
    origin: dict[str, Any] = json.loads(text or "{}")
    url = str(origin.get("url", ""))
    if origin.get("dir_info", {}).get("editable"):
        folder = url.removeprefix("file://")
        return f"install it with: pip install --editable '{folder}[{extra}]'"
    source = f"{wanted} @ {url}" if url else wanted
    return (
        f"install it with: pip install '{source}', or run the command with it: "
        f"uvx --from '{source}' rustpbx-lab"
    )


class ServerStartError(RustpbxLabError):
    """A local server could not start."""


class UnknownCallError(RustpbxLabError):
    """The hub, or the server, does not know a call of this id."""

    def __init__(self, call_id: str) -> None:
        super().__init__(
            f"no call {shorten(call_id)} here; list the calls to see their ids"
        )
        self.call_id = call_id


class NotAllowedError(RustpbxLabError):
    """Someone who may only watch tried to send a command."""
