"""Lines of a server's sipflow file, for tests."""

import json
from pathlib import Path

from rustpbx_lab.log import EventLog, Record
from rustpbx_lab.models import events

RECORDINGS = Path(__file__).parent / "recordings"
RECORDED = ("sipflow_inbound", "sipflow_outbound", "sipflow_refused")
HOSTILE = "<img src=x onerror=alert(1)>"
T0_MS = 1_796_062_523_000
SERVER, ALICE, BOB = "10.0.0.1:5060", "10.0.0.2:5060", "10.0.0.3:5060"


def request(method="INVITE", cseq=1, branch="b1", call_id="c1", body="", extra=""):
    """Return a request as text."""
    return (
        f"{method} sip:desk@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch={branch}\r\n"
        f"From: <sip:alice@h>;tag=1\r\nTo: <sip:desk@h>\r\nCall-ID: {call_id}\r\n"
        f"CSeq: {cseq} {method}\r\n{extra}\r\n{body}"
    )


def response(code=200, reason="OK", method="INVITE", cseq=1, branch="b1", call_id="c1"):
    """Return a response as text."""
    return (
        f"SIP/2.0 {code} {reason}\r\nVia: SIP/2.0/UDP h;branch={branch}\r\n"
        f"From: <sip:alice@h>;tag=1\r\nTo: <sip:desk@h>;tag=2\r\n"
        f"Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\r\n"
    )


def line(at_ms, text, source=ALICE, destination=SERVER, call_id="c1", **changed):
    """Return one line of the file; ``at_ms`` counts from `T0_MS`."""
    row = {
        "timestamp": round((T0_MS + at_ms) * 1000),
        "seq": 0,
        "leg": None,
        "msg_type": "Sip",
        "call_id": call_id,
        "src_addr": source,
        "dst_addr": destination,
        "payload": text,
    }
    return json.dumps({**row, **changed})


def event_log():
    """Return a log of the server with two events, at `T0_MS` and 10 s later."""
    log = EventLog()
    for at_ms in (0, 10_000):
        text = json.dumps({"event": "ping", "timestamp": T0_MS + at_ms})
        event = events.parse(text)
        log.append(Record.of_event(event, text, None, T0_MS + at_ms))
    log.close()
    return log


def write_call(folder, lines, name="s1"):
    """Write an event log and the sipflow file beside it; returns the log's path."""
    path = folder / f"{name}.events.jsonl"
    event_log().save(path)
    (folder / f"{name}.sipflow.jsonl").write_text("\n".join(lines), "utf-8")
    return path
