"""Who is heard: programs of this machine that know the token. No web page, and nothing larger than what is asked for.

The server listens on 127.0.0.1 alone, and a page in the person's own browser can reach that too: by a name that it
lets resolve to 127.0.0.1 (DNS rebinding: the Host header gives it away) or by posting across origins (the Origin and
Sec-Fetch-Site headers do). Both are refused before the token is even looked at.
"""

from __future__ import annotations

import secrets
from collections.abc import MutableMapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, speaking

from .problems import language_for, problem_response

__all__ = ["BODY_BYTES", "UPLOAD_BYTES", "Guard", "TooLargeError"]

BODY_BYTES = 2 << 20
"""Largest JSON body."""

UPLOAD_BYTES = 256 << 20
"""Largest file."""

_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)


class TooLargeError(HTTPException):
    """More came than may come. An HTTPException, because a framework calls any other one a body it cannot read."""

    def __init__(self, limit: int) -> None:
        """limit: bytes."""
        super().__init__(413)
        self.problem = _too_large(limit)


class Guard:
    """ASGI middleware: checks Host, Origin, token and size, and answers in the asker's language."""

    def __init__(self, app: ASGIApp, *, token: str, port: int, uploads: str) -> None:
        """token: at least 16 characters. port: where it listens. uploads: the path whose POST bodies are files."""
        self._app = app
        self._token = token.encode()
        self._hosts = frozenset(f"{name}:{port}".encode() for name in ("127.0.0.1", "localhost"))
        self._origins = frozenset(b"http://" + host for host in self._hosts)
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            headers = _headers(scope)
            with speaking(language_for(headers.get(b"accept-language", b"").decode("latin-1"))):
                await self._http(scope, headers, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send) -> None:
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        refusal = self._refusal(headers)
        limit = UPLOAD_BYTES if scope["path"] == self._uploads and scope["method"] == "POST" else BODY_BYTES
        if refusal is None and _length(headers) > limit:
            refusal = _too_large(limit)
        if refusal is not None:
            await problem_response(refusal)(scope, receive, answer)
            return
        heard = 0

        async def hear() -> Message:
            nonlocal heard
            message = await receive()
            heard += len(message.get("body", b""))
            if heard > limit:
                raise TooLargeError(limit)
            return message

        try:
            await self._app(scope, hear, answer)
        except TooLargeError as error:
            if started:
                raise
            await problem_response(error.problem)(scope, receive, answer)

    def _refusal(self, headers: dict[bytes, bytes]) -> StudioError | None:
        if headers.get(b"host", b"").lower() not in self._hosts:
            return StudioError(
                N_("Ask for 127.0.0.1 or localhost with its port; other names are refused."), code="host"
            )
        origin = headers.get(b"origin")
        foreign = origin is not None and origin.lower() not in self._origins
        if foreign or headers.get(b"sec-fetch-site", b"none") not in (b"none", b"same-origin"):
            return StudioError(N_("Web pages are not answered; ask from a program on this machine."), code="forbidden")
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not secrets.compare_digest(given.strip(), self._token):
            return StudioError(
                N_("The token is missing or wrong; send it as Authorization: Bearer TOKEN."), code="token"
            )
        return None


def _headers(scope: MutableMapping[str, Any]) -> dict[bytes, bytes]:
    """Header to value; one that is sent twice is none that can be trusted."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        name = name.lower()
        found[name] = b"\0" if name in found and name in (b"host", b"origin", b"authorization") else value
    return found


def _length(headers: dict[bytes, bytes]) -> int:
    length = headers.get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


def _too_large(limit: int) -> StudioError:
    return StudioError(
        N_("This is larger than {limit} MB; send something smaller."), code="too-large-body", limit=limit >> 20
    )
