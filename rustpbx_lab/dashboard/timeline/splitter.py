"""The draggable splitter between lanes and lists."""

from typing import Any

import param
from panel.custom import JSComponent

from rustpbx_lab.dashboard.browser.scripts import script, stylesheet

HEIGHT_PX = 8
LEAST_PX = 180
"""So much of the lanes is always left."""
CSS = stylesheet("splitter")
LANES_CSS = (
    "@media (min-width:900px){:host{max-height:var(--lab-lanes,none) !important;"
    "flex:0 var(--lab-lanes-shrink,1) auto !important;"
    f"min-height:{LEAST_PX}px !important;overflow-y:auto !important;"
    "scrollbar-width:thin}}"
)
"""For what stands over the handle, which scrolls if it is higher than its room.

It is as high as was dragged. Until then it gives way to what stands below, so that
a low window shows some of both.
"""


class Splitter(JSComponent):
    """A handle between what stands over it in a column and the rest.

    What is over it has `LANES_CSS`; the browser remembers the height. The arrow keys
    move it, too.
    """

    _stylesheets = [CSS]  # noqa: RUF012
    _esm = script("splitter")

    least = param.Integer(default=LEAST_PX, constant=True)

    def __init__(self, **params: Any) -> None:
        options = {"height": HEIGHT_PX, "margin": (0, 8), **params}
        super().__init__(sizing_mode="stretch_width", **options)
