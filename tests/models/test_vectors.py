"""Every frame in tests/wire is read, and given back, as the server would."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from rustpbx_lab.errors import UnreadableFrameError
from rustpbx_lab.models import commands, events

WIRE = Path(__file__).parent.parent / "wire" / "vectors.jsonl"
VECTORS: list[dict[str, Any]] = [
    json.loads(line) for line in WIRE.read_text(encoding="utf-8").splitlines()
]
PARSE = {"event": events.parse, "command": commands.parse}
UNKNOWN = (events.UnknownEvent, commands.UnknownCommand)
SENT = [v for v in VECTORS if v["source"] != "rejected"]
REFUSED = [v for v in VECTORS if v["source"] == "rejected"]


def name(vector: dict[str, Any]) -> str:
    return f"{vector['kind']}-{vector['name']}-{vector['source']}"


@pytest.mark.parametrize("vector", SENT, ids=name)
def test_a_frame_survives_the_round_trip(vector: dict[str, Any]) -> None:
    text = json.dumps(vector["json"], ensure_ascii=False)
    read = PARSE[vector["kind"]](text)
    assert not isinstance(read, UNKNOWN)
    assert read.to_wire(reveal=True) == json.loads(text)
    assert next(iter(read.to_wire())) == vector["kind"]
    again = PARSE[vector["kind"]](read.to_json(reveal=True).encode())
    assert again == read
    assert hash(again) == hash(read)


@pytest.mark.parametrize("vector", REFUSED, ids=lambda v: v["why"])
def test_a_command_the_server_drops_is_refused(vector: dict[str, Any]) -> None:
    text = json.dumps(vector["json"])
    if vector["json"].get("command") in {"dance", "TTS"}:
        read = commands.parse(text)
        assert isinstance(read, commands.UnknownCommand)
        assert read.to_wire(reveal=True) == vector["json"]
        return
    with pytest.raises(UnreadableFrameError) as caught:
        commands.parse(text)
    assert caught.value.kind == "command"
    assert caught.value.why


def test_every_class_of_the_unions_has_a_real_frame() -> None:
    seen = {type(PARSE[v["kind"]](json.dumps(v["json"]))) for v in SENT}
    assert set(get_args(events.KnownEvent)) <= seen
    assert set(get_args(commands.Command)) <= seen


def test_the_unions_are_the_one_list() -> None:
    assert len(events.EVENT_NAMES) == len(get_args(events.KnownEvent)) == 33
    assert len(commands.COMMAND_NAMES) == len(get_args(commands.Command)) == 21
    assert "asrFinal" in events.EVENT_NAMES
    assert "addIceCandidate" in commands.COMMAND_NAMES
