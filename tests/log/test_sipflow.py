"""SIP messages of a session: read, masked, found beside a log, put among its rows."""

import gzip
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sip_files import (
    ALICE,
    BOB,
    RECORDED,
    RECORDINGS,
    SERVER,
    T0_MS,
    event_log,
    line,
    request,
    response,
    write_call,
)

from rustpbx_lab import EventLog, read_log
from rustpbx_lab.errors import LogFileError
from rustpbx_lab.log import read_sipflow, sipflow_beside, with_sip_messages
from rustpbx_lab.log.sipflow import read_with_sip_messages
from rustpbx_lab.masking import mask_sip
from rustpbx_lab.models.sip_message import read_sip, sdp_summary


def flow_of(*lines, session_id=None):
    return read_sipflow(io.BytesIO("\n".join(lines).encode()), session_id)


def read_recorded(name):
    return read_with_sip_messages(RECORDINGS / f"{name}.events.jsonl")


# ---------------------------------------------------------------------- recordings


@pytest.mark.parametrize("name", RECORDED)
def test_every_line_of_a_recording_is_a_message_with_its_direction(name):
    _, flow = read_recorded(name)
    assert (flow.damage, flow.remarks) == (0, [])
    n_lines = len((RECORDINGS / f"{name}.sipflow.jsonl").read_bytes().splitlines())
    assert len(flow) == n_lines
    first = read_sip(flow.messages[0].text)
    assert first.method == "INVITE"
    assert flow.messages[0].way == ("sent" if "outbound" in name else "received")
    # the two sides answer each other
    for message in flow.messages:
        said = read_sip(message.text)
        if said.method == "INVITE":
            assert (message.way == flow.messages[0].way) == said.is_request


@pytest.mark.parametrize("name", RECORDED)
def test_messages_lie_beside_the_events_that_they_cause(name):
    log, _ = read_recorded(name)
    times = [record.time_ms for record in log if record.name == "sipMessage"]
    assert times == sorted(times)
    at = {}
    for record in log:
        if record.name != "sipMessage":
            at.setdefault(record.name, record.time_ms)
            continue
        said = read_sip(record.message.text)
        at.setdefault((said.method, said.code), record.time_ms)
    if name == "sipflow_outbound":
        assert at["answer"] == pytest.approx(at["INVITE", 200], abs=20)
        assert at["ringing"] == pytest.approx(at["INVITE", 180], abs=20)
    elif name == "sipflow_inbound":
        assert at["hangup"] == pytest.approx(at["BYE", None], abs=20)
        assert at["INVITE", None] < 0, "it came before the session began"


@pytest.mark.parametrize("name", ["sipflow_inbound", "sipflow_outbound"])
def test_our_own_log_of_a_session_takes_its_messages_too(name):
    path = RECORDINGS / f"{name}.log.jsonl"
    log, flow = read_with_sip_messages(path, RECORDINGS / f"{name}.sipflow.jsonl")
    theirs, _ = read_recorded(name)
    placed = [r.time_ms for r in log if r.name == "sipMessage"]
    assert len(placed) == len(flow)
    # our call time has another zero: the same distances, within the join of the clocks
    other = [r.time_ms for r in theirs if r.name == "sipMessage"]
    apart = [ours - their for ours, their in zip(placed, other, strict=True)]
    assert max(apart) - min(apart) <= 5


def test_our_own_log_without_an_event_cannot_place_them():
    path = RECORDINGS / "sipflow_refused.log.jsonl"
    with pytest.raises(LogFileError, match="no time of the server"):
        read_with_sip_messages(path, RECORDINGS / "sipflow_refused.sipflow.jsonl")


def test_no_secret_is_in_a_recording():
    for path in RECORDINGS.glob("sipflow_*"):
        assert "5ecret" not in path.read_text("utf-8"), path.name
    masked = (RECORDINGS / "sipflow_outbound.sipflow.jsonl").read_text("utf-8")
    assert masked.count("Proxy-Authorization: Digest ***") == 2
    assert 'Proxy-Authenticate: Digest realm=\\"lab\\"' in masked
    masked = (RECORDINGS / "sipflow_inbound.sipflow.jsonl").read_text("utf-8")
    for shown in ("Authorization: Digest ***", "inline:***", "a=ice-pwd:***"):
        assert shown in masked
    assert '{\\"customer\\": 42, \\"password\\": \\"***\\"}' in masked


# ---------------------------------------------------------------------- masking

SECRETS = [
    "Authorization: Digest username=alice, response={}",
    "AUTHORIZATION  :  {}",
    "Proxy-Authorization: Digest username=alice,\r\n response={}",
    # a server tears a folded header in two
    'Authorization: Digest username="alice"\r\nuri="sip: x", response="{}"',
    'X: y\r\nuri="sip: x", response="{}"',
    "X-Api-Key: {}",
    "Cookie: {}",
    "Authentication-Info: nextnonce={}",
    "Contact: <sip:alice:{}@h>",
    "Refer-To: <sip:b@h?Proxy-Authorization={}&X=1>",
    "Contact: <sip:a@h;token={}>",
    "\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{}|2^20",
    "\r\na=ice-pwd:{}",
    "\r\nk=base64:{}",
    "\r\na=key-mgmt:mikey {}",
    '\r\n{{"a": 1, "password": "{}"}}',
    "\r\nuser=a&password={}",
    "\r\npassword={}",
    "\r\nToken: {}",
    "\r\n<Password>{}</Password>",
]


@pytest.mark.parametrize("text", SECRETS)
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_a_credential_is_masked(text, end):
    whole = request(extra="Max-Forwards: 70\r\n").rstrip("\r\n")
    secret = "hunter2hunter2"
    message = f"{whole}\r\n{text.format(secret)}\r\nX-Last: kept\r\n"
    masked = mask_sip(message.replace("\r\n", end))
    assert secret not in masked
    assert "***" in masked
    assert "Max-Forwards: 70" in masked
    assert "X-Last: kept" in masked
    [row] = flow_of(line(0, message)).messages
    assert secret not in row.to_json()


@pytest.mark.parametrize("name", ["WWW-Authenticate", "Proxy-Authenticate"])
def test_a_challenge_and_an_innocent_message_are_kept(name):
    text = response(401, "Unauthorized").rstrip("\r\n")
    text += f'\r\n{name}: Digest realm="lab", nonce="n0nce"\r\n\r\n'
    assert mask_sip(text) == text
    assert mask_sip(request(body="v=0\r\na=ice-ufrag:x\r\n")) == request(
        body="v=0\r\na=ice-ufrag:x\r\n"
    )


@given(st.text())
def test_masking_never_fails(text):
    mask_sip(text)
    mask_sip(request() + text)


# ---------------------------------------------------------------------- damage


def test_damaged_lines_are_counted_and_located():
    good = line(0, request())
    flow = flow_of(
        *("no json", good, "[1]", good[:40], "", line(1, "hello")),
        *(line(2, request(), timestamp="now"), line(3, request(), payload=None)),
        line(4, request(), timestamp=17),
    )
    assert len(flow) == 1
    assert flow.damaged_lines == [1, 3, 4, 6, 7, 8, 9]
    assert flow.damage == 7
    assert flow.remarks[0] == "7 lines could not be read: 1, 3, 4, 6, 7, …"


def test_a_file_without_any_message_is_refused(tmp_path):
    path = tmp_path / "a.sipflow.jsonl"
    path.write_text("hello\n", "utf-8")
    with pytest.raises(LogFileError, match=r"none of its 1 lines is a SIP message"):
        read_sipflow(path)
    with pytest.raises(LogFileError, match="No such file"):
        read_sipflow(tmp_path / "none")
    path.write_text("", "utf-8")
    assert len(read_sipflow(path)) == 0


GOOD = [
    line(0, request()).encode(),
    line(5, response(100, "Trying"), SERVER, ALICE).encode(),
    line(9, response(), SERVER, ALICE).encode(),
]


@given(
    st.lists(st.one_of(st.sampled_from(GOOD), st.binary(max_size=60)), max_size=12),
    st.integers(0, 400),
)
def test_wild_bytes_are_never_more_than_damage(lines, cut):
    raw = b"\n".join(lines)
    for data in (raw, raw[:-cut] if cut else raw, gzip.compress(raw)[: -cut or None]):
        try:
            flow = read_sipflow(io.BytesIO(data))
        except LogFileError:
            continue
        assert len(flow.damaged_lines) == flow.damage
        merged = with_sip_messages(event_log(), flow)
        assert len(merged) == 2 + len(flow)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)


@given(
    st.dictionaries(
        st.sampled_from([*json.loads(line(0, "")), "srcAddr", "callId"]), _VALUES
    )
)
def test_a_line_with_any_values_is_read_or_damage(changed):
    flow = flow_of(line(0, request()), line(1, request(), **changed))
    assert len(flow) + flow.damage == 2
    with_sip_messages(event_log(), flow)


@given(st.text(max_size=300))
def test_a_message_with_any_text_is_read(text):
    flow = flow_of(
        line(0, request(extra=text, body=text)), line(1, response(405, text))
    )
    assert len(flow) + flow.damage == 2


# ---------------------------------------------------------------------- direction


def ways(*lines, session_id=None):
    return [m.way for m in flow_of(*lines, session_id=session_id).messages]


def test_the_server_is_on_one_side_of_every_message():
    lines = (
        line(0, request()),
        line(5, request(branch="b2"), SERVER, BOB),
        line(9, response(branch="b2"), BOB, SERVER),
    )
    assert ways(*lines) == ["received", "sent", "received"]


def test_with_a_single_peer_the_user_agent_tells():
    agent = "User-Agent: active-call(0.3.113 miuda.ai)\r\n"
    answer = response().replace("\r\n\r\n", f"\r\n{agent}\r\n")
    assert ways(line(0, request()), line(5, answer, SERVER, ALICE)) == [
        "received",
        "sent",
    ]
    # somebody else's
    other = answer.replace("active-call(", "other (")
    assert ways(line(0, request()), line(5, other, SERVER, ALICE)) == [None, None]


@pytest.mark.parametrize(
    ("session_id", "expected"),
    [("c1", "sent"), ("c1-tag-2", "received"), ("other", None), (None, None)],
)
def test_else_the_session_id_tells_or_nobody_does(session_id, expected):
    flow = flow_of(line(0, request()), session_id=session_id)
    assert flow.messages[0].way == expected
    assert bool(flow.remarks) == (expected is None)


def test_both_spellings_of_the_keys_are_read():
    row = json.loads(line(0, request()))
    camel = {"srcAddr": row.pop("src_addr"), "dstAddr": row.pop("dst_addr")}
    camel |= {"callId": row.pop("call_id"), "msgType": row.pop("msg_type")}
    [message] = flow_of(json.dumps(row | camel)).messages
    assert (message.source, message.destination) == (ALICE, SERVER)
    assert message.call_id == "c1"


# ---------------------------------------------------------------------- beside a log


@pytest.mark.parametrize(
    "name",
    [
        "s1.sipflow.jsonl",
        "s1.jsonl",
        "s1.jsonl.gz",
        "sipflow/s1.jsonl",
        "sipflow/20261130/s1.jsonl",
    ],
)
def test_the_file_of_a_session_is_found(tmp_path, name):
    log = tmp_path / "s1.events.jsonl"
    event_log().save(log)
    assert sipflow_beside(log) is None
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line(0, request()), "utf-8")
    assert sipflow_beside(log) == path


def test_a_log_is_not_its_own_sipflow_file(tmp_path):
    log = tmp_path / "s1.jsonl"
    event_log().save(log)
    assert sipflow_beside(log) is None
    assert sipflow_beside(tmp_path / ("x" * 300)) is None


def test_a_session_with_signs_in_its_id_is_found(tmp_path):
    session = "1-22@127.0.0.1-x;y"
    log = write_call(tmp_path, [line(0, request())], session)
    assert sipflow_beside(log) is not None
    escaped = tmp_path / "1-22@127.0.0.1-x%3By.jsonl"
    (tmp_path / f"{session}.sipflow.jsonl").rename(escaped)
    assert sipflow_beside(log) == escaped


# ---------------------------------------------------------------------- as rows


def test_messages_become_rows_at_their_call_time():
    flow = flow_of(
        line(-250, request()),
        line(0.4, response(100, "Trying"), SERVER, ALICE),
        line(4000, response(), SERVER, ALICE),
        line(12_000, request("BYE", 2), SERVER, ALICE),
    )
    log = event_log()
    merged = with_sip_messages(log, flow)
    assert [(r.name, r.time_ms) for r in merged] == [
        ("sipMessage", -250),
        ("ping", 0),
        ("sipMessage", 0),
        ("sipMessage", 4000),
        ("ping", 10_000),
        ("sipMessage", 12_000),
    ]
    assert [r.seq for r in merged] == list(range(6))
    assert merged.is_closed
    assert merged.clock.to_wall(0) == T0_MS
    assert len(log) == 2, "the log itself is as it was"
    assert [r.seq for r in log] == [0, 1]


def test_a_log_with_messages_is_saved_and_read_as_it_is(tmp_path):
    log = write_call(
        tmp_path, [line(-5, request()), line(3, response(), SERVER, ALICE)]
    )
    merged, _ = read_with_sip_messages(log)
    saved = tmp_path / "again.events.jsonl"
    merged.save(saved)
    again = read_log(saved)
    assert again == merged
    # its own file beside it adds nothing
    (tmp_path / "again.jsonl").write_text(line(0, request()), "utf-8")
    assert read_with_sip_messages(saved)[0] == merged


def test_messages_without_a_time_to_place_them_by_are_refused():
    with pytest.raises(LogFileError, match="no time of the server"):
        with_sip_messages(EventLog(), flow_of(line(0, request())))


# ---------------------------------------------------------------------- descriptions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (
            "v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 4000 RTP/AVP 0 8\r\n",
            "PCMU/8000 PCMA/8000",
        ),
        ("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n", "opus/48000/2"),
        ("m=audio 0 RTP/AVP 0\r\n", "audio :0 PCMU/8000"),
        (
            "c=IN IP6 ::1\r\nm=audio 9 RTP/AVP 97\r\na=sendonly\r\n",
            "audio ::1:9 97 sendonly",
        ),
        ("m=audio 1 RTP/AVP 0\r\nm=video 2 RTP/AVP 99\r\n", "; video :2 99"),
        ("m=audio\r\n", ""),
        ("m=audio 1 RTP/AVP " + "9" * 5000, "audio :1"),
    ],
)
def test_a_session_description_is_summed_up(text, expected):
    assert expected in sdp_summary(text)
    assert bool(expected) == bool(sdp_summary(text))


def test_short_and_folded_headers_are_read():
    said = read_sip(
        "SIP/2.0 486 Busy Here\nv: SIP/2.0/UDP h\n ;branch=z9\nf: <sip:a@h>;tag=1\n"
        "t: sip:b@h;tag=2\nCSeq: 7 INVITE\n\n"
    )
    assert (said.method, said.code, said.reason) == ("INVITE", 486, "Busy Here")
    assert (said.branch, said.cseq) == ("z9", 7)
    assert (said.from_uri, said.to_uri) == ("sip:a@h", "sip:b@h")
