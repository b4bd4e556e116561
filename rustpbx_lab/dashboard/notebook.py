"""The page in a cell of a notebook: what a page of its own has from its server."""

import base64
import sys
from functools import cache
from importlib.resources import files
from typing import Any

import panel as pn

from rustpbx_lab.plots.theme import document_theme

from .styles import GLOBAL_CSS

HEIGHT_PX = 1000
FONTS = {
    "Material Icons": (400, "material-icons-"),
    "Material Icons Outlined": (400, "material-icons-outlined-"),
    "Roboto": (400, "roboto-latin-400-normal-"),
    "Roboto Bold": (700, "roboto-latin-700-normal-"),
}
"""Family → weight, and how the file begins that panel-material-ui ships."""


def is_notebook() -> bool:
    """Whether this runs in the kernel of a notebook."""
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and hasattr(shell, "kernel")


@cache
def load_into_notebook() -> None:
    """Put scripts, styles and fonts into the notebook, nothing from another host."""
    from IPython.display import HTML, display

    pn.extension(inline=True, sizing_mode=None)
    display(HTML(f"<style>{''.join(map(_font_face, FONTS))}{GLOBAL_CSS}</style>"))


def fit_into_cell(page: Any) -> None:
    """Give a live page the height and the looks that a server would give it."""
    page.page.param.update(height=HEIGHT_PX, sidebar_open=False)
    theme = document_theme()
    for plot in page.timeline.plots:
        for model in plot.references():
            theme.apply_to_model(model)


def _font_face(family: str) -> str:
    """Return a font with its data: a cell cannot ask a server for it."""
    weight, name = FONTS[family]
    found = [
        one
        for one in files("panel_material_ui").joinpath("dist").iterdir()
        if one.name.startswith(name) and one.name.endswith(".woff2")
    ]
    # "material-icons-" begins the outlined ones, too
    file = min(found, key=lambda one: len(one.name))
    data = base64.b64encode(file.read_bytes()).decode()
    name = family.removesuffix(" Bold")
    return (
        f"@font-face{{font-family:'{name}';font-weight:{weight};font-display:block;"
        f"src:url(data:font/woff2;base64,{data}) format('woff2')}}"
    )
