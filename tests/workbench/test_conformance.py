import json
import re

import anyio
import pytest
from real_server import real_server_version

from rustpbx_lab.cli import run
from rustpbx_lab.conformance import POINTS, Report, check_server, markdown
from rustpbx_lab.conformance.points import (
    Between,
    InAnyOrder,
    Matching,
    OneOf,
    Point,
    SomeOf,
)
from rustpbx_lab.conformance.suite import Result
from rustpbx_lab.errors import ConnectError
from rustpbx_lab.models.server_versions import NEWEST, ServerVersion
from rustpbx_lab.simulator.server.stand_in import StandIn


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dump")
    with StandIn(asr="scripted", tts="scripted", dump_dir=folder).in_thread() as server:
        yield server


def asked(url, only, server_version=NEWEST, **more):
    async def ask():
        return await check_server(url, only=only, server_version=server_version, **more)

    return anyio.run(ask)


def differences(report):
    return {
        result.point.name: result.seen
        for result in report.results
        if result.verdict == "different"
    }


def test_there_are_many_points_and_each_has_its_own_name():
    names = [point.name for point in POINTS]
    assert len(names) >= 80
    assert len(set(names)) == len(names)


def test_promises_hold_inside_lists_and_objects():
    promised = [Between(10, 20), {"id": Matching("a+"), "way": OneOf(1, None)}]
    assert promised == [15, {"id": "aaa", "way": None}]
    assert promised != [21, {"id": "aaa", "way": None}]
    assert promised != [15, {"id": "aab", "way": 1}]


def test_any_order_counts_repeats():
    assert InAnyOrder(["a", "a", "b"]) == ["b", "a", "a"]
    assert InAnyOrder(["a", "a", "b"]) != ["b", "a", "b"]
    assert InAnyOrder(["a"]) != ["a", "a"]
    assert SomeOf("a", "b") == ["b"]
    assert SomeOf("a", "b") != ["b", "b"]


@pytest.mark.parametrize("chapter", ["1.7", "3.8", "4.2", "9.3"])
def test_the_stand_in_keeps_the_promises_of(stand_in, chapter):
    report = asked(stand_in.url, chapter)
    assert report.count("same") >= 4
    assert differences(report) == {}


def test_what_is_missing_to_ask_a_point_is_said(stand_in):
    report = asked(stand_in.url, "the recording's name")
    assert report.count("not testable") == 1
    assert "--recorder-dir" in report.results[0].seen
    assert report.is_conformant


def test_what_differs_is_said_with_what_was_seen(stand_in, monkeypatch):
    async def tell(_):
        return ["trackEnd", "trackStart"]

    wrong = Point("an order that is wrong", "0", ["trackStart", "trackEnd"], tell)
    monkeypatch.setattr("rustpbx_lab.conformance.suite.POINTS", [wrong])
    report = asked(stand_in.url, "")
    assert not report.is_conformant
    assert "seen ['trackEnd', 'trackStart']" in report.told()
    assert report.to_dict()["points"][0]["result"] == "different"


def test_a_server_that_is_not_there_is_one_clear_error():
    with pytest.raises(ConnectError, match="start the server there"):
        asked("ws://127.0.0.1:9", "1.7")


def test_the_command_prints_one_document_and_ends_with_1_if_anything_differs(
    stand_in, monkeypatch, capsys
):
    async def tell(_):
        return "nothing"

    good = Point("kept", "0", "nothing", tell)
    wrong = Point("broken", "0", "something", tell)
    for points, code in [([good], 0), ([good, wrong], 1)]:
        monkeypatch.setattr("rustpbx_lab.conformance.suite.POINTS", points)
        assert run(["conformance", stand_in.url, "--json"]) == code
        document = json.loads(capsys.readouterr().out)
        assert (document["same"], document["different"]) == (1, code)


def test_the_command_ends_with_2_if_nobody_is_there(capsys):
    assert run(["conformance", "ws://127.0.0.1:9"]) == 2
    assert "start the server there" in " ".join(capsys.readouterr().err.split())


def test_the_table_has_a_column_for_each_server_and_the_reasons():
    point = Point("a | b", "1.2", "x", None, since="0.3.84")
    one = Report("ws://a", "2026-01-01", [Result(point, "same", "x", 1)])
    other = Report("ws://b", "2026-01-01", [Result(point, "different", "y|z", 1)])
    reasons = {"a | b": "not built yet"}
    table = markdown({"one": [one], "both": [one, other], "none": []}, reasons)
    row = table.splitlines()[2]
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
    assert cells[:4] == ["a \\| b", "1.2", "since 0.3.84", "`'x'`"]
    assert cells[4] == "same"
    assert cells[5] == "**different**: `y\\|z` *not built yet*"
    assert cells[6] == "-"


@pytest.mark.parametrize(
    "only",
    [
        *("dtmf", "renegotiate", "autoHangup", "rtpTimeout"),
        *("invite that rings", "behind a refer", "transfer that failed"),
    ],
)
@pytest.mark.parametrize("version", ["0.3.83", "0.3.113"])
def test_the_stand_in_keeps_what_a_release_promises(only, version):
    server = StandIn(asr="scripted", tts="scripted", server_version=version)
    with server.in_thread():
        report = asked(server.url, only, server_version=version)
    assert differences(report) == {}
    assert json.dumps(report.to_dict()), "what was seen is JSON"
    newer = [one.point for one in report.results if one.point.since]
    assert bool(newer) == (version == "0.3.113")


def test_two_servers_are_compared(capsys):
    engines = {"asr": "scripted", "tts": "scripted"}
    old, new = (
        StandIn(server_version=version, **engines).in_thread()
        for version in ("0.3.83", "0.3.113")
    )
    with old as one, new as other:
        words = ["conformance", one.url, other.url, "--only"]
        assert run([*words, "renegotiate before an invite"]) == 1
        told = capsys.readouterr().out
        assert "renegotiate before an invite is an error (§ 3.18)" in told
        assert f"{one.url} False, {other.url} True" in told
        # that one sends nothing for a DTMF is known after eight seconds only
        assert run([*words, "before an invite", "--json"]) == 1
        found = json.loads(capsys.readouterr().out)
        assert len(found["differences"]) == 2
        (told,) = (each for each in found["differences"] if "dtmf" in each)
        assert "dtmf before an invite (§ 3.17)" in told
        assert "['trackStart k', 'trackStart k', 'trackEnd k']" in told
        assert [server["url"] for server in found["servers"]] == [one.url, other.url]
        assert run(["conformance", one.url, one.url, "--only", "dropped"]) == 0
        assert capsys.readouterr().out == "0 different\n"


def test_points_hold_for_releases():
    old, new = ServerVersion.parse("0.3.83"), ServerVersion.parse("0.3.113")
    always = Point("a", "0", 1, None)
    since = Point("b", "0", 1, None, since="0.3.100")
    until = Point("c", "0", 1, None, until="0.3.99")
    held = {
        version: [one.name for one in (always, since, until) if one.holds_for(version)]
        for version in (None, old, new)
    }
    assert held == {None: ["a"], old: ["a", "c"], new: ["a", "b"]}
    for one in POINTS:
        for version in (one.since, one.until):
            assert version is None or ServerVersion.parse(version) >= old


@pytest.mark.slow
def test_the_real_server_keeps_every_promise(real_server, tmp_path):
    report = asked(
        real_server.url,
        "",
        server_version=real_server_version(),
        recorder_dir=real_server.recorders,
    )
    assert len(report.results) >= 80
    assert differences(report) == {}
