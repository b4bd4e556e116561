"""What a page asks before it acts on its document."""

from types import SimpleNamespace
from typing import Any

import pytest

from rustpbx_lab.dashboard.browser.document_lock import is_watched


def document(session: Any) -> Any:
    return SimpleNamespace(session_context=SimpleNamespace(session=session))


@pytest.mark.parametrize("connections", [0, 1, 2])
def test_a_document_is_watched_as_long_as_a_browser_is_connected(connections: int):
    session = SimpleNamespace(connection_count=connections)
    assert is_watched(document(session)) is bool(connections)


@pytest.mark.parametrize(
    "unknown",
    [
        None,
        SimpleNamespace(session_context=None),
        SimpleNamespace(session_context=SimpleNamespace()),
        document(None),  # its session is being made
    ],
)
def test_where_that_is_unknown_it_counts_as_watched(unknown: Any):
    assert is_watched(unknown)
