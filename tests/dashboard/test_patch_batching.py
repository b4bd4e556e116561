"""One message per redraw: the same changes as Bokeh's own messages."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from bokeh.core.serialization import Deserializer
from bokeh.document import Document
from bokeh.document.events import DocumentChangedEvent, MessageSentEvent
from bokeh.events import ButtonClick
from bokeh.models import Button, ColumnDataSource, Range1d, Span
from bokeh.protocol import Protocol
from panel.io.state import set_curdoc

from rustpbx_lab.dashboard.browser import patch_batching
from rustpbx_lab.dashboard.browser.fast_paint import take_held_events
from rustpbx_lab.dashboard.browser.patch_batching import (
    MESSAGE,
    encode_patch,
    single_patch,
)


def changes_of(document: Document, change: Callable[[], None]) -> list:
    """Return the events of what a function changes."""
    document.hold("collect")
    change()
    held = take_held_events(document)
    document.unhold()
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
    "half a surrogate pair": ["\ud83d", "b", "c", "d"],
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
    theirs = Protocol().create("PATCH-DOC", events)
    assert json.loads(encode_patch(events)["patch"]) == json.loads(theirs.content_json)


def test_arrays_travel_as_bytes(models):
    document, source, _ = models
    values = np.arange(5, dtype=np.float32)

    def change() -> None:
        source.data = {"x": values, "y": values}

    ours = encode_patch(changes_of(document, change))
    assert [data for _, data in ours["buffers"]] == [values.tobytes()] * 2
    for number, _ in ours["buffers"]:
        assert f'"{number}"' in ours["patch"]


def test_a_message_of_a_part_names_its_model(models):
    document, _, _ = models
    button = Button()
    document.add_root(button)
    document.models.flush_synced()

    def change() -> None:
        document.callbacks.send_event(ButtonClick(model=button))

    events = changes_of(document, change)
    theirs = Protocol().create("PATCH-DOC", events)
    assert json.loads(encode_patch(events)["patch"]) == json.loads(theirs.content_json)


@pytest.fixture
def listening(models):
    """The models in a document whose browser part listens, and what it sends."""
    document, source, span = models
    sent: list[DocumentChangedEvent] = []
    document.on_change(sent.append)
    with set_curdoc(document):
        patch_batching.PatchChannel().on_ready()
        yield document, source, span, sent


def test_what_changes_in_a_block_is_one_message_with_its_data_last(listening):
    """A change of layout paints at once, and may not meet half of a change of data."""
    _, source, span, sent = listening
    with single_patch():
        source.data = {"x": [1], "y": [2]}
        span.location = 1
        with single_patch():
            source.selected.indices = [0]
            span.location = 2
        assert sent == []
    (message,) = sent
    assert isinstance(message, MessageSentEvent)
    assert message.msg_type == MESSAGE
    events = json.loads(message.msg_data["patch"])["events"]
    assert [(event["attr"], event.get("new")) for event in events] == [
        ("location", 1),
        ("indices", [0]),
        ("location", 2),
        ("data", None),
    ]


def test_a_change_that_brings_a_model_is_left_to_bokeh_and_keeps_its_place(listening):
    _, _, span, sent = listening
    with single_patch():
        span.location = 1
        span.tags = [Range1d()]
        span.location = 2
    assert [type(event).__name__ for event in sent] == [
        "MessageSentEvent",
        "ModelChangedEvent",
        "MessageSentEvent",
    ]


def test_what_changed_before_an_error_is_sent_all_the_same(listening):
    document, _, span, sent = listening

    def fail() -> None:
        with single_patch():
            span.location = 1
            raise ValueError("a broken view")

    with pytest.raises(ValueError, match="a broken view"):
        fail()
    assert len(sent) == 1
    assert document.callbacks.hold_value is None


def test_callbacks_of_a_change_do_not_run_a_second_time(listening):
    _, _, span, _ = listening
    called: list[object] = []
    span.on_change("location", lambda attr, old, new: called.append(new))
    with single_patch():
        span.location = 1
        span.tags = [Range1d()]
    assert called == []


def test_before_the_browser_listens_each_change_goes_alone(models):
    document, _, span = models
    sent: list[DocumentChangedEvent] = []
    document.on_change(sent.append)
    with set_curdoc(document), single_patch():
        span.location = 1
        span.location = 2
    assert len(sent) == 2


def test_bokeh_reads_a_patch_as_the_same_changes(models):
    document, source, span = models

    def change() -> None:
        source.data = {"x": [1, 2], "y": np.arange(2)}
        span.location = 7

    ours = encode_patch(changes_of(document, change))
    decoded = Deserializer(references=[source, span]).decode(
        json.loads(ours["patch"])["events"],
        [_buffer(number, data) for number, data in ours["buffers"]],
    )
    assert decoded[0]["data"]["x"] == [1, 2]
    assert decoded[0]["data"]["y"].tolist() == [0, 1]
    assert decoded[1]["new"] == 7


def _buffer(number: str, data: bytes) -> object:
    from bokeh.core.serialization import Buffer

    return Buffer(number, data)
