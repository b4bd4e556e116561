"""One message a tick: the same for the browser as Bokeh's own."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from bokeh.document import Document
from bokeh.events import ButtonClick
from bokeh.models import Button, ColumnDataSource, Range1d, Span
from bokeh.protocol import Protocol

from rustpbx_lab.dashboard.sending import plain_message


def changes_of(document: Document, change: Callable[[], None]) -> list:
    """Return the events of what a function changes."""
    document.callbacks.hold("collect")
    change()
    held, document.callbacks._held_events = document.callbacks._held_events, []
    document.callbacks.unhold()
    return held


@pytest.fixture
def models() -> tuple[Document, ColumnDataSource, Span]:
    document = Document()
    source, span = ColumnDataSource(data={"x": [], "y": []}), Span(location=0)
    document.add_root(source)
    document.add_root(span)
    document.models.flush_synced()
    return document, source, span


COLUMNS = {
    "texts": ["a", "<b>", None, "\u8a9e"],
    "numbers": [1, 2.5, -3, 0],
    "unknown": [1.0, float("nan"), None, float("inf")],
    "mixed": ["a", 1, True, [1, 2]],
    "lines": [[1, 2], [3.5], [], [4]],
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_are_what_bokeh_would_send(models, name: str):
    document, source, span = models

    def change() -> None:
        source.data = {"x": COLUMNS[name], "y": [1, 2, 3, 4]}
        span.location = 12.5

    events = changes_of(document, change)
    ours = plain_message(events)
    theirs = Protocol().create("PATCH-DOC", events)
    assert ours is not None
    assert json.loads(ours.content_json) == json.loads(theirs.content_json)


def test_arrays_travel_as_bytes(models):
    document, source, _ = models
    values = np.arange(5, dtype=np.float32)

    def change() -> None:
        source.data = {"x": values, "y": values}

    ours = plain_message(changes_of(document, change))
    assert ours is not None
    assert [bytes(buffer.to_bytes()) for buffer in ours._buffers] == [
        *(values.tobytes(), values.tobytes())
    ]


def test_a_message_of_a_part_names_its_model(models):
    document, _, _ = models
    button = Button()
    document.add_root(button)
    document.models.flush_synced()

    def change() -> None:
        document.callbacks.send_event(ButtonClick(model=button))

    events = changes_of(document, change)
    ours = plain_message(events)
    theirs = Protocol().create("PATCH-DOC", events)
    assert ours is not None
    assert json.loads(ours.content_json) == json.loads(theirs.content_json)


def test_a_change_that_brings_a_model_is_left_to_bokeh(models):
    document, _, span = models
    assert plain_message(changes_of(document, lambda: span.update(level="overlay")))
    other = changes_of(document, lambda: span.update(tags=[Range1d()]))
    assert plain_message(other) is None
