"""Print the versions of this environment: Python, and each direct dependency."""

import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version


def direct_dependencies() -> list[str]:
    """Return the names of the package's own requirements, in order, once each."""
    names = [
        re.split(r"[^\w.-]", one, maxsplit=1)[0] for one in requires(PACKAGE) or []
    ]
    return [name for name in dict.fromkeys(names) if name != PACKAGE]


PACKAGE = "rustpbx-lab"

if __name__ == "__main__":
    print(f"| Python {platform.python_version()} | {' '.join(sys.argv[1:])} |")
    print("|---|---|")
    for name in [PACKAGE, *direct_dependencies()]:
        try:
            print(f"| {name} | {version(name)} |")
        except PackageNotFoundError:
            print(f"| {name} | - |")
