"""The palettes and the painter."""

from dataclasses import fields

import pytest
from bokeh.models import Span

from rustpbx_lab.plots.theme import DARK, LIGHT, Painter, Palette, css_variables


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda palette: palette.name)
@pytest.mark.parametrize(
    "role", ["caller", "agent", "vad", "asr", "tts", "llm", "error", "warning"]
)
def test_words_can_be_read_on_their_ground(palette: Palette, role: str):
    ink = getattr(palette, f"{role}_ink")
    assert contrast(ink, palette.surface) >= 5.4
    assert contrast(ink, getattr(palette, f"{role}_tint")) >= 5.4


def test_every_role_is_a_css_variable_of_both_palettes():
    names = {f"--lab-{field.name.replace('_', '-')}" for field in fields(Palette)}
    names.discard("--lab-name")
    assert names <= css_variables(LIGHT).keys()
    assert css_variables(LIGHT).keys() == css_variables(DARK).keys()


def test_the_painter_repaints_what_it_painted():
    painter, span = Painter(LIGHT), Span(location=0)
    painter.paint(span, line_color="vad")
    assert span.line_color == LIGHT.vad
    painter.use(DARK)
    assert span.line_color == DARK.vad
