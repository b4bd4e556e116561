"""A WebSocket server by hand, to do what no library would do."""

import hashlib
import re
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE = 1, 2, 8


def a_frame(opcode: int, payload: bytes) -> bytes:
    """One unmasked frame, as servers send them."""
    length = len(payload)
    if length < 126:
        head = bytes([0x80 | opcode, length])
    elif length < 2**16:
        head = bytes([0x80 | opcode, 126]) + length.to_bytes(2)
    else:
        head = bytes([0x80 | opcode, 127]) + length.to_bytes(8)
    return head + payload


def an_event(event: str = "mediaReady", number: int = 1) -> bytes:
    text = f'{{"event":"{event}","trackId":"s.1","timestamp":{number}}}'
    return a_frame(TEXT, text.encode())


def reset(connection: socket.socket) -> None:
    """End the TCP connection with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()


def read_to_the_end(connection: socket.socket) -> None:
    with suppress(OSError):
        while connection.recv(65536):
            pass


def read_to_the_close(connection: socket.socket) -> None:
    """Read until the client's Close frame, then let the connection end."""
    received = b""
    while b"\x88" not in received:
        received = connection.recv(65536)
        if not received:
            return


@contextmanager
def a_raw_server(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """Upgrade one connection and hand its socket to ``serve``; yields the address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        connection, _ = listener.accept()
        with connection:
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(4096)
            key = re.search(rb"(?i)sec-websocket-key: *(\S+)", request)
            assert key is not None
            accept = b64encode(hashlib.sha1(key[1] + GUID).digest())
            connection.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
            serve(connection)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()
        thread.join(10)
        assert not thread.is_alive()
