"""Timestamps of the stand-in."""

from datetime import UTC, datetime


def rfc3339(epoch_ms: int, *, zone: str = "+00:00") -> str:
    """Return a time as RFC 3339 text in UTC, nine digits behind the second."""
    seconds, ms = divmod(epoch_ms, 1000)
    whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{ms:03d}000000{zone}"
