"""What the code names as its source in the protocol's reference is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "protocol"
SOURCE = re.compile(r"\b(protocol|vad|event-log-format)\.md,([^;:.]*(?:\.\d[^;:.]*)*)")
"""A page of the reference, and what follows up to the end of the clause."""
NUMBER = re.compile(r"\b\d+(?:\.\d+)?\b")
QUOTED = re.compile(r'"([^"]+)"')
HEADING = re.compile(r"^#+ (\d+(?:\.\d+)?)\b", re.MULTILINE)


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text("utf-8")


def sources() -> Iterator[tuple[str, str, str]]:
    """Yield where a source is named, its page, and the place in it."""
    for module in sorted((ROOT / "rustpbx_lab").rglob("*.py")):
        text = " ".join(module.read_text("utf-8").split())
        for found in SOURCE.finditer(text):
            yield str(module.relative_to(ROOT)), found[1], found[2]


@pytest.mark.source
@pytest.mark.parametrize(("module", "name", "place"), list(sources()))
def test_a_source_resolves_to_a_section(module: str, name: str, place: str):
    text = page(name)
    numbers = NUMBER.findall(re.sub(r"steps? .*", "", place))
    assert numbers, f"{module} names no section of {name}.md: {place!r}"
    assert set(numbers) <= set(HEADING.findall(text)), (module, place)
    for quoted in QUOTED.findall(place):
        words = quoted.split(",")
        assert all(word.strip() in text for word in words), (module, quoted)


@pytest.mark.source
def test_sources_are_found():
    assert len(list(sources())) > 40
