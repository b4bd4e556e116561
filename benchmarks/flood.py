"""A WebSocket server that sends prepared event frames as fast as the socket takes them.

Runs as a process of its own, so that it costs the reader nothing but the socket:
``python benchmarks/flood.py EVENTS`` prints its port, serves one connection after
another and ends with its standard input.
"""

import base64
import hashlib
import json
import socket
import struct
import sys
import threading

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
START_MS = 1_787_302_461_000
TRACK = "s.3f0c9a52-6a0e-4c53-9f2b-6a1f6f4a7d10"


def event(number: int) -> dict[str, object]:
    """Return event ``number`` of a stream mixed as a busy call mixes it."""
    at = START_MS + number
    match number % 5:
        case 0:
            return {
                "event": "metrics",
                "timestamp": at,
                "key": "ttfb.asr.deepgram",
                "duration": number % 900,
                "data": {"index": number},
            }
        case 1:
            return {
                "event": "speaking",
                "trackId": TRACK,
                "timestamp": at,
                "startTime": at - 288,
                "confidence": 1.0,
            }
        case 2:
            return {
                "event": "silence",
                "trackId": TRACK,
                "timestamp": at,
                "startTime": at - 1440,
                "duration": 1280,
            }
        case _:
            return {
                "event": "asrDelta",
                "trackId": TRACK,
                "index": number,
                "timestamp": at,
                "startTime": at - 900,
                "endTime": at - 100,
                "text": "I would like to change my appointment",
            }


def frame(payload: bytes) -> bytes:
    """Return one unmasked text frame."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    return bytes((0x81, 126)) + struct.pack("!H", size) + payload


def upgrade(connection: socket.socket) -> None:
    """Read the request of a WebSocket and accept it; refuse any other.

    Raises:
        ConnectionAbortedError: If it is another, or the client has left.
    """
    head = b""
    while b"\r\n\r\n" not in head:
        received = connection.recv(4096)
        if not received:
            raise ConnectionAbortedError("the client left before its request ended")
        head += received
    lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines[1:])
    }
    if "sec-websocket-key" not in headers:
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        raise ConnectionAbortedError("a plain HTTP request")
    key = headers["sec-websocket-key"].encode()
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accept.encode() + b"\r\n\r\n"
    )


def serve(connection: socket.socket, stream: bytes) -> None:
    """Upgrade one connection, send the stream and a close frame, await its end."""
    with connection:
        upgrade(connection)
        connection.sendall(stream)
        connection.recv(4096)  # the close frame's echo; then we close, as servers do


def main() -> None:
    """Serve floods until standard input ends."""
    events = int(sys.argv[1])
    stream = b"".join(
        frame(json.dumps(event(number), separators=(",", ":")).encode())
        for number in range(events)
    ) + bytes((0x88, 0))
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            try:
                serve(connection, stream)
            except OSError:  # the reader left; the next one comes
                continue

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
