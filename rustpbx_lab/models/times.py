"""Timestamps as the server writes them."""

from datetime import UTC, datetime


def rfc3339_ms(text: str | None) -> int | None:
    """Return an RFC 3339 time as milliseconds since the Unix epoch.

    Digits beyond microseconds are dropped; a text that is not a time, and None, give
    None. A time without zone is taken as UTC.
    """
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    since = time - datetime(1970, 1, 1, tzinfo=UTC)
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
