"""The two palettes, and painting Bokeh models by role."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from bokeh.model import Model
from bokeh.themes import Theme

FONT = (
    "Roboto, 'Segoe UI', 'Helvetica Neue', Arial, 'Noto Sans', 'Noto Sans CJK SC', "
    "sans-serif"
)
MONO = (
    "ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', "
    "monospace"
)
CANVAS_FONT = "Roboto"
"""A canvas takes one family; it ships with panel-material-ui."""


@dataclass(frozen=True)
class Palette:
    """Colours by role: who, not what. ``ink`` is for words, ``tint`` lies behind them.

    Words have at least 5.4:1 on their ground in both palettes.
    """

    name: str
    page: str
    surface: str
    raised: str
    border: str
    hair: str
    grid: str
    text: str
    muted: str
    faint: str
    """For marks only, never for words."""
    accent: str
    accent_tint: str
    on_accent: str
    caller: str
    caller_ink: str
    caller_tint: str
    agent: str
    agent_ink: str
    agent_tint: str
    vad: str
    vad_ink: str
    vad_tint: str
    on_vad: str
    asr: str
    asr_ink: str
    asr_tint: str
    tts: str
    tts_ink: str
    tts_tint: str
    llm: str
    llm_ink: str
    llm_tint: str
    app: str
    command: str
    error: str
    error_ink: str
    error_tint: str
    on_error: str
    warning: str
    warning_ink: str
    warning_tint: str

    def roles(self) -> Mapping[str, str]:
        """Return role -> colour."""
        return {role: hue for role, hue in asdict(self).items() if role != "name"}


LIGHT = Palette(
    name="light",
    page="#F3F5F8",
    surface="#FFFFFF",
    raised="#F8F9FB",
    border="#DDE2E9",
    hair="#E9EDF2",
    grid="#EEF1F5",
    text="#1B2430",
    muted="#596577",
    faint="#8590A0",
    accent="#1557B0",
    accent_tint="#E3EDFB",
    on_accent="#FFFFFF",
    caller="#0072B2",
    caller_ink="#00588A",
    caller_tint="#DCEBF6",
    agent="#D9730D",
    agent_ink="#8F4A00",
    agent_tint="#FDEBD7",
    vad="#008264",
    vad_ink="#00664F",
    vad_tint="#D5F0E7",
    on_vad="#FFFFFF",
    asr="#8E2C7E",
    asr_ink="#7A1F6C",
    asr_tint="#F5E1F1",
    tts="#E3B505",
    tts_ink="#6B5200",
    tts_tint="#FBF1C9",
    llm="#93A1B5",
    llm_ink="#3D4A5C",
    llm_tint="#E8ECF1",
    app="#27323F",
    command="#3C495B",
    error="#C4183C",
    error_ink="#B01235",
    error_tint="#FDE7EC",
    on_error="#FFFFFF",
    warning="#B86A00",
    warning_ink="#8A4B00",
    warning_tint="#FFF4DE",
)

DARK = Palette(
    name="dark",
    page="#0E1217",
    surface="#161B22",
    raised="#1B2129",
    border="#2C343F",
    hair="#232A33",
    grid="#212831",
    text="#E4E9F0",
    muted="#97A3B4",
    faint="#6C788A",
    accent="#7FB2F5",
    accent_tint="#1C2C44",
    on_accent="#0E1217",
    caller="#4FA8E0",
    caller_ink="#8CCBF2",
    caller_tint="#15304A",
    agent="#F28E2B",
    agent_ink="#F9BC7E",
    agent_tint="#3B2812",
    vad="#1FB58C",
    vad_ink="#6BDDBD",
    vad_tint="#0F3229",
    on_vad="#06251C",
    asr="#C774B6",
    asr_ink="#E3A9D7",
    asr_tint="#3A1F35",
    tts="#F5DC6A",
    tts_ink="#F6DE70",
    tts_tint="#38320F",
    llm="#6F7F95",
    llm_ink="#C3CDDA",
    llm_tint="#252D38",
    app="#DCE3EC",
    command="#C2CCD9",
    error="#FF5C77",
    error_ink="#FF8FA3",
    error_tint="#3D1620",
    on_error="#22060C",
    warning="#E0A030",
    warning_ink="#F0BE6A",
    warning_tint="#35270E",
)


def css_variables(palette: Palette) -> dict[str, str]:
    """Return the CSS custom properties ``--lab-…`` of a palette.

    They reach every shadow root. The prefix matters: components have a ``--border`` and
    a ``--text`` of their own.
    """
    named = {
        f"--lab-{role.replace('_', '-')}": hue for role, hue in palette.roles().items()
    }
    return {**named, "--lab-font": FONT, "--lab-mono": MONO}


def document_theme() -> Theme:
    """Return the look of axes and grids that no palette changes.

    Without it the page restyles them in the browser.
    """
    axis = {
        "axis_line_color": None,
        "minor_tick_line_color": None,
        "major_tick_in": 0,
        "major_tick_out": 3,
        "major_label_text_font": CANVAS_FONT,
        "major_label_text_font_size": "10.5px",
        "major_label_standoff": 3,
    }
    plot = {
        "background_fill_color": None,  # the box shows through, whatever its theme
        "border_fill_color": None,
        "outline_line_color": None,
        "min_border": 0,
    }
    return Theme(
        json={
            "attrs": {
                "Plot": plot,
                "Figure": plot,
                "Axis": axis,
                "Text": {
                    "text_font": {"value": CANVAS_FONT},
                    "text_font_size": {"value": "10.5px"},
                },
                "Toolbar": {"logo": None},
            }
        }
    )


class Painter:
    """Gives Bokeh models their colours by role and changes them with the palette."""

    def __init__(self, palette: Palette) -> None:
        self.palette = palette
        self._painted: list[tuple[Model, str, str]] = []

    def paint(self, model: Model, **roles: str) -> None:
        """Set properties of ``model`` (``line_color="vad"``), now and in future."""
        for name, role in roles.items():
            self._painted.append((model, name, role))
            setattr(model, name, self.colour(role))

    def use(self, palette: Palette) -> None:
        """Repaint everything."""
        self.palette = palette
        for model, name, role in self._painted:
            setattr(model, name, self.colour(role))

    def colour(self, role: str) -> str:
        """Return the colour of a role in the palette in use."""
        return getattr(self.palette, role)
