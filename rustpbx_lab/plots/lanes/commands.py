"""The lane of commands and errors."""

from collections.abc import Sequence

from rustpbx_lab.analysis.moments import Mark
from rustpbx_lab.plots.bands import Bands
from rustpbx_lab.plots.density import Density
from rustpbx_lab.plots.drawing import PX_PER_CHARACTER, fit
from rustpbx_lab.plots.hit_test import Target
from rustpbx_lab.plots.labels import Label, Labels
from rustpbx_lab.plots.markers import Marker, Markers
from rustpbx_lab.plots.time_axis import TimeAxis, Window
from rustpbx_lab.wording import clock

from .header import HeaderInfo, line
from .lane import Lane, Scene

HEIGHT = 46
COMMAND_ROWS, ERROR_Y = (36, 23), 10
LABEL_PX = 9
"""From a mark to its words."""
TIMES = "\u00d7"
FOLD_MS = 1500
"""Repeats of a command within this time are one mark."""


class CommandsLane(Lane):
    """Draws commands and errors as marks with their names."""

    name = "Commands, errors"
    short_name = "Sent"
    role = "error"
    height_px = HEIGHT
    title_px = 13
    tables = ("marks",)

    def __init__(self, axis: TimeAxis, bands: Bands | None = None) -> None:
        super().__init__(axis, bands)
        plot, painter = self.figure, axis.painter
        self.density = Density(
            plot, painter, "command", (ERROR_Y + 6, HEIGHT - 2), "rows"
        )
        self.marks = Markers(plot, painter)
        self.labels = Labels(plot, painter, size="10.5px")

    def draw(self, scene: Scene) -> None:
        """Redraw what changed."""
        markers, labels = command_marks(scene.rows("marks"), scene.window)
        self.marks.show(markers)
        self.labels.show(labels)
        px = scene.window.ms_per_px
        self.targets = [
            Target(
                *(mark.x, mark.x + reach_px(label) * px, mark.y - 6, mark.y + 6),
                mark.seq,
                mark.x,
            )
            for mark, label in zip(markers, labels, strict=True)
        ]

    def header(self, info: HeaderInfo) -> str:
        """Return name and legend."""
        legend = line(29, "▼ sent &nbsp;✕ error")
        return line(self.title_px, self.name, "t") + legend


def reach_px(label: Label) -> float:
    """Return how far right of its mark a label can be tapped."""
    return label.dx + len(label.text) * PX_PER_CHARACTER if label.text else 0.0


def command_marks(
    marks: Sequence[Mark], window: Window
) -> tuple[list[Marker], list[Label]]:
    """Return commands in two alternating rows, errors in their own, and their words."""
    markers: list[Marker] = []
    labels: list[Label] = []
    placed = _folded(
        [
            mark
            for mark in marks
            if mark.kind in ("command", "error", "reject")
            and window.shows(mark.at_ms, mark.at_ms)
        ]
    )
    last_x, row = float("-inf"), 0
    for index, (mark, count) in enumerate(placed):
        is_error = mark.kind != "command"
        if not is_error:
            gap = (mark.at_ms - last_x) / window.ms_per_px
            row = 1 - row if gap < 90 else 0
            last_x = mark.at_ms
        same = [m for m, _ in placed[index + 1 :] if (m.kind != "command") == is_error]
        limit = same[0 if is_error or len(same) < 2 else 1].at_ms if same else None
        words = _words(mark, count, limit, window)
        y = ERROR_Y if is_error else COMMAND_ROWS[row]
        shape, role = ("x", "error") if is_error else ("inverted_triangle", "command")
        tip = (
            f"{mark.kind} {mark.name} at {clock(mark.at_ms)}\n{mark.text or ''}\n"
            f"log row {mark.seq}"
        )
        markers.append(Marker(mark.at_ms, y, shape, role, tip, mark.seq))
        ink = "error_ink" if is_error else "command"
        labels.append(Label(mark.at_ms, y, words, ink, LABEL_PX))
    return markers, labels


def _words(mark: Mark, count: int, limit: float | None, window: Window) -> str:
    """Return the words at a mark, cut where the next of its row begins."""
    is_error = mark.kind != "command"
    room = 320.0 if limit is None else (limit - mark.at_ms) / window.ms_per_px - 16
    # a name may be cut at the right edge, where it moves in; what follows it not
    edge = (window.end_ms - mark.at_ms) / window.ms_per_px - 12
    room = min(room, max(edge, (len(mark.name) + 1.5) * PX_PER_CHARACTER))
    if mark.at_ms < window.start_ms:
        room = 0.0  # words cut at the left edge say nothing
    words = mark.name + (f" {TIMES}{count}" if count > 1 else "")
    if mark.text and (is_error or mark.name in ("play", "tts")):
        words += f"  {mark.text}"
    return _label(words, mark.name, min(room, 420 if is_error else 130))


def _label(words: str, name: str, room_px: float) -> str:
    """Cut the words to the room; half a name is worse than none."""
    text = fit(words, room_px)
    return text if len(text) >= min(len(name), len(words)) else ""


def _folded(marks: Sequence[Mark]) -> list[tuple[Mark, int]]:
    """Fold repeats of one command into the first of them, with their number."""
    folded: list[tuple[Mark, int]] = []
    last_ms = 0
    for mark in marks:
        if (
            folded
            and mark.kind == "command" == folded[-1][0].kind
            and mark.name == folded[-1][0].name
            and mark.at_ms - last_ms <= FOLD_MS
        ):
            folded[-1] = (folded[-1][0], folded[-1][1] + 1)
        else:
            folded.append((mark, 1))
        last_ms = mark.at_ms
    return folded
