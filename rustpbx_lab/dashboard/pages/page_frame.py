"""The frame of a page: app bar, sidebar, theme."""

from typing import Any

import panel as pn
import panel_material_ui as pmui
from panel.util.parameters import edit_readonly

from rustpbx_lab.dashboard.browser.styles import theme_config
from rustpbx_lab.plots.theme import DARK, FONT, LIGHT, css_variables

SIDEBAR_PX = 276


def page_frame(header: list[Any], sidebar: Any, main: Any, is_dark: bool) -> pmui.Page:
    """Return a page in our look.

    Args:
        header: Parts of the app bar, from the left.
        sidebar: What stands in the sidebar.
        main: The rest.
        is_dark: Which palette to begin with.
    """
    page = pmui.Page(
        header=header,
        sidebar=[sidebar],
        main=[main],
        sidebar_width=SIDEBAR_PX,
        sidebar_variant="persistent",
        sidebar_resizable=False,
        sidebar_open=not _is_narrow(),
        dark_theme=is_dark,
        busy_indicator=None,
        theme_config={"light": theme_config(LIGHT), "dark": theme_config(DARK)},
        sx={
            "&.mui-light": css_variables(LIGHT),
            "&.mui-dark": css_variables(DARK),
            "fontFamily": FONT,
            # or its widget inherits the colour of a theme that comes later
            "--pmui-iconbutton-color": "var(--lab-text)",
            "& .sidebar .MuiToolbar-root": {"flexShrink": 0},
            "& .MuiDrawer-root": {"visibility": "var(--lab-sidebar, visible)"},
            "& .main": {"backgroundColor": "var(--lab-page)", "minWidth": 0},
            "& .header .MuiBox-root": {"minWidth": 0},
            "& .header .MuiIconButton-root": {
                "padding": "5px",
                "marginRight": "4px",
            },
            # there it lies over the page, which keeps its width
            "@media (max-width:1279px)": {
                "& .main": {"marginLeft": f"-{SIDEBAR_PX}px !important"},
                "& .MuiDrawer-root": {
                    "position": "relative",
                    "zIndex": 1100,
                    "pointerEvents": "none",  # it has its width even if it is closed
                },
                "& .MuiDrawer-paper": {"pointerEvents": "auto"},
            },
        },
    )
    # its busy mark would change twice a tick, at 60 ms each: every change of the
    # page's own parameters walks all models of the document
    with edit_readonly(page):
        page.busy = False
    _unlink(page)
    return page


def _unlink(page: pmui.Page) -> None:
    """Let go of what Panel's state, which lives for ever, keeps of a page."""
    watching = pn.state.param.watchers.get("busy", {}).get("value", [])
    for watcher in list(watching):
        owner = getattr(watcher.fn, "__self__", None)
        if getattr(owner, "self", None) is page:
            pn.state.param.unwatch(watcher)


def _is_narrow() -> bool:
    """Whether the browser's last page of ours was too narrow for the sidebar."""
    cookies: dict[str, str] = pn.state.cookies or {}
    return cookies.get("lab-narrow") == "1"
