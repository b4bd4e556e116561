"""Python client, dashboard and analysis for the Active Call voice agent server.

One anyio session streams a call's events into a log that is a pandas table; a dashboard
shows the call while it runs; the same log is analysed later.

Each public name is imported when it is first used (PEP 562), so that the command line
starts at once; ``__init__.pyi`` tells type checkers what they are.
"""

from importlib import import_module

_HOMES = {
    "CallSession": "client",
    "EventLog": "log",
    "commands": "models.commands",
    "connect": "client",
    "errors": "errors",
    "events": "models.events",
    "notes": "models.notes",
    "options": "models.options",
    "read_log": "log",
}
"""The module of each public name, or the module that the name stands for."""

__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    """Import a public name on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES[name]
    module = import_module(f".{home}", __name__)
    is_module = home.rpartition(".")[2] == name
    globals()[name] = value = module if is_module else getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
