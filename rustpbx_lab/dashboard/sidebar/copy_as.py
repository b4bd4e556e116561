"""Options as JSON, Python or Go, with secrets masked."""

import json
from typing import Any

from pydantic import BaseModel, SecretStr

from rustpbx_lab.models.options import CallOption

MASK = "***"


def as_json(option: CallOption) -> str:
    """Return the option as ``--option FILE`` and a preset have it."""
    return json.dumps(option.to_wire(), ensure_ascii=False, indent=2)


def as_python(
    option: CallOption, url: str, call_type: str, server_version: str | None = None
) -> str:
    """Return a program that makes this call."""
    where = f"{json.dumps(url)}, call_type={json.dumps(call_type)}"
    if server_version is not None:
        where += f", server_version={json.dumps(server_version)}"
    return "\n".join(
        (
            "import anyio",
            "",
            "from rustpbx_lab import connect, options",
            "",
            f"option = {_python(option, 0)}",
            "",
            "",
            "async def main():",
            f"    async with connect({where}) as call:",
            "        await call.invite(option)",
            "        async for event in call:",
            "            print(event)",
            "",
            "",
            "anyio.run(main)",
            "",
        )
    )


def as_go(option: CallOption) -> str:
    """Return Go that has the option, for ``client.Invite`` of rustpbxgo."""
    text = as_json(option)
    # a raw string cannot hold a backtick
    literal = f"`{text}`" if "`" not in text else json.dumps(text, ensure_ascii=False)
    return (
        "var option rustpbxgo.CallOption\n"
        f"if err := json.Unmarshal([]byte({literal}), &option); err != nil {{\n"
        "\tlog.Fatal(err)\n"
        "}\n"
    )


def _python(value: Any, depth: int) -> str:
    match value:
        case BaseModel():
            names = [n for n in type(value).model_fields if n in value.model_fields_set]
            pad = "    " * (depth + 1)
            lines = [
                f"{pad}{n}={_python(getattr(value, n), depth + 1)}," for n in names
            ]
            head = f"options.{type(value).__name__}("
            if not lines:
                return head + ")"
            return "\n".join((head, *lines, "    " * depth + ")"))
        case SecretStr():
            return repr(MASK)
        case dict():
            inner = (f"{k!r}: {_python(v, depth)}" for k, v in value.items())
            return "{" + ", ".join(inner) + "}"
        case list() | tuple():
            return "[" + ", ".join(_python(one, depth) for one in value) + "]"
        case _:
            return repr(value)


def without_masks(wire: Any) -> tuple[Any, int]:
    """Return a preset without its masked secrets, and how many there were."""
    if isinstance(wire, dict):
        kept: dict[str, Any] = {}
        count = 0
        for key, value in wire.items():
            if value == MASK:
                count += 1
                continue
            kept[key], masked = without_masks(value)
            count += masked
        return kept, count
    return wire, 0
