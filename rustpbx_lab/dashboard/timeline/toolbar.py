"""The toolbar of the timeline: span, follow, what-if, lanes, legend."""

from collections.abc import Sequence
from typing import Any

import panel as pn
import panel_material_ui as pmui
from panel.viewable import Viewable, Viewer

from rustpbx_lab.dashboard.browser.styles import html
from rustpbx_lab.plots.lanes.lane import Lane
from rustpbx_lab.plots.lanes.turn_latency import ROLES
from rustpbx_lab.wording import thousands

FIT = "Fit"
FIRST_SPAN = "20 s"
SPANS = {"10 s": 10_000, FIRST_SPAN: 20_000, "60 s": 60_000, FIT: None}
OWN_SPAN = "Own"
"""What is chosen while the eye is elsewhere; a button that nobody sees.

A group without a choice is not to be had: Panel takes its first option then.
"""
FOLLOW = "Follow live"
SHOWN, HIDDEN = "check", "check_box_outline_blank"
"""Icons of a lane in the menu."""
ONLY_HIGH = "Left out of windows lower than 900 pixels"
ONLY_FILLED = "Left out of calls that have nothing for it"
TOGGLE_SX = {"minWidth": "0", "padding": "2px 5px", "height": "26px"}
BAR_CSS = """
.lg{display:flex;gap:12px;align-items:center;height:30px;font-size:11px;
  color:var(--lab-muted);justify-content:flex-end;white-space:nowrap;padding-right:8px;
  overflow:hidden}
.lg span{display:flex;gap:5px;align-items:center}
.lg .chip{display:block;margin-right:auto;padding:2px 8px;border-radius:3px;
  background:var(--lab-vad-tint);color:var(--lab-vad-ink);overflow:hidden;
  text-overflow:ellipsis}
.lg .chip.thin{background:var(--lab-warning-tint);color:var(--lab-warning-ink)}
.sw{width:10px;height:10px;border-radius:2px;display:inline-block}
@media (max-width:1399px){.lg .sg{display:none}}
@media (max-width:899px){:host{order:9;flex:1 1 100% !important;height:auto !important}
  :host>div{height:auto !important}.lg{height:auto}}
"""
WRAPPED_CSS = (
    # it stays where the lanes under it are scrolled
    ":host{position:sticky;top:0;z-index:3;background:var(--lab-surface)}"
    "@media (max-width:899px){:host{flex-wrap:wrap;height:auto !important;"
    "flex:0 0 auto !important}}"
)
SWITCH_SX = {"& .MuiFormControlLabel-label": {"fontSize": "12px"}}


class TimelineBar(Viewer):
    """Widgets only; the timeline watches them.

    Args:
        lanes: The lanes, from above.
    """

    def __init__(self, lanes: Sequence[Lane]) -> None:
        super().__init__()
        self._all_lanes = lanes
        self.span = pmui.RadioButtonGroup(
            options=[*SPANS, OWN_SPAN],
            value=FIRST_SPAN,
            size="small",
            width=164,
            margin=(3, 6, 2, 0),
            sx={
                "& .MuiToggleButton-root": {
                    "padding": "1px 7px",
                    "fontSize": "11.5px",
                    "textTransform": "none",
                    "lineHeight": 1.7,
                    "whiteSpace": "nowrap",
                    "flex": 1,
                },
                "& .MuiToggleButton-root:last-of-type": {"display": "none"},
            },
        )
        self.zoom_in = _icon("zoom_in", "Zoom in (+)")
        self.zoom_out = _icon("zoom_out", "Zoom out (−)")  # noqa: RUF001
        self.box_zoom = _toggle("highlight_alt", "Drag to zoom (Z)")
        self.follow = pmui.Switch(
            label=FOLLOW, value=True, size="small", margin=(1, 4), sx=SWITCH_SX
        )
        self.what_if = pmui.Switch(
            label="What-if", value=False, size="small", margin=(1, 4), sx=SWITCH_SX
        )
        self.wall_clock = _toggle("schedule", "Time of day instead of call time (C)")
        self.hidden: set[str] = set()
        """Lanes that someone does not want to see."""
        self.lanes = pmui.MenuButton(
            label="Lanes",
            icon="layers",
            items=[],
            size="small",
            variant="text",
            color="default",
            margin=(2, 4),
            description="Lanes that are shown",
            sx={
                "height": "26px",
                "fontSize": "12px",
                "padding": "2px 6px",
                "color": "var(--lab-text)",
            },
        )
        self.picture = _icon("photo_camera", "Save a picture of the lanes")
        self._list_lanes()
        self._swatches = "".join(
            f'<span class="sg"><i class="sw" style="background:var(--lab-'
            f'{role.replace("_", "-")})"></i>{name}</span>'
            for name, role in ROLES.items()
        )
        self.legend = html("", BAR_CSS, sizing_mode="stretch_width", height=30)
        self._effect = self._drawn = ""
        self._show_legend()
        self._layout = pn.Row(
            self.span,
            self.zoom_in,
            self.zoom_out,
            self.box_zoom,
            self.follow,
            self.what_if,
            self.legend,
            self.wall_clock,
            self.lanes,
            self.picture,
            height=31,
            margin=0,
            sizing_mode="stretch_width",
            styles={
                "border-bottom": "1px solid var(--lab-hair)",
                "padding": "0 4px 0 8px",
            },
            stylesheets=[WRAPPED_CSS],
        )

    def __panel__(self) -> Viewable:
        return self._layout

    def lane_of(self, item: Any) -> str:
        """Return the name of a menu item's lane."""
        return str(item.get("label", "")) if isinstance(item, dict) else ""

    def flip_lane(self, name: str) -> None:
        """List a lane as hidden, or as shown."""
        if any(lane.name == name for lane in self._all_lanes):
            self.hidden ^= {name}
            self._list_lanes()

    def _list_lanes(self) -> None:
        self.lanes.items = [
            {"label": lane.name, "icon": HIDDEN if lane.name in self.hidden else SHOWN}
            | ({"tooltip": ONLY_HIGH} if lane.is_dispensable else {})
            | ({"tooltip": ONLY_FILLED} if lane.is_optional else {})
            for lane in self._all_lanes
        ]

    def say_effect(self, words: str) -> None:
        """Show what the what-if changes; our own words, as HTML."""
        self._effect = words
        self._show_legend()

    def say_dense(self, n_rows: int) -> None:
        """Say that so many marks in view are drawn as a density; 0: none are."""
        self._drawn = ""
        if n_rows:
            self._drawn = f"{thousands(n_rows)} marks as density, errors one by one"
        self._show_legend()

    def _show_legend(self) -> None:
        chips = "".join(
            f'<b class="chip {name}" style="font-weight:400">{words}</b>'
            for name, words in (("", self._effect), ("thin", self._drawn))
            if words
        )
        text = f'<div class="lg">{chips}{self._swatches}</div>'
        if self.legend.object != text:
            self.legend.object = text

    def stop_following(self) -> None:
        """Let what is shown stay where it is."""
        self.follow.value = False

    def say_behind(self, seconds: float | None) -> None:
        """Say how far what is shown lies behind now; None: nothing to say."""
        words = FOLLOW
        if seconds is not None and seconds >= 1:
            words = f"{FOLLOW} · {seconds:.0f} s behind"
        if self.follow.label != words:
            self.follow.label = words


def _toggle(icon: str, description: str) -> pmui.Toggle:
    return pmui.Toggle(
        icon=icon,
        label="",
        description=description,
        value=False,
        size="small",
        margin=(2, 2),
        width=30,
        sx=TOGGLE_SX,
    )


def _icon(name: str, description: str) -> pmui.IconButton:
    return pmui.IconButton(
        icon=name,
        description=description,
        size="small",
        margin=0,
        icon_size="17px",
        sx={"color": "var(--lab-text)"},
    )
