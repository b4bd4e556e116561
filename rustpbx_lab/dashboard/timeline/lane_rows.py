"""The lanes below each other: a header, a figure, and a button that folds both."""

from collections.abc import Sequence
from typing import Any

import panel as pn

from rustpbx_lab.plots.lanes import agent as agent_lane
from rustpbx_lab.plots.lanes import caller as caller_lane

from .lane_headers import FULL, LaneHeaders
from .toolbar import LANES

FOLDED_Y = {
    "Caller": caller_lane.FOLDED_Y,
    "Agent": agent_lane.FOLDED_Y,
}
"""What a folded lane shows instead of its upper part: bottom and top."""
METRICS = 1 + LANES.index("Metrics")
"""Place of the lane that a low window has no room for."""
LOW_CSS = "@media (max-height:899px){:host{display:none !important}}"


class LaneRows:
    """Places figures beside their headers and keeps them as high as these ask.

    Args:
        headers: Of the lanes.
        plots: The figures, from above.
    """

    def __init__(self, headers: LaneHeaders, plots: Sequence[Any]) -> None:
        self._headers, self._plots = headers, plots
        self._tops = {plot: plot.y_range.end for plot in plots}
        self._panes = [
            pn.pane.Bokeh(
                plot, margin=0, height=plot.height, sizing_mode="stretch_width"
            )
            for plot in plots
        ]
        buttons = [(), *((button,) for button in headers.buttons)]
        self.rows = [
            pn.Row(
                header,
                pane,
                *button,
                margin=0,
                height=pane.height,
                sizing_mode="stretch_width",
            )
            for header, pane, button in zip(
                headers.panes, self._panes, buttons, strict=True
            )
        ]
        """One a lane, from above; the first is the whole call's."""
        self.rows[METRICS].stylesheets = [LOW_CSS]

    @property
    def folded(self) -> set[str]:
        """The lanes of which only the title is shown."""
        return self._headers.folded

    def fold(self, name: str) -> bool:
        """Show only the title of a lane, or all of it; tell whether there is one."""
        is_one = self._headers.fold(name)
        self.fit()
        return is_one

    def hide(self, names: set[str]) -> None:
        """Show all lanes but these."""
        for row, title in zip(self.rows[1:], LANES, strict=True):
            row.visible = title not in names

    def fit(self) -> None:
        """Make each lane as high as its header is."""
        heights = zip(self._headers.heights, FULL, strict=True)
        for name, (height, full), row, header, pane, plot in zip(
            ("", *LANES),
            heights,
            self.rows,
            self._headers.panes,
            self._panes,
            self._plots,
            strict=True,
        ):
            if row.height != height:
                for part in (row, header, pane, plot):
                    part.height = height
                # of a lane without detector or recogniser what is above stays
                top = self._tops[plot]
                shown = full - height, top
                if name in self.folded:
                    shown = FOLDED_Y.get(name, shown)
                plot.y_range.update(start=shown[0], end=shown[1])
