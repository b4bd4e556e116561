"""Events that say a command back."""

from rustpbx_lab.models import commands, events


def history_event(
    call_id: str, now_ms: int, command: commands.History
) -> events.AddHistory:
    """Return the event of a ``history`` command."""
    return events.AddHistory(
        sender=call_id, timestamp=now_ms, speaker=command.speaker, text=command.text
    )


def custom_event(now_ms: int, command: commands.Custom) -> events.Custom:
    """Return the event of a ``custom`` command."""
    return events.Custom(timestamp=now_ms, sender=command.sender, data=command.data)
