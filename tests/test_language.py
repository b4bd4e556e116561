"""Messages are plain English: no phrase of the list of those to avoid."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "rustpbx_lab"
AVOIDED = {
    r"(?<!there )\b(?:is|are|was) no (?!longer)": "is not a …, or is not valid …",
    r"\banybody\b": "anyone",
    r"\bis no such\b(?! [a-z]+)": "does not exist",
    r"\binterrupted apart\b": "… interrupted not counted",
    r"\bcannot be told\b": "cannot be distinguished",
    r"\bafter its end\b": "after speech ended",
}
"""Pattern → what to write instead."""
MODULES = sorted(PACKAGE.rglob("*.py"))
SPOKEN = {"replies.py", "front_desk.py"}
"""What agents and callers say in a call is theirs."""


def messages(module: Path) -> Iterator[tuple[int, str]]:
    """Yield the texts of a module that are not documentation, with their lines."""
    tree = ast.parse(module.read_text("utf-8"))
    documented = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in documented:
            yield node.lineno, node.value


@pytest.mark.parametrize(
    "module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_messages_avoid_the_phrases_of_the_list(module: Path):
    found = [
        f"line {line}: {text[:80]!r}: write {instead!r}"
        for line, text in messages(module)
        for pattern, instead in AVOIDED.items()
        if module.name not in SPOKEN and len(text) < 600 and re.search(pattern, text)
    ]
    assert found == []


def test_the_list_finds_what_it_is_for():
    for text in ("it is no JSON", "anybody could", "interrupted apart: 2"):
        assert any(re.search(pattern, text) for pattern in AVOIDED), text
    assert not any(re.search(pattern, "there is no such call") for pattern in AVOIDED)
