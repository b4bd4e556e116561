"""The outline of a page: what is drawn until the page is there."""

from functools import cache
from html import escape
from typing import NamedTuple

from rustpbx_lab.plots.lanes.registry import all_lanes
from rustpbx_lab.plots.theme import DARK, LIGHT, Palette, css_variables

from .scripts import stylesheet

FIGURES = 7
"""Key figures of the live page."""
CSS = stylesheet("skeleton")


class Outline(NamedTuple):
    """The first part of a page, in HTML."""

    head: str
    """What stands in ``<head>``: the title, and the style of ``body``."""
    body: str
    """What is drawn until the page is there."""


@cache
def skeleton(theme: str | None) -> Outline:
    """Return the outline in a theme.

    Args:
        theme: ``dark`` or ``light``; None: as the system has it.
    """
    begin = DARK if theme == "dark" else LIGHT
    style = _variables(begin)
    if theme is None:
        style += f"@media (prefers-color-scheme:dark){{{_variables(DARK)}}}"
    head = (
        '<meta charset="utf-8"><title>rustpbx lab</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1.0">'
        f"<style>{style}{CSS}</style>"
    )
    lanes = "".join(
        f'<div class="lane" style="height:{lane.height_px}px">'
        f'<b style="border-left-color:var(--lab-{lane.role or "border"})">'
        f"<span>{escape(lane.name)}</span></b></div>"
        for lane in all_lanes()
    )
    body = (
        '<div class="lab-skeleton" aria-hidden="true"><header>rustpbx lab</header>'
        "<aside>Connection</aside><main>"
        f'<section class="figures">{"<i></i>" * FIGURES}</section>'
        f'<section><div class="bar"></div>{lanes}</section>'
        '<section class="lists"></section><section class="commands"></section>'
        "</main></div>"
    )
    return Outline(head, body)


def _variables(palette: Palette) -> str:
    values = css_variables(palette).items()
    return f".lab-skeleton{{{';'.join(f'{name}:{value}' for name, value in values)}}}"
