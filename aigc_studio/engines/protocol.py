"""The frames that cross the pipe between the studio and an engine's child process.

A frame is a fixed prefix (magic, protocol version, length of header, length of body), a JSON header and raw bytes. Both
lengths are bounded, so that garbage on the pipe is an error at once and never a huge allocation. Every frame names the
job it belongs to, "" for none: frames of a job that is no longer waited for are dropped by whoever reads them.

To the child: `run` (the window's language; body: Order as JSON), `cancel`, `warm`, `unload`, `close`.
From the child: `hello`, `beat` (each second), `taken` (the first of a job), `progress` (body: raw RGB or empty),
`partial` (body: text), `notice`, `output`, and as the last of a job `done`, `cancelled` or `error` (body: StudioError
as JSON).
"""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

__all__ = ["MAX_BODY", "MAX_HEADER", "VERSION", "Decoder", "Frame", "ProtocolError", "Sender", "encode", "read_frames"]

VERSION = 1
MAX_HEADER = 64 * 1024
MAX_BODY = 16 * 1024 * 1024

_MAGIC = b"AIGC"
_PREFIX = struct.Struct(">4sBII")
_CHUNK = 64 * 1024


class ProtocolError(Exception):
    """What came through the pipe is not a frame, or one of another version."""


@dataclass(frozen=True)
class Frame:
    """One message. type: a word of the list above. job: job id or "". data: small JSON values. body: raw bytes."""

    type: str
    job: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    body: bytes = b""


def encode(frame: Frame) -> bytes:
    """A frame as bytes; ProtocolError when it is over the bounds."""
    header = json.dumps(
        {"type": frame.type, "job": frame.job, "data": dict(frame.data)}, separators=(",", ":")
    ).encode()
    if len(header) > MAX_HEADER or len(frame.body) > MAX_BODY:
        raise ProtocolError(f"frame {frame.type!r} is too long: {len(header)} + {len(frame.body)} bytes")
    return _PREFIX.pack(_MAGIC, VERSION, len(header), len(frame.body)) + header + frame.body


class Decoder:
    """Bytes in pieces of any size in, whole frames out. After a ProtocolError it is of no further use."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames completed by `data`, in order; ProtocolError as soon as the bytes cannot be a frame.

        One at a time, so that garbage behind a whole frame does not take that frame with it. Must be read to its end.
        """
        self._buffer += data
        start = 0
        while (end := self._frame_end(start)) is not None:
            yield self._frame(start, end)
            start = end
        del self._buffer[:start]

    @property
    def pending(self) -> int:
        """Bytes of a frame that is not complete; not 0 at the end of the stream means it was cut."""
        return len(self._buffer)

    def _frame_end(self, start: int) -> int | None:
        prefix = bytes(self._buffer[start : start + _PREFIX.size])
        if not _MAGIC.startswith(prefix[:4]):
            raise ProtocolError(f"not a frame: {prefix!r}")
        if len(prefix) < _PREFIX.size:
            return None
        _, version, header, body = _PREFIX.unpack(prefix)
        if version != VERSION:
            raise ProtocolError(f"protocol version {version}, this is {VERSION}")
        if header > MAX_HEADER or body > MAX_BODY:
            raise ProtocolError(f"frame of {header} + {body} bytes")
        end = start + _PREFIX.size + header + body
        return end if end <= len(self._buffer) else None

    def _frame(self, start: int, end: int) -> Frame:
        _, _, header, _ = _PREFIX.unpack_from(self._buffer, start)
        body = start + _PREFIX.size + header
        try:
            fields = json.loads(self._buffer[start + _PREFIX.size : body])
            kind, job, data = fields["type"], fields["job"], fields["data"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ProtocolError(f"header of a frame: {error!r}") from None
        if not (isinstance(kind, str) and isinstance(job, str) and isinstance(data, dict)):
            raise ProtocolError("header of a frame: wrong types")
        return Frame(kind, job, data, bytes(self._buffer[body:end]))


def read_frames(stream: BinaryIO) -> Iterator[Frame]:
    """The frames of an unbuffered stream until its end; ProtocolError when they are cut or garbage."""
    decoder = Decoder()
    while data := stream.read(_CHUNK):
        yield from decoder.feed(data)
    if decoder.pending:
        raise ProtocolError(f"the stream ended within a frame ({decoder.pending} bytes)")


class Sender:
    """The writing end of a pipe: whole frames from any thread."""

    def __init__(self, stream: BinaryIO) -> None:
        """stream: unbuffered."""
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, frame: Frame) -> None:
        """Write one frame; OSError when the other side is gone."""
        data = memoryview(encode(frame))
        with self._lock:
            while data:
                data = data[self._stream.write(data) or 0 :]
