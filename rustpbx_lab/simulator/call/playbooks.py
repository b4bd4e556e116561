"""Playbooks: stored and returned, not run."""

import uuid
from collections.abc import Callable
from typing import Any

from rustpbx_lab.errors import RustpbxLabError
from rustpbx_lab.simulator.core.times import rfc3339

SESSION_MS = 5 * 60 * 1000
"""How long a prepared call waits to be connected."""

NO_FILE = "No such file or directory (os error 2)"
NOT_RUN = "the stand-in runs no playbooks: connect to a real server"


class FileNameError(RustpbxLabError):
    """A playbook name that the server refuses."""

    def __init__(self) -> None:
        super().__init__("Invalid filename")


class Playbooks:
    """Texts by name, in memory, and the calls that were prepared with them."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._texts: dict[str, tuple[str, int]] = {}
        self._prepared: dict[str, tuple[str, int]] = {}

    def listing(self) -> list[dict[str, str]]:
        """Return the entries of ``GET /api/playbooks``: only ``*.md``."""
        return [
            {"name": name, "updated": rfc3339(updated)}
            for name, (_, updated) in self._texts.items()
            if name.endswith(".md")
        ]

    def text(self, name: str) -> str | None:
        """Return a playbook, None if there is none.

        Raises:
            FileNameError: If the name could leave the folder.
        """
        found = self._texts.get(_checked(name))
        return None if found is None else found[0]

    def save(self, name: str, text: str) -> None:
        """Keep a playbook.

        Raises:
            FileNameError: If the name could leave the folder.
        """
        self._texts[_checked(name)] = (text, self._now_ms())

    def prepare(self, source: Any) -> str | None:
        """Prepare a call; returns its id, None if the request names no playbook.

        Whether there is such a playbook shows on connecting, as with the server.
        """
        if not isinstance(source, dict):
            return None
        for key in ("playbook", "content"):
            named: object = source.get(key)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            if isinstance(named, str):
                call_id = f"s.{uuid.uuid4()}"
                self._prepared[call_id] = (named, self._now_ms() + SESSION_MS)
                return call_id
        return None

    def why_not(self, call_id: str) -> str | None:
        """Return why a prepared call cannot be held; None if it was not prepared."""
        source, until_ms = self._prepared.pop(call_id, ("", 0))
        if self._now_ms() >= until_ms:
            return None
        is_here = source in self._texts or source.startswith("---")
        return NOT_RUN if is_here else NO_FILE


def _checked(name: str) -> str:
    if ".." in name or "/" in name or "\\" in name:
        raise FileNameError
    return name
