"""The engine whose work is done in a process of its own: a crash there ends a job, never the window.

`ChildEngine` is the studio's side; `python -m aigc_studio.engines.child` is the process (see `serve`). The process is
started on first use and again after it died or was killed. Nothing large crosses the pipe but previews.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.i18n import N_, current_language

from .engine import CancelToken, Listener, Order, Preview
from .interpreter import child_command, child_environment
from .protocol import Frame, ProtocolError, Sender, read_frames

__all__ = ["ChildEngine"]

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 2.0
"""How long a cancelled job may take to answer before its process is killed."""

SILENCE_SECONDS = 60.0
"""After so long without a heartbeat the user is told; only the user or a cancel ends the process."""

_TAIL_BYTES = 8192
_LOG_LINES_PER_SECOND = 100


class ChildEngine:
    """An `Engine` in a child process. `run`, `warm`, `unload` and `close` belong to one thread, a lane's."""

    def __init__(
        self,
        lane: str,
        *,
        patience: float = PATIENCE_SECONDS,
        silence: float = SILENCE_SECONDS,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """environment: variables to set beside the usual ones (tests)."""
        self._lane = lane
        self._patience = patience
        self._silence = silence
        self._environment = dict(environment or {})
        self._process: _Process | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the child while it lives."""
        return self._process.pid if self._process is not None and self._process.alive else None

    def run(self, order: Order, listener: Listener, token: CancelToken) -> None:
        """See `Engine`. A child that dies is a StudioError "engine-died"; the next run starts a fresh one."""
        token.check()
        verdict = self._attempt(order, listener, token)
        if verdict is None:  # a process that died while idle, which showed only now: once more with a fresh one
            verdict = self._attempt(order, listener, token)
        assert verdict is not None
        if verdict.type == "cancelled":
            raise Cancelled
        if verdict.type == "error":
            raise StudioError.from_json(json.loads(verdict.body))

    def _attempt(self, order: Order, listener: Listener, token: CancelToken) -> Frame | None:
        """The last frame of the job; None when a process that was there before died without taking it."""
        reused = self.pid is not None
        child = self._ready()
        try:
            child.send(Frame("run", order.job_id, {"language": current_language()}, order.dumps()))
        except ProtocolError as error:
            raise StudioError(
                N_("This request is too long for the engine; shorten the text and try again."),
                code="too-long",
                detail=str(error),
            ) from None
        except OSError:
            pass  # it died just now: the reader says how
        token.on_cancel(lambda: child.events.put(token))
        try:
            return self._listen(child, order, listener, token, reused)
        except BaseException:  # killed, died, or the listener failed: what it still does for this job is not wanted
            self._kill()
            raise

    def _listen(
        self, child: _Process, order: Order, listener: Listener, token: CancelToken, reused: bool
    ) -> Frame | None:
        """Pass on what the child says of this job until its last frame, which is returned; None as for `_attempt`."""
        taken = False
        deadline: float | None = None
        told = began = time.monotonic()
        while True:
            now = time.monotonic()
            heard = max(began, child.heard)
            if deadline is not None and now >= deadline:
                log.warning("job %s did not stop within %.1f s: its process is killed", order.job_id, self._patience)
                raise Cancelled
            if now - heard >= self._silence and now - told >= self._silence:
                told = now
                listener.silent(now - heard)
            try:
                until = max(heard, told) + self._silence if deadline is None else deadline
                event = child.events.get(timeout=until - now)
            except queue.Empty:
                continue
            if event is token:
                deadline = time.monotonic() + self._patience
                with contextlib.suppress(OSError):
                    child.send(Frame("cancel", order.job_id))
            elif isinstance(event, _Death):
                child.wait(0.0 if event.reason else 1.0)
                token.check()
                if reused and not taken:
                    return None
                raise _died(child, event)
            elif isinstance(event, Frame) and event.job == order.job_id:
                taken = True
                if event.type in ("done", "cancelled", "error"):
                    return event
                _pass_on(event, listener)

    def warm(self, family: str) -> None:
        """Start the process and let it import what this family needs, without waiting."""
        with contextlib.suppress(OSError):
            self._ready().send(Frame("warm", data={"family": family}))

    def unload(self) -> None:
        """See `Engine`; without waiting."""
        if self.pid is not None and self._process is not None:
            with contextlib.suppress(OSError):
                self._process.send(Frame("unload"))

    def close(self) -> None:
        """End the process: every byte of memory comes back."""
        if self._process is not None:
            with contextlib.suppress(OSError):
                self._process.send(Frame("close"))
            self._process.wait(0.5)
        self._kill()

    def _ready(self) -> _Process:
        if self._process is None or not self._process.alive:
            self._kill()
            try:
                self._process = _Process(self._lane, self._environment)
            except OSError as error:
                raise StudioError(
                    N_("The engine could not be started ({reason}); restart the program and try again."),
                    code="engine-start",
                    reason=str(error),
                ) from error
        return self._process

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None


class _Death:
    """The last event of a process: its pipe is closed. reason: of a broken protocol, else ""."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class _Process:
    """A running child: its pipes, and the two threads that empty them."""

    def __init__(self, lane: str, environment: Mapping[str, str]) -> None:
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.BELOW_NORMAL_PRIORITY_CLASS | subprocess.CREATE_NO_WINDOW
        self._popen = subprocess.Popen(
            [*child_command(lane), "--parent", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=child_environment() | dict(environment),
            creationflags=flags,
        )
        self.pid = self._popen.pid
        self.events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        """Frames of jobs in order, CancelTokens of the studio, and a _Death at the end."""
        self.heard = time.monotonic()
        """When the last frame came, beats included, which nobody needs to take out of a queue."""
        self._lane = lane
        self._tail: deque[bytes] = deque()
        stdin, stdout, stderr = self._popen.stdin, self._popen.stdout, self._popen.stderr
        assert stdin is not None
        self._sender = Sender(stdin)  # type: ignore[arg-type]  # bufsize=0: a raw file
        self._threads = (
            threading.Thread(target=self._read, args=(stdout,), name=f"{lane}-frames", daemon=True),
            threading.Thread(target=self._drain, args=(stderr,), name=f"{lane}-stderr", daemon=True),
        )
        for thread in self._threads:
            thread.start()

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._popen.poll() is None

    @property
    def tail(self) -> str:
        """The last things it printed."""
        return b"".join(self._tail)[-_TAIL_BYTES:].decode("utf-8", "replace")

    @property
    def exit_code(self) -> int | None:
        """Exit code, negative for a signal; None while it runs."""
        return self._popen.poll()

    def send(self, frame: Frame) -> None:
        """Write a frame; OSError when the process is gone."""
        self._sender.send(frame)

    def wait(self, seconds: float) -> None:
        """Give it some time to end by itself."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(seconds)

    def read_out(self, seconds: float) -> None:
        """Wait for what it printed last: its other pipe may be closed, and heard of, before that has been read."""
        self._threads[1].join(seconds)

    def kill(self) -> None:
        """End it now and free its pipes."""
        self._popen.kill()
        self._popen.wait()
        for thread in self._threads:
            thread.join(1.0)
        for pipe in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def _read(self, stream: IO[bytes]) -> None:
        reason = ""
        try:
            for frame in read_frames(stream):  # type: ignore[arg-type]
                self.heard = time.monotonic()
                if frame.job:
                    self.events.put(frame)
        except ProtocolError as error:
            reason = str(error) if self.alive else ""
        except (OSError, ValueError):
            pass
        self.events.put(_Death(reason))

    def _drain(self, stream: IO[bytes]) -> None:
        """Everything it prints: the tail for an error's detail, and the log, which a flood must not fill."""
        logger = logging.getLogger(f"aigc_studio.child.{self._lane}")
        second, lines = 0, 0
        with contextlib.suppress(OSError, ValueError):
            while data := stream.read(65536):
                self._tail.append(data[-_TAIL_BYTES:])
                while len(self._tail) > 1 and sum(map(len, self._tail)) > 2 * _TAIL_BYTES:
                    self._tail.popleft()
                now = int(time.monotonic())
                second, lines = (now, 0) if now != second else (second, lines)
                for line in data.decode("utf-8", "replace").splitlines()[: max(0, _LOG_LINES_PER_SECOND - lines)]:
                    logger.info("%s", line[:1000])
                    lines += 1


def _pass_on(frame: Frame, listener: Listener) -> None:
    data = frame.data
    match frame.type:
        case "progress":
            preview = Preview(data["width"], data["height"], frame.body) if frame.body else None
            listener.progress(data["index"], data["done"], data["total"], data["stage"], preview)
        case "partial":
            listener.partial(data["index"], frame.body.decode("utf-8", "replace"))
        case "notice":
            listener.notice(data["text"], data["params"])
        case "output":
            listener.output(data["index"], Path(data["path"]))


def _died(child: _Process, death: _Death) -> StudioError:
    code = child.exit_code
    if code is not None:
        child.read_out(1.0)
    detail = f"exit code {code} {death.reason}\n{child.tail}"
    if code is not None and -code == getattr(signal, "SIGKILL", 9):
        return StudioError(
            N_("The system ended the engine, probably because memory ran out; choose something smaller, then retry."),
            code="engine-died",
            detail=detail,
        )
    return StudioError(
        N_("The engine stopped unexpectedly ({reason}); retry, a fresh one is started for the next job."),
        code="engine-died",
        detail=detail,
        reason=_reason(code, death),
    )


def _reason(code: int | None, death: _Death) -> str:
    if death.reason:
        return "protocol"
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit {code}"


if __name__ == "__main__":
    from aigc_studio.engines.serve import main

    main()
