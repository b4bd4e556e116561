"""Record SIP sessions of a real server since 0.3.106, with their SIP messages.

    RUSTPBX_LAB_REAL_SERVER=…/active-call PYTHONPATH=tests \
        python tests/recordings/capture_sipflow.py [NAME …]

Each session leaves what capture_sip.py leaves of one, and NAME.sipflow.jsonl: what the
server uploads of it (``[sipflow.upload]``), secrets masked.
"""

import email.parser
import email.policy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import Any

import anyio
import orjson
from anyio.to_thread import run_sync
from real_server import RealServer, running_real_server
from recordings.capture import HERE, NO_PROVIDER, beep, keep
from recordings.capture_sip import sipp, until_closed

from rustpbx_lab import CallSession, connect, options
from rustpbx_lab.client.incoming.webhook import IncomingCalls, accept_call
from rustpbx_lab.masking import mask_sip, mask_text

SESSIONS = {
    "sipflow_inbound": "calls_with_secrets.xml",
    "sipflow_outbound": "asks_password.xml",
    "sipflow_refused": "is_refused.xml",
}
"""Name → what the other side does."""
USER = {"username": "desk", "password": "5ecretPassword", "realm": "lab"}
MEDIA_KEYS = ("5ecretKeyOfTheMedia5ecretKeyOfTheMedia", "5ecretIcePassword5ecret")
"""Keys that a scenario offers: the events show the session description as it is."""
UPLOAD_LIMIT_S = 10


@contextmanager
def collector() -> Iterator[tuple[str, "Queue[tuple[str, bytes]]"]]:
    """Take uploads of the server; gives the URL, and each file's name and bytes."""
    files: Queue[tuple[str, bytes]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            parser = email.parser.BytesParser(policy=email.policy.HTTP)
            for part in parser.parsebytes(head + body).iter_parts():
                files.put((part.get_filename() or "", part.get_payload(decode=True)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/sipflow", files
        finally:
            server.shutdown()


def config(upload: str) -> str:
    """Return the sections of the server's configuration that a capture needs."""
    # without a call record no hook runs, and nothing is uploaded
    return f"""
media_cache_path = "./config/mediacache"
[recording]
path = "./config/recorders"
[callrecord]
type = "local"
root = "./config/cdr"
[sipflow.upload]
type = "http"
url = "{upload}"
file_name = "{{session_id}}.jsonl"
"""


async def inbound(server: RealServer, incoming: IncomingCalls) -> CallSession:
    """Accept a call whose side acknowledges late and hangs up."""
    with sipp(SESSIONS["sipflow_inbound"], server.sip_address):
        call = await anext(incoming)
        option = options.CallOption(tts=NO_PROVIDER)
        async with accept_call(server.url, call, option) as session:
            await session.tts(beep(300), play_id="beep", base64=True)
            await until_closed(session.log)
    return session


async def outbound(server: RealServer) -> CallSession:
    """Call somebody who is slow and asks for a password; hang up."""
    with sipp(SESSIONS["sipflow_outbound"]) as port:
        await anyio.sleep(1)  # it says nothing when it listens
        name = "capture-sipflow_outbound"
        async with connect(server.url, "sip", id=name) as session:
            option = options.CallOption(
                caller="sip:desk@127.0.0.1",
                callee=f"sip:bob@127.0.0.1:{port}",
                tts=NO_PROVIDER,
                sip=options.SipOption(**USER),
            )
            await session.invite(option, timeout=10)
            await session.tts(beep(300), play_id="bye", base64=True, auto_hangup=True)
            await until_closed(session.log)
    return session


async def refused(server: RealServer, incoming: IncomingCalls) -> CallSession:
    """Refuse a call."""
    with sipp(SESSIONS["sipflow_refused"], server.sip_address):
        call = await anext(incoming)
        async with connect(server.url, "sip", id=call.dialog_id) as session:
            await session.reject("busy", code=486)
            await until_closed(session.log)
    return session


def masked(raw: bytes) -> bytes:
    """Return the lines with the secrets of their messages masked."""
    rows = [orjson.loads(line) for line in raw.splitlines()]
    for row in rows:
        row["payload"] = mask_sip(row["payload"])
    return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


def mask_media_keys(name: str) -> None:
    """Mask in the two event logs what the SIP messages have masked."""
    for path in (HERE / f"{name}.log.jsonl", HERE / f"{name}.events.jsonl"):
        text = path.read_text("utf-8")
        path.write_text(mask_text(text, [*MEDIA_KEYS, "5ecretResponse"]), "utf-8")


async def main(names: list[str]) -> None:
    """Capture the sessions of these names, or all."""
    async with IncomingCalls() as incoming:
        with (
            collector() as (url, files),
            running_real_server(handler=incoming.url, config=config(url)) as server,
        ):
            made: dict[str, Callable[[], Any]] = {
                "sipflow_inbound": lambda: inbound(server, incoming),
                "sipflow_outbound": lambda: outbound(server),
                "sipflow_refused": lambda: refused(server, incoming),
            }
            for name in names or made:
                session = await made[name]()
                script = f"tests/recordings/capture_sipflow.py {name}"
                other = SESSIONS[name].partition(".")[0]
                says = f"SIP: the other side {other} (sipp)"
                await keep(name, session, server, says, script, [])
                await run_sync(mask_media_keys, name)
                uploaded, raw = await run_sync(
                    lambda: files.get(timeout=UPLOAD_LIMIT_S)
                )
                assert uploaded == f"{session.id}.jsonl", uploaded
                path = anyio.Path(HERE / f"{name}.sipflow.jsonl")
                await path.write_bytes(masked(raw))


if __name__ == "__main__":
    anyio.run(main, sys.argv[1:])
