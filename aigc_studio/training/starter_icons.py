"""The starter icon painter: a small picture model that paints icons from words, in English and Chinese, by one command.

    python -m aigc_studio train starter-icons --data DIR --out DIR --model DIR

DIR of the data holds names.tsv (file, en, zh) and the drawings, as PNG with transparency. The folder of the run keeps
everything; giving the same command again goes on where the run was, and a file called `pause` in it holds it. On a
CUDA card drawings, scenes and networks stay on the card, in bfloat16 and compiled; half an hour on a current
data-centre card is meant. A processor learns a few drawings (`--drawings 8 --size 64 --network small`), which proves
the way but paints nothing else.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import tr
from aigc_studio.core.runs import RunFolder

from .caption_tokens import load_tokenizer, save_tokenizer, token_ids, train_tokenizer
from .icon_card import icon_card
from .icon_evaluation import evaluate, named_scenes, unseen_scenes
from .icon_scenes import Scene, Scenes, read_drawings
from .latent_diffusion import networks, save_pipeline
from .latent_learner import Encode, LatentLearner, Plan, pipeline_of, sheet
from .learner import Settings
from .trainer import Trainer

if TYPE_CHECKING:
    from torch import Tensor

    from aigc_studio.engines.base import Context

__all__ = ["SceneSource", "main"]

STEPS, GUIDANCE = 20, 3.0
"""With which samples are made and the model is measured."""
ICON = "icon"
"""The shape of the networks that fit the starter pack: 30 million weights, 60 MB as float16."""


class SceneSource:
    """Scenes composed for each step; the words of the next step are read while this one is learned."""

    def __init__(self, scenes: Scenes, tokenizer: Any, seed: int) -> None:
        self._scenes, self._tokenizer, self._seed = scenes, tokenizer, seed
        self._ahead: tuple[int, int, Future[tuple[list[Scene], Tensor]]] | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="scenes")

    def pictures(self, step: int, count: int) -> Tensor:
        """See `Source`."""
        return self._scenes.compose(self._scenes.draw(count, np.random.default_rng((self._seed, step, 2))))

    def pairs(self, step: int, count: int, encode: Encode) -> tuple[Tensor, Tensor]:
        """See `Source`."""
        if self._ahead is not None and self._ahead[:2] == (step, count):
            chosen, ids = self._ahead[2].result()
        else:
            chosen, ids = self._chosen(step, count)
        self._ahead = (step + 1, count, self._pool.submit(self._chosen, step + 1, count))
        return encode(self._scenes.compose(chosen)), ids

    def _chosen(self, step: int, count: int) -> tuple[list[Scene], Tensor]:
        chosen = self._scenes.draw(count, np.random.default_rng((self._seed, step, 2)))
        return chosen, token_ids(self._tokenizer, [self._scenes.prompt(scene) for scene in chosen])

    def held_out(self, most: int) -> tuple[Tensor, Tensor] | None:
        """Compositions that are never shown."""
        chosen = unseen_scenes(self._scenes, most, self._seed)
        if not chosen:
            return None
        return self._scenes.compose(chosen), token_ids(self._tokenizer, [self._scenes.prompt(each) for each in chosen])

    def close(self) -> None:
        """Stop reading ahead."""
        self._pool.shutdown(cancel_futures=True)


class _Console:
    """What the trainer asks of a context: lines on the terminal, and a file that pauses it."""

    def __init__(self, flag: Path) -> None:
        self._flag, self._told = flag, 0.0

    def check(self) -> None:
        while self._flag.exists():
            time.sleep(0.5)

    def progress(self, done: int, total: int, stage: str = "", preview: Any = None) -> None:
        now = time.monotonic()
        if now - self._told >= 10 or done == total:
            self._told = now
            print(f"{tr(stage)} {done}/{total}", flush=True)

    def notice(self, text: str, **params: Any) -> None:
        print(tr(text, **params), flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns the exit status."""
    args = _parser().parse_args(argv)
    try:
        _run(args)
    except StudioError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(tr("Stopped; give the same command again to go on."), file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aigc_studio train starter-icons",
        description=tr("Train the small bundled icon painter from a folder of drawings with names."),
    )
    parser.add_argument("--data", type=Path, required=True, help=tr("Folder with names.tsv and the drawings"))
    parser.add_argument("--out", type=Path, required=True, help=tr("Folder of the run: checkpoints and log"))
    parser.add_argument("--model", type=Path, help=tr("Folder that receives the finished model"))
    parser.add_argument("--drawings", type=int, default=0, help=tr("Learn only so many drawings; 0 for all"))
    parser.add_argument("--size", type=int, default=128, help=tr("Side of a picture in pixels"))
    parser.add_argument("--network", default=ICON, help=tr("Size of the networks: tiny, small, icon, medium or large"))
    parser.add_argument("--steps", type=int, default=60000, help=tr("Number of training steps"))
    parser.add_argument("--minutes", type=float, default=0.0, help=tr("Time limit in minutes; 0 for none"))
    parser.add_argument("--batch", type=int, default=256, help=tr("Pictures per step"))
    parser.add_argument("--rate", type=float, default=4e-4, help=tr("Highest learning rate"))
    parser.add_argument("--autoencoder", type=float, default=0.2, help=tr("Share of the run for the autoencoder"))
    parser.add_argument("--sample-every", type=int, default=1000, help=tr("Steps between two sheets of samples"))
    parser.add_argument("--samples", type=int, default=36, help=tr("Pictures in a sheet of samples"))
    parser.add_argument("--seed", type=int, default=1, help=tr("Seed of the run"))
    parser.add_argument("--precision", choices=("auto", "bf16", "fp32"), default="auto", help=tr("Number format"))
    parser.add_argument("--no-compile", action="store_true", help=tr("Do not compile the networks"))
    parser.add_argument("--threads", type=int, default=1, help=tr("CPU threads"))
    parser.add_argument("--measure", type=int, default=200, help=tr("Pictures painted for each measured figure"))
    return parser


def _run(args: argparse.Namespace) -> None:
    from aigc_studio.engines.device import choose, go_offline

    go_offline()
    import torch

    from aigc_studio.nets.diffusion import SHAPES, make_scheduler

    torch.set_num_threads(args.threads)
    placement = choose()
    device = placement.device
    card = device.startswith("cuda")
    if card:
        torch.set_float32_matmul_precision("high")
    drawings, pixels = read_drawings(args.data, args.drawings)
    scenes = Scenes(drawings, pixels, args.size, device)
    tokenizer = _tokenizer(args.out, scenes)
    shape = SHAPES[args.network]
    plan = Plan(
        batch=args.batch,
        autoencoder=args.autoencoder,
        rate=args.rate,
        prompts=_prompts(scenes, args.seed, args.samples),
        guidance=GUIDANCE,
        steps=STEPS,
        seed=args.seed,
        device=device,
        compiled=card and not args.no_compile,
    )
    settings = Settings(
        steps=args.steps,
        seed=args.seed,
        minutes=args.minutes,
        ema=0.9995 if args.steps > 5000 else 0.99,
        warmup=min(500, args.steps // 20),
        fall=0.3,
        precision=("bf16" if card else "fp32") if args.precision == "auto" else args.precision,
        device=device,
        sample_every=args.sample_every,
        validate_every=args.sample_every,
        checkpoint_seconds=120.0,
    )
    console = _Console(args.out / "pause")
    source = SceneSource(scenes, tokenizer, args.seed)
    run = RunFolder(args.out)
    if not run.exists:
        run.update(recipe="starter-icons", title="starter-icons", created=time.time(), data={"drawings": len(drawings)})
    parts = networks(shape, args.size, tokenizer, args.seed)
    learner = LatentLearner(plan, source, parts, tokenizer, make_scheduler(), console.check)
    context: Context = console  # pyright: ignore[reportAssignmentType]
    trainer = Trainer(context, run, learner, settings)
    try:
        outcome = trainer.run()
        if args.model is not None:
            _export(args, learner.pipeline(trainer), scenes, outcome, console.check)
    finally:
        source.close()


def _tokenizer(out: Path, scenes: Scenes) -> Any:
    """The run's tokenizer, made at its first start from names and what is said around them."""
    folder = out / "tokenizer"
    if not folder.is_dir():
        rng = np.random.default_rng(0)
        said = [scenes.prompt(scene) for scene in scenes.draw(20 * len(scenes.drawings) + 2000, rng)]
        names = [name for drawing in scenes.drawings for name in (drawing.en, drawing.zh)]
        part = out / "tokenizer.part"
        shutil.rmtree(part, ignore_errors=True)
        save_tokenizer(train_tokenizer([*said, *names]), part)
        part.replace(folder)
    return load_tokenizer(folder)


def _prompts(scenes: Scenes, seed: int, count: int) -> tuple[str, ...]:
    """Names alone in both languages, a quarter each, and compositions that were never shown."""
    quarter = max(1, count // 4)
    plain = [each for chinese in (False, True) for each in named_scenes(scenes, quarter, chinese=chinese)]
    chosen = [*plain, *unseen_scenes(scenes, max(0, count - len(plain)), seed)]
    return tuple(scenes.prompt(scene) for scene in chosen)


def _export(args: argparse.Namespace, pipe: Any, scenes: Scenes, outcome: Any, check: Callable[[], None]) -> None:
    """Write the model as float16, and measure what is written."""
    import copy

    import torch

    folder: Path = args.model
    folder.mkdir(parents=True, exist_ok=True)
    save_pipeline(pipe, folder, steps=STEPS, guidance=GUIDANCE, half=True)
    rounded = {
        name: copy.deepcopy(getattr(pipe, name)).to(torch.float16).float() for name in ("vae", "unet", "text_encoder")
    }
    shipped = pipeline_of(rounded["vae"], rounded["text_encoder"], pipe.tokenizer, rounded["unet"], pipe.scheduler)
    figures, shown = evaluate(
        shipped, scenes, seed=args.seed, steps=STEPS, guidance=GUIDANCE, count=args.measure, check=check
    )
    figures |= {
        "parameters": sum(weight.numel() for part in rounded.values() for weight in part.parameters()),
        "drawings": len(scenes.drawings),
        "side": args.size,
        "training_steps": outcome.step,
        "batch": args.batch,
        "training_minutes": round(outcome.seconds / 60, 1),
        "device": torch.cuda.get_device_name() if scenes.device.startswith("cuda") else "cpu",
        "seed": args.seed,
    }
    per = max(1, len(shown) // 64)
    sheet([image for _, image in shown[::per]][:64]).save(folder / "samples.png")
    text = json.dumps(figures, indent=1, ensure_ascii=False) + "\n"
    (folder / "figures.json").write_text(text, encoding="utf-8")
    card = icon_card(figures, [prompt for prompt, _ in shown[::per]][:64])
    (folder / "README.md").write_text(card, encoding="utf-8")
    print(text, flush=True)
