"""Errors as `application/problem+json`: an HTTP status, a stable word, and a sentence in the asker's language."""

from __future__ import annotations

import json
from http import HTTPStatus

from starlette.responses import Response

from aigc_studio.core.errors import RUN_FAILED, StudioError

from .shapes import Problem

__all__ = ["language_for", "problem_response", "status_of"]

MEDIA_TYPE = "application/problem+json"

_STATUS = {
    "busy": 409,
    "disk-full": 507,
    "forbidden": 403,
    "host": 421,
    "job-unknown": 404,
    "memory": 507,
    "method": 405,
    "missing": 404,
    "model-unknown": 404,
    "not-found": 404,
    "queue": 429,
    "read-only": 409,
    "too-large-body": 413,
    "token": 401,
    "unexpected": 500,
    "unknown-kind": 415,
}
"""Code of an error to its HTTP status; what is not here is a request that cannot be fulfilled as it is: 422."""

_NOT_HERE = ("engine-", "model")


def status_of(error: StudioError) -> int:
    """The HTTP status of an error."""
    if error.code in _STATUS:
        return _STATUS[error.code]
    return 503 if error.code.startswith(_NOT_HERE) and error.code not in RUN_FAILED else 422


def problem_response(error: StudioError, status: int = 0) -> Response:
    """An error as a response. status: 0 for the one that its code has."""
    status = status or status_of(error)
    problem = Problem(title=HTTPStatus(status).phrase, status=status, code=error.code, detail=str(error))
    body = json.dumps(problem.model_dump(), ensure_ascii=False).encode("utf-8", "replace")
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return Response(body, status, headers, MEDIA_TYPE)


def language_for(accepted: str) -> str:
    """The language of ours that an Accept-Language header likes best, "" when it names none of them."""
    wishes: list[tuple[float, int, str]] = []
    for place, part in enumerate(accepted[:500].split(",")):
        name, _, more = part.partition(";")
        quality = 1.0
        if "q=" in more:
            try:
                quality = float(more.partition("q=")[2])
            except ValueError:
                quality = 0.0
        wishes.append((-quality, place, name.strip().lower()))
    for negative, _, name in sorted(wishes):
        if negative < 0 and name.startswith("zh"):
            return "zh_CN"
        if negative < 0 and name.startswith("en"):
            return "en"
    return ""
