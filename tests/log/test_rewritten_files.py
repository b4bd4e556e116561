"""Event logs as tools leave them: every row that can be read is there, in order."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rustpbx_lab.errors import LogFileError
from rustpbx_lab.log import EventLog, read_log

T0 = 1787302461000
ROWS = [
    ("command", 0, {"command": "invite", "option": {"asr": {"provider": "tencent"}}}),
    ("event", 5, {"event": "trackStart", "trackId": "s.1"}),
    ("event", 6, {"event": "answer", "trackId": "s.1", "sdp": "", "refer": False}),
    ("event", 1300, {"event": "speaking", "trackId": "s.1", "startTime": T0 + 1000}),
    (
        "event",
        2300,
        {"event": "silence", "trackId": "s.1", "startTime": T0 + 1000, "duration": 900},
    ),
    (
        "event",
        2500,
        {"event": "asrFinal", "trackId": "s.1", "index": 1, "text": "déjà vu"},
    ),
    ("command", 2600, {"command": "tts", "text": "Good day.", "playId": "p1"}),
    ("event", 4000, {"event": "trackEnd", "trackId": "s.1", "duration": 3994}),
]
NAMES = [next(iter(message.values())) for _, _, message in ROWS]
TIMES = [at for _, at, _ in ROWS]


def row(kind, at, message):
    stamp = {} if kind == "command" else {"timestamp": T0 + at}
    content = json.dumps(message | stamp, ensure_ascii=False)
    return {"type": kind, "timestamp": T0 + at, "content": content}


OBJECTS = [row(*each) for each in ROWS]
LINES = [json.dumps(each, ensure_ascii=False) for each in OBJECTS]
TEXT = "\n".join(LINES) + "\n"
LONG = "".join(
    json.dumps(row("event", at, {"event": "ping", "x": str(random.Random(at))})) + "\n"
    for at in range(20000)
).encode()


def read(text: str | bytes) -> EventLog:
    return read_log(io.BytesIO(text.encode() if isinstance(text, str) else text))


def with_content(change: Callable[[dict], dict]) -> str:
    lines = []
    for each in OBJECTS:
        content = json.dumps(change(json.loads(each["content"])))
        lines.append(json.dumps(each | {"content": content}))
    return "\n".join(lines)


def numbers(kind: Callable[[int], object]) -> Callable[[dict], dict]:
    keys = ("timestamp", "startTime", "duration", "index")
    return lambda message: {
        key: kind(value) if key in keys else value for key, value in message.items()
    }


def pretty(objects: list[dict]) -> str:
    return "\n".join(json.dumps(each, indent=2) for each in objects)


WHOLE = {
    "as it is": TEXT,
    "with a byte order mark": b"\xef\xbb\xbf" + TEXT.encode(),
    "Windows line ends": TEXT.replace("\n", "\r\n"),
    "UTF-16 of PowerShell": TEXT.encode("utf-16"),
    "UTF-16 without a mark": TEXT.encode("utf-16-le"),
    "UTF-16 big-endian": TEXT.encode("utf-16-be"),
    "UTF-32": TEXT.encode("utf-32"),
    "Windows-1252": TEXT.encode("cp1252"),
    "gzip": gzip.compress(TEXT.encode()),
    "gzip in two parts": b"".join(
        gzip.compress(part.encode()) for part in (TEXT[:400], TEXT[400:])
    ),
    "gzip and zeros of a tape": gzip.compress(TEXT.encode()) + bytes(512),
    "gzip twice": gzip.compress(gzip.compress(TEXT.encode())),
    "gzip of UTF-16": gzip.compress(TEXT.encode("utf-16")),
    "zstd": pa.compress(TEXT.encode(), codec="zstd", asbytes=True),
    "bzip2": bz2.compress(TEXT.encode()),
    "xz": lzma.compress(TEXT.encode()),
    "a JSON array": json.dumps(OBJECTS),
    "a JSON array, a line a row": "[\n" + ",\n".join(LINES) + "\n]\n",
    "a JSON array, pretty": json.dumps(OBJECTS, indent=4),
    "pretty-printed by jq": pretty(OBJECTS),
    "keys sorted": pretty([dict(sorted(each.items())) for each in OBJECTS]),
    "a JSON text sequence": "".join(f"\x1e{line}\n" for line in LINES),
    "all in one line": "".join(LINES),
    "content as an object": "\n".join(
        json.dumps(each | {"content": json.loads(each["content"])}) for each in OBJECTS
    ),
    "times as text": "\n".join(
        json.dumps(each | {"timestamp": str(each["timestamp"])}) for each in OBJECTS
    ),
    "times as floats": "\n".join(
        json.dumps(each | {"timestamp": float(each["timestamp"])}) for each in OBJECTS
    ),
    "message times as floats": with_content(numbers(float)),
    "message times as text": with_content(numbers(str)),
    "prefixed by a collector": "\n".join(
        f"2026-08-21T09:03:19.000000Z stdout F {line}" for line in LINES
    ),
    "cut by a container runtime": "\n".join(
        f"2026-08-21T09:03:19Z stdout P {line[:50]}\n"
        f"2026-08-21T09:03:19Z stdout F {line[50:]}"
        for line in LINES
    ),
    "Docker's own": "\n".join(
        json.dumps({"log": line + "\n", "stream": "stdout"}) for line in LINES
    ),
    "cut by Docker": "\n".join(
        json.dumps({"log": part, "stream": "stdout"})
        for line in LINES
        for part in (line[:60], line[60:] + "\n")
    ),
    "shipped by Fluentd": "\n".join(
        json.dumps({"kubernetes": {"pod": "a"}, "message": line}) for line in LINES
    ),
}


@pytest.mark.parametrize("form", WHOLE)
def test_every_row_is_read_whatever_a_tool_made_of_the_file(form: str):
    log = read(WHOLE[form])
    assert [record.name for record in log] == NAMES
    assert [record.time_ms for record in log] == TIMES
    assert (log.damage, log.damaged_lines) == (0, [])
    assert log.frame()["text"].dropna().tolist() == ["déjà vu", "Good day."]


DAMAGED = {
    "zeros of a power failure": (TEXT.encode() + bytes(4096), [9], NAMES),
    "zeros in the middle": (
        TEXT.encode().replace(LINES[5].encode(), bytes(512) + LINES[5].encode()),
        [6],
        NAMES,
    ),
    "a torn last line": (TEXT.encode()[:-60], [8], NAMES[:-1]),
    "a torn line that the next was glued to": (
        TEXT.replace(LINES[3] + "\n", LINES[3][:50]),
        [4],
        NAMES[:3] + NAMES[4:],
    ),
    "a torn array": (json.dumps(OBJECTS)[:-50], [1], NAMES[:-1]),
    "an object cut in pretty print": (
        pretty(OBJECTS[:3]) + "\n{\n  " + pretty(OBJECTS[4:]),
        [16],
        NAMES[:3] + NAMES[4:],
    ),
    "a message of wrong fields": (
        TEXT.replace('\\"duration\\": 3994', '\\"duration\\": \\"long\\"'),
        [8],
        [*NAMES[:-1], "unreadable"],
    ),
    "a row without a message": (TEXT + '{"type": "event"}\n', [9], NAMES),
}


@pytest.mark.parametrize("form", DAMAGED)
def test_damage_is_counted_with_its_line_and_costs_nothing_else(form: str):
    text, lines, names = DAMAGED[form]
    log = read(text)
    assert [record.name for record in log] == names
    assert (log.damage, log.damaged_lines) == (len(lines), lines)
    assert f"line {lines[0]} could not be read" in log.remarks


@pytest.mark.parametrize(
    "pack",
    [
        gzip.compress,
        bz2.compress,
        lzma.compress,
        lambda data: pa.compress(data, codec="zstd", asbytes=True),
    ],
    ids=["gzip", "bzip2", "xz", "zstd"],
)
def test_a_cut_archive_is_read_up_to_the_cut(pack: Callable[[bytes], bytes]):
    packed = pack(LONG)
    log = read(packed[: len(packed) * 3 // 4])
    assert len(log) > 2000
    assert log.damage in (1, 2)  # a torn line, and what was cut off
    assert any("compressed data is damaged" in remark for remark in log.remarks)


def test_a_name_says_nothing_of_what_a_file_is(tmp_path: Path):
    plain, packed = tmp_path / "a.events.jsonl.gz", tmp_path / "b.events.jsonl"
    plain.write_text(TEXT, "utf-8")
    packed.write_bytes(gzip.compress(TEXT.encode()))
    assert read_log(plain) == read_log(packed)


def test_what_was_converted_is_said():
    assert read(TEXT.encode("cp1252")).remarks == [
        "text that is not UTF-8 was read as Windows-1252 (Latin-1)"
    ]
    assert "UTF-16" in read(TEXT.encode("utf-16")).remarks[0]
    prefixed = read("".join(f"pod-1 {line}\n" for line in LINES))
    assert "log collectors" in prefixed.remarks[0]
    assert read(TEXT).remarks == []


def test_numbers_json_does_not_know_and_half_characters_do_not_lose_a_row():
    odd = TEXT.replace('\\"index\\": 1', '\\"index\\": 1, \\"confidence\\": NaN')
    log = read(odd.replace("déjà", "d\\\\ud83d"))
    assert log.damage == 0
    assert log[5].message.text == "d\N{REPLACEMENT CHARACTER} vu"


def test_an_open_file_is_read_and_left_open(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_text(TEXT, "utf-8")
    with path.open("rb") as binary, path.open(encoding="utf-8") as text:
        assert read_log(binary) == read_log(text) == read_log(path)
        assert not binary.closed
    assert read_log(io.StringIO(TEXT)) == read_log(path)


def test_the_home_folder_may_be_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "a.jsonl").write_text(TEXT, "utf-8")
    assert len(read_log("~/a.jsonl")) == len(ROWS)


@pytest.mark.parametrize("source", [None, ["a.jsonl"], 5, {"a": 1}])
def test_what_is_no_file_is_a_type_error(source: object):
    with pytest.raises(TypeError, match="give one of them"):
        read_log(source)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("https://example.com/a.jsonl", "download it first"),
        (io.BytesIO(b"PK\x03\x04..."), "a ZIP archive; unpack it first"),
        (io.BytesIO(b"<!doctype html>"), "error page of a download"),
        (io.BytesIO(b"RIFF....WAVE"), "a WAV file"),
        (".", "Is a directory|Permission denied"),
    ],
)
def test_what_cannot_be_a_log_is_named(source: object, why: str):
    with pytest.raises(LogFileError, match=why):
        read_log(source)


@pytest.mark.slow
def test_text_that_never_becomes_a_row_takes_little_time_and_is_counted():
    nest = '{"a":' * 20000
    log = read(f"{nest}\n{TEXT}")
    assert [record.name for record in log] == NAMES
    assert log.damaged_lines == [1]


@given(st.lists(st.binary(max_size=40), min_size=len(LINES), max_size=len(LINES)))
@settings(max_examples=100)
def test_lines_of_noise_between_rows_cost_no_row(noise: list[bytes]):
    mixed = b"".join(
        each.replace(b"\n", b" ").replace(b"{", b" ") + b"\n" + line.encode() + b"\n"
        for each, line in zip(noise, LINES, strict=True)
    )
    log = read(b"\n" + mixed)
    assert [record.name for record in log] == NAMES


def test_a_copy_of_a_log_knows_its_damage():
    log = read(TEXT + "torn\n")
    copied = pickle.loads(pickle.dumps(log))
    assert (copied.damage, copied.damaged_lines) == (1, [9])
    assert copied.remarks == log.remarks
