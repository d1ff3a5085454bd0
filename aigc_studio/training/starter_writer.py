"""The starter writer: the small Chinese and English model that ships with the program, made by one command.

    python -m aigc_studio train starter-writer --data DIR --out DIR

The folder keeps everything: the vocabulary, the checkpoint, the log. Giving the same command again goes on where the
run was; a file called `pause` in the folder holds it until the file is gone. At the end (or with --export-only)
`--model DIR` receives the model as a standard transformers folder with its card.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr
from aigc_studio.core.runs import RunFolder
from aigc_studio.engines.device import Placement, go_offline

from . import checkpoint, learner
from .corpus import Document, read_starter_data
from .export import export_writer
from .framing import Framing, Passage
from .learner import step_seed
from .text_learner import TextLearner, optimisers_for
from .text_measure import negative_log_likelihood
from .texts import Texts, prepare, split
from .tokens import save_vocabulary, train_vocabulary
from .trainer import Trainer
from .writer import build

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Settings", "StarterLearner", "main"]

HELD_OUT = 0.02
"""Share of the documents that is never learned and measures the result."""
WEIGHT = {"en": 2.0}
"""English is a fifth of the text; counting twice it gets its share of the attention."""
_LOOK_ROWS = 24


@dataclass(frozen=True)
class Settings:
    """One run. hold: share of the steps after which the rate begins to fall. size: of `writer.SIZES`."""

    vocabulary: int = 6144
    size: str = "small"
    context: int = 256
    batch: int = 16
    steps: int = 3000
    hold: float = 0.4
    rate: float = 3e-3
    seed: int = 1
    precision: str = "bf16"
    validate_every: int = 250


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="aigc_studio train starter-writer",
        description=tr("Train the small bundled writer from a folder of poems and tales."),
    )
    defaults = Settings()
    parser.add_argument("--data", type=Path, required=True, help=tr("Folder with the texts"))
    parser.add_argument("--out", type=Path, required=True, help=tr("Folder of the run: checkpoints and log"))
    parser.add_argument("--model", type=Path, help=tr("Folder that receives the finished model"))
    parser.add_argument("--steps", type=int, default=defaults.steps, help=tr("Number of training steps"))
    parser.add_argument(
        "--hold", type=float, default=defaults.hold, help=tr("Share of steps at the full learning rate")
    )
    parser.add_argument("--rate", type=float, default=defaults.rate, help=tr("Highest learning rate"))
    parser.add_argument("--batch", type=int, default=defaults.batch, help=tr("Rows of text per step"))
    parser.add_argument("--seed", type=int, default=defaults.seed, help=tr("Seed of the run"))
    parser.add_argument("--precision", choices=("bf16", "fp32"), default=defaults.precision, help=tr("Number format"))
    parser.add_argument("--threads", type=int, default=1, help=tr("CPU threads"))
    parser.add_argument("--export-only", action="store_true", help=tr("Write the model from the last checkpoint"))
    args = parser.parse_args(argv)
    settings = Settings(
        steps=args.steps, hold=args.hold, rate=args.rate, batch=args.batch, seed=args.seed, precision=args.precision
    )  # fmt: skip
    try:
        _run(settings, args.data, args.out, args.model, args.threads, args.export_only)
    except StudioError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(tr("Stopped; give the same command again to go on."), file=sys.stderr)
        return 130
    return 0


class StarterLearner(TextLearner):
    """The shared learner of texts, looking at Chinese and English apart."""

    @property
    def held_by_language(self) -> dict[str, list[list[int]]]:
        """ "zh" and "en" to the held-out pieces of that language, each in a row of its own."""
        chinese = int(self.texts.facts["held_out_zh"])
        first = int(self.texts.facts["documents"])
        found: dict[str, list[list[int]]] = {"zh": [], "en": []}
        for number in self.texts.held_out:
            found["zh" if self.texts.document(number) < first + chinese else "en"].append([number])
        return {language: rows for language, rows in found.items() if rows}

    def validate(self, trainer: Trainer) -> Mapping[str, float]:
        """Perplexity by language on some of what was held out: the same each time."""
        found: dict[str, float] = {}
        for language, rows in self.held_by_language.items():
            some = rows[:: max(1, len(rows) // _LOOK_ROWS)]
            nats, count = negative_log_likelihood(self.network, self.texts, some, 16, trainer.check)
            found[f"perplexity_{language}"] = round(math.exp(nats / max(1, count)), 3)
        return found


def _run(settings: Settings, data: Path, out: Path, model_folder: Path | None, threads: int, export_only: bool) -> None:
    go_offline()
    import torch
    from transformers import AutoTokenizer

    torch.set_num_threads(threads)
    run = RunFolder(out)
    _same_settings(run, settings)
    if export_only:
        settings = _stopped_at(settings, out)
    texts = Texts.there(out / "texts") or _prepare(settings, data, out)
    tokenizer = AutoTokenizer.from_pretrained(out / "tokenizer", local_files_only=True)
    torch.manual_seed(step_seed(settings.seed, 1 << 41))
    network = build(tokenizer, settings.size, settings.context)
    starter = StarterLearner(
        network,
        network,
        tokenizer,
        texts,
        optimisers_for(network, "muon", settings.rate, decay=0.1),
        (),
        batch=settings.batch,
        seed=settings.seed,
        placement=Placement("cpu", "float32"),
        run=run,
    )
    how = learner.Settings(
        steps=settings.steps,
        seed=settings.seed,
        warmup=60,
        fall=1.0 - settings.hold,
        precision=settings.precision,
        sample_every=0,
        validate_every=settings.validate_every,
    )
    trainer = Trainer(cast("Any", _Terminal(out / "pause")), run, starter, how, [_Lines()])
    outcome = trainer.run()
    if model_folder is not None:
        figures = export_writer(starter, trainer, settings, outcome, model_folder)
        print(json.dumps(figures, ensure_ascii=False))


def _prepare(settings: Settings, data: Path, out: Path) -> Texts:
    """The run's tokenizer and arrays, made at its first start."""
    from transformers import AutoTokenizer

    passages = [
        Passage(each.title, each.text, weight=WEIGHT.get(each.language, 1.0), form=each.form)
        for each in read_starter_data(data)
    ]
    learned, held_out = split(passages, HELD_OUT, settings.seed)
    documents = [Document(each.form, each.title, each.text) for each in learned]
    save_vocabulary(train_vocabulary(documents, settings.vocabulary), out / "tokenizer")
    framing = Framing(AutoTokenizer.from_pretrained(out / "tokenizer", local_files_only=True), settings.context)
    chinese = sum(Document(each.form, "", "").language == "zh" for each in held_out)  # Chinese ones are read first
    return prepare(out / "texts", learned, held_out, framing, {"documents": len(learned), "held_out_zh": chinese})


def _same_settings(run: RunFolder, settings: Settings) -> None:
    """StudioError when the folder holds a run with other settings; only its length may be changed."""
    free = ("steps", "hold", "validate_every")
    own = {key: value for key, value in asdict(settings).items() if key not in free}
    if run.info().get("settings", own) != own:
        raise StudioError(
            N_('The run in "{folder}" was started with other settings; choose another folder or delete it.'),
            code="training-settings",
            folder=str(run.path),
        )
    run.update(settings=own, recipe="starter-writer", title="Starter writer")


def _stopped_at(settings: Settings, out: Path) -> Settings:
    """The settings with the checkpoint's step as the last, so that nothing more is trained."""
    tree = checkpoint.load_latest(out)
    if tree is None:
        raise StudioError(
            N_('There is no checkpoint in "{folder}" yet; train first.'), code="training", folder=str(out)
        )
    return replace(settings, steps=int(tree["step"]))


class _Lines:
    """A watcher that prints figures as lines of JSON."""

    def values(self, step: int, values: Mapping[str, float]) -> None:
        """See `Watcher`."""
        print(json.dumps({"step": step, **values}, ensure_ascii=False), flush=True)

    def picture(self, step: int, image: Image) -> None:
        """There are none."""

    def close(self) -> None:
        """Nothing is open."""


class _Terminal:
    """The context of a run without a project; it waits while the file `pause` exists."""

    def __init__(self, pause: Path) -> None:
        self._pause = pause

    def check(self) -> None:
        """Wait, as long as someone wants it."""
        while self._pause.exists():
            time.sleep(0.5)

    def __getattr__(self, name: str) -> Any:
        """Progress and notices are in the log."""
        return lambda *args, **more: None
