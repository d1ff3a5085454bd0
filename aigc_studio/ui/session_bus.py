"""Just enough of D-Bus to show a notification and to hear that it was answered. https://dbus.freedesktop.org/doc/

Qt's own binding for Python can send no unsigned numbers of 32 bits, which `Notify` wants (PySide6 6.11): its message
would be refused by every desktop. Only calls with few plain arguments are needed: they are written here byte by byte.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

__all__ = ["Arguments", "BusError", "Incoming", "SessionBus"]

_TIMEOUT_S = 1.0
_LARGEST = 1 << 20
_CALL, _REPLY, _ERROR, _SIGNAL = 1, 2, 3, 4
_PATH, _INTERFACE, _MEMBER, _REPLY_TO, _TO, _SIGNATURE = 1, 2, 3, 5, 6, 8
_BUS = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")


class BusError(Exception):
    """There is no bus, or nobody on it who answers."""


class Arguments:
    """The body of a call: each `put` adds one argument and its sign to `signature`."""

    def __init__(self) -> None:
        self.signature = ""
        self.data = bytearray()

    def text(self, value: str) -> Arguments:
        """A string (s)."""
        self.signature += "s"
        _put_text(self.data, value)
        return self

    def number(self, value: int, *, signed: bool = False) -> Arguments:
        """32 bits, unsigned (u) or signed (i)."""
        self.signature += "i" if signed else "u"
        _align(self.data, 4)
        self.data += struct.pack("<i" if signed else "<I", value)
        return self

    def texts(self, values: Sequence[str]) -> Arguments:
        """A list of strings (as)."""
        self.signature += "as"
        items = bytearray()
        for value in values:
            _put_text(items, value)
        _align(self.data, 4)
        self.data += struct.pack("<I", len(items)) + items
        return self

    def table(self, values: Mapping[str, str]) -> Arguments:
        """Names with texts (a{sv})."""
        self.signature += "a{sv}"
        _align(self.data, 4)
        length = len(self.data)
        self.data += b"\0\0\0\0"
        _align(self.data, 8)
        start = len(self.data)
        for name, value in values.items():
            _align(self.data, 8)
            _put_text(self.data, name)
            self.data += b"\x01s\0"
            _put_text(self.data, value)
        self.data[length : length + 4] = struct.pack("<I", len(self.data) - start)
        return self


def _align(data: bytearray, size: int) -> None:
    data += b"\0" * (-len(data) % size)


def _put_text(data: bytearray, value: str) -> None:
    plain = value.replace("\0", "").encode("utf-8", "replace")
    _align(data, 4)
    data += struct.pack("<I", len(plain)) + plain + b"\0"


@dataclass(frozen=True)
class Incoming:
    """A message that came: its kind (2 reply, 3 error, 4 signal), name, the call it answers, and its body."""

    kind: int
    member: str
    reply_to: int
    body: bytes

    @property
    def number(self) -> int:
        """The body's first argument as an unsigned number; 0 when it has none."""
        return struct.unpack_from("<I", self.body)[0] if len(self.body) >= 4 else 0


class SessionBus:
    """A connection of one's own. `socket` can be watched: when it is readable, call `read()`. BusError from all."""

    def __init__(self, address: str | None = None) -> None:
        self._serial = 0
        self._buffer = b""
        self._waiting: list[Incoming] = []
        try:
            self.socket = _connect(address if address is not None else _address())
        except (OSError, ValueError) as error:
            raise BusError(str(error)) from error
        try:
            self._greet()
            self.call(*_BUS, "Hello", Arguments())
        except (OSError, ValueError, BusError) as error:
            self.socket.close()
            raise BusError(str(error)) from error

    def _greet(self) -> None:
        uid = str(os.getuid()).encode().hex()
        self.socket.sendall(b"\0AUTH EXTERNAL " + uid.encode() + b"\r\n")
        answer = b""
        while not answer.endswith(b"\r\n"):
            piece = self.socket.recv(256)
            if not piece or len(answer) > 4096:
                raise ValueError("the bus closed the connection")
            answer += piece
        if not answer.startswith(b"OK "):
            raise ValueError(f"the bus refused: {answer[:80]!r}")
        self.socket.sendall(b"BEGIN\r\n")

    def start(self, service: str) -> None:
        """Make sure that a service runs."""
        if not self.call(*_BUS, "NameHasOwner", Arguments().text(service)).number:
            self.call(*_BUS, "StartServiceByName", Arguments().text(service).number(0))

    def watch(self, interface: str, member: str) -> None:
        """Let a signal come in."""
        self.send(*_BUS, "AddMatch", Arguments().text(f"type='signal',interface='{interface}',member='{member}'"))

    def send(self, service: str, path: str, interface: str, member: str, arguments: Arguments) -> int:
        """Call without waiting; the call's number."""
        self._serial += 1
        fields = bytearray()
        for code, sign, value in (
            (_PATH, "o", path),
            (_TO, "s", service),
            (_INTERFACE, "s", interface),
            (_MEMBER, "s", member),
            (_SIGNATURE, "g", arguments.signature),
        ):
            if sign == "g" and not value:
                continue
            _align(fields, 8)
            fields += struct.pack("<B", code) + b"\x01" + sign.encode() + b"\0"
            if sign == "g":
                fields += struct.pack("<B", len(value)) + value.encode() + b"\0"
            else:
                _put_text(fields, value)
        head = struct.pack("<cBBBIII", b"l", _CALL, 0, 1, len(arguments.data), self._serial, len(fields))
        message = bytearray(head) + fields
        _align(message, 8)
        try:
            self.socket.sendall(message + arguments.data)
        except OSError as error:
            raise BusError(str(error)) from error
        return self._serial

    def call(self, service: str, path: str, interface: str, member: str, arguments: Arguments) -> Incoming:
        """Call and wait for the answer, a second at most."""
        serial = self.send(service, path, interface, member, arguments)
        while True:
            for message in self._take():
                if message.reply_to == serial:
                    if message.kind == _ERROR:
                        raise BusError(message.body[4:200].decode("utf-8", "replace"))
                    return message
                self._waiting.append(message)
            self._receive()

    def read(self) -> list[Incoming]:
        """What came since; of a socket that is readable."""
        self._receive()
        return self.waiting()

    def waiting(self) -> list[Incoming]:
        """What came while an answer was waited for."""
        waiting, self._waiting = self._waiting, []
        return waiting + self._take()

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def _receive(self) -> None:
        try:
            piece = self.socket.recv(65536)
        except OSError as error:
            raise BusError(str(error)) from error
        if not piece:
            raise BusError("the bus hung up")
        self._buffer += piece

    def _take(self) -> list[Incoming]:
        """The whole messages received so far."""
        found = []
        while len(self._buffer) >= 16:
            order = "<" if self._buffer[:1] == b"l" else ">"
            body, _, fields = struct.unpack_from(f"{order}III", self._buffer, 4)
            start = 16 + fields + (-fields % 8)
            if start + body > _LARGEST:
                raise BusError("a message is too large")
            if len(self._buffer) < start + body:
                break
            message, self._buffer = self._buffer[: start + body], self._buffer[start + body :]
            if order == "<":  # a desktop's own machine writes as this one does
                found.append(_parsed(message, fields, start))
        return found


def _parsed(message: bytes, fields: int, start: int) -> Incoming:
    member, reply_to, place, end = "", 0, 16, 16 + fields
    while place < end:
        place += -place % 8
        code, length = message[place], message[place + 1]
        sign = message[place + 2 : place + 2 + length]
        place += 3 + length
        if sign == b"u":
            place += -place % 4
            value = struct.unpack_from("<I", message, place)[0]
            reply_to = value if code == _REPLY_TO else reply_to
            place += 4
        elif sign == b"g":
            place += message[place] + 2
        elif sign in (b"s", b"o"):
            place += -place % 4
            size = struct.unpack_from("<I", message, place)[0]
            if code == _MEMBER:
                member = message[place + 4 : place + 4 + size].decode("utf-8", "replace")
            place += 5 + size
        else:
            break
    return Incoming(message[1], member, reply_to, message[start:])


def _address() -> str:
    address = os.environ.get("DBUS_SESSION_BUS_ADDRESS", "")
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if not address and runtime and os.path.exists(f"{runtime}/bus"):
        return f"unix:path={runtime}/bus"
    return address


def _connect(address: str) -> socket.socket:
    """The first of the addresses that answers."""
    problem: Exception = ValueError("no session bus")
    for one in address.split(";"):
        kind, _, rest = one.partition(":")
        parts = dict(part.split("=", 1) for part in rest.split(",") if "=" in part)
        place = unquote(parts["path"]) if "path" in parts else "\0" + unquote(parts.get("abstract", ""))
        if kind != "unix" or len(place) < 2:
            continue
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_TIMEOUT_S)
        try:
            connection.connect(place)
        except OSError as error:
            connection.close()
            problem = error
            continue
        return connection
    raise problem
