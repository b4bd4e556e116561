"""Batching of model changes into one message to the browser."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from math import isfinite
from typing import Any
from weakref import WeakSet

import orjson
import panel as pn
from bokeh.core.serialization import Buffer, Serializer
from bokeh.document import Document
from bokeh.document.events import (
    ColumnDataChangedEvent,
    DocumentChangedEvent,
    DocumentPatchedEvent,
    MessageSentEvent,
    ModelChangedEvent,
)
from bokeh.events import ModelEvent
from bokeh.model import Model
from bokeh.models import DataSource
from bokeh.models.glyph import Glyph
from panel.custom import JSComponent

from .fast_paint import can_take_held_events, take_held_events
from .scripts import script

MESSAGE = "rustpbx-lab-patch"
"""Type of the document message that carries a patch; the browser part listens to it."""
TEXTS = frozenset({str, type(None)})
NUMBERS = frozenset({int, float})

PlainEvent = ModelChangedEvent | ColumnDataChangedEvent | MessageSentEvent

_listening: WeakSet[Document] = WeakSet()


class PatchChannel(JSComponent):
    """Applies the patches that `single_patch` sends, one message each.

    A page without it, or whose browser part has not answered yet, gets each change as
    a message of its own.
    """

    _esm = script("patch_channel")

    def __init__(self, **params: Any) -> None:
        super().__init__(width=0, height=0, margin=0, **params)
        self.on_msg(self.on_ready)

    def on_ready(self, _: object = None) -> None:
        """Send single patches from now on: the browser part listens."""
        document = pn.state.curdoc
        if document is not None:
            _listening.add(document)


@contextmanager
def single_patch() -> Iterator[None]:
    """Send what changes in the block as one message; of each model, in its order.

    To be used with the document locked; a block inside another one belongs to that.
    Bokeh sends each changed property as a message of its own, thirty messages of five
    frames for one redraw: writing and reading them takes longer than drawing.
    ``pn.io.hold`` does not serve: Panel 1.9 loses changes while the socket is busy.
    """
    document = pn.state.curdoc
    if document is None or not _is_free(document):
        yield
        return
    document.hold("collect")
    try:
        yield
    finally:
        events = take_held_events(document)
        document.unhold()
        _send(document, events)


def _is_free(document: Document) -> bool:
    """Whether the browser takes patches and no block around this one collects them."""
    is_listening = document in _listening and can_take_held_events()
    return is_listening and document.callbacks.hold_value is None


def _send(document: Document, events: Sequence[DocumentChangedEvent]) -> None:
    for is_plain, group in groupby(events, _is_plain):
        if is_plain:
            plain = [event for event in group if isinstance(event, PlainEvent)]
            patch = encode_patch(sorted(plain, key=_is_drawn_later))
            message = MessageSentEvent(document, MESSAGE, patch)
            document.callbacks.trigger_on_change(message)
            continue
        for event in group:
            if isinstance(event, DocumentPatchedEvent):
                # Panel would take the call for a change made in the browser
                event.callback_invoker = None
            document.callbacks.trigger_on_change(event)


def _is_drawn_later(event: PlainEvent) -> bool:
    """Whether a renderer takes in a change step by step, after the whole patch.

    These come last. A change of layout paints at once: new boxes would meet the colours
    of old ones, BokehJS fails, and the rest of the patch is lost. Changes of one model
    keep their order.
    """
    return isinstance(_model_of(event), DataSource | Glyph)


def _is_plain(event: DocumentChangedEvent) -> bool:
    """Whether a change can bring no model that the browser does not know yet."""
    match event:
        case ModelChangedEvent():
            return _is_json(event.new)
        case ColumnDataChangedEvent():
            return True
        case MessageSentEvent():
            data = event.msg_data
            return isinstance(data, ModelEvent) and data.model is not None
        case _:
            return False


def _is_json(value: Any) -> bool:
    match value:
        case None | str() | bool() | int():
            return True
        case float():
            return isfinite(value)
        case list() | tuple():
            return all(map(_is_json, value))
        case dict():
            return all(isinstance(k, str) and _is_json(v) for k, v in value.items())
        case _:
            return False


def encode_patch(events: Sequence[PlainEvent]) -> dict[str, Any]:
    """Return the patch that Bokeh would make of plain changes, only faster.

    Bokeh lists every model of the page for each patch and looks at each cell of each
    column, which takes longer than all the rest.

    Args:
        events: Changes of one document, none of which brings a new model.

    Returns:
        ``patch``: the content of Bokeh's PATCH-DOC message as JSON text; ``buffers``:
        id and bytes of each array in it.
    """
    models: Any = [_model_of(event) for event in events]
    serializer = Serializer(references=set(models))
    content = {
        "events": [
            _columns(event, serializer)
            if isinstance(event, ColumnDataChangedEvent) and event.cols is None
            else serializer.encode(event)
            for event in events
        ]
    }
    buffers = [(buffer.id, buffer.to_bytes()) for buffer in serializer.buffers]
    return {"patch": _to_json(content), "buffers": buffers}


def _model_of(event: PlainEvent) -> Model:
    """Return the model that a change is about."""
    part: Any = event.msg_data if isinstance(event, MessageSentEvent) else event
    return part.model


def _to_json(content: Mapping[str, Any]) -> str:
    option = orjson.OPT_PASSTHROUGH_DATACLASS
    try:
        return orjson.dumps(content, _encode_special, option).decode()
    except TypeError:  # half a surrogate pair, which only an escape can carry
        return json.dumps(content, default=_encode_special, allow_nan=False)


def _encode_special(value: Any) -> Any:
    if isinstance(value, Buffer):
        return value.ref
    if isinstance(value, float):  # NumPy's own
        return float(value)
    raise TypeError(f"cannot encode {type(value).__name__}")


def _columns(event: ColumnDataChangedEvent, serializer: Serializer) -> dict[str, Any]:
    model: Any = event.model
    data = getattr(model, event.attr) if event.data is None else event.data
    entries = [
        (name, column if _is_plain_column(column) else serializer.encode(column))
        for name, column in data.items()
    ]
    return {
        "kind": event.kind,
        "model": model.ref,
        "attr": event.attr,
        "data": {"type": "map", "entries": entries},
        "cols": None,
    }


def _is_plain_column(column: Any) -> bool:
    """Whether JSON has every cell of a column as it is."""
    if type(column) is not list:
        return False
    kinds = set(map(type, column))
    return kinds <= TEXTS or (kinds <= NUMBERS and all(map(isfinite, column)))
