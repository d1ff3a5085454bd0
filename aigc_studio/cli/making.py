"""One generation from the command line, shared by `image`, `edit`, `write` and `speak`: from options to files."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aigc_studio.core.assets import Asset, is_asset_id
from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.export import EXPORT_SUFFIXES, export_image
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.metadata import write_audio
from aigc_studio.core.project import Project, is_project
from aigc_studio.core.requests import MAX_SEED, Request, new_seed
from aigc_studio.engines.base import Family, Param
from aigc_studio.engines.direct import run_now
from aigc_studio.engines.engine import missing_input
from aigc_studio.engines.interpreter import OFFLINE
from aigc_studio.engines.local import LocalEngine
from aigc_studio.engines.runner import check_request, find_model, find_parts

from . import values
from .asked import Plan
from .choosing import Choosing
from .output import Output, ReaderGone
from .progress import Listener, Watch
from .stopping import stoppable

__all__ = ["check_device", "device_of", "engine", "free", "make", "opened"]


VECTOR_SUFFIXES = (".npy", ".safetensors")
"""Files that hold a speaker's vector instead of a recording."""


def make(options: argparse.Namespace, plan: Plan) -> int:
    """Make what is planned: into a project, or as files anywhere. The exit status.

    Every result is written and named as soon as it is there, so that a stop or an error keeps those before it.
    """
    output = Output.of(options)
    choosing = Choosing()
    entry, family, task = choosing.model(plan.kind, plan.tasks, options.model)
    if options.seed is not None and not 0 <= options.seed <= MAX_SEED:
        raise StudioError(
            N_("A seed is a whole number from 0 to {most}, not {seed}."), code="seed", most=MAX_SEED, seed=options.seed
        )
    request = Request(
        plan.kind,
        task,
        family.id,
        entry.id,
        plan.prompt,
        _params(options, plan, family, task, choosing),
        new_seed() if options.seed is None else options.seed,
        options.count,
        {role: file for role, file in plan.inputs.items() if Path(file).suffix.lower() not in VECTOR_SUFFIXES},
    )
    if plan.kind == "image" and task == "generate" and family.prompt and not plan.prompt.strip():
        raise StudioError(N_("This model makes pictures from words; say what it should show."), code="prompt-empty")
    with device_of(options.device):
        check_request(request, choosing.find)
        find_model(request, choosing.find)
        find_parts(request, choosing.find)
        if options.dry_run:
            indent = None if output.json else 2
            print(json.dumps(request.to_json(), ensure_ascii=False, indent=indent))
            return 0
        if options.out is not None:
            _check_target(plan.kind, options.out)
        with _place(options.project) as project, stoppable() as token:
            request = request.changed(inputs=_take_in(project, request.inputs))
            token.check()
            keep = options.project is not None
            with engine() as runner, Watch(output, request.count) as watch:
                listener = _Results(watch, output, project, request, options.out, keep=keep)
                try:
                    with output.alone():
                        run_now(project, request, runner, listener, token, find=choosing.find)
                except Cancelled:
                    if output.gone:
                        raise ReaderGone from None
                    raise
    return 0


def _params(options: argparse.Namespace, plan: Plan, family: Family, task: str, choosing: Choosing) -> dict[str, Any]:
    known = {param.id: param for param in family.task_params(task)}
    typed = dict(plan.params)
    if getattr(options, "negative", None) is not None:
        typed["negative"] = options.negative.replace("\\", "\\\\")
    chosen = {}
    if "strength" in typed and "strength" not in known and "amount" in known:  # the painter's word for it
        typed["amount"] = typed.pop("strength")
    for name, text in typed.items():
        if name not in known:
            raise StudioError(
                N_('"{model}" has no parameter "{name}" for this; leave the option out or choose another model.'),
                code="param",
                model=tr(family.title),
                name=name,
            )
        chosen[name] = values.value(known[name], text, choosing.id_of)
    if "voice" in plan.inputs and "voice" not in family.task(task).inputs:
        chosen |= _voice(family, known, plan.inputs["voice"])
    chosen |= dict(values.assignment(family, task, text, choosing.id_of) for text in options.set)
    if loras := getattr(options, "lora", []):
        param = next((param for param in known.values() if param.kind == "loras"), None)
        if param is None:
            raise StudioError(
                N_('"{model}" works with no LoRA; leave --lora out or choose another model.'),
                code="param",
                model=tr(family.title),
            )
        added = [list(values.lora(text, choosing.id_of)) for text in loras]
        chosen[param.id] = param.check([*chosen.get(param.id, []), *added])
    return chosen


def _voice(family: Family, known: Mapping[str, Param], file: str) -> dict[str, Any]:
    """The values that make a model speak with the voice of a file: a recording, or a speaker's vector."""
    speaker = known.get("speaker")
    choices = {choice.value for choice in speaker.choices} if speaker is not None else set()
    if Path(file).suffix.lower() in VECTOR_SUFFIXES and "file" in choices and "vector" in known:
        return {"speaker": "file", "vector": str(Path(file).expanduser().resolve())}
    if "clip" in choices:
        return {"speaker": "clip"}
    raise StudioError(
        N_('"{model}" cannot take the voice of a file; leave --voice out or choose another model.'),
        code="voice",
        model=tr(family.title),
    )


@contextlib.contextmanager
def device_of(name: str) -> Iterator[None]:
    """Let the engines of this process run on a device; "" leaves the choice to them. StudioError for an unknown one."""
    if name:
        check_device(name)
    before = os.environ.get("AIGC_STUDIO_DEVICE")
    if name:
        os.environ["AIGC_STUDIO_DEVICE"] = name
    try:
        yield
    finally:
        if name:
            os.environ.pop("AIGC_STUDIO_DEVICE")
            if before is not None:
                os.environ["AIGC_STUDIO_DEVICE"] = before


def check_device(name: str) -> None:
    """StudioError when this machine has no such device. "cuda" alone is the first card."""
    from aigc_studio.core.hardware import devices

    known = [device.id for device in devices()]
    if name not in known and not (name == "cuda" and "cuda:0" in known):
        raise StudioError(
            N_('There is no device "{device}" here; there are: {names}.'),
            code="device",
            device=name[:40],
            names=", ".join(known),
        )


@contextlib.contextmanager
def engine() -> Iterator[LocalEngine]:
    """The engine of the command line: in this process, offline, closed at the end."""
    for name, value in OFFLINE.items():
        os.environ.setdefault(name, value)
    runner = LocalEngine()
    try:
        yield runner
    finally:
        runner.close()


# Where results go -----------------------------------------------------------------------------------------------------


class _Results(Listener):
    """Writes every result where it was asked for, as soon as it is stored, and says where that is."""

    def __init__(
        self, watch: Watch, output: Output, project: Project, request: Request, out: Path | None, *, keep: bool
    ) -> None:
        super().__init__(watch)
        self._output = output
        self._project = project
        self._request = request
        self._out = out
        self._keep = keep
        self._text = request.kind == "text" and out is None and not keep
        """Whether the text itself is the answer."""
        self._said: set[int] = set()
        self._notices: list[tuple[str, Mapping[str, Any]]] = []
        """Told while a text was being written, said when its line is done."""

    def notice(self, text: str, params: Mapping[str, Any]) -> None:
        """See `RunListener`."""
        if self._said:
            self._notices.append((text, params))
        else:
            super().notice(text, params)

    def partial(self, index: int, piece: str) -> None:
        """See `RunListener`."""
        if not self._text or self._output.json:
            return
        self.watch.clear()
        if index and index not in self._said:
            self._output.piece("\n")
        self._said.add(index)
        self._output.piece(piece)

    def progress(self, index: int, done: int, total: int, stage: str, preview: Any) -> None:
        """See `RunListener`. A text that is seen to grow needs no bar."""
        if index not in self._said:
            super().progress(index, done, total, stage, preview)

    def stored(self, index: int, asset: Asset) -> None:
        """See `RunListener`."""
        self.watch.clear()
        source = self._project.path(asset)
        recipe = self._project.recipe(asset.id)
        if self._keep and self._out is None:
            file: Path | None = source
        elif self._text:
            file = None
        else:
            file = self._target(index, source)
            _export(self._request.kind, source, file, recipe)
        if self._text and not self._output.json:
            self._output.piece("\n" if index in self._said else _text(source) + "\n")
            for told, params in self._notices:
                super().notice(told, params)
            self._notices.clear()
            return
        row = _row(asset, file, recipe, _text(source) if asset.kind == "text" else None)
        self._output.result(row if self._keep else {name: row[name] for name in row if name != "id"}, str(file))

    def _target(self, index: int, source: Path) -> Path:
        """Where result `index` is written; a file of another run in the working folder is not written over."""
        if self._out is None:
            return free(Path.cwd() / source.name)
        if self._request.count == 1:
            return self._out
        return self._out.with_name(f"{self._out.stem}-{index + 1}{self._out.suffix}")


def _text(source: Path) -> str:
    from aigc_studio.core.metadata import read_text

    return read_text(source)


def _row(asset: Asset, file: Path | None, recipe: Mapping[str, Any] | None, text: str | None) -> dict[str, Any]:
    recipe = recipe or {}
    request = recipe.get("request", {})
    row: dict[str, Any] = {
        "id": asset.id,
        "kind": asset.kind,
        "index": asset.index,
        "file": None if file is None else str(file.resolve()),
        "seed": recipe.get("seed"),
        "model": request.get("model", ""),
        "task": request.get("task", ""),
    }
    if asset.width:
        row["size"] = [asset.width, asset.height]
    if asset.seconds:
        row["seconds"] = round(asset.seconds, 3)
    if text is not None:
        row["text"] = text
    return row | {"info": recipe.get("info", {})}


def free(path: Path) -> Path:
    """This path, or one with a number when something is there."""
    number, found = 2, path
    while found.exists():
        found, number = path.with_name(f"{path.stem}-{number}{path.suffix}"), number + 1
    return found


def _export(kind: str, source: Path, target: Path, recipe: Mapping[str, Any] | None) -> None:
    """Copy a result out of its project, in the format that the target's name asks for."""
    try:
        if kind == "image":
            export_image(source, target, recipe)
        elif kind == "speech" and target.suffix.lower() != source.suffix:
            import soundfile

            samples, rate = soundfile.read(source, dtype="float32")
            write_audio(target, samples, rate, recipe or {})
        elif kind == "text" and target.suffix.lower() == ".txt":
            target.write_text(_text(source) + "\n", encoding="utf-8")
        else:
            shutil.copyfile(source, target)
    except OSError as error:
        raise StudioError(
            N_('"{name}" could not be written ({reason}); choose another folder.'),
            code="write",
            name=str(target),
            reason=error.strerror or str(error),
        ) from error


_SUFFIXES = {
    "image": (*EXPORT_SUFFIXES, ".jpeg"),
    "text": (".md", ".txt"),
    "speech": (".wav", ".flac", ".ogg", ".opus", ".mp3"),
}


def _check_target(kind: str, target: Path) -> None:
    """Before anything is made: a file of this name could be written."""
    if target.suffix.lower() not in _SUFFIXES[kind]:
        raise StudioError(
            N_('This cannot be written as "{name}"; its name can end in {suffixes}.'),
            code="suffix",
            name=target.name,
            suffixes=", ".join(_SUFFIXES[kind]),
        )
    if not target.parent.is_dir() or not os.access(target.parent, os.W_OK) or target.is_dir():
        raise StudioError(
            N_('The folder "{folder}" does not exist or cannot be written; choose another one.'),
            code="write",
            folder=str(target.parent),
        )


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Project]:
    """The project in a folder, to be written; made when it is not there."""
    known = folder.exists() and is_project(folder)
    with contextlib.closing(Project.open(folder) if known else Project.create(folder)) as project:
        if project.read_only:
            raise StudioError(
                N_("The project is open elsewhere or cannot be written; close it there, then try again."),
                code="read-only",
            )
        yield project


@contextlib.contextmanager
def _place(folder: Path | None) -> Iterator[Project]:
    """The project a result goes to: the given one (made when it does not exist), else one that is thrown away."""
    if folder is not None:
        with opened(folder) as project:
            yield project
        return
    with (
        tempfile.TemporaryDirectory(prefix="aigc-studio-") as temporary,
        contextlib.closing(Project.create(Path(temporary) / "once")) as project,
    ):
        yield project


# What results are made from -------------------------------------------------------------------------------------------


def _take_in(project: Project, inputs: Mapping[str, str]) -> dict[str, str]:
    """The files that a job works on as assets of the project: role to id. An id of an asset there is taken as it is."""
    taken: dict[str, str] = {}
    for role, given in inputs.items():
        path = Path(given).expanduser()
        if is_asset_id(given) and not path.exists() and project.asset(given) is not None:
            taken[role] = given
        elif role == "mask":
            taken[role] = _mask(project, path, taken.get("image", ""))
        else:
            taken[role] = project.import_file(path).id
            _check_kind(project, role, taken[role], path)
    return taken


def _mask(project: Project, path: Path, image: str) -> str:
    """A mask file as a mask of the project; as in the window, its transparency counts where it has any."""
    from PIL import Image

    from aigc_studio.core.imaging import open_image
    from aigc_studio.core.masking import mask_from_image

    if not path.is_file():
        raise StudioError(
            N_('"{name}" is not a file; drop pictures, sounds or texts here.'), code="not-a-file", name=path.name
        )
    picture = open_image(path)
    mask = Image.fromarray(mask_from_image(picture, picture.size))
    return project.store_image(mask, title=path.stem, kind="mask", parents=[image] if image else []).id


_ROLE_KINDS = {"image": "image", "voice": "audio"}


def _check_kind(project: Project, role: str, asset_id: str, path: Path) -> None:
    asset = project.asset(asset_id)
    wanted = _ROLE_KINDS.get(role)
    if asset is not None and wanted is not None and asset.kind != wanted:
        raise StudioError(
            N_('"{name}" is not what this works on; give a picture to edit, a recording for a voice.'),
            code="kind",
            name=path.name,
        ) from missing_input(role)
