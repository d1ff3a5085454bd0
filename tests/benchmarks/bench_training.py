"""The shared training loop beside bare loops written by hand, and what goes with it:

    python -m tests.benchmarks.bench_training [vae|gan|writer|data|checkpoint ...] [--steps N] [--rounds N]
                                              [--size N] [--device cuda]

A bare loop has the same network, data, optimisers, clipping and averages, and nothing else: no log, no checkpoints, no
step that could be taken back. Rounds alternate, so that a machine that gets busier hurts all alike; the ratio is the
median over rounds (bar 0.9 of the bare loop's samples a second). Ours is measured as a person waits for it: with the
log, and with one checkpoint a minute. "board": with TensorBoard's events, too.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from aigc_studio.core.runs import RunFolder
from aigc_studio.engines.device import Placement
from aigc_studio.training import checkpoint, gan, vae
from aigc_studio.training.images import PreparedImages, prepare
from aigc_studio.training.learner import Settings, Watcher
from aigc_studio.training.trainer import Trainer
from aigc_studio.training.watching import TensorBoard
from tests.engines.context import FakeContext
from tests.training.pictures import make_folder

clock = time.perf_counter
"""With --busy the processor's own time, for a machine that has other work: one thread, no card."""

BAR = 0.9
EMA = 0.995
_MINUTE = 60.0


class Ours:
    """One learner in the shared loop: how long some steps take, and a checkpoint."""

    def __init__(self, learner: Any, folder: Path, device: str, clip: float, board: bool) -> None:
        self.learner, self.folder, self.device, self.clip, self.board = learner, folder, device, clip, board
        self.saved: list[float] = []

    def seconds(self, steps: int) -> float:
        """A run of so many steps in a folder of its own, with its share of a checkpoint a minute."""
        shutil.rmtree(self.folder, ignore_errors=True)
        run = RunFolder(self.folder)
        settings = Settings(
            steps=steps, ema=EMA, clip=self.clip, device=self.device, sample_every=0, validate_every=0, seed=1
        )
        told: list[Watcher] = [TensorBoard(run)] if self.board else []
        spent = 0.0
        save = checkpoint.save_latest

        def timed(*given: Any) -> None:
            nonlocal spent
            began = clock()
            save(*given)
            spent += clock() - began

        checkpoint.save_latest = timed
        try:
            began = clock()
            Trainer(FakeContext(), run, self.learner, settings, told).run()
            wall = clock() - began - spent
        finally:
            checkpoint.save_latest = save
        self.saved.append(spent)
        return wall * (1 + spent / _MINUTE)


def averaged(modules: Mapping[str, Any], names: tuple[str, ...]) -> Callable[[], None]:
    """The moving averages of some modules, as a person would write them."""
    import copy

    import torch

    copies = {name: copy.deepcopy(modules[name]).eval().requires_grad_(False) for name in names}

    def update() -> None:
        with torch.no_grad():
            for name, average in copies.items():
                torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]
                    list(average.parameters()), list(modules[name].parameters()), 1 - EMA
                )

    return update


# Three learners, and the same by hand ---------------------------------------------------------------------------------


def drawings(folder: Path, count: int, side: int) -> PreparedImages:
    """Prepared drawings."""
    return prepare(folder / f"ready-{side}", make_folder(folder / f"drawings-{side}", count, side), side=side)


def vae_case(folder: Path, side: int, device: str) -> tuple[Any, float, int, Callable[[int], float]]:
    """(learner, clipping, samples a step, the seconds of so many bare steps)."""
    import torch

    from aigc_studio.nets.vae import VAE, divergence

    data = drawings(folder, 200, side)
    values = vae.FAMILY.values("train", {"flip": False})

    def built() -> tuple[Any, Any]:
        torch.manual_seed(1)
        net = VAE(size=side, latent=values["latent"], width=values["width"], widest=8 * values["width"]).to(device)
        return net, vae.VAELearner(net, data, values, 1)

    net, _ = built()
    optimiser = torch.optim.AdamW(net.parameters(), lr=values["rate"], weight_decay=1e-4)
    update = averaged({"vae": net}, ("vae",))
    batch, beta = int(values["batch"]), float(values["beta"])

    def bare(steps: int) -> float:
        net.train()
        began = clock()
        for _ in range(steps):
            image = data.batch(np.random.choice(data.train, batch)).to(device)
            back, mean, logvar = net(image)
            nats = divergence(mean, logvar).sum(1).mean() / image[0].numel()
            ((back - image).abs().mean() + beta * nats).backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            update()
        wait(device)
        return clock() - began

    return built()[1], 1.0, batch, bare


def gan_case(folder: Path, side: int, device: str) -> tuple[Any, float, int, Callable[[int], float]]:
    """The same for the GAN, without adaptive augmentation, which learns nothing, and its means for small sets."""
    import torch

    from aigc_studio.nets.gan import Discriminator, Generator

    data = drawings(folder, 200, side)
    values = gan.FAMILY.values("train", {"flip": False, "adaptive": False, "redraw": 0.0, "pull": 0.0})
    width, batch, rate = int(values["width"]), int(values["batch"]), float(values["rate"])

    def built() -> tuple[Any, Any]:
        torch.manual_seed(1)
        generator = Generator(size=side, latent=values["latent"], width=width, widest=8 * width)
        critic = Discriminator(size=side, width=width, widest=8 * width)
        return tuple(
            net.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
            for net in (generator, critic)
        )

    generator, critic = built()
    slow = list(generator.mapping.parameters())
    fast = [weight for weight in generator.parameters() if not any(weight is each for each in slow)]
    painting = torch.optim.Adam([{"params": fast}, {"params": slow, "lr": rate * 0.1}], lr=rate, betas=(0.0, 0.99))
    judging = torch.optim.Adam(critic.parameters(), lr=rate, betas=(0.0, 0.99))
    update = averaged({"generator": generator}, ("generator",))

    def bare(steps: int) -> float:
        began = clock()
        for step in range(steps):
            real = data.batch(np.random.choice(data.train, batch)).to(device)
            real.requires_grad_(step % gan._LAZY == 0)
            with torch.no_grad():
                made = generator(torch.randn(batch, generator.latent).to(device))
            says = critic(real)
            loss = gan.hinge_critic(says, critic(made))
            if real.requires_grad:
                loss = loss + gan.penalty(says, real) * (float(values["r1"]) / 2 * gan._LAZY)
            loss.backward()
            judging.step()
            judging.zero_grad(set_to_none=True)
            critic.requires_grad_(False)
            gan.hinge_generator(critic(generator(torch.randn(batch, generator.latent).to(device)))).backward()
            critic.requires_grad_(True)
            painting.step()
            painting.zero_grad(set_to_none=True)
            update()
        wait(device)
        return clock() - began

    return gan.GANLearner(*built(), data, values, 1), 0.0, batch, bare


def writer_case(folder: Path, _side: int, device: str) -> tuple[Any, float, int, Callable[[int], float]]:
    """The same for a small language model from nothing; a sample is a row of 256 tokens."""
    import torch
    from transformers import AutoTokenizer

    from aigc_studio.training.corpus import Document
    from aigc_studio.training.framing import Framing, Passage
    from aigc_studio.training.text_learner import TextLearner, optimisers_for
    from aigc_studio.training.text_measure import losses
    from aigc_studio.training.texts import prepare as prepare_texts
    from aigc_studio.training.tokens import save_vocabulary, train_vocabulary
    from aigc_studio.training.writer import build

    context, rows, rate = 256, 8, 3e-3
    rng = random.Random(3)
    words = ["".join(rng.choices("abcdefghijklmnoprstuvw", k=rng.randint(2, 8))) for _ in range(900)]
    stories = [" ".join(rng.choices(words, k=rng.randint(40, 300))) for _ in range(300)]
    documents = [Document("fable", "", text) for text in stories]
    save_vocabulary(train_vocabulary(documents, 2000), folder / "tokenizer")
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    passages = [Passage("", text) for text in stories]
    texts = prepare_texts(folder / "texts", passages[:-20], passages[-20:], Framing(tokenizer, context), {})

    def built() -> tuple[Any, Mapping[str, Any]]:
        torch.manual_seed(1)
        network = build(tokenizer, "small", context).to(device)
        return network, optimisers_for(network, "muon", rate, decay=0.1)

    network, optimisers = built()
    update = averaged({"writer": network}, ("writer",))

    def bare(steps: int) -> float:
        network.train()
        began = clock()
        for step in range(steps):
            part = {name: torch.from_numpy(value).to(device) for name, value in texts.batch(step, rows, 2).items()}
            out = network(input_ids=part["ids"], position_ids=part["place"], use_cache=False)
            loss, _ = losses(out.logits, part["target"], part["weight"])
            (loss / part["weight"].abs().sum()).backward()
            for optimiser in optimisers.values():
                weights = [weight for group in optimiser.param_groups for weight in group["params"]]
                torch.nn.utils.clip_grad_norm_(weights, 1.0)
                optimiser.step()
                optimiser.zero_grad(set_to_none=True)
            update()
        wait(device)
        return clock() - began

    ours, optimisers_of_ours = built()
    run = RunFolder(folder / "unused")
    placement = Placement(device, "float32")
    learner = TextLearner(
        ours, ours, tokenizer, texts, optimisers_of_ours, (), batch=rows, seed=2, placement=placement, run=run
    )
    return learner, 1.0, rows, bare


CASES = {"vae": vae_case, "gan": gan_case, "writer": writer_case}
_STEPS = {"vae": 40, "gan": 80, "writer": 10}


def compare(name: str, folder: Path, options: argparse.Namespace) -> None:
    """Samples a second of the bare loop, of ours, and of ours with TensorBoard."""
    folder.mkdir(parents=True)
    learner, clip, samples, bare = CASES[name](folder, options.size, options.device)
    steps = options.steps or _STEPS[name]
    ours = Ours(learner, folder / "run", options.device, clip, board=False)
    board = Ours(learner, folder / "board", options.device, clip, board=True)
    contestants: dict[str, Callable[[int], float]] = {"bare": bare, "ours": ours.seconds, "board": board.seconds}
    for seconds in contestants.values():
        seconds(2)
    ours.saved.clear()
    speeds: dict[str, list[float]] = {each: [] for each in contestants}
    order = list(contestants)
    for number in range(options.rounds):
        for each in order[number % 3 :] + order[: number % 3]:
            speeds[each].append(samples * steps / contestants[each](steps))
    unit = "rows" if name == "writer" else "pictures"
    for each, values in speeds.items():
        ratios = [value / plain for value, plain in zip(values, speeds["bare"], strict=True)]
        print(
            f"{name:8} {each:6} {statistics.median(values):9.1f} {unit}/s   ratio {statistics.median(ratios):6.3f}"
            f"  ({min(ratios):.3f} to {max(ratios):.3f})" + ("" if each == "bare" else f"   (bar {BAR})")
        )
    print(f"{name:8} a checkpoint takes {1000 * statistics.median(ours.saved):.0f} ms")


def wait(device: str) -> None:
    """Until the card has done everything."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize()


# What else takes time -------------------------------------------------------------------------------------------------


def measure_data(folder: Path, options: argparse.Namespace) -> None:
    """Preparing pictures of 512 px for 64 px, opening them again, and reading batches."""
    count = options.pictures
    source = make_folder(folder / "source", count, 512)
    began = time.perf_counter()
    data = prepare(folder / "ready", source, side=64)
    spent = time.perf_counter() - began
    print(f"data     {count} pictures of 512 px prepared in {spent:.1f} s, {count / spent:.0f} pictures/s")
    began = time.perf_counter()
    prepare(folder / "ready", source, side=64)
    print(f"data     opened again in {1000 * (time.perf_counter() - began):.0f} ms")
    began = time.perf_counter()
    for step in range(200):
        data.batch(data.choose(step, 32, 1))
    print(f"data     batches of 32: {200 * 32 / (time.perf_counter() - began):.0f} pictures/s")


def measure_checkpoint(folder: Path, options: argparse.Namespace) -> None:
    """Writing and reading the state of a network of 25 million weights with averages and Adam's two moments: 400 MB."""
    import torch

    folder.mkdir(parents=True)
    weights = {f"layer.{number}": torch.randn(1_000_000) for number in range(25)}
    moments = {
        number: {"step": torch.tensor(3.0), "exp_avg": value.clone(), "exp_avg_sq": value.square()}
        for number, value in enumerate(weights.values())
    }
    tree = {
        "modules": {"net": weights},
        "averages": {"net": {name: value.clone() for name, value in weights.items()}},
        "optimisers": {"net": {"state": moments, "param_groups": [{"lr": 1e-3, "params": list(range(25))}]}},
    }
    spent: dict[str, list[float]] = {"written": [], "read": []}
    for _ in range(options.rounds):
        began = time.perf_counter()
        checkpoint.save_latest(folder, tree)
        spent["written"].append(time.perf_counter() - began)
        began = time.perf_counter()
        found = checkpoint.load_latest(folder)
        for part in (found["modules"]["net"], found["averages"]["net"]):
            for value in part.values():
                value.sum()  # nothing is read before it is needed
        spent["read"].append(time.perf_counter() - began)
    size = sum(path.stat().st_size for path in folder.glob("checkpoint.safetensors"))
    for name, values in spent.items():
        print(
            f"checkpoint  {size / 1e6:.0f} MB {name} in {statistics.median(values):.2f} s (worst {max(values):.2f} s)"
        )


def main() -> None:
    """Measure and print."""
    what = (*CASES, "data", "checkpoint")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=list(what), metavar="WHAT", help=", ".join(what))
    parser.add_argument("--steps", type=int, default=0, help="of a round; 0: as many as take some 8 seconds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=32, help="side of the pictures that are learned")
    parser.add_argument("--pictures", type=int, default=2000, help="of the preparation")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--busy", action="store_true", help="count this process's time on the processor")
    options = parser.parse_args()
    if options.busy:
        global clock
        clock = time.process_time
    if unknown := set(options.what) - set(what):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    import torch

    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as place:
        for name in options.what:
            folder = Path(place) / name
            if name in CASES:
                compare(name, folder, options)
            elif name == "data":
                measure_data(folder, options)
            else:
                measure_checkpoint(folder, options)


if __name__ == "__main__":
    main()
