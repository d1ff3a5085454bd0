"""What goes in and out as JSON; FastAPI makes the OpenAPI document of it. Nothing here names a file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from aigc_studio.core.assets import Asset
from aigc_studio.core.errors import StudioError
from aigc_studio.core.jobs import Job
from aigc_studio.core.recipe import asset_id_for
from aigc_studio.core.requests import MAX_SEED

__all__ = [
    "AssetDetails",
    "AssetPage",
    "AssetShape",
    "Device",
    "ErrorShape",
    "Generate",
    "JobShape",
    "ModelShape",
    "Problem",
    "Studio",
    "asset_shape",
    "job_shape",
    "plain",
]

AssetId = Field(pattern="^[0-9a-f]{32}$")


class Generate(BaseModel):
    """One generation. What is left out is chosen: the first model that can do the task, a fresh seed, the defaults."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"kind": "image", "prompt": "calm blue waves", "params": {"size": [512, 512]}, "seed": 7}]
        },
    )

    kind: Literal["text", "image", "speech"] | None = Field(
        default=None, description="What is made; by the model if left out."
    )
    task: str = Field(
        default="", max_length=40, description='"generate", "inpaint", "variation", "continue", "speak" …'
    )
    model: str = Field(default="", max_length=200, description="An id of /v1/models.")
    prompt: str = Field(default="", max_length=400_000)
    params: dict[str, Any] = Field(default_factory=dict, description="By parameter id, as /v1/models/{id} lists them.")
    seed: int | None = Field(default=None, ge=0, le=MAX_SEED)
    count: int = Field(default=1, ge=1, le=64)
    inputs: dict[str, str] = Field(default_factory=dict, description='Role ("image", "mask", "voice") to an asset id.')


class Studio(BaseModel):
    """What answers here."""

    name: str
    version: str
    project: str


class ErrorShape(BaseModel):
    """Why something cannot be used or did not work: a stable word and a sentence."""

    code: str
    message: str


class ModelShape(BaseModel):
    """A model. tasks: what it can do, with parameters; only of a single model."""

    id: str
    kind: str
    family: str
    title: str
    type: str
    bytes: int | None
    languages: list[str]
    licence: str
    usable: bool
    problem: ErrorShape | None
    tasks: list[dict[str, Any]] | None = None


class Device(BaseModel):
    """Something that models run on. total, free: bytes of its memory, of the machine's where it shares that."""

    id: str
    name: str
    kind: str
    total: int
    free: int


class JobShape(BaseModel):
    """A job. assets: ids of the results that are stored, by index. progress: of a running one."""

    id: str
    state: Literal["pending", "running", "paused", "done", "failed", "cancelled"]
    request: dict[str, Any]
    count: int
    assets: dict[int, str]
    error: ErrorShape | None
    created: float
    started: float
    finished: float
    progress: dict[str, Any] | None = None


class AssetShape(BaseModel):
    """A stored result or upload. created: seconds since 1970."""

    id: str
    kind: str
    title: str
    created: float
    starred: bool
    origin: str
    bytes: int
    width: int
    height: int
    seconds: float
    job: str
    index: int


class AssetDetails(AssetShape):
    """An asset with how it was made and what it was made from; text: of one that is a text."""

    recipe: dict[str, Any] | None
    parents: list[str]
    text: str | None = None


class AssetPage(BaseModel):
    """Some of the assets that were asked for. total: how many there are."""

    total: int
    offset: int
    assets: list[AssetShape]


class Problem(BaseModel):
    """An error as RFC 9457 has it. code: a stable word. detail: a sentence in the language of Accept-Language."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str


def job_shape(job: Job, progress: Mapping[str, Any] | None = None) -> JobShape:
    """A job as JSON; its error's sentence in the current language."""
    error = None if job.error is None else ErrorShape(code=_text(job.error.code), message=_sentence(job.error))
    request = {name: plain(value) for name, value in job.request.to_json().items() if name != "context"}
    shown = None
    if progress is not None:
        shown = {name: plain(value) for name, value in progress.items() if name != "preview"}
    return JobShape(
        id=job.id,
        state=job.state.value,
        request=request,
        count=max(0, min(job.request.count, 2**31)),
        assets={index: asset_id_for(job.id, index) for index in job.done},
        error=error,
        created=_seconds(job.created),
        started=_seconds(job.started),
        finished=_seconds(job.finished),
        progress=shown,
    )


def asset_shape(asset: Asset) -> AssetShape:
    """An asset as JSON."""
    return AssetShape(
        id=asset.id,
        kind=asset.kind,
        title=asset.title,
        created=asset.created,
        starred=asset.starred,
        origin=asset.origin,
        bytes=asset.bytes,
        width=asset.width,
        height=asset.height,
        seconds=asset.seconds,
        job=asset.job_id,
        index=asset.index,
    )


DEEPEST = 16
"""Lists and objects in one another; a parameter has two."""


def plain(value: Any, room: int = DEEPEST) -> Any:
    """`value` as JSON that every client reads, whatever a project or a file of somebody else says.

    Numbers that are none become null, half surrogates "?", and what lies too deep in other things null.
    """
    match value:
        case str():
            return _text(value)
        case float():
            return value if math.isfinite(value) else None
        case bool() | int() | None:
            return value if value is None or abs(value) < 2**64 else None
        case Mapping() if room:
            return {_text(str(name)): plain(item, room - 1) for name, item in value.items()}
        case list() | tuple() if room:
            return [plain(item, room - 1) for item in value]
    return None


def _text(value: Any) -> str:
    return str(value).encode("utf-8", "replace").decode("utf-8")


def _seconds(value: Any) -> float:
    return value if isinstance(value, int | float) and math.isfinite(value) else 0.0


def _sentence(error: StudioError) -> str:
    """What an error says; its fields come from the database and may be anything."""
    try:
        return _text(error)
    except (TypeError, ValueError, LookupError, AttributeError):
        return _text(error.code)
