"""What is heard over HTTP: the routes, their JSON, and the events of a running job."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import fastapi
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, StreamingResponse
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from aigc_studio import __version__
from aigc_studio.core import catalogue, hardware
from aigc_studio.core.assets import AUDIO_SUFFIXES, IMAGE_SUFFIXES, TEXT_SUFFIXES, AssetQuery, is_asset_id
from aigc_studio.core.assets import Asset as StoredAsset
from aigc_studio.core.errors import StudioError, describe
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.jobs import JobState
from aigc_studio.core.metadata import read_text
from aigc_studio.core.project import Project
from aigc_studio.engines.listing import model_row, task_rows

from . import asking, shapes
from .events import Event, Follower
from .guard import Guard, TooLargeError
from .problems import problem_response
from .service import Service
from .shapes import AssetDetails, AssetPage, AssetShape, Device, Generate, JobShape, ModelShape, Problem, Studio

__all__ = ["UPLOADS", "build"]

T = TypeVar("T")

UPLOADS = "/v1/assets"
KEEP_ALIVE_SECONDS = 15.0
_SUFFIXES = IMAGE_SUFFIXES | AUDIO_SUFFIXES | TEXT_SUFFIXES
_KINDS = ("image", "audio", "text", "other")


def build(service: Service, token: str, port: int) -> ASGIApp:
    """The whole application: `service` behind the guard."""
    problems: dict[int | str, dict[str, Any]] = {
        "default": {"model": Problem, "description": "application/problem+json, RFC 9457"}
    }
    app = FastAPI(
        title="AIGC Studio",
        version=__version__,
        summary="Generations by local models, on this machine alone.",
        docs_url=None,  # these pages fetch their scripts from elsewhere
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        dependencies=[fastapi.Security(HTTPBearer(auto_error=False))],  # for the document; the guard checks it
        responses=problems,
    )
    _add_errors(app)
    _add_models(app)
    _add_jobs(app, service)
    _add_assets(app, service)

    @app.get("/v1", response_model=Studio, tags=["studio"])
    async def studio() -> Studio:
        """What answers here."""
        name = await _asked(service, lambda project: project.name)
        return Studio(name="AIGC Studio", version=__version__, project=name)

    return Guard(app, token=token, port=port, uploads=UPLOADS)


async def _asked(service: Service, question: Callable[[Project], T]) -> T:
    return await asyncio.wrap_future(service.ask(question))


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(StudioError)
    async def studio_error(_request: Request, error: Exception) -> Response:
        return problem_response(describe(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        place = ".".join(str(part) for part in first.get("loc", ())[1:]) or "body"
        problem = StudioError(
            N_('"{place}" is not as the API describes it ({reason}); see /v1/openapi.json.'),
            code="request",
            place=place[:80],
            reason=str(first.get("msg", ""))[:200],
        )
        return problem_response(problem, 422)

    @app.exception_handler(HTTPException)
    async def http_error(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if isinstance(error, TooLargeError):
            return problem_response(error.problem)
        known = {
            404: StudioError(N_("There is nothing at this address; see /v1/openapi.json."), code="not-found"),
            405: StudioError(N_("This address does not take that method; see /v1/openapi.json."), code="method"),
        }
        other = StudioError(N_("The request could not be read; see /v1/openapi.json."), code="request")
        return problem_response(known.get(error.status_code, other), error.status_code)

    @app.exception_handler(Exception)
    async def unexpected(_request: Request, error: Exception) -> Response:
        return problem_response(describe(error))


# Models and devices ---------------------------------------------------------------------------------------------------


def _add_models(app: FastAPI) -> None:
    @app.get("/v1/models", response_model=list[ModelShape], response_model_exclude_none=False, tags=["models"])
    def models(kind: Literal["", "text", "image", "speech", "part"] = "") -> list[dict[str, Any]]:
        """The models and parts that are known; those with a problem say which."""
        every = catalogue.models(kind) if kind else (*catalogue.models(), *catalogue.parts())
        return [model_row(entry) for entry in every]

    @app.post("/v1/models/rescan", response_model=list[ModelShape], tags=["models"])
    def rescan() -> list[dict[str, Any]]:
        """Look at the disk again, then as the list."""
        catalogue.rescan()
        return [model_row(entry) for entry in (*catalogue.models(), *catalogue.parts())]

    @app.get("/v1/models/{id}", response_model=ModelShape, tags=["models"])
    def model(id: str) -> dict[str, Any]:
        """One model, with what it can do and every parameter it takes."""
        entry = asking.known(id)
        return model_row(entry) | {"tasks": task_rows(entry)}

    @app.get("/v1/devices", response_model=list[Device], tags=["models"])
    def devices() -> list[dict[str, Any]]:
        """What models run on here, the best first."""
        return [asdict(device) for device in hardware.devices()]


# Jobs -----------------------------------------------------------------------------------------------------------------


def _add_jobs(app: FastAPI, service: Service) -> None:
    @app.post("/v1/generate", response_model=JobShape, status_code=202, tags=["jobs"])
    async def generate(asked: Generate, response: Response) -> JobShape:
        """Ask for a generation: the job that will make it. Follow it at /v1/jobs/{id}/events."""
        request = await asyncio.to_thread(asking.request_of, asked)
        job = await asyncio.wrap_future(await asyncio.to_thread(service.submit, request))
        response.headers["Location"] = f"/v1/jobs/{job.id}"
        return shapes.job_shape(job)

    @app.get("/v1/jobs", response_model=list[JobShape], tags=["jobs"])
    async def jobs(state: Annotated[list[JobState] | None, Query()] = None) -> list[JobShape]:
        """All jobs of the project in line order."""
        every = await _asked(service, lambda project: project.queue.list())
        chosen = [job for job in every if state is None or job.state in state]
        return [shapes.job_shape(job, service.events.progress(job.id)) for job in chosen]

    @app.get("/v1/jobs/{id}", response_model=JobShape, tags=["jobs"])
    async def job(id: str) -> JobShape:
        """One job."""
        return shapes.job_shape(await asyncio.wrap_future(service.job(id)), service.events.progress(id))

    @app.post("/v1/jobs/{id}/cancel", response_model=JobShape, tags=["jobs"])
    async def cancel(id: str) -> JobShape:
        """Take it out of the line, or stop it within a step; what is stored stays."""
        return shapes.job_shape(await asyncio.wrap_future(service.cancel(id)))

    @app.post("/v1/jobs/{id}/pause", response_model=JobShape, tags=["jobs"])
    async def pause(id: str) -> JobShape:
        """Hold it back, or stop it within a step, to go on later."""
        return shapes.job_shape(await asyncio.wrap_future(service.pause(id)))

    @app.post("/v1/jobs/{id}/resume", response_model=JobShape, tags=["jobs"])
    async def resume(id: str) -> JobShape:
        """Go on with a paused job, or try a failed or cancelled one again; what is stored is not made again."""
        return shapes.job_shape(await asyncio.wrap_future(service.resume(id)))

    @app.get("/v1/jobs/{id}/events", tags=["jobs"], response_class=StreamingResponse)
    async def events(id: str) -> Response:
        """What happens to it, as server-sent events: job, progress (with previews), partial, notice, output, end."""
        await asyncio.wrap_future(service.job(id))  # an unknown one is a problem, not a stream
        headers = {"X-Accel-Buffering": "no"}
        return StreamingResponse(_stream(service, id), media_type="text/event-stream", headers=headers)


async def _stream(service: Service, job_id: str) -> AsyncIterator[str]:
    loop, news = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            loop.call_soon_threadsafe(news.set)

    follower = Follower(wake)
    service.events.follow(job_id, follower)
    try:
        job = await asyncio.wrap_future(service.job(job_id))
        yield _event(Event("end" if job.state.ended else "job", {"job": job}))
        if job.state.ended:
            return
        while not service.closing:
            try:
                await asyncio.wait_for(news.wait(), KEEP_ALIVE_SECONDS)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            news.clear()
            for event in follower.take():
                if event.name == "closed":
                    return
                yield await asyncio.to_thread(_event, event) if event.data.get("preview") else _event(event)
                if event.name == "end":
                    return
    finally:
        service.events.leave(job_id, follower)


def _event(event: Event) -> str:
    """An event as the text of a server-sent event; names and sentences in the asker's language."""
    data: dict[str, Any] = dict(event.data)
    match event.name:
        case "job" | "end":
            data = shapes.job_shape(data["job"]).model_dump(mode="json")
        case "output":
            data["asset"] = shapes.asset_shape(data["asset"]).model_dump(mode="json")
        case "notice":
            data = {"text": tr(data["text"], **data["params"])}
        case "progress":
            data["stage"] = tr(data["stage"]) if data["stage"] else ""
            if (preview := data.pop("preview", None)) is not None:
                data["preview"] = _data_url(preview)
    return f"event: {event.name}\ndata: {json.dumps(data, ensure_ascii=True)}\n\n"


def _data_url(preview: Any) -> str:
    from PIL import Image

    file = io.BytesIO()
    Image.frombytes("RGB", (preview.width, preview.height), preview.pixels).save(file, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")


# Assets ---------------------------------------------------------------------------------------------------------------


def _add_assets(app: FastAPI, service: Service) -> None:
    @app.get(UPLOADS, response_model=AssetPage, tags=["assets"])
    async def assets(
        search: Annotated[str, Query(max_length=1000)] = "",
        kind: Annotated[list[Literal["image", "audio", "text", "other", "mask"]] | None, Query()] = None,
        offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> AssetPage:
        """The assets of the project, newest first, a page of them."""
        query = AssetQuery(text=search, kinds=tuple(kind or _KINDS))
        total, page = await _asked(
            service, lambda project: (project.count(query), project.assets(query, offset, limit))
        )
        return AssetPage(total=total, offset=offset, assets=[shapes.asset_shape(each) for each in page])

    @app.post(UPLOADS, response_model=AssetShape, status_code=201, tags=["assets"], openapi_extra=_UPLOAD)
    async def upload(
        request: Request,
        name: Annotated[str, Query(max_length=300, description="What it is called; its ending says what it is.")],
        kind: Annotated[Literal["", "mask"], Query(description="mask: where an edit may change something.")] = "",
    ) -> AssetShape:
        """Bring a file in: its bytes are the body. It is looked at from end to end before it is kept."""
        suffix = Path(name).suffix.lower()
        if suffix not in _SUFFIXES or (kind == "mask" and suffix not in IMAGE_SUFFIXES):
            raise StudioError(
                N_("The name must end as that of a picture, a sound or a text does, such as .png, .wav or .txt."),
                code="unknown-kind",
            )
        title = " ".join("".join(c if c.isprintable() else " " for c in Path(name).stem).split())[:200]
        with tempfile.TemporaryDirectory(prefix="aigc-studio-upload-") as folder:
            file = Path(folder) / f"upload{suffix}"  # nothing of the asker's name is part of a path
            with open(file, "wb") as target:
                async for block in request.stream():
                    await asyncio.to_thread(target.write, block)
            asset = await _asked(service, lambda project: _take_in(project, file, title, kind))
        return shapes.asset_shape(asset)

    @app.get("/v1/assets/{id}", response_model=AssetDetails, tags=["assets"])
    async def asset(id: str) -> AssetDetails:
        """One asset with its recipe and what it was made from."""

        def details(project: Project) -> AssetDetails:
            found = _need(project, id)
            shape = shapes.asset_shape(found).model_dump()
            text = read_text(project.path(found)) if found.kind == "text" else None
            return AssetDetails(
                **shape, recipe=shapes.plain(project.recipe(id)), parents=project.parents(id), text=text
            )

        return await _asked(service, details)

    @app.get("/v1/assets/{id}/file", tags=["assets"], response_class=FileResponse)
    async def file(id: str) -> Response:
        """Its file."""

        def place(project: Project) -> Path:
            path = project.path(_need(project, id))
            if not path.is_file():
                raise _gone()
            return path

        path = await _asked(service, place)
        return FileResponse(path, filename=path.name)


_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def _take_in(project: Project, file: Path, title: str, kind: str) -> StoredAsset:
    if kind == "mask":
        from PIL import Image

        from aigc_studio.core.imaging import open_image
        from aigc_studio.core.masking import mask_from_image

        picture = open_image(file)
        mask = Image.fromarray(mask_from_image(picture, picture.size))
        return project.store_image(mask, title=title or "mask", kind="mask")
    asset = project.import_file(file)
    if title and asset.title == "upload":
        project.rename(asset.id, title)
    return project.asset(asset.id) or asset


def _need(project: Project, id: str) -> StoredAsset:
    asset = project.asset(id) if is_asset_id(id) else None
    if asset is None:
        raise _gone()
    return asset


def _gone() -> StudioError:
    return StudioError(N_("This asset is not in the project any more; choose another one."), code="missing")
