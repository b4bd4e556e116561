"""Scripts and style sheets of browser parts, a file each, read on demand."""

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


@cache
def script(*names: str) -> str:
    """Return the JavaScript of files of this folder, one after the other.

    Args:
        names: Without their ending; what a file uses stands in those before it.
    """
    return "\n".join(_text(f"{name}.js") for name in names)


@cache
def stylesheet(name: str) -> str:
    """Return the CSS of a file of this folder; ``name`` is without its ending."""
    return _text(f"{name}.css")


def _text(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")
