"""`aigc-studio serve`: other programs on this machine ask for generations over HTTP. Off unless it is started."""

from __future__ import annotations

import argparse
import importlib.util
import os
import threading
from pathlib import Path

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr

from .codes import DONE
from .output import Output
from .parser import Parser, add_common, complete_with

__all__ = ["configure", "run"]

PORT = 8723


def configure(parser: Parser) -> None:
    """The options. There is none for another address: it is 127.0.0.1."""
    parser.examples(
        "aigc-studio serve Harbour --token-file token",
        'curl -H "Authorization: Bearer $(cat token)" http://127.0.0.1:8723/v1/models',
    )
    complete_with(
        parser.add_argument("project", type=Path, help=tr("the project that results go to; made when it is not there")),
        "directory",
    )
    parser.add_argument("--port", type=int, default=PORT, metavar="N", help=tr("0 for any that is free"))
    complete_with(
        parser.add_argument(
            "--token-file",
            type=Path,
            metavar="FILE",
            help=tr("where the token is kept, for you alone; or set AIGC_STUDIO_TOKEN; printed once without either"),
        ),
        "file",
    )
    parser.add_argument("--resume", action="store_true", help=tr("go on with jobs that were paused"))
    parser.add_argument("--device", default="", metavar="DEVICE", help=tr("where it runs: cpu, cuda, cuda:1, mps"))
    parser.add_argument("--json", action="store_true", help=tr("one JSON object a line, nothing else on stdout"))
    add_common(parser)


def run(options: argparse.Namespace) -> int:
    """Serve until it is stopped; the exit status."""
    if any(importlib.util.find_spec(name) is None for name in ("fastapi", "uvicorn")):
        raise StudioError(
            N_("The server needs packages that are not installed; type: {line}"),
            code="serve-missing",
            line='pip install "aigc-studio[serve]"',
        )
    if not 0 <= options.port < 1 << 16:
        raise StudioError(N_("A port is a number from 0 to 65535, not {port}."), code="value", port=options.port)
    from aigc_studio.api import server
    from aigc_studio.api.service import Service
    from aigc_studio.core import catalogue
    from aigc_studio.core.settings import Settings
    from aigc_studio.engines.child import ChildEngine

    from .making import check_device

    if options.device:
        check_device(options.device)
    output = Output.of(options)
    token = server.token_from(options.token_file)
    shown = not server.has_own_token(options.token_file)
    os.environ.pop(server.TOKEN_VARIABLE, None)  # no matter of the engines' processes
    sock = server.listen(options.port)
    environment = {"AIGC_STUDIO_DEVICE": options.device} if options.device else {}
    try:
        service = Service(
            options.project,
            lambda lane: ChildEngine(lane, environment=environment),
            resume=options.resume,
            idle_seconds=60.0 * Settings().get("idle_minutes"),
        )
    except BaseException:
        sock.close()
        raise
    url = f"http://{server.HOST}:{sock.getsockname()[1]}"

    def ready() -> None:
        row = {"url": url, "openapi": f"{url}/v1/openapi.json"} | ({"token": token} if shown else {})
        lines = [tr("Listening at {url}", url=url)] + ([tr("Token: {token}", token=token)] if shown else [])
        output.result(row, "\n".join(lines))

    threading.Thread(target=catalogue.rescan, name="models", daemon=True).start()
    server.serve(service, token, sock, ready)
    return DONE
