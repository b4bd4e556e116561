"""JSON values as text."""

import json
from typing import Any


def text_of(data: Any) -> str:
    """Return a JSON value as text: a string itself, all else as JSON."""
    if isinstance(data, str):
        return data
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
