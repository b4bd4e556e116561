"""What the benchmarks share: the machine, the options, the output."""

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def arguments(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options of every benchmark."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    return parser


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return minimum, median and maximum."""
    return {
        "min": min(values),
        "median": statistics.median(values),
        "max": max(values),
        "n": len(values),
    }


def report(name: str, result: dict[str, Any], path: Path | None) -> None:
    """Print the result as JSON, with the machine it holds for."""
    document = {
        "benchmark": name,
        "machine": {
            "python": sys.version.split()[0],
            "system": platform.platform(),
            "cores": os.cpu_count(),
        },
        **result,
    }
    text = json.dumps(document, indent=2)
    print(text)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", "utf-8")
