"""Training runs on the disk: one folder each in the project, written by the engine's process, read by everyone.

    training/<job id>/
        run.json               what it is and how far it is; replaced as a whole
        log.jsonl              what happened, one JSON object a line, only ever appended to
        samples/000200.png     what the model made after that step, from the same latents or prompts each time
        samples/final/         what it made at the end, one file each, to be rated; final.jsonl says how each was made
        ratings.jsonl          what a person thought of them, appended; the last line about a file counts
        checkpoint.safetensors the run itself, to go on from
        data/ events/          the prepared data; the same curves for TensorBoard

A line of the log is {"step", "time", "seconds", "values": {...}} or {"step", "time", "event": ..., ...}. Nothing here
needs torch or Qt. The one who trains writes; a reader may read at any moment and sees whole lines only.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

from .store.files import plain_errors, sync_file, write_atomically

__all__ = [
    "KEEP",
    "RECORD",
    "REJECT",
    "WORKSHOPS",
    "RunFolder",
    "RunInfo",
    "Sample",
    "is_inside",
    "is_kept",
    "kept_files",
    "runs",
]

WORKSHOPS = "training"
"""Name of the project's folder with the runs of its jobs."""
RECORD = "run.json"
"""What a run is and how far it is, in its folder."""
KEEP, REJECT = "keep", "reject"
"""What a person can say of a sample."""

_FORMAT = 1
_MOST_JSON = 4 << 20


@dataclass(frozen=True, slots=True)
class Sample:
    """One thing that the finished model made. file: below the run's folder. text: what a writer wrote, instead."""

    file: str
    seed: int = 0
    prompt: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run, as a list shows it. state: "running", "stopped" or "done". created: seconds since 1970.

    model: the folder of the finished model, "" while there is none. figures: what was measured at the end. seconds:
    spent learning so far.
    """

    id: str
    recipe: str
    title: str
    created: float
    folder: Path
    step: int
    steps: int
    state: str
    model: str
    figures: Mapping[str, Any]
    seconds: float = 0.0


class RunFolder:
    """One run's folder. Reading never raises: what is missing or damaged reads as empty."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        """Whether a run was begun here."""
        return (self.path / RECORD).is_file()

    def info(self) -> dict[str, Any]:
        """run.json, {} when there is none or it cannot be read."""
        try:
            with open(self.path / RECORD, "rb") as file:
                data = json.loads(file.read(_MOST_JSON))
        except (OSError, ValueError, RecursionError):
            return {}
        return data if isinstance(data, dict) else {}

    def update(self, **fields: Any) -> None:
        """Set fields of run.json (JSON types); the others stay. OSError on a full disk, and then the old file stays."""
        self.path.mkdir(parents=True, exist_ok=True)
        data = {"format": _FORMAT, **self.info(), **fields}
        text = json.dumps(_finite(data), ensure_ascii=False, indent=1) + "\n"
        with write_atomically(self.path / RECORD) as file:
            file.write(text.encode("utf-8", "replace"))

    def append(self, line: Mapping[str, Any]) -> None:
        """Add one line to the log, with the time; a half line left by a crash is ended. OSError on a full disk."""
        self.path.mkdir(parents=True, exist_ok=True)
        _append(self.path / "log.jsonl", {"time": round(time.time(), 3), **line})

    def read(self, offset: int = 0, most: int = 1 << 24) -> tuple[list[dict[str, Any]], int]:
        """(lines from byte `offset` on, offset for the next time). Whole lines only; what is no line is skipped.

        most: bytes read at once. A reader goes on until it gets the same offset back.
        """
        lines, end = _read_lines(self.path / "log.jsonl", offset, most)
        return lines, end

    @property
    def finish_asked(self) -> bool:
        """Whether someone wants the run to end at its next step and to make its model from what it has learned."""
        return (self.path / "finish").exists()

    def ask_to_finish(self) -> None:
        """Let the run end at its next step, as if it had learned all its steps. OSError when that cannot be said."""
        (self.path / "finish").touch()

    def sample_path(self, step: int) -> Path:
        """Where the picture of the samples of a step is kept; its folder is made."""
        folder = self.path / "samples"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{step:07d}.png"

    def samples(self) -> list[tuple[int, Path]]:
        """(step, picture) of every sample picture, in the order of the steps."""
        try:
            names = sorted(entry.name for entry in os.scandir(self.path / "samples") if entry.name.endswith(".png"))
        except OSError:
            return []
        return [(int(name[:-4]), self.path / "samples" / name) for name in names if name[:-4].isdecimal()]

    def add_final(self, sample: Sample) -> None:
        """Note one thing that the finished model made; its file lies in `samples/final/` already."""
        line = {name: getattr(sample, name) for name in ("file", "seed", "prompt", "text") if getattr(sample, name)}
        (self.path / "samples" / "final").mkdir(parents=True, exist_ok=True)
        _append(self.path / "samples" / "final" / "final.jsonl", line)

    def final_samples(self) -> list[Sample]:
        """Everything the finished model made to be rated, in order; of the same file the last line counts."""
        lines, _ = _read_lines(self.path / "samples" / "final" / "final.jsonl", 0, _MOST_JSON)
        found: dict[str, Sample] = {}
        for line in lines:
            file, seed = line.get("file"), line.get("seed", 0)
            if isinstance(file, str) and isinstance(seed, int) and is_inside(file):
                found[file] = Sample(file, seed, str(line.get("prompt", "")), str(line.get("text", "")))
        return list(found.values())

    def rate(self, file: str, rating: str) -> None:
        """Keep what a person says of a sample: `KEEP`, `REJECT`, or "" to take it back. OSError on a full disk."""
        if rating not in (KEEP, REJECT, ""):
            raise ValueError(f"no rating {rating!r}")
        _append(self.path / "ratings.jsonl", {"file": file, "rating": rating, "time": round(time.time(), 3)})

    def ratings(self) -> dict[str, str]:
        """File to `KEEP` or `REJECT`."""
        lines, _ = _read_lines(self.path / "ratings.jsonl", 0, _MOST_JSON)
        found: dict[str, str] = {}
        for line in lines:
            file, rating = line.get("file"), line.get("rating")
            if isinstance(file, str) and rating in (KEEP, REJECT):
                found[file] = rating
            elif isinstance(file, str):
                found.pop(file, None)
        return found

    def delete(self) -> None:
        """Delete the run with its samples and checkpoints; the model it made lies elsewhere and stays. StudioError.

        run.json goes first: what a crash or a file in use leaves behind is no run any more.
        """
        with plain_errors():
            (self.path / RECORD).unlink(missing_ok=True)
            if self.path.is_dir():
                shutil.rmtree(self.path)

    def summary(self) -> RunInfo | None:
        """The run as a list shows it, None when there is none here."""
        data = self.info()
        if not data:
            return None
        state = _mapping(data.get("state"))
        model = _mapping(data.get("model"))
        return RunInfo(
            id=self.path.name,
            recipe=str(data.get("recipe", "")),
            title=str(data.get("title", "")),
            created=_number(data.get("created")),
            folder=self.path,
            step=int(_number(state.get("step"))),
            steps=int(_number(state.get("steps"))),
            state=str(state.get("name", "")),
            model=str(model.get("folder", "")),
            figures=_mapping(data.get("figures")),
            seconds=_number(state.get("seconds")),
        )


def runs(project: Path) -> list[RunInfo]:
    """All runs of a project's folder, newest first."""
    try:
        folders = [entry.path for entry in os.scandir(project / WORKSHOPS) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    found = [RunFolder(Path(folder)).summary() for folder in folders]
    return sorted((run for run in found if run is not None), key=lambda run: run.created, reverse=True)


def is_inside(file: str) -> bool:
    """Whether the name of a file that a run's record gives stays below the run's folder, on every system: a record may
    come from anywhere, and a path to another machine is opened with the person's credentials on Windows."""
    windows = PureWindowsPath(file)
    return not (windows.drive or windows.root or ".." in windows.parts or "\0" in file)


_KEPT = re.compile(
    rf"{WORKSHOPS}/[0-9a-f]{{32}}/(?:run\.json|log\.jsonl|ratings\.jsonl|report\.json|DATASET-[a-z_]{{1,40}}\.md"
    r"|samples/[0-9]{1,9}\.png|samples/final/(?:[0-9]{4,6}\.(?:png|md)|final\.jsonl))"
)


def is_kept(name: str) -> bool:
    """Whether a file of a project (its path below it, with "/") is of a run and goes along when the project is passed
    on: what was learned from what, the curves, the samples and what was thought of them. The rest can be made again,
    or is large: checkpoints, prepared data."""
    return _KEPT.fullmatch(name) is not None


def kept_files(project: Path) -> dict[str, int]:
    """The files of all runs for which `is_kept` holds, with their sizes in bytes."""
    found: dict[str, int] = {}
    for run in runs(project):
        for place in ("", "samples/", "samples/final/"):
            with contextlib.suppress(OSError), os.scandir(run.folder / place) as entries:
                for entry in sorted(entries, key=lambda each: each.name):
                    name = f"{WORKSHOPS}/{run.id}/{place}{entry.name}"
                    if is_kept(name) and entry.is_file(follow_symlinks=False):
                        found[name] = entry.stat().st_size
    return found


def _append(path: Path, line: Mapping[str, Any]) -> None:
    text = json.dumps(_finite(line), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
    with open(path, "ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                text = b"\n" + text
        file.write(text)
        file.flush()
        sync_file(file.fileno())


def _read_lines(path: Path, offset: int, most: int) -> tuple[list[dict[str, Any]], int]:
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read(most)
    except OSError:
        return [], offset
    end = data.rfind(b"\n") + 1
    if not end:
        return [], offset + (len(data) if len(data) == most else 0)  # a line longer than that is no line of ours
    found = []
    for line in data[:end].splitlines():
        try:
            item = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(item, dict):
            found.append(item)
    return found, offset + end


def _finite(value: Any) -> Any:
    """The value with numbers that JSON does not know as None: a loss may be one."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_finite(item) for item in value]
    return value


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return 0.0
    try:
        number = float(value)
    except OverflowError:  # JSON's whole numbers have no end
        return 0.0
    return number if math.isfinite(number) else 0.0
