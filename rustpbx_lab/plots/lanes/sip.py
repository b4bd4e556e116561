"""The lane of SIP messages."""

from collections.abc import Sequence

from rustpbx_lab.analysis.sip import SipRow
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
ROWS = {"received": (34, "inverted_triangle"), "sent": (12, "triangle")}
"""Way → height and marker."""
UNKNOWN_WAY = (23, "diamond")
LABEL_PX = 9
"""From a mark to its words."""
MOST_LABEL_PX = 200
GAP_PX = 16
"""Between the words and the next mark of their row."""


class SipLane(Lane):
    """Draws SIP messages as marks: what the server received above, what it sent below.

    It is there for calls with a sipflow file only.
    """

    name = "SIP"
    role = "command"
    height_px = HEIGHT
    title_px = 13
    tables = ("sip",)
    is_optional = True

    def __init__(self, axis: TimeAxis, bands: Bands | None = None) -> None:
        super().__init__(axis, bands)
        plot, painter = self.figure, axis.painter
        self.density = Density(plot, painter, "command", (4, HEIGHT - 4), "messages")
        self.marks = Markers(plot, painter)
        self.labels = Labels(plot, painter, size="10.5px")

    def draw(self, scene: Scene) -> None:
        """Redraw what changed."""
        markers, labels = sip_marks(scene.rows("sip"), scene.window)
        self.marks.show(markers)
        self.labels.show(labels)
        px = scene.window.ms_per_px
        self.targets = [
            Target(
                mark.x,
                mark.x + (label.dx + len(label.text) * PX_PER_CHARACTER) * px,
                mark.y - 8,
                mark.y + 8,
                mark.seq,
                mark.x,
            )
            for mark, label in zip(markers, labels, strict=True)
        ]

    def header(self, info: HeaderInfo) -> str:
        """Return name and legend."""
        return line(self.title_px, self.name, "t") + line(29, "▼ received &nbsp;▲ sent")


def sip_marks(
    rows: Sequence[SipRow], window: Window
) -> tuple[list[Marker], list[Label]]:
    """Return the messages in view as marks, and their words where there is room."""
    shown = sorted(
        (row for row in rows if window.shows(row.at_ms, row.at_ms)),
        key=lambda row: (row.at_ms, row.seq),
    )
    next_ms: dict[str | None, float] = {}
    placed: list[tuple[Marker, Label]] = []
    for row in reversed(shown):
        mark = _marker(row)
        room = (next_ms.get(row.way, float("inf")) - row.at_ms) / window.ms_per_px
        edge = (window.end_ms - row.at_ms) / window.ms_per_px
        next_ms[row.way] = row.at_ms
        words = row.title + (" again" if row.is_retransmission else "")
        least = len(row.method) if row.code is None else 3
        text = fit(words, min(room - GAP_PX, edge, MOST_LABEL_PX))
        text = text if len(text) > least or text == words else ""
        if row.at_ms < window.start_ms:
            text = ""  # words cut at the left edge say nothing
        ink = "command" if mark.role == "command" else f"{mark.role}_ink"
        placed.append((mark, Label(row.at_ms, mark.y, text, ink, LABEL_PX)))
    placed.reverse()
    return [mark for mark, _ in placed], [label for _, label in placed]


def _marker(row: SipRow) -> Marker:
    y, shape = ROWS.get(row.way or "", UNKNOWN_WAY)
    return Marker(row.at_ms, y, shape, row.role, sip_tip(row), row.seq)


def sip_tip(row: SipRow) -> str:
    """Return what is said under the pointer: plain text of the call inside."""
    heading = f"{row.title} {row.way or 'seen'} at {clock(row.at_ms)}"
    lines = [
        heading + (", sent before" if row.is_retransmission else ""),
        row.delays,
        f"{row.source or '?'} to {row.destination or '?'}",
        f"Call-ID {row.call_id}, CSeq {row.cseq if row.cseq is not None else '?'}",
        row.sdp,
        f"log row {row.seq}",
    ]
    return "\n".join(filter(None, lines))
