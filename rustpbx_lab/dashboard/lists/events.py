"""The events table: newest on top, bounded, filtered by kind and by text."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import panel as pn
import panel_material_ui as pmui
from panel.viewable import Viewable, Viewer

from rustpbx_lab.dashboard.browser.document_lock import callback, coalesced
from rustpbx_lab.dashboard.browser.styles import BOX, STACKED_CSS, html
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.log import Record
from rustpbx_lab.views.event_rows import KINDS, EventFilter, EventRow, event_row

from .row_list import EventList

NBSP = "\u00a0"
LIMIT = 500
SCAN = 2000
"""Records looked at together when older rows are searched for a filter."""
CHIP_SX = {
    "& .MuiToggleButton-root": {
        "padding": "0 7px 0 6px",
        "fontSize": "11px",
        "lineHeight": "20px",
        "textTransform": "none",
        "borderRadius": "11px !important",
        "border": "1px solid var(--lab-border) !important",
        "marginRight": "3px",
        "whiteSpace": "nowrap",
        "fontWeight": 400,
        "color": "var(--lab-text) !important",
        "backgroundColor": "transparent !important",
    },
    "& .MuiToggleButton-root:not(.Mui-selected)": {
        "color": "var(--lab-muted) !important",
        "textDecoration": "line-through",
        "backgroundColor": "var(--lab-raised) !important",
    },
    **{
        f"& .MuiToggleButton-root:nth-of-type({place})::before": {
            "content": "''",
            "width": "7px",
            "height": "7px",
            "borderRadius": "2px",
            "marginRight": "5px",
            "backgroundColor": f"var(--lab-{role})",
        }
        for place, role in enumerate(KINDS.values(), start=1)
    },
    f"& .MuiToggleButton-root:nth-of-type({[*KINDS].index('Errors') + 1})::after": {
        "content": "var(--lab-n-errors, '')",
    },
    "@media (max-width:1399px)": {
        "& .MuiToggleButton-root": {"padding": "0 5px 0 4px", "marginRight": "2px"},
        "& .MuiToggleButton-root::before": {"marginRight": "3px !important"},
    },
    "@media (max-width:899px)": {
        "flexWrap": "wrap",
        "rowGap": "3px",
        "& .MuiToggleButton-root": {"flex": "0 0 auto", "width": "auto"},
    },
}
HEAD_CSS = (
    "@media (max-width:899px){:host{flex-wrap:wrap;height:88px !important;"
    "flex:0 0 88px !important}}"
)
CHIPS_CSS = (
    "@media (max-width:899px){:host{order:9;flex:1 1 100% !important;"
    "padding:0 8px;height:54px !important}}"
)
"""On a narrow page the chips stand in lines of their own, under the filter."""


class EventsBox(Viewer):
    """Lists what was said on the wire.

    Args:
        on_select: Called with the log row of a line that was pressed.
        beside: What else stands in its head.
    """

    def __init__(
        self, on_select: Callable[[int], None], beside: Sequence[Viewable] = ()
    ) -> None:
        super().__init__()
        self._view: CallView | None = None
        self._newest: EventRow | None = None
        self._before_ms: int | None = None
        self._add: list[EventRow] = []
        self._drop = 0
        self.rows: list[EventRow] = []
        """The rows that are shown, oldest first."""
        self.list = EventList(on_select, limit=LIMIT, sizing_mode="stretch_both")
        self.list.when_ready(self._redraw)
        self.kinds = pmui.CheckButtonGroup(
            options=list(KINDS),
            value=list(KINDS),
            size="small",
            margin=(4, 0, 0, 0),
            sx=CHIP_SX,
            stylesheets=[CHIPS_CSS],
        )
        self.text = pmui.TextInput(
            placeholder="Filter",
            size="small",
            sizing_mode="stretch_width",
            min_width=80,
            max_width=210,
            margin=(3, 8, 3, 4),
            css_classes=["lab-filter"],
            sx={"& .MuiInputBase-root": {"height": "24px", "fontSize": "11.5px"}},
        )
        self.kinds.param.watch(callback(self._redraw), "value")
        self.text.param.watch(callback(coalesced(self._redraw)), "value_input")
        head = pn.Row(
            html('<div class="head" style="padding-right:6px">Events</div>', height=30),
            self.kinds,
            self.text,
            *beside,
            height=31,
            margin=0,
            sizing_mode="stretch_width",
            stylesheets=[HEAD_CSS],
        )
        self._layout = pn.Column(
            head,
            self.list,
            sizing_mode="stretch_both",
            margin=(0, 6),
            styles=BOX,
            min_width=380,
            stylesheets=[STACKED_CSS],
        )

    def __panel__(self) -> Viewable:
        return self._layout

    def show_call(self, view: CallView | None) -> None:
        """Show another call; its rows come with the next refresh."""
        self._view = view
        self._redraw()

    def count_errors(self) -> None:
        """Say on their chip how many errors there are."""
        n_errors = 0 if self._view is None else self._view.facts.n_errors
        # its label stays: the browser knows a chip by it
        # an empty word, since the browser keeps a property that is left out
        shown = {"--lab-n-errors": f"'{NBSP}{n_errors}'" if n_errors else "''"}
        if self.kinds.styles != shown:
            self.kinds.styles = shown

    def learn(self, records: Iterable[Record]) -> None:
        """Process new records; they are shown with the next `refresh`."""
        if self._view is not None:
            self._fold_in(records, self._filter())

    def refresh(self) -> None:
        """Show what was learned since the last time."""
        add, self._add = self._add, []
        drop, self._drop = self._drop, 0
        self.list.change(self._shown(add), drop)

    def show_times(self) -> None:
        """Write the times again: as call time, or as the time of day."""
        self._redraw(keep=True)

    def _shown(self, rows: Iterable[EventRow]) -> list[dict[str, Any]]:
        view = self._view
        return [] if view is None else [row.shown(view.clock) for row in rows]

    def _fold_in(self, records: Iterable[Record], chosen: EventFilter) -> None:
        """Process records: rows to add, and how many to replace first."""
        add = self._add
        track = None if self._view is None else self._view.facts.caller_track
        for record in records:
            row = event_row(record, self._before_ms, track)
            self._before_ms = record.time_ms
            if not chosen.accepts(row):
                continue
            last = self.rows[-1] if self.rows else None
            if last and row.fold_key is not None and last.fold_key == row.fold_key:
                row = last.joined(row)
                self.rows.pop()
                if add:
                    add.pop()
                else:
                    self._drop += 1
            self.rows.append(row)
            add.append(row)
        del self.rows[:-LIMIT]
        del add[:-LIMIT]

    def _filter(self) -> EventFilter:
        return EventFilter(self.text.value_input or "", self.kinds.value)

    def _redraw(self, *, keep: bool = False) -> None:
        chosen = self._filter()
        self.text.error_state = chosen.problem is not None
        self.rows, self._before_ms = [], None
        self._add, self._drop = [], 0
        view = self._view
        self.list.is_wall = view is not None and view.began_ms is not None
        if view is None or not len(view.log):
            self.list.clear("No events yet.")
            return
        self._search(view, chosen)
        self._add, self._drop = [], 0
        if self.rows:
            self.list.change(self._shown(self.rows), reset=True, keep=keep)
        else:
            self.list.clear(chosen.problem or "No event fits the filter.")

    def _search(self, view: CallView, chosen: EventFilter) -> None:
        """Fill the rows from the newest back, until there are enough."""
        stop = view.seen
        found: list[Record] = []
        while stop > 0 and len(found) < LIMIT:
            start = max(stop - SCAN, 0)
            before = None
            fitting: list[Record] = []
            for record in view.log.records(start, stop):
                row = event_row(record, before, view.facts.caller_track)
                before = record.time_ms
                if chosen.accepts(row):
                    fitting.append(record)
            found = fitting + found
            stop = start
        first = found[-LIMIT:]
        accept_all = EventFilter()
        for record in first:
            earlier = view.log.records(max(record.seq - 1, 0), record.seq)
            self._before_ms = earlier[0].time_ms if earlier else None
            self._fold_in([record], accept_all)
        self._before_ms = view.log[view.seen - 1].time_ms if view.seen else None
