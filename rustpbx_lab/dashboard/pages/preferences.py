"""View preferences, kept in a cookie of the browser."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, cast
from urllib.parse import quote, unquote

import panel_material_ui as pmui

from rustpbx_lab.dashboard.browser.components import Keys
from rustpbx_lab.dashboard.browser.document_lock import callback
from rustpbx_lab.dashboard.timeline.timeline import TimelineBox
from rustpbx_lab.plots.theme import DARK, LIGHT, Palette

COOKIE = "lab-view"


@dataclass(frozen=True)
class Preferences:
    """What a reload, and the next visit, begin with."""

    theme: str | None = None
    """``dark`` or ``light``, as was chosen; None: as the system has it."""
    system: str | None = None
    """What the system had when the page was last there."""
    hidden: tuple[str, ...] = ()
    """Names of the lanes that are not shown."""
    folded: tuple[str, ...] = ()
    """Names of the lanes of which only the title is shown."""
    clock: bool = False
    """Whether times are those of the day."""

    @property
    def is_dark(self) -> bool:
        """Which palette that is."""
        return (self.theme or self.system) == "dark"

    @property
    def cookie(self) -> str:
        """The value of the cookie."""
        return quote(json.dumps(asdict(self), separators=(",", ":")), safe="")


NO_PREFERENCES = Preferences()


def read_preferences(
    cookies: Mapping[str, str] | None, theme: str | None = None
) -> Preferences:
    """Return what a browser's cookies say; anything else is ignored.

    Args:
        cookies: Name → value, as the browser sent them.
        theme: What an address asks for instead of the theme that was chosen.
    """
    try:
        told = json.loads(unquote((cookies or {}).get(COOKIE, "{}")))
    except (ValueError, RecursionError):
        told = {}
    fields = cast(dict[str, Any], told) if isinstance(told, dict) else {}
    return Preferences(
        theme=_theme(theme) or _theme(fields.get("theme")),
        system=_theme(fields.get("system")),
        hidden=_names(fields.get("hidden")),
        folded=_names(fields.get("folded")),
        clock=fields.get("clock") is True,
    )


def _names(value: object) -> tuple[str, ...]:
    names = cast(list[object], value) if isinstance(value, list) else []
    return tuple(name for name in names if isinstance(name, str))


def _theme(value: object) -> str | None:
    return value if isinstance(value, str) and value in ("dark", "light") else None


class PreferenceKeeper:
    """Begins a page as it is liked, and lets the browser remember what is changed.

    Args:
        known: How it begins; the page has its palette already.
        page: What has a theme.
        keys: The page's way to its browser.
        on_palette: Called with the palette when it is another.
    """

    def __init__(
        self,
        known: Preferences,
        page: pmui.Page,
        keys: Keys,
        on_palette: Callable[[Palette], None],
    ) -> None:
        self.known = known
        self._page, self._keys, self._on_palette = page, keys, on_palette
        page.param.watch(callback(self._take_theme), "dark_theme")
        keys.on_system = self._take_system

    def _take_system(self, is_dark: bool) -> None:
        self.remember(system="dark" if is_dark else "light")
        if self._page.dark_theme != self.known.is_dark:
            self._page.dark_theme = self.known.is_dark

    def _take_theme(self) -> None:
        is_dark = bool(self._page.dark_theme)
        self._on_palette(DARK if is_dark else LIGHT)
        if is_dark != self.known.is_dark:
            self.remember(theme="dark" if is_dark else "light")

    def remember(self, **changes: Any) -> None:
        """Have the browser keep other values of `Preferences`."""
        changed = replace(self.known, **changes)
        if changed != self.known:
            self.known = changed
            self._keys.keep(changed.cookie)


class LanePreferences:
    """Keeps which lanes are hidden and folded, and how times are written.

    Args:
        keeper: What the browser remembers.
        timeline: Whose lanes and times are chosen.
        keys: The page's way to its browser.
    """

    def __init__(
        self, keeper: PreferenceKeeper, timeline: TimelineBox, keys: Keys
    ) -> None:
        self._keeper, self._timeline = keeper, timeline
        known = keeper.known
        for name in known.hidden:
            timeline.flip_lane(name)
        for name in known.folded:
            timeline.rows.fold(name)
        bar = timeline.bar
        bar.wall_clock.value = known.clock
        bar.wall_clock.param.watch(callback(self._remember_bar), "value")
        timeline.on_lanes = self._remember_bar
        keys.on_fold = self._fold

    def _fold(self, name: str) -> None:
        rows = self._timeline.rows
        if rows.fold(name):
            self._keeper.remember(folded=tuple(sorted(rows.folded)))

    def _remember_bar(self) -> None:
        bar = self._timeline.bar
        hidden = tuple(sorted(bar.hidden))
        self._keeper.remember(hidden=hidden, clock=bar.wall_clock.value)
