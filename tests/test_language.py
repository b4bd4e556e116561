"""Plain English: no phrase of the list of those to avoid, noun phrases as heads."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
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
AVOIDED_IN_DOCUMENTATION = {
    r"(?<!there )\b(?:is|are|was) no (?!longer|more\b)": "is not a …",
    r"\b[Aa]nybody\b|\b[Ss]omebody\b": "anyone, someone",
    r"\b[Tt]ell whether\b": "return whether",
    r"^Take in\b": "Process …",
    r"\banew\b": "again",
}
"""The same for docstrings, which are less polished than messages so far."""
CLAUSE = re.compile(r"(?:What|How|Who|Where|When|Why|Whether)\b")
"""A module's head is a noun phrase."""
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


@pytest.mark.source
@pytest.mark.parametrize(
    "module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_messages_avoid_the_phrases_of_the_list(module: Path):
    is_ours = module.name not in SPOKEN
    said = [one for one in messages(module) if is_ours and len(one[1]) < 600]
    assert phrases_in(said, AVOIDED) == []


def phrases_in(
    texts: Iterable[tuple[int, str]], avoided: Mapping[str, str]
) -> list[str]:
    """Return each phrase to avoid in some texts, with its line and what to write."""
    return [
        f"line {line}: {text[:80]!r}: write {instead!r}"
        for line, text in texts
        for pattern, instead in avoided.items()
        if re.search(pattern, text)
    ]


def documentation(module: Path) -> Iterator[tuple[int, str]]:
    """Yield the docstrings of a module, those of attributes too, with their lines."""
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        constant = node.value if isinstance(node, ast.Expr) else None
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
            yield constant.lineno, " ".join(constant.value.split())


@pytest.mark.source
@pytest.mark.parametrize(
    "module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_documentation_avoids_them_too(module: Path):
    assert phrases_in(documentation(module), AVOIDED_IN_DOCUMENTATION) == []
    head = ast.get_docstring(ast.parse(module.read_text("utf-8"))) or ""
    assert not CLAUSE.match(head), (
        f"a noun phrase, not a clause: {head.splitlines()[0]}"
    )


def test_the_list_finds_what_it_is_for():
    for text in ("it is no JSON", "anybody could", "interrupted apart: 2"):
        assert any(re.search(pattern, text) for pattern in AVOIDED), text
    assert not any(re.search(pattern, "there is no such call") for pattern in AVOIDED)
