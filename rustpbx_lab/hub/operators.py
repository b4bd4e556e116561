"""Operators: who may send commands and end calls."""

from collections.abc import Collection

from rustpbx_lab.errors import NotAllowedError, shorten


def check_allowed(
    operators: Collection[str] | None, user: str | None, what: str
) -> None:
    """Refuse what only operators may do.

    Args:
        operators: Their names; None lets everyone.
        user: Who wants to; None has no name.
        what: What, as a verb: ``hang up``.

    Raises:
        NotAllowedError: If ``user`` is none of them.
    """
    if operators is not None and user not in operators:
        who = "somebody without a name" if user is None else shorten(user)
        raise NotAllowedError(
            f"{who} cannot {what}: only the operators may; ask one of them, or be "
            "named with --operators"
        )
