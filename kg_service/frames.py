"""Messages between the service and its workers: one letter, a length, so many bytes."""

from __future__ import annotations

import json
import socket
from struct import Struct
from typing import Any

_HEADER = Struct("!cI")
CHUNK = 262_144
"""Bytes of an answer sent together; what fails before the first chunk is full is a plain error."""
IN_MEMORY = ":memory:"
"""Name of a store that lies in no folder."""
COMMAND = b"C"
"""What to do, as JSON."""
HEAD = b"H"
"""The media type of the answer that follows."""
DATA = b"D"
"""A part of the answer."""
END = b"E"
"""The answer is complete; what is to know besides, as JSON."""
FAILED = b"X"
"""There is no answer, or no more of it; why, as JSON."""


def send(connection: socket.socket, kind: bytes, payload: bytes = b"") -> None:
    """Send one message."""
    connection.sendall(_HEADER.pack(kind, len(payload)) + payload)


def send_json(connection: socket.socket, kind: bytes, value: Any) -> None:
    """Send one message whose content is JSON."""
    send(connection, kind, json.dumps(value).encode())


def decoded(payload: bytes) -> Any:
    """Return the content of a message that is JSON."""
    return json.loads(payload)


def receive(connection: socket.socket) -> tuple[bytes, bytes] | None:
    """Return the kind and the content of the next message, or None when the other end is gone."""
    header = _exactly(connection, _HEADER.size)
    if header is None:
        return None
    kind, length = _HEADER.unpack(header)
    payload = _exactly(connection, length)
    return None if payload is None else (kind, payload)


def _exactly(connection: socket.socket, length: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < length:
        try:
            part = connection.recv(length - len(parts))
        except ConnectionError:
            return None
        if not part:
            return None
        parts += part
    return bytes(parts)
