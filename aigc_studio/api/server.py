"""The server: a socket on 127.0.0.1, the token, and an end that pauses what runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import uvicorn

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_

from .app import build
from .service import Service

__all__ = ["HOST", "TOKEN_VARIABLE", "has_own_token", "listen", "serve", "token_from"]

HOST = "127.0.0.1"
TOKEN_VARIABLE = "AIGC_STUDIO_TOKEN"
SHORTEST_TOKEN = 16
_GOODBYE_SECONDS = 5


def token_from(file: Path | None) -> str:
    """The token of this server: of the environment, of a file (made when it is not there, for its owner alone), or new.

    StudioError for one that could be guessed, or a file that others could read.
    """
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token and file is not None:
        token = _read(file) if file.exists() else _write(file, secrets.token_urlsafe(32))
    token = (token or secrets.token_urlsafe(32)).strip()
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise StudioError(
            N_("The token must have at least {least} characters without spaces; leave it out to get a random one."),
            code="token-weak",
            least=SHORTEST_TOKEN,
        )
    return token


def has_own_token(file: Path | None) -> bool:
    """Whether the asker can know the token without being told: it is in the environment or in a file."""
    return bool(os.environ.get(TOKEN_VARIABLE)) or file is not None


def _read(file: Path) -> str:
    try:
        if os.name == "posix" and file.stat().st_mode & 0o077:
            raise StudioError(
                N_('Others can read "{name}"; take their rights away (chmod 600) or name another file.'),
                code="token-readable",
                name=str(file),
            )
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _token_file(file, error) from error


def _write(file: Path, token: str) -> str:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="ascii") as stream:
            stream.write(token + "\n")
    except OSError as error:
        raise _token_file(file, error) from error
    return token


def _token_file(file: Path, error: Exception) -> StudioError:
    return StudioError(
        N_('The token could not be kept in "{name}" ({reason}); name another file.'),
        code="token-file",
        name=str(file),
        reason=getattr(error, "strerror", None) or str(error),
    )


def listen(port: int) -> socket.socket:
    """A listening socket on 127.0.0.1; port 0 takes a free one."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((HOST, port))
        found.listen(128)
    except OSError as error:
        found.close()
        raise StudioError(
            N_("Port {port} cannot be used ({reason}); choose another one, or 0 for any that is free."),
            code="port",
            port=port,
            reason=error.strerror or str(error),
        ) from error
    return found


def serve(service: Service, token: str, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Answer until Ctrl-C or SIGTERM; then end what follows jobs, pause what runs, and close the project.

    ready: called when requests are answered. The socket is closed.
    """
    port = sock.getsockname()[1]
    config = uvicorn.Config(
        build(service, token, port),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GOODBYE_SECONDS,
        limit_concurrency=200,
    )
    try:
        with _kept_alive():
            asyncio.run(_Server(config, service, ready).serve(sockets=[sock]))
    finally:
        service.close()
        sock.close()


@contextlib.contextmanager
def _kept_alive() -> Iterator[None]:
    """Let no signal end the process outright: uvicorn raises those it was stopped by again when it is done, and what
    runs is to be paused then."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Server(uvicorn.Server):
    """uvicorn's server, whose first signal also ends the streams that would keep it open."""

    def __init__(self, config: uvicorn.Config, service: Service, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._service = service
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See uvicorn."""
        super().handle_exit(sig, frame)
        asyncio.get_running_loop().call_soon_threadsafe(self._service.hang_up)
