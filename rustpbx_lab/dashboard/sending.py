"""What a page changes goes to the browser as one message."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from math import isfinite
from types import NoneType
from typing import Any

import orjson
import panel as pn
from bokeh.core.serialization import Buffer, Serializer
from bokeh.document.events import (
    ColumnDataChangedEvent,
    DocumentPatchedEvent,
    MessageSentEvent,
    ModelChangedEvent,
)
from bokeh.document.json import PatchJson
from bokeh.events import ModelEvent
from bokeh.model import Model
from bokeh.protocol.messages.patch_doc import patch_doc

PLAIN = (str, int, float, NoneType)
TEXTS = frozenset({str, NoneType})
NUMBERS = frozenset({int, float})


@contextmanager
def together() -> Iterator[None]:
    """Send what changes in the block as one message, in the order of the changes.

    To be used with the document locked. Bokeh sends each changed property on its own,
    thirty messages of five frames for a picture: writing and reading them takes longer
    than drawing it. ``pn.io.hold`` drops some while the socket is busy. Where there is
    no such session (a notebook), changes go as they come.
    """
    document = pn.state.curdoc
    session: Any = getattr(getattr(document, "session_context", None), "session", None)
    callbacks: Any = None if document is None else document.callbacks
    is_free = session is not None and session._pending_writes is not None
    if not is_free or callbacks.hold_value is not None:
        yield
        return
    callbacks.hold("collect")
    try:
        yield
    finally:
        held, callbacks._held_events, callbacks._hold = callbacks._held_events, [], None
        patches = [one for one in held if isinstance(one, DocumentPatchedEvent)]
        for event in held:
            if not isinstance(event, DocumentPatchedEvent):
                callbacks.trigger_on_change(event)  # about callbacks of this process
        if patches:
            _send(session, patches)


def _send(session: Any, patches: list[DocumentPatchedEvent]) -> None:
    for connection in session._subscribed_connections:
        message = plain_message(patches) or connection.protocol.create(
            "PATCH-DOC", patches
        )
        session._pending_writes.append(connection._socket.send_message(message))


def plain_message(patches: Sequence[DocumentPatchedEvent]) -> patch_doc | None:
    """Return a message of plain values only; None if a model may be among them.

    The same message as Bokeh's own, which begins by listing every model of the page and
    looks at each cell of a column: longer than all the rest.
    """
    known: set[Model] = set()
    for event in patches:
        match event:
            case ModelChangedEvent() if isinstance(event.new, PLAIN):
                known.add(event.model)
            case ColumnDataChangedEvent():
                pass
            case MessageSentEvent(msg_data=ModelEvent(model=Model() as model)):
                known.add(model)
            case _:
                return None
    serializer = Serializer(references=known)
    encoded: list[Any] = [
        _columns(event, serializer)
        if isinstance(event, ColumnDataChangedEvent) and event.cols is None
        else serializer.encode(event)
        for event in patches
    ]
    message = patch_doc(patch_doc.create_header(), {}, PatchJson(events=encoded))
    message.add_buffers(*serializer.buffers)
    with suppress(TypeError):  # half a character: Bokeh's way
        message._content_json = orjson.dumps(
            message.content, _simpler, orjson.OPT_PASSTHROUGH_DATACLASS
        ).decode()
    return message


def _simpler(value: Any) -> Any:
    if isinstance(value, Buffer):
        return value.ref
    if isinstance(value, float):  # NumPy's own
        return float(value)
    raise TypeError


def _columns(event: ColumnDataChangedEvent, serializer: Serializer) -> dict[str, Any]:
    model: Any = event.model
    data = getattr(model, event.attr) if event.data is None else event.data
    entries = [
        (name, column if _is_plain(column) else serializer.encode(column))
        for name, column in data.items()
    ]
    return {
        "kind": event.kind,
        "model": model.ref,
        "attr": event.attr,
        "data": {"type": "map", "entries": entries},
        "cols": None,
    }


def _is_plain(column: Any) -> bool:
    """Whether JSON has every cell of a column as it is."""
    if type(column) is not list:
        return False
    kinds = set(map(type, column))
    return kinds <= TEXTS or (kinds <= NUMBERS and all(map(isfinite, column)))
