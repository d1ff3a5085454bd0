"""What a model family declares, and what it may call while it runs.

A family is one module: a module-level `FAMILY`, `load(model, ctx)` and `run(loaded, request, ctx)`, optionally
`understand(request)`, `warm()`, `facts(loaded)` and `fitted(facts) -> Family`. The module imports nothing heavy at
module level: the window reads `FAMILY` without torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from aigc_studio.core.requests import Request

__all__ = ["Choice", "Context", "Family", "Model", "Param", "Task", "Understanding"]


class Context(Protocol):
    """All that an engine may call. One thread, the engine's own."""

    start: int
    """Index of the first result still to be made: a resumed job does not repeat what is stored."""

    values: Mapping[str, Any]
    """Every parameter of the task with its checked value, as the family declares it for this model."""

    def wants(self, index: int) -> bool:  # pyright: ignore[reportReturnType]
        """Whether result `index` is still to be made: a job that makes one result again has all others stored."""

    def progress(self, done: int, total: int, stage: str = "", preview: Image | None = None) -> None:
        """`done` of `total` steps of this result; `stage` marked with N_(); `preview` at most 512 px, any rate."""

    def partial(self, index: int, piece: str) -> None:
        """A piece of text of result `index`, shown at once."""

    def check(self) -> None:
        """Raise Cancelled when the user cancelled; call at least once a step."""

    def input(self, role: str) -> Path:  # pyright: ignore[reportReturnType]
        """The file of one of `request.inputs`; StudioError when the role is missing."""

    def workshop(self) -> Path:  # pyright: ignore[reportReturnType]
        """A folder of this job alone that outlives it, made when it is missing, for checkpoints, samples and logs.

        A job that is resumed or run again finds what it left. StudioError where it cannot be made.
        """

    def part(self, id: str) -> Model:  # pyright: ignore[reportReturnType]
        """Another model that a parameter of kind "model" or "loras" names; StudioError when it is not here."""

    def notice(self, text: str, **params: Any) -> None:
        """Tell the person something about this job that is no error ("the last 12 words are not read").

        `text` is marked with N_(). It is shown at once and kept in the recipe of every result saved after it.
        """

    def save_image(self, index: int, image: Image, **info: Any) -> None:
        """Store result `index` as a PNG that carries its recipe. `info` (JSON types) is kept in the recipe."""

    def save_audio(self, index: int, samples: np.ndarray, rate: int, **info: Any) -> None:
        """Store result `index`: float32 samples in [-1, 1], (n,) or (n, channels), at `rate` Hz, as a WAV file."""

    def save_text(self, index: int, text: str, **info: Any) -> None:
        """Store result `index` as a Markdown file with its recipe as front matter."""


@dataclass(frozen=True)
class Choice:
    """One entry of a choice parameter: its stored value and its shown title (marked with N_())."""

    value: str
    title: str


@dataclass(frozen=True)
class Param:
    """One parameter of a family; the form builds itself from it.

    kind: "int", "float", "bool", "choice", "text", "lines" (text of several lines), "size" (default (width, height);
    low and high bound each side, step is the multiple), "model" (id of another model, "" for none), "loras" (list of
    [model id, weight]; low and high bound the weight) or "folder" (path of a folder with data, "" for none). of: the
    types of parts that "model" and "loras" take, as the catalogue names them ("lora:sdxl", "vocoder:speecht5";
    "model:causal-lm" is any model of that family), or what a "folder" holds ("images", "texts"). title and help are
    marked with N_(). advanced: behind the form's "Advanced" drawer. tasks: the task ids it applies to, () for all.
    unit: shown after the number ("px", "%"). least: what the lowest number means ("no limit"), shown instead of it;
    marked with N_().
    file: a text that is the path of a file; other programs may ask for results, but not name files of this machine.
    lasting: whether a form keeps its value for other models of the family and for the next time; not for what means
    something else in every model.
    """

    id: str
    kind: str
    title: str
    default: Any
    low: float = -math.inf
    high: float = math.inf
    step: float = 1
    choices: tuple[Choice, ...] = ()
    help: str = ""
    unit: str = ""
    advanced: bool = False
    tasks: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    file: bool = False
    lasting: bool = True
    least: str = ""

    @classmethod
    def int(cls, id: str, title: str, default: int, low: int, high: int, step: int = 1, **more: Any) -> Param:
        """A whole number with a slider and a field."""
        return cls(id, "int", title, default, low, high, step, **more)

    @classmethod
    def float(
        cls, id: str, title: str, default: float, low: float, high: float, step: float = 0.05, **more: Any
    ) -> Param:
        """A number with a slider and a field."""
        return cls(id, "float", title, default, low, high, step, **more)

    @classmethod
    def bool(cls, id: str, title: str, default: bool, **more: Any) -> Param:
        """A switch."""
        return cls(id, "bool", title, default, **more)

    @classmethod
    def choice(cls, id: str, title: str, default: str, choices: tuple[Choice, ...], **more: Any) -> Param:
        """One of several named values."""
        return cls(id, "choice", title, default, choices=choices, **more)

    @classmethod
    def text(cls, id: str, title: str, default: str = "", **more: Any) -> Param:
        """A line of text."""
        return cls(id, "text", title, default, **more)

    @classmethod
    def lines(cls, id: str, title: str, default: str = "", **more: Any) -> Param:
        """A text of several lines."""
        return cls(id, "lines", title, default, **more)

    @classmethod
    def model(cls, id: str, title: str, of: tuple[str, ...], **more: Any) -> Param:
        """Another model that this one works with, "" for none."""
        return cls(id, "model", title, "", of=of, **more)

    @classmethod
    def loras(cls, id: str, title: str, of: tuple[str, ...], **more: Any) -> Param:
        """LoRA files, each with its weight."""
        return cls(id, "loras", title, [], -4.0, 4.0, 0.05, of=of, **more)

    @classmethod
    def folder(cls, id: str, title: str, of: tuple[str, ...], **more: Any) -> Param:
        """A folder of this machine with data to learn from."""
        return cls(id, "folder", title, "", of=of, file=True, **more)

    @classmethod
    def size(
        cls, id: str, title: str, default: tuple[int, int], low: int, high: int, step: int = 8, **more: Any
    ) -> Param:
        """Width and height in pixels."""
        return cls(id, "size", title, default, low, high, step, **more)

    def check(self, value: Any) -> Any:
        """`value` in its own type and within bounds, or a StudioError that names the parameter and what it takes."""
        problem = StudioError(
            N_('"{param}" cannot be {value}; {expected}.'),
            code="param",
            param=self.title,
            value=_shown(value),
            expected=self._expected(),
        )
        try:
            match self.kind:
                case "bool":
                    if not isinstance(value, bool):
                        raise problem
                    return value
                case "choice":
                    if not isinstance(value, str) or value not in [choice.value for choice in self.choices]:
                        raise problem
                    return value
                case "text" | "lines" | "folder":
                    if not isinstance(value, str):
                        raise problem
                    return value.encode("utf-8", "replace").decode("utf-8")  # half a surrogate can be stored nowhere
                case "model":
                    if not isinstance(value, str):
                        raise problem
                    return value
                case "loras":
                    return [[self._id(id, problem), self._number(weight, problem, whole=False)] for id, weight in value]
                case "size":
                    width, height = value
                    return (self._number(width, problem, whole=True), self._number(height, problem, whole=True))
                case _:
                    return self._number(value, problem, whole=self.kind == "int")
        except (TypeError, ValueError, OverflowError):
            raise problem from None

    def parts(self, value: Any) -> tuple[str, ...]:
        """Ids of the models that a checked value names."""
        if self.kind == "model":
            return (value,) if value else ()
        return tuple(id for id, _ in value) if self.kind == "loras" else ()

    @staticmethod
    def _id(value: Any, problem: StudioError) -> str:
        if not isinstance(value, str) or not value:
            raise problem
        return value

    def _number(self, value: Any, problem: StudioError, *, whole: bool) -> Any:
        number = int(value) if whole else float(value)
        if isinstance(value, bool) or number != value or not self.low <= number <= self.high:
            raise problem
        return number

    def _expected(self) -> str:
        if self.kind == "choice":
            return ", ".join(choice.value for choice in self.choices)
        if self.kind in ("int", "float", "size", "loras"):
            return f"{self.low:g} – {self.high:g}"
        return self.kind


@dataclass(frozen=True)
class Task:
    """One thing a family can do: "generate", "inpaint", "continue", "speak". inputs: the roles it needs."""

    id: str
    title: str
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family:
    """A family of models that share one way of running.

    id: stable, in recipes. kind: one of `KINDS`. title, summary: shown, marked with N_().
    needs: "" for a family that runs in the window's environment (numpy, espeak), "torch" for one that needs the engine
    group; a lane whose job needs no torch starts a child without it. languages: of the prompt, () for any.
    prompt: whether it reads one. chance: whether another seed gives another result.
    """

    id: str
    kind: str
    title: str
    summary: str
    tasks: tuple[Task, ...]
    params: tuple[Param, ...] = ()
    needs: str = ""
    languages: tuple[str, ...] = ()
    max_count: int = 64
    prompt: bool = True
    chance: bool = True

    def task(self, id: str) -> Task:
        """The task with this id; StudioError when the family does not do it."""
        for task in self.tasks:
            if task.id == id:
                return task
        raise StudioError(
            N_('"{family}" cannot do "{task}"; choose another model.'), code="task", family=self.title, task=id
        )

    def task_params(self, task: str) -> tuple[Param, ...]:
        """The parameters that apply to one task, in the form's order."""
        return tuple(param for param in self.params if not param.tasks or task in param.tasks)

    def values(self, task: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Every parameter of `task` with its checked value: given, else default. Unknown names are left out."""
        return {param.id: param.check(given.get(param.id, param.default)) for param in self.task_params(task)}


@dataclass(frozen=True)
class Model:
    """A model on disk (or built in): what a family's `load` is given.

    id: in the catalogue. family: the family's id. folder: its files, None when there is nothing to load or it is a
    single file. file: the one safetensors file that it is, else None. facts: everything else the catalogue says
    (licence, languages, sample rate, ...).
    """

    id: str
    family: str
    title: str
    folder: Path | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    file: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """A plain dict for the pipe."""
        return {
            "id": self.id,
            "family": self.family,
            "title": self.title,
            "folder": None if self.folder is None else str(self.folder),
            "facts": dict(self.facts),
            "file": None if self.file is None else str(self.file),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Model:
        """The inverse of `to_json`."""
        folder, file = data["folder"], data["file"]
        return cls(
            data["id"],
            data["family"],
            data["title"],
            None if folder is None else Path(folder),
            data["facts"],
            None if file is None else Path(file),
        )


@dataclass(frozen=True)
class Understanding:
    """What a family understood of a prompt: shown below it. Both are words as the user wrote them, in order."""

    understood: tuple[str, ...]
    ignored: tuple[str, ...]


def _shown(value: Any) -> str:
    """A refused value, short. Anything may have been given: lists in lists without end, numbers of a million digits."""
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return "…"
    if isinstance(value, list | tuple):
        items = ("…" if isinstance(item, list | tuple | dict) else _shown(item) for item in value[:4])
        return f"[{', '.join(items)[:58]}]"
    return "{…}" if isinstance(value, dict) else str(value).encode("utf-8", "replace").decode("utf-8")[:60]


Load = Callable[[Model, Context], Any]
Run = Callable[[Any, "Request", Context], None]
