"""Acting on what a browser part says, with the document locked; sending together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from types import NoneType
from typing import Any

import panel as pn
from bokeh.core.serialization import Serializer
from bokeh.document.events import (
    ColumnDataChangedEvent,
    DocumentPatchedEvent,
    MessageSentEvent,
    ModelChangedEvent,
)
from bokeh.document.json import PatchJson
from bokeh.protocol.messages.patch_doc import patch_doc
from panel.custom import JSComponent

PLAIN = (str, int, float, NoneType)


def locked(action: Callable[[], None]) -> None:
    """Do something that may touch Bokeh models, as soon as the document is locked.

    Messages of browser parts come without the lock; a change of a model meets
    "_pending_writes should be non-None" then, and is lost.
    """
    document = pn.state.curdoc
    if document is None or document.session_context is None:
        action()
    else:
        document.add_next_tick_callback(action)


def hear(part: JSComponent, heard: Callable[[Mapping[str, Any]], None]) -> None:
    """Give what a browser part says to a function, with the document locked."""
    part.on_msg(lambda event: locked(partial(heard, getattr(event, "data", event))))


@contextmanager
def together() -> Iterator[None]:
    """Send what changes in the block as one message, in the order of the changes.

    To be used with the document locked. Bokeh sends each changed property on its own,
    thirty messages of five frames for a picture: writing and reading them takes longer
    than drawing it. ``pn.io.hold`` drops some while the socket is busy.
    """
    document = pn.state.curdoc
    session: Any = getattr(getattr(document, "session_context", None), "session", None)
    if document is None or session is None or session._pending_writes is None:
        yield
        return
    callbacks: Any = document.callbacks
    if callbacks.hold_value is not None:
        yield
        return
    callbacks.hold("collect")
    try:
        yield
    finally:
        held, callbacks._held_events, callbacks._hold = callbacks._held_events, [], None
        patches = [one for one in held if isinstance(one, DocumentPatchedEvent)]
        for event in held:
            if event not in patches:  # about callbacks: for this process
                callbacks.trigger_on_change(event)
        if patches:
            _send(session, patches)


def _send(session: Any, patches: Sequence[DocumentPatchedEvent]) -> None:
    for connection in session._subscribed_connections:
        message = _plain_message(patches) or connection.protocol.create(
            "PATCH-DOC", patches
        )
        session._pending_writes.append(connection._socket.send_message(message))


def _plain_message(patches: Sequence[DocumentPatchedEvent]) -> patch_doc | None:
    """Return a message of plain values only; None if a model may be among them.

    Bokeh's own begins by listing every model of the page: longer than all the rest.
    """
    for event in patches:
        if isinstance(event, ModelChangedEvent):
            if not isinstance(event.new, PLAIN):
                return None
        elif not isinstance(event, ColumnDataChangedEvent | MessageSentEvent):
            return None
    serializer = Serializer()
    message = patch_doc(
        patch_doc.create_header(), {}, PatchJson(events=serializer.encode(patches))
    )
    message.add_buffers(*serializer.buffers)
    return message
