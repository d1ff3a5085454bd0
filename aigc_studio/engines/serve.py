"""What runs inside an engine's child process: frames in, `LocalEngine`, frames out.

Three threads: the main one is the only engine thread; the reader takes frames, so that a cancel is heard while the
engine works; the beat says once a second that the process lives. The process ends itself when its pipe closes.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from aigc_studio.core.errors import Cancelled, describe
from aigc_studio.core.i18n import set_language

from .engine import CancelToken, Order, Preview
from .protocol import VERSION, Frame, ProtocolError, Sender, read_frames

__all__ = ["main"]

log = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
NICENESS = 10
_PR_SET_PDEATHSIG = 1


class _Report:
    """The listener whose other end is in the studio."""

    def __init__(self, send: Callable[[Frame], None], job: str) -> None:
        self._send = send
        self._job = job

    def progress(self, index: int, done: int, total: int, stage: str, preview: Preview | None) -> None:
        data: dict[str, Any] = {"index": index, "done": done, "total": total, "stage": stage}
        if preview is not None:
            data |= {"width": preview.width, "height": preview.height}
        self._send(Frame("progress", self._job, data, preview.pixels if preview else b""))

    def partial(self, index: int, piece: str) -> None:
        self._send(Frame("partial", self._job, {"index": index}, piece.encode("utf-8", "replace")))

    def notice(self, text: str, params: Mapping[str, Any]) -> None:
        self._send(Frame("notice", self._job, {"text": text, "params": dict(params)}))

    def output(self, index: int, path: Path) -> None:
        self._send(Frame("output", self._job, {"index": index, "path": str(path)}))

    def silent(self, seconds: float) -> None:
        """Never: the studio listens for silence itself."""


class _Server:
    """The child's threads and what they share."""

    def __init__(self, frames: BinaryIO, answers: BinaryIO) -> None:
        self._frames = frames
        self._sender = Sender(answers)
        self._work: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        self._tokens: dict[str, CancelToken] = {}

    def serve(self) -> None:
        """Work until the pipe closes; does not return."""
        self._send(Frame("hello", data={"pid": os.getpid(), "version": VERSION}))
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        threading.Thread(target=self._beat, name="beat", daemon=True).start()
        from .local import LocalEngine  # after the beat: the studio hears at once that the child has started

        engine = LocalEngine()
        while True:
            frame = self._work.get()
            match frame.type:
                case "run":
                    self._run(engine, frame)
                case "warm":
                    try:
                        engine.warm(frame.data.get("family", ""))
                    except Exception:
                        log.exception("warming up failed")  # the job that needs it will say so
                case "unload":
                    engine.unload()

    def _run(self, engine: Any, frame: Frame) -> None:
        token = self._tokens[frame.job]
        self._send(Frame("taken", frame.job))
        set_language(str(frame.data.get("language", "")))  # cards and samples are written as the window speaks
        try:
            order = Order.loads(frame.body)
            engine.run(order, _Report(self._send, frame.job), token)
            answer = Frame("done", frame.job)
        except Cancelled:
            answer = Frame("cancelled", frame.job)
        except Exception as error:
            failure = describe(error)
            if failure is not error:
                log.exception("job %s failed", frame.job)
            answer = Frame("error", frame.job, body=json.dumps(failure.to_json()).encode())
        del self._tokens[frame.job]
        self._send(answer)

    def _read(self) -> None:
        try:
            for frame in read_frames(self._frames):
                match frame.type:
                    case "run":
                        self._tokens[frame.job] = CancelToken()
                        self._work.put(frame)
                    case "cancel":
                        if token := self._tokens.get(frame.job):
                            token.cancel()  # the forward brake is pulled here, in this thread
                    case "close":
                        break
                    case _:
                        self._work.put(frame)
        except (ProtocolError, OSError):
            log.exception("the studio's pipe broke")
        os._exit(0)  # also when the studio is gone: a half-written file has another name than a whole one

    def _beat(self) -> None:
        never = threading.Event()
        while not never.wait(BEAT_SECONDS):
            self._send(Frame("beat"))

    def _send(self, frame: Frame) -> None:
        try:
            self._sender.send(frame)
        except OSError:
            os._exit(0)


def main(arguments: list[str] | None = None) -> None:
    """The child's main program: `--lane`, and `--parent` with the process id it must not outlive."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lane", required=True)
    parser.add_argument("--parent", type=int, default=0)
    options = parser.parse_args(arguments)
    _die_with(options.parent)
    frames, answers = _private_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the studio's to answer
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=f"{options.lane}: %(name)s: %(message)s")
    _Server(frames, answers).serve()


def _die_with(parent: int) -> None:
    """Linux ends this process when the thread that started it ends; elsewhere the closed pipe does."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if parent and os.getppid() != parent:  # it ended before the line above
            os._exit(0)


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Our own copies of stdin and stdout; what libraries print goes to stderr, what they read is empty."""
    frames, answers = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    if sys.platform == "win32":
        import msvcrt  # exists there only

        msvcrt.setmode(frames, os.O_BINARY)
        msvcrt.setmode(answers, os.O_BINARY)
    return open(frames, "rb", buffering=0), open(answers, "wb", buffering=0)
