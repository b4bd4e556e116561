"""Loading of entry points that other packages define."""

import logging
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points

logger = logging.getLogger(__name__)


def installed(
    group: str, is_usable: Callable[[object], bool], what: str
) -> Iterator[object]:
    """Yield what the entry points of a group name.

    One that cannot be loaded, or is something else, is logged and left out: a package
    of someone else never keeps this one from working.

    Args:
        group: Name of the group, such as ``rustpbx_lab.key_figures``.
        is_usable: Whether an object is what the group is for.
        what: What that is, for the log: ``"a KeyFigure"``.
    """
    for point in entry_points(group=group):
        try:
            found = point.load()
        except Exception as exc:
            logger.warning("cannot load %s", point.value, exc_info=exc)
            continue
        if is_usable(found):
            yield found
        else:
            logger.warning("cannot use %s: it is not %s", point.value, what)
