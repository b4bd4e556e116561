"""Write docs/architecture.md from the import contracts of pyproject.toml."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
HEAD = """# Architecture

Written by `python docs/architecture.py` from the contracts that `lint-imports` checks:
an import points down, never up, never in a circle. Rooms on one floor do not import
each other.
"""


def contracts() -> Iterator[Mapping[str, Any]]:
    """Yield the layer contracts of pyproject.toml, in their order."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    for contract in tomllib.loads(text)["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers":
            yield contract


def rooms(layer: str) -> list[str]:
    """Return the modules of a layer, without the marks of import-linter."""
    return [name.strip(" ()") for name in re.split(r"[|:]", layer)]


def purpose(package: str, name: str) -> str:
    """Return the first line of what a module says it is; empty if it is not there."""
    folder = ROOT / package.replace(".", "/") / name
    path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    if not path.exists():
        return ""
    found = re.match(r'\s*r?"""(.+?)(?:\n\n|""")', path.read_text("utf-8"), re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def picture(layers: list[str]) -> str:
    """Return a flowchart with a floor a layer, from above."""
    lines = ["```mermaid", "flowchart TB"]
    for number, layer in enumerate(layers):
        boxes = " ~~~ ".join(f"{name}[{name}]" for name in rooms(layer))
        lines += [f"  subgraph floor{number}[ ]", "    direction LR", f"    {boxes}"]
        lines += ["  end"]
    above = range(len(layers) - 1)
    lines += [f"  floor{number} --> floor{number + 1}" for number in above]
    return "\n".join([*lines, "```"])


def chapter(contract: Mapping[str, Any]) -> str:
    """Return the heading, the picture and the rooms of a contract."""
    (package,) = contract["containers"]
    rows = [
        f"| `{name}` | {about} |"
        for layer in contract["layers"]
        for name in rooms(layer)
        if (about := purpose(package, name))
    ]
    table = "\n".join(["| Room | What it is |", "|---|---|", *rows])
    return f"## {package}\n\n{picture(contract['layers'])}\n\n{table}\n"


def document() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *map(chapter, contracts())])


if __name__ == "__main__":
    (ROOT / "docs" / "architecture.md").write_text(document(), "utf-8")
