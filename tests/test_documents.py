"""Links, commands, options and entry points in the documents are there."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from rustpbx_lab.cli import app

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if path.name != "CHANGELOG.md"
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMAND = re.compile(r"rustpbx-lab ([a-z][a-z-]*)((?: [^\n`|\\]*)?)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page, as they are made from its headings."""
    headings = HEADING.findall(path.read_text("utf-8"))
    plain = (re.sub(r"[`*]", "", heading).strip().lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


@pytest.mark.source
@pytest.mark.parametrize("document", DOCUMENTS, ids=ids)
def test_its_links_lead_to_files_and_headings(document: Path):
    for target in LINK.findall(document.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


def commands() -> dict[str, set[str]]:
    """Return each command with its options, those of a group by both names."""
    found: dict[str, set[str]] = {}
    for name, command in get_command(app).commands.items():
        inner = getattr(command, "commands", {"": command})
        for one in (command, *inner.values()):
            options = {text for param in one.params for text in param.opts}
            found.setdefault(name, set()).update(options)
    return found


def uses() -> Iterator[tuple[str, str, str]]:
    for document in DOCUMENTS:
        text = re.sub(r"\\\n\s*", "", document.read_text("utf-8"))
        for name, arguments in COMMAND.findall(text):
            yield ids(document), name, arguments


@pytest.mark.parametrize(("document", "name", "arguments"), list(uses()))
def test_a_command_and_its_options_exist(document: str, name: str, arguments: str):
    known = commands()
    if name in ("is", "and", "in"):  # prose
        return
    assert name in known, f"{document}: rustpbx-lab {name}"
    for option in re.findall(r"(?<=[\s\[])--[a-z][a-z-]*", arguments):
        assert option in known[name], f"{document}: rustpbx-lab {name} {option}"


@pytest.mark.parametrize("page", ["architecture", "server_faults"])
def test_a_page_that_a_script_writes_is_up_to_date(page: str):
    path = ROOT / "docs" / f"{page}.py"
    spec = importlib.util.spec_from_file_location(page, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = path.with_suffix(".md").read_text("utf-8")
    assert written == module.document(), f"run python docs/{page}.py"
