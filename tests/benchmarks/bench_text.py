"""Our token loop beside a plain transformers script, on the same model with the same sampling:

    python -m tests.benchmarks.bench_text [--model FOLDER | --tiny gpt2|llama|qwen2|t5|mt5|marian ...] [--beams N]
                                          [--tokens N] [--rounds N] [--child]

Prints tokens per second of each, the ratio of the medians, and how long a stop takes. Rounds alternate, so that a
machine that gets busier hurts both alike. With --child the engine runs in its own process, as in the window. --tiny: a
model with random weights of that class, where everything that is not the network weighs most; models with an encoder
translate greedily, or with --beams, the others continue in the balanced style.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from aigc_studio.core import catalogue
from aigc_studio.core.errors import Cancelled
from aigc_studio.core.library.language import read_writer
from aigc_studio.core.metadata import read_recipe
from aigc_studio.core.requests import Request
from aigc_studio.engines import registry
from aigc_studio.engines.base import Model
from aigc_studio.engines.child import ChildEngine
from aigc_studio.engines.engine import CancelToken, Order
from aigc_studio.engines.local import LocalEngine
from aigc_studio.engines.text import causal_lm, seq2seq
from tests.engines.context import FakeContext
from tests.tiny import text as tiny


class Listening:
    """Keeps the last result's file, and when the writing had begun (beams may show nothing for long)."""

    def __init__(self) -> None:
        self.path = Path()
        self.began = threading.Event()

    def progress(self, index: int, done: int, total: int, stage: str, preview: object) -> None:
        """Tokens are written."""
        if done > 4:
            self.began.set()

    def silent(self, seconds: float) -> None:
        """Not needed."""

    def partial(self, index: int, piece: str) -> None:
        """Not needed."""

    def notice(self, text: str, params: object) -> None:
        """Not needed."""

    def output(self, index: int, path: Path) -> None:
        """The result is stored."""
        self.path = path


class Causal:
    """Goes on with a text in the balanced style."""

    family, task = "causal-lm", "continue"
    prompt = "There was once a king who had a daughter, and"

    def __init__(self, model: Model, beams: int) -> None:
        self.beams = beams
        self.writer = causal_lm.load(model, FakeContext())
        head, _ = causal_lm._prompt(self.writer, self.prompt, "tale")
        self.ids = [*head.head, *head.body]

    def params(self, tokens: int) -> dict[str, Any]:
        """Of our job."""
        return {"form": "tale", "max_tokens": tokens, "beams": self.beams}

    def plain(self, tokens: int) -> float:
        """Tokens per second of `generate` as a tutorial calls it."""
        sampled = {"do_sample": True, "temperature": 0.8, "top_k": 50, "top_p": 0.95}
        how = sampled if self.beams == 1 else {"do_sample": False, "num_beams": self.beams}
        return generate(self.writer, self.ids, tokens, **how)


class Encoded:
    """Turns a sentence into another, greedily or by beams."""

    family = "seq2seq"
    prompt = "There was once a king who had a daughter, and she was as beautiful as the day."

    def __init__(self, model: Model, beams: int) -> None:
        self.beams = beams
        self.task = seq2seq.fitted(model.facts).tasks[0].id
        self.writer = seq2seq.load(model, FakeContext())
        self.ids = self.writer.encode(self.prompt)

    def params(self, tokens: int) -> dict[str, Any]:
        """Of our job; the prefix keeps the encoder's part the same for both."""
        return {"max_tokens": tokens, "beams": self.beams, "prefix": " "}

    def plain(self, tokens: int) -> float:
        """Tokens per second of `generate` as a tutorial calls it."""
        return generate(self.writer, self.ids, tokens, do_sample=False, num_beams=self.beams)


def generate(writer: Any, ids: list[int], tokens: int, **how: Any) -> float:
    """Tokens per second of exactly `tokens` tokens by transformers' own loop."""
    import torch

    model = writer.network.model
    model.generation_config.max_length = None
    model.generation_config.forced_eos_token_id = None
    inputs = torch.tensor([ids], device=model.device)
    torch.manual_seed(1)
    began = time.perf_counter()
    rows = model.generate(
        input_ids=inputs,
        attention_mask=torch.ones_like(inputs),
        max_new_tokens=tokens,
        min_new_tokens=tokens,
        pad_token_id=0,
        **how,
    )
    writer.tokenizer.decode(rows[0])
    return tokens / (time.perf_counter() - began)


def find(options: argparse.Namespace, folder: Path) -> Model:
    """The model to measure, as the library would find it."""
    if options.tiny:
        options.model = getattr(tiny, f"make_{options.tiny}")(folder / options.tiny)
    config = json.loads((options.model / "config.json").read_text(encoding="utf-8"))
    finding = read_writer(options.model, config)
    if finding is None or finding.problem is not None:
        raise SystemExit(f"{options.model}: no text model ({finding and finding.problem})")
    return Model("bench", finding.family, "Bench", options.model, finding.facts)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=catalogue.find("starter-writer").folder)
    parser.add_argument("--tiny", default="", metavar="CLASS")
    parser.add_argument("--beams", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--child", action="store_true", help="our engine in its own process")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        model = find(options, Path(folder))
        case = (Encoded if model.family == "seq2seq" else Causal)(model, options.beams)
        engine = ChildEngine("text") if options.child else LocalEngine()
        try:
            measure(case, model, engine, Path(folder), options)
        finally:
            engine.close()


def measure(
    case: Causal | Encoded, model: Model, engine: ChildEngine | LocalEngine, folder: Path, options: argparse.Namespace
) -> None:
    """Speed beside the plain script, then stops."""
    written = 0

    def ours(tokens: int, listener: Listening, token: CancelToken, seed: int = 1) -> float:
        """Tokens per second of a job, its loading and its file not counted, as the recipe says."""
        nonlocal written
        request = Request("text", case.task, case.family, "bench", case.prompt, case.params(tokens), seed)
        engine.run(Order(f"job-{time.monotonic_ns()}", request, folder, model=model), listener, token)
        recipe = read_recipe(listener.path)
        assert recipe is not None
        written = recipe["info"]["tokens"]
        return recipe["info"]["tokens_per_second"]

    ours(8, Listening(), CancelToken())
    case.plain(8)
    speeds: dict[str, list[float]] = {"plain": [], "ours": []}
    for round in range(options.rounds):
        speeds["ours"].append(ours(options.tokens, Listening(), CancelToken(), seed=round))
        speeds["plain"].append(case.plain(written))
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    ratios = [a / b for a, b in zip(speeds["ours"], speeds["plain"], strict=True)]
    print(f"{options.model.name}, {case.task}, {options.beams} beams, {written} tokens")
    print(f"plain transformers   {medians['plain']:8.1f} tokens/s")
    print(f"ours                 {medians['ours']:8.1f} tokens/s")
    print(f"ratio (median of {options.rounds})  {statistics.median(ratios):8.3f}   (bar 0.97)")

    longest = next(param for param in registry.declared(model.family, model.facts).params if param.id == "max_tokens")
    stops = []
    for _ in range(options.rounds):
        listener, token = Listening(), CancelToken()
        ended: list[float] = []

        def job(listener: Listening = listener, token: CancelToken = token, ended: list[float] = ended) -> None:
            try:
                ours(min(4000, int(longest.high)), listener, token)
            except Cancelled:
                ended.append(time.perf_counter())

        thread = threading.Thread(target=job)
        thread.start()
        listener.began.wait(30)
        asked = time.perf_counter()
        token.cancel()
        thread.join()
        if ended:
            stops.append((ended[0] - asked) * 1000)
    worst = f"{max(stops):8.1f} ms   (bar 100 ms)" if stops else "    none: the model ended before it was stopped"
    print(f"stop, worst of {len(stops)}      {worst}")


if __name__ == "__main__":
    main()
