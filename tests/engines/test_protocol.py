"""Frames survive any cutting of the stream; anything else is an error at once, never a hang or a huge allocation."""

from __future__ import annotations

import io
import json
import os
import struct
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Model
from aigc_studio.engines.engine import CancelToken, Order
from aigc_studio.engines.protocol import (
    MAX_BODY,
    MAX_HEADER,
    VERSION,
    Decoder,
    Frame,
    ProtocolError,
    Sender,
    encode,
    read_frames,
)

words = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
frames = st.builds(Frame, words, words, st.dictionaries(words, values, max_size=4), st.binary(max_size=300))


class Trickle(io.RawIOBase):
    """A stream that gives its bytes in pieces of the given sizes."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data = memoryview(data)
        self._sizes = sizes

    def read(self, size: int = -1) -> bytes:
        take = min(size, self._sizes.pop(0) if self._sizes else size)
        piece, self._data = self._data[:take], self._data[take:]
        return bytes(piece)


@given(st.lists(frames, max_size=5), st.lists(st.integers(1, 40), max_size=60))
def test_frames_come_out_as_they_went_in_however_they_are_cut(sent: list[Frame], sizes: list[int]) -> None:
    stream = b"".join(map(encode, sent))
    assert list(read_frames(Trickle(stream, sizes))) == sent  # type: ignore[arg-type]


@given(st.lists(frames, min_size=1, max_size=3), st.data())
def test_a_cut_stream_gives_the_whole_frames_and_then_an_error(sent: list[Frame], data: st.DataObject) -> None:
    parts = list(map(encode, sent))
    stream = b"".join(parts)
    cut = data.draw(st.integers(0, len(stream) - 1))
    ends = [sum(map(len, parts[: count + 1])) for count in range(len(parts))]
    whole = sum(end <= cut for end in ends)
    received: list[Frame] = []
    try:
        received.extend(read_frames(io.BytesIO(stream[:cut])))
        complete = True
    except ProtocolError:
        complete = False
    assert received == sent[:whole]
    assert complete == (cut in (0, *ends))


def test_garbage_behind_whole_frames_does_not_take_them_with_it() -> None:
    received: list[Frame] = []
    sent = [Frame("output", "a", {"index": 0}), Frame("beat")]
    with pytest.raises(ProtocolError):
        received.extend(Decoder().feed(b"".join(map(encode, sent)) + b"this is no frame"))
    assert received == sent


@given(st.binary(max_size=200))
def test_garbage_is_an_error_or_an_unfinished_frame(data: bytes) -> None:
    decoder = Decoder()
    try:
        got = list(decoder.feed(data))
    except ProtocolError:
        return
    assert got == []
    assert data == b"" or b"AIGC".startswith(data[:4])


@given(frames, st.integers(0, 400), st.integers(1, 255))
def test_a_flipped_byte_never_hangs_or_crashes(frame: Frame, place: int, flip: int) -> None:
    data = bytearray(encode(frame))
    data[place % len(data)] ^= flip
    try:
        for received in Decoder().feed(bytes(data)):
            assert isinstance(received, Frame)
    except ProtocolError:
        pass


@pytest.mark.parametrize(
    "prefix",
    [
        struct.pack(">4sBII", b"AIGC", VERSION, MAX_HEADER + 1, 0),
        struct.pack(">4sBII", b"AIGC", VERSION, 2, MAX_BODY + 1),
        struct.pack(">4sBII", b"AIGC", VERSION + 1, 2, 0),
        b"Downloading: 100%",
        b"AIG!",
    ],
    ids=["header", "body", "version", "print", "magic"],
)
def test_what_cannot_be_a_frame_is_refused_before_it_is_read(prefix: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(Decoder().feed(prefix))


@pytest.mark.parametrize(
    "header",
    [b"[]", b"{}", b"nonsense", b'{"type":1,"job":"","data":{}}', b'{"type":"x","job":"","data":[]}', b"[" * 5000],
)
def test_a_header_of_the_wrong_shape_is_refused(header: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(Decoder().feed(struct.pack(">4sBII", b"AIGC", VERSION, len(header), 0) + header))


def test_too_long_frames_are_refused_where_they_are_made() -> None:
    with pytest.raises(ProtocolError):
        encode(Frame("x", body=bytes(MAX_BODY + 1)))
    with pytest.raises(ProtocolError):
        encode(Frame("x", data={"text": "x" * MAX_HEADER}))


def test_frames_of_many_threads_are_not_mixed() -> None:
    receive, send = os.pipe()
    with open(receive, "rb", buffering=0) as reading, open(send, "wb", buffering=0) as writing:
        sender = Sender(writing)
        bodies = [bytes([thread]) * 100_000 for thread in range(8)]
        threads = [
            threading.Thread(target=lambda body=body: [sender.send(Frame("x", body=body)) for _ in range(5)])
            for body in bodies
        ]
        for thread in threads:
            thread.start()
        source = read_frames(reading)
        received = [next(source).body for _ in range(40)]
        for thread in threads:
            thread.join()
    assert sorted(received) == sorted(bodies * 5)


@given(st.text(max_size=50), st.dictionaries(st.sampled_from(["image", "mask"]), words.filter(lambda x: "\0" not in x)))
def test_an_order_crosses_the_pipe_unchanged(prompt: str, inputs: dict[str, str]) -> None:
    order = Order(
        "job",
        Request("image", "generate", "painter", prompt=prompt, params={"size": [64, 64]}, seed=7, count=3),
        Path("somewhere/项目"),
        done=(0, 2),
        inputs={role: Path(name) for role, name in inputs.items()},
        model=Model("m", "painter", "M", Path("models/m"), {"licence": "GPL"}),
    )
    assert Order.loads(order.dumps()) == order
    json.loads(order.dumps())


@pytest.mark.parametrize(("done", "start"), [((), 0), ((0, 1), 2), ((0, 2), 1), ((1,), 0)])
def test_an_order_starts_at_the_first_result_that_is_missing(done: tuple[int, ...], start: int) -> None:
    assert Order("j", Request("image", "generate", "fake", count=4), Path(), done=done).start == start


def test_a_token_calls_back_once_and_at_once_when_it_is_late() -> None:
    token = CancelToken()
    calls: list[str] = []
    token.on_cancel(lambda: calls.append("early"))
    token.check()
    token.cancel()
    token.cancel()
    token.on_cancel(lambda: calls.append("late"))
    assert calls == ["early", "late"]
    assert token.cancelled
