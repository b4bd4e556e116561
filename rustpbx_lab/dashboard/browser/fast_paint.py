"""Private parts of Bokeh that pay for themselves, each with a public fallback.

What the dashboard uses of Bokeh that is not public stands in this file. Each use is
tested before it is relied on: in Python on a scratch document, in the browser on the
classes that BokehJS loaded. What is missing or behaves differently is not used; the
page is slower then, and one line of the log says so.
"""

import logging
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import param
from bokeh.document import Document
from bokeh.document.events import DocumentChangedEvent
from bokeh.models import Span
from panel.custom import JSComponent

from rustpbx_lab.plots.time_axis import LANE_TAG

from .scripts import script

logger = logging.getLogger(__name__)

SWITCH = "RUSTPBX_LAB_BOKEH_INTERNALS"
"""Environment variable; ``off`` uses public API only, to find a fault or to measure."""


def is_switched_off() -> bool:
    """Whether the environment asks for public API only."""
    return os.environ.get(SWITCH, "").lower() in ("off", "0", "false", "no")


def take_held_events(document: Document) -> list[DocumentChangedEvent]:
    """Take what a document held back since ``hold``, and leave it nothing to send.

    Public API can only release held changes one by one, a message each, and runs the
    callbacks of each change once more: Panel takes those for changes made in the
    browser. To be used only where `can_take_held_events`.
    """
    callbacks: Any = document.callbacks
    events, callbacks._held_events = callbacks._held_events, []
    return events


@cache
def can_take_held_events() -> bool:
    """Whether `take_held_events` does what it says, tried on a scratch document."""
    if is_switched_off():
        return False
    document, span, sent = Document(), Span(location=0), []
    document.add_root(span)
    document.on_change(sent.append)
    document.hold("collect")
    try:
        span.location = 1.5
        events = take_held_events(document)
    except (AttributeError, TypeError):
        events = []
    document.unhold()
    attributes = [getattr(event, "attr", None) for event in events]
    if attributes == ["location"] and not sent:
        return True
    logger.warning(
        "this version of Bokeh does not give held changes away: the dashboard sends "
        "each change as a message of its own, and is slower"
    )
    return False


class FastPaint(JSComponent):
    """Halves the time that the browser takes to paint our lanes.

    At every paint Bokeh moves an invisible element for each renderer by writing a style
    sheet, and reads each colour from the computed style, in case a style sheet gives
    another: the browser works out the style of the page some ninety times a picture.
    Our lanes have no such style sheets and do not use those elements.

    It also announces which marks are in view. The renderer takes that for a change of
    the view and makes all its visuals again, even while its data are being replaced;
    nothing in our lanes asks for it.

    A glyph takes its new data at once and its colours some steps later. Where a change
    of layout in the same message paints in between, that announcement gets the colours;
    without it Bokeh would read past their end. Such a glyph waits for its next paint.

    Other plots stay as they are. The browser reports which of the methods it did not
    find as expected; those are left alone.

    Source:
        bokeh 3.9 and 3.10, core/visuals/visual.ts, models/renderers/renderer.ts and
        glyph_renderer.ts (_update_masked_indices); see
        docs/decisions/0004-lanes-are-painted-without-style-sheets.md.
    """

    _esm = script("fast_paint")

    tag = param.String(default=LANE_TAG)
    """What a lane's figure is tagged with."""

    enabled = param.Boolean(default=True)
    """False leaves every method of BokehJS as it is."""

    def __init__(self, **params: Any) -> None:
        params.setdefault("enabled", not is_switched_off())
        super().__init__(width=0, height=0, margin=0, **params)
        self.on_msg(self.on_report)

    def on_report(self, event: Any) -> None:
        """Log what the browser did not find, once."""
        report: Mapping[str, Any] = getattr(event, "data", event)
        names = report.get("missing")
        if isinstance(names, list) and names:
            _warn_of_slow_painting(", ".join(sorted(str(name)[:80] for name in names)))


@cache
def _warn_of_slow_painting(names: str) -> None:
    logger.warning(
        "this version of BokehJS has no %s as expected: lanes are painted the usual "
        "way, and more slowly",
        names,
    )
