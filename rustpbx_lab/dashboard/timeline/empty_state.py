"""The lanes without a call: a sentence and two ways on."""

from collections.abc import Callable

import panel as pn
import panel_material_ui as pmui
from panel.viewable import Viewable, Viewer

from rustpbx_lab.dashboard.browser.document_lock import callback
from rustpbx_lab.dashboard.browser.file_picker import FileOpener
from rustpbx_lab.dashboard.browser.styles import html

HOST_CSS = ":host{position:relative;overflow:visible !important;z-index:3}"
BOX_CSS = """
:host{position:absolute !important;top:58px;left:50%;transform:translateX(-50%);
  align-items:center;width:max-content !important;padding:0 6px 0 16px;
  background:var(--lab-surface);border:1px solid var(--lab-border);border-radius:5px}
"""


class EmptyLanes(Viewer):
    """A sentence and two buttons over the caller's lane.

    Args:
        connect: Makes a call with what the sidebar says.
        opened: Called with the id of the call that files became.
    """

    def __init__(
        self, connect: Callable[[], None], opened: Callable[[str], None]
    ) -> None:
        super().__init__()
        self.connect = pmui.Button(
            label="Connect",
            icon="call",
            description="Connect to the endpoint, with the options at the left",
            variant="contained",
            size="small",
            margin=(0, 0, 0, 14),
            align="center",
            sx={"height": "26px"},
        )
        self.connect.on_click(callback(connect))
        box = pn.Row(
            html(
                '<b style="font-size:13px;white-space:nowrap">'
                "No call. Connect, or open a saved call.</b>",
                align="center",
            ),
            self.connect,
            FileOpener(opened, margin=0, align="center"),
            height=48,
            margin=0,
            stylesheets=[BOX_CSS],
        )
        self._layout = pn.Row(
            box,
            height=0,
            margin=0,
            sizing_mode="stretch_width",
            stylesheets=[HOST_CSS],
        )

    def __panel__(self) -> Viewable:
        return self._layout

    @property
    def visible(self) -> bool:
        """Whether it is there: while there is no call."""
        return self._layout.visible

    @visible.setter
    def visible(self, visible: bool) -> None:
        if self._layout.visible != visible:
            self._layout.visible = visible
