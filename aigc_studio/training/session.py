"""One training job from its folder of data to the finished model: what every recipe does before and after it learns.

session = Session(ctx, request, FAMILY)
data = session.images(side=64)
trainer = session.train(learner, session.settings())
session.deliver(learner, trainer)
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from aigc_studio.core import catalogue
from aigc_studio.core.datasets.card import dataset_card
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.library.detect import slug
from aigc_studio.core.library.importing import free_space
from aigc_studio.core.metadata import write_image, write_text
from aigc_studio.core.places import names_only
from aigc_studio.core.recipe import make_recipe
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import KEEP, REJECT, WORKSHOPS, RunFolder, Sample
from aigc_studio.core.store.files import replace, sync_folder, write_atomically
from aigc_studio.engines.device import choose

from . import checkpoint
from .bookkeeping import on_a_full_disk
from .common import precision_of
from .learner import Learner, Made, Outcome, Settings
from .model_card import model_card
from .trainer import BEST, Trainer
from .watching import watchers

if TYPE_CHECKING:
    import numpy as np
    import torch
    from PIL.Image import Image

    from aigc_studio.core.datasets.images import ImageReport
    from aigc_studio.core.datasets.texts import TextReport
    from aigc_studio.engines.base import Context, Family

    from .images import PreparedImages

__all__ = ["Draw", "Maker", "Session"]

log = logging.getLogger(__name__)

_MOST_REJECTED = 2000

Draw = Callable[[Trainer, int], "Iterable[torch.Tensor]"]
"""At most so many further pictures of the finished model, in batches (n, c, h, w) in [-1, 1]."""

_CARD = "DATASET-"
"""Before the names of the cards of the data."""


class Maker(Learner, Protocol):
    """A learner that can also make its finished model."""

    def final(self, trainer: Trainer, count: int) -> Iterable[Made]:  # pyright: ignore[reportReturnType]
        """`count` things the finished model makes, each from a seed of its own."""

    def measure(self, trainer: Trainer, made: list[Made]) -> Mapping[str, Any]:  # pyright: ignore[reportReturnType]
        """Figures about the finished model (JSON types): they go into the run, the card and the window."""

    def export(self, folder: Path, trainer: Trainer) -> None:
        """Write the model's own files into an empty folder: configs and safetensors."""


class Session:
    """One job of one recipe.

    run: its folder. values: its parameters, checked. device: where it learns. earlier: the run that it starts from.
    """

    def __init__(self, ctx: Context, request: Request, family: Family) -> None:
        self.ctx, self.request, self.family = ctx, request, family
        self.values: Mapping[str, Any] = ctx.values
        self.run = RunFolder(ctx.workshop())
        self.placement = choose()
        self.device = self.placement.device
        known = str(self.run.info().get("title") or "")  # of a run that goes on, in whatever language it was begun
        self.title = str(self.values.get("name") or "").strip() or known or tr(family.title)
        self.earlier = self._earlier(str(self.values.get("start") or ""))
        self.outcome: Outcome | None = None
        with on_a_full_disk():
            if not self.run.exists:
                self.run.update(
                    id=self.run.path.name,
                    recipe=family.id,
                    title=self.title,
                    created=time.time(),
                    request=request.to_json(),
                    data={},
                )
            self.run.update(state=dict(self.run.info().get("state") or {}) | {"name": "running"})

    # -- before

    def images(self, side: int, param: str = "data", *, kept: bool = True, **how: Any) -> PreparedImages:
        """The pictures of a folder, prepared once in the run's folder; kept samples of the earlier run among them.

        kept: False where samples are no pictures like the data (a picture beside what became of it). how: see
        `images.prepare`.
        """
        from .images import prepare

        if not str(self.values[param]).strip():
            raise StudioError(N_("There is no data to learn from; choose a folder."), code="data-missing")
        name = param if param == "data" else f"data_{param}"
        found = prepare(
            self.run.path / name,
            Path(self.values[param]),
            side=side,
            validation=float(self.values.get("validation", 0.0)),
            seed=self.request.seed,
            also=self.kept() if kept and param == "data" else {},
            check=self.ctx.check,
            progress=self.ctx.progress,
            notice=self.ctx.notice,
            **how,
        )
        self.data_is(found.report, param)
        return found

    def data_is(self, report: ImageReport | TextReport, param: str = "data") -> None:
        """Note what the data is: in the run's record, and as a card that goes with the model."""
        licence = str(self.values.get("licence", ""))
        card = dataset_card(report, title=f"{self.title} · {report.folder.name}", licence=licence)
        self.told(**{param: {"folder": str(self.values[param]), **report.summary()}})
        with on_a_full_disk():
            (self.run.path / f"{_CARD}{param}.md").write_bytes(card.encode("utf-8", "replace"))

    def told(self, **data: Any) -> None:
        """Note something about the data in the run's record."""
        with on_a_full_disk():
            self.run.update(data=dict(self.run.info().get("data") or {}) | data)

    def kept(self) -> dict[Path, str]:
        """Pictures of the earlier rounds that a person kept: file to caption."""
        return self._rated(KEEP)

    def rejected(self) -> dict[Path, str]:
        """Pictures of the earlier rounds that a person rejected: file to caption."""
        return self._rated(REJECT)

    def rejected_pixels(self, side: int) -> np.ndarray:
        """What was rejected when the run began, uint8 (n, side, side, 3): a resumed one sees the same."""
        import numpy as np
        from PIL import Image as Pillow

        if self.earlier is None:
            return np.zeros((0, side, side, 3), np.uint8)
        path = self.run.path / "rejected.npy"
        with contextlib.suppress(OSError, ValueError, EOFError):
            found = np.load(path)
            if found.dtype == np.uint8 and found.shape[1:] == (side, side, 3):
                return found
        pictures = []
        for file in list(self.rejected())[:_MOST_REJECTED]:
            with contextlib.suppress(OSError, ValueError, SyntaxError), Pillow.open(file) as image:
                pictures.append(np.asarray(image.convert("RGB").resize((side, side), Pillow.Resampling.LANCZOS)))
        found = np.stack(pictures) if pictures else np.zeros((0, side, side, 3), np.uint8)
        with on_a_full_disk(), write_atomically(path) as file:
            np.save(file, found)
        return found

    def rounds(self) -> list[RunFolder]:
        """The run that this one starts from, the one that it started from, and so on: what was said of all counts."""
        found: list[RunFolder] = []
        run = self.earlier
        while run is not None and run.path not in [each.path for each in found] and run.path != self.run.path:
            found.append(run)
            request = run.info().get("request")
            params = request.get("params") if isinstance(request, dict) else None
            start = params.get("start") if isinstance(params, dict) else ""
            run = None
            if isinstance(start, str) and _is_id(start):
                before = RunFolder(self.run.path.parent / start)
                run = before if before.info().get("recipe") == self.family.id else None
        return found

    def start_weights(self) -> dict[str, Any] | None:
        """State dicts of the earlier run's modules by name, averages where there are some; None without one."""
        if self.earlier is None:
            return None
        tree = checkpoint.load_latest(self.earlier.path)
        if tree is None:
            raise StudioError(
                N_("The run to start from has nothing that could be read; choose another one, or none."), code="start"
            )
        best = self.earlier.path / BEST
        if tree.get("waited") and best.exists():  # its model was made of these
            with contextlib.suppress(ValueError, OSError):
                tree = checkpoint.load(best)
        return {**tree["modules"], **tree["averages"]}

    def begin_from(self, learner: Learner) -> None:
        """Load the earlier run's weights into a learner's networks, before the trainer takes it."""
        weights = self.start_weights()
        try:
            for name, module in learner.modules.items():
                if weights is not None and name in weights:
                    module.load_state_dict(weights[name])
        except RuntimeError as error:
            raise StudioError(
                N_("The run to start from has other sizes; set the same ones, or start from none."),
                code="start",
                detail=str(error)[:500],
            ) from error

    def settings(self, **more: Any) -> Settings:
        """The settings that the shared parameters say; `more` sets or replaces fields."""
        values = self.values
        every = int(values.get("sample_every", 200))
        fields: dict[str, Any] = {
            "steps": int(values["steps"]),
            "minutes": float(values.get("minutes", 0.0)),
            "seed": self.request.seed,
            "ema": float(values.get("ema", 0.0)),
            "patience": int(values.get("patience", 0)),
            "precision": precision_of(values, self.placement.dtype),
            "device": self.device,
            "sample_every": every,
            "validate_every": every if float(values.get("validation", 0.0)) > 0 else 0,
        }
        return Settings(**(fields | more))

    # -- learning, and after

    def train(self, learner: Learner, settings: Settings | None = None) -> Trainer:
        """Learn to the end (or go on from the checkpoint); the trainer with the finished networks."""
        settings = settings or self.settings()
        told = watchers(self.run, self.values, self.ctx.notice)
        try:
            trainer = Trainer(self.ctx, self.run, learner, settings, told)
            self.outcome = trainer.run()
        finally:
            for watcher in told:  # the trainer has closed them, if it came so far
                watcher.close()
        return trainer

    def deliver(
        self, maker: Maker, trainer: Trainer, *, like: PreparedImages | None = None, more: Draw | None = None
    ) -> None:
        """Make the final samples, measure, put the model into the models folder, and store a sheet of samples.

        like: the pictures that the model's own should be like; they are compared (`evaluation.pictures`). more: draws
        further pictures for that, as the finished model makes them.
        """
        import torch

        stage = N_("Making the model")
        self.ctx.progress(0, 4, stage)
        with torch.no_grad():
            made = self._final(maker, trainer)
            self.ctx.progress(1, 4, stage)
            figures = dict(maker.measure(trainer, made))
            if like is not None:
                figures |= self._compare(trainer, made, like, more)
        with on_a_full_disk():
            self.run.update(figures=figures)
        self.ctx.progress(2, 4, stage)
        folder = self._publish(lambda place: maker.export(place, trainer), made, figures)
        self.ctx.progress(3, 4, stage)
        with on_a_full_disk():
            self.run.update(model={"folder": str(folder), "title": self.title})
            state = dict(self.run.info().get("state") or {})
            self.run.update(state=state | {"name": "done"})
        info = {"run": self.run.path.name, "model": folder.name, "figures": figures}
        sheet = _sheet([each.image for each in made if each.image is not None])
        if sheet is not None:
            self.ctx.save_image(0, sheet, **info)
        else:
            self.ctx.save_text(0, "\n\n---\n\n".join(each.text for each in made), **info)

    def _final(self, maker: Maker, trainer: Trainer) -> list[Made]:
        folder = self.run.path / "samples" / "final"
        made: list[Made] = []
        for index, each in enumerate(maker.final(trainer, int(self.values.get("samples", 16)))):
            self.ctx.check()
            made.append(each)
            with on_a_full_disk():
                folder.mkdir(parents=True, exist_ok=True)
                name = f"{index:04d}.png" if each.image is not None else f"{index:04d}.md"
                recipe = make_recipe(
                    self.run.path.name, 2_000_000 + index, self.request.public(), engine={}, info={"seed": each.seed}
                )
                if each.image is not None:
                    write_image(folder / name, each.image, recipe)
                else:
                    write_text(folder / name, each.text, recipe)
                self.run.add_final(Sample(f"samples/final/{name}", each.seed, each.prompt, each.text[:2000]))
        return made

    def _compare(
        self, trainer: Trainer, made: list[Made], like: PreparedImages, more: Draw | None
    ) -> Mapping[str, Any]:
        """Judge the pictures, and keep the report for the window. A model that cannot be judged is delivered too."""
        from .evaluation.pictures import measure_pictures, report

        self.ctx.progress(1, 4, N_("Comparing with the data"))
        images = [each.image for each in made if each.image is not None]
        try:
            judged = measure_pictures(
                images,
                like,
                more=partial(more, trainer) if more is not None else None,
                prompts=[each.prompt for each in made if each.image is not None],
                device=self.device,
                check=self.ctx.check,
            )
        except (MemoryError, RuntimeError, ValueError) as error:  # out of memory on a card is a RuntimeError
            log.exception("the pictures cannot be compared")
            self.ctx.notice(
                N_("The pictures could not be compared with the data ({reason}); the model is made all the same."),
                reason=str(error)[:200] or type(error).__name__,
            )
            return {}
        files = [f"samples/final/{number:04d}.png" for number, each in enumerate(made) if each.image is not None]
        report(self.run, judged, like, files)
        return judged.figures

    def _publish(self, export: Callable[[Path], None], made: list[Made], figures: Mapping[str, Any]) -> Path:
        """The model's folder in the models folder, there as a whole or not at all."""
        place = catalogue.models_folder()
        target = self._free_place(place)
        building = place / f".{uuid.uuid4().hex[:12]}.part"
        try:
            building.mkdir(parents=True)
            export(building)
            self._describe(building, made, figures)
            for file in building.rglob("*"):
                if file.is_file():
                    with open(file, "rb+") as handle:
                        os.fsync(handle.fileno())
            if target.exists():  # of this very run, made again
                old = target.with_name(f".{uuid.uuid4().hex[:12]}.old.part")
                replace(target, old)
                try:
                    replace(building, target)
                except OSError:
                    replace(old, target)
                    raise
                shutil.rmtree(old, ignore_errors=True)
            else:
                replace(building, target)
            sync_folder(place)
        except OSError as error:
            raise StudioError(
                N_("The model could not be written to {folder} ({reason}); make room there and resume the training."),
                code="disk",
                folder=str(place),
                reason=error.strerror or str(error),
                detail=f"{free_space(place)} bytes free",
            ) from error
        finally:
            shutil.rmtree(building, ignore_errors=True)
        return target

    def _free_place(self, place: Path) -> Path:
        """The model's folder: a name of its own, or the one that this very run had before."""
        name = slug(self.title)[:60]
        for digits in (4, 8, 12, len(self.run.path.name)):
            target = place / f"{name}-{self.run.path.name[:digits]}"
            try:
                told = json.loads((target / "training.json").read_bytes())
            except (OSError, ValueError):
                told = None
            if not target.exists() or (isinstance(told, dict) and told.get("run") == self.run.path.name):
                return target
        raise StudioError(
            N_("There is a folder called {name} already that is no result of this training; rename it and resume."),
            code="exists",
            name=target.name,
        )

    def _describe(self, folder: Path, made: list[Made], figures: Mapping[str, Any]) -> None:
        """training.json, the card, and the sheet that the card shows."""
        info = self.run.info()
        public = self.request.public()
        facts = {
            "ai_generated_samples": True,
            "run": self.run.path.name,
            "recipe": self.family.id,
            "title": self.title,
            "request": public.to_json(),
            "data": names_only(dict(info.get("data") or {})),
            "licence": str(self.values.get("licence", "")),
            "figures": dict(figures),
            "steps": self.outcome.step if self.outcome else 0,
            "seconds": round(self.outcome.seconds if self.outcome else 0.0, 1),
            "ended": self.outcome.reason if self.outcome else "",
            "device": self.device,
        }
        text = json.dumps(facts, ensure_ascii=False, indent=1) + "\n"
        (folder / "training.json").write_bytes(text.encode("utf-8", "replace"))
        sheet = _sheet([each.image for each in made if each.image is not None])
        if sheet is not None:
            recipe = make_recipe(self.run.path.name, 3_000_000, public, engine={}, info={})
            write_image(folder / "samples.png", sheet, recipe)
        card = model_card(self.family, facts, [each.text for each in made if each.text][:4], sheet is not None)
        (folder / "README.md").write_bytes(card.encode("utf-8", "replace"))
        for path in sorted(self.run.path.glob(f"{_CARD}*.md")):
            shutil.copy(path, folder / path.name)

    def _earlier(self, id: str) -> RunFolder | None:
        if not id:
            return None
        project = self.run.path.parent
        found = RunFolder(project / id)
        here = _is_id(id) and project.name == WORKSHOPS and found.info().get("recipe") == self.family.id
        if here and not found.path.is_symlink():
            return found
        if checkpoint.load_latest(self.run.path) is not None:  # it has begun already, and has all that it needs
            self.ctx.notice(N_("The run that this one started from was deleted; it goes on without it."))
            return None
        raise StudioError(
            N_("The run to start from is not in this project any more; choose another one, or none."), code="start"
        )

    def _rated(self, rating: str) -> dict[Path, str]:
        found: dict[Path, str] = {}
        for run in self.rounds():
            prompts = {sample.file: sample.prompt for sample in run.final_samples()}
            found |= {
                run.path / file: prompts[file]
                for file, given in run.ratings().items()
                if given == rating and file in prompts and file.endswith(".png") and (run.path / file).is_file()
            }
        return found


def _is_id(text: str) -> bool:
    """Whether a text can be the name of a run's folder, and of nothing above it."""
    return text not in ("", ".", "..") and Path(text).name == text


def _sheet(images: list[Image], most: int = 64) -> Image | None:
    """Pictures of one size in a square grid with thin white lines, None without one."""
    from PIL import Image as Pillow

    images = images[:most]
    if not images:
        return None
    columns = int(len(images) ** 0.5 + 0.999)
    width, height = images[0].size
    rows = -(-len(images) // columns)
    gap = max(2, width // 32)
    sheet = Pillow.new("RGB", (columns * (width + gap) + gap, rows * (height + gap) + gap), "white")
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        sheet.paste(image.convert("RGB"), (gap + column * (width + gap), gap + row * (height + gap)))
    return sheet
