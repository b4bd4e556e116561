"""The lanes below each other: a header, a figure, and a button that folds both."""

from collections.abc import Sequence
from typing import Any

import panel as pn

from rustpbx_lab.plots.lanes.lane import Lane

from .lane_headers import LaneHeaders

LOW_CSS = "@media (max-height:899px){:host{display:none !important}}"
"""A low window has no room for every lane."""


class LaneRows:
    """Places figures beside their headers and keeps them as high as these ask.

    Args:
        headers: Of the lanes.
        overview: Figure of the whole call.
        lanes: The lanes, from above.
    """

    def __init__(
        self, headers: LaneHeaders, overview: Any, lanes: Sequence[Lane]
    ) -> None:
        self._headers, self._lanes = headers, lanes
        self._hidden: set[str] = set()
        plots: list[Any] = [lane.figure for lane in lanes]
        self._tops = [plot.y_range.end for plot in plots]
        self.whole_call = _row(headers.whole_call, _pane(overview))
        self._panes = [_pane(lane.figure) for lane in lanes]
        self.rows = [
            _row(*parts)
            for parts in zip(headers.panes, self._panes, headers.buttons, strict=True)
        ]
        """One a lane, from above."""
        for row, lane in zip(self.rows, lanes, strict=True):
            if lane.is_dispensable:
                row.stylesheets = [LOW_CSS]
        self.hide(set())

    @property
    def folded(self) -> set[str]:
        """The lanes of which only the title is shown."""
        return self._headers.folded

    def fold(self, name: str) -> bool:
        """Show only the title of a lane, or all of it; return whether there is one."""
        is_one = self._headers.fold(name)
        self.fit()
        return is_one

    def hide(self, names: set[str]) -> None:
        """Show all lanes but these, and those that the call has nothing for."""
        self._hidden = set(names)
        unseen = self._hidden | self._headers.absent
        for row, lane in zip(self.rows, self._lanes, strict=True):
            row.visible = lane.name not in unseen

    def fit(self) -> None:
        """Make each lane as high as its header is, and leave out what is empty."""
        self.hide(self._hidden)
        for lane, height, row, header, pane, top in zip(
            self._lanes,
            self._headers.heights,
            self.rows,
            self._headers.panes,
            self._panes,
            self._tops,
            strict=True,
        ):
            if row.height == height:
                continue
            for part in (row, header, pane, lane.figure):
                part.height = height
            # of a lane without detector or recogniser what is above stays
            shown = lane.full_px - height, top
            if lane.name in self.folded and lane.folded_y is not None:
                shown = lane.folded_y
            lane.figure.y_range.update(start=shown[0], end=shown[1])


def _pane(plot: Any) -> pn.pane.Bokeh:
    return pn.pane.Bokeh(
        plot, margin=0, height=plot.height, sizing_mode="stretch_width"
    )


def _row(header: Any, pane: pn.pane.Bokeh, *button: Any) -> pn.Row:
    return pn.Row(
        header,
        pane,
        *button,
        margin=0,
        height=pane.height,
        sizing_mode="stretch_width",
    )
