"""The contract of a lane."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, ClassVar

import numpy as np

from rustpbx_lab.analysis.what_if import Ghost
from rustpbx_lab.audio.envelope import Levels, Times
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.plots.bands import Bands
from rustpbx_lab.plots.density import Density
from rustpbx_lab.plots.drawing import Columns
from rustpbx_lab.plots.hit_test import Target
from rustpbx_lab.plots.time_axis import TimeAxis, Window
from rustpbx_lab.speech.vad import VadParams
from rustpbx_lab.speech.vad_engines import CHUNK_MS

from .header import HeaderInfo, line

UNDER_TITLE_PX = 8
"""What is left under the title of a folded lane."""
NO_FRAMES: tuple[Times, Levels] = (np.zeros(0), np.zeros(0, np.float32))
NO_SOUND: Columns = {"x": [], "low": [], "high": []}


@dataclass(frozen=True)
class Scene:
    """The part of a call that is in view, as the lanes draw it."""

    window: Window
    tables: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """Timeline → its rows in view; see `rustpbx_lab.analysis.timelines.TIMELINES`."""
    waves: Mapping[str, Columns] = field(default_factory=dict)
    """``"caller"`` and ``"agent"`` → outline of the sound in view."""
    frames: tuple[Times, Levels] = NO_FRAMES
    """Start (call time, ms) and speech probability of the audio frames in view."""
    frame_ms: int = CHUNK_MS
    """How long a frame lasts."""
    vad_params: VadParams | None = None
    """What the server's VAD was asked; None: the call has none that is known."""
    what_if: VadParams | None = None
    """What is tried instead; None: nothing is."""
    ghosts: Sequence[Ghost] = ()
    """What ``what_if`` would have decided."""

    def rows(self, table: str) -> Sequence[Any]:
        """Return the rows of a timeline; none if there is no such timeline."""
        return self.tables.get(table, ())

    def wave(self, side: str) -> Columns:
        """Return the outline of a side's sound; that of silence if it is unknown."""
        return self.waves.get(side, NO_SOUND)


class Lane:
    """One lane: a figure on the shared time axis, drawn from what is in view.

    A subclass sets the names and sizes, makes its renderers in ``__init__`` after
    calling this one, and draws them in `draw`. To add one to every timeline of an
    installation, name it in the entry point group ``rustpbx_lab.lanes``.

    Args:
        axis: The time axis of the timeline.
        bands: What lies behind several lanes; None: nothing does.
    """

    name: ClassVar[str]
    """Title, and the name in menus and preferences; no two lanes share one."""
    short_name: ClassVar[str] = ""
    """Name beside a lane in a figure without headers; empty: ``name``."""
    role: ClassVar[str | None] = None
    """Role of the colour at the left of its header; see `rustpbx_lab.plots.theme`."""
    height_px: ClassVar[int]
    """Height of what is drawn."""
    title_px: ClassVar[int] = 14
    """Middle of the title, from the lane's top."""
    tables: ClassVar[tuple[str, ...]] = ()
    """Timelines whose rows are its marks: where they are too many, they are counted."""
    folded_y: ClassVar[tuple[float, float] | None] = None
    """What a folded lane shows, bottom and top; None: its upper part."""
    is_dispensable: ClassVar[bool] = False
    """Whether a low window leaves it out."""
    is_optional: ClassVar[bool] = False
    """Whether a call without rows in ``tables`` is shown without it."""
    follows_what_if: ClassVar[bool] = False
    """Whether it shows what `Scene.ghosts` holds, and is redrawn with a slider."""
    has_ruler: ClassVar[bool] = False
    """Whether the times stand above it."""

    density: Density | None = None
    """Counts rows where there is no room for each."""

    def __init__(self, axis: TimeAxis, bands: Bands | None = None) -> None:
        self._painter = axis.painter
        self._bands = bands
        self.figure = axis.lane(
            self.height_px, ruler=self.has_ruler, **self.axis_options()
        )
        self.full_px: int = self.figure.height or self.height_px
        """Height with the ruler."""
        self.targets: Sequence[Target] = ()
        """What can be tapped."""

    def axis_options(self) -> Mapping[str, Any]:
        """Return options of the figure, such as another y axis."""
        return {}

    def draw(self, scene: Scene) -> None:
        """Redraw what changed."""
        raise NotImplementedError

    def header(self, info: HeaderInfo) -> str:
        """Return what is left of the lane, as HTML: its title, unless overridden."""
        return line(self.title_px, escape(self.name), "t")

    def wanted_px(self, option: CallOption | None) -> int:
        """Return how high the lane is for a call with these options."""
        return self.full_px

    @property
    def folded_px(self) -> int:
        """Height of the folded lane."""
        return self.title_px + UNDER_TITLE_PX

    def tap_height(self, y: float) -> float:
        """Return the height of a tap in the units of ``targets``."""
        return y
