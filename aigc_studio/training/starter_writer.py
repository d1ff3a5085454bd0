"""The starter writer: the small Chinese and English model that ships with the program, made by one command.

    python -m aigc_studio train starter-writer --data DIR --out DIR

The folder keeps everything: the vocabulary, the checkpoint, the log. Giving the same command again goes on where the
run was; a file called `pause` in the folder holds it until the file is gone. At the end (or with --export-only)
`--model DIR` receives the model as a standard transformers folder with its card.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_, tr

from .causal_lm import Settings, train
from .corpus import Document, read_starter_data, split
from .export import export_writer
from .tokens import Vocabulary, save_vocabulary, train_vocabulary

__all__ = ["main"]

HELD_OUT = 0.02
"""Share of the documents that is never learned and measures the result."""
REPEAT = {"en": 2}
"""English is a fifth of the text; seen twice per epoch it gets its share of the attention."""


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
        steps=args.steps, hold=args.hold, rate=args.rate, batch=args.batch, seed=args.seed, precision=args.precision,
        repeat=REPEAT,
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


def _run(settings: Settings, data: Path, out: Path, model_folder: Path | None, threads: int, export_only: bool) -> None:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch

    torch.set_num_threads(threads)
    learned, held_out = split(read_starter_data(data), HELD_OUT, settings.seed)
    vocabulary = _vocabulary(out, learned, settings.vocabulary)
    encoded_out = vocabulary.encode(held_out)
    validation = {
        language: [
            piece
            for document in encoded_out
            if document.language == language
            for piece in vocabulary.pieces(document, settings.context)
        ]
        for language in ("zh", "en")
    }
    encoded = vocabulary.encode(learned)
    if export_only and not (out / "checkpoint.pt").exists():
        raise StudioError(
            N_('There is no checkpoint in "{folder}" yet; train first.'), code="training", folder=str(out)
        )
    if export_only:
        settings = _stopped_at(settings, out)
    few = {language: pieces[:60] for language, pieces in validation.items()}
    model = train(settings, encoded, few, vocabulary, out, report=_logger(out), check=_pause_while(out / "pause"))
    if model_folder is not None:
        figures = export_writer(model, settings, vocabulary, encoded, validation, out, model_folder)
        print(json.dumps(figures, ensure_ascii=False))


def _stopped_at(settings: Settings, out: Path) -> Settings:
    """The settings with the checkpoint's step as the last, so that nothing more is trained."""
    import torch

    state = torch.load(out / "checkpoint.pt", map_location="cpu", weights_only=True)
    return replace(settings, steps=int(state["step"]))


def _vocabulary(out: Path, learned: list[Document], size: int) -> Vocabulary:
    """The run's vocabulary, trained at its first start."""
    from tokenizers import Tokenizer

    out.mkdir(parents=True, exist_ok=True)
    if not (out / "tokenizer.json").exists():
        save_vocabulary(train_vocabulary(learned, size), out)
    return Vocabulary(Tokenizer.from_file(str(out / "tokenizer.json")))


def _logger(out: Path) -> Callable[[dict[str, Any]], None]:
    """Lines of JSON into log.jsonl and onto the terminal."""

    def report(line: dict[str, Any]) -> None:
        text = json.dumps(line, ensure_ascii=False)
        with (out / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(text + "\n")
        print(text, flush=True)

    return report


def _pause_while(flag: Path) -> Callable[[], None]:
    """A check that waits while the file `flag` exists."""

    def check() -> None:
        while flag.exists():
            time.sleep(0.5)

    return check
