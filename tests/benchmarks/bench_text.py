"""Our token loop beside a plain transformers script, on the same model with the same sampling:

    python -m tests.benchmarks.bench_text [--model FOLDER] [--tokens N] [--rounds N] [--child]

Prints tokens per second of each, the ratio of the medians, and how long a stop takes. Rounds alternate, so that a
machine that gets busier hurts both alike. With --child the engine runs in its own process, as in the window.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from aigc_studio.core import catalogue
from aigc_studio.core.errors import Cancelled
from aigc_studio.core.metadata import read_recipe
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Model
from aigc_studio.engines.child import ChildEngine
from aigc_studio.engines.engine import CancelToken, Order
from aigc_studio.engines.local import LocalEngine
from aigc_studio.engines.text import causal_lm
from tests.engines.context import FakeContext


class Listening:
    """Keeps the last result's file, and when the first piece of text came."""

    def __init__(self) -> None:
        self.path = Path()
        self.began = threading.Event()

    def progress(self, index: int, done: int, total: int, stage: str, preview: object) -> None:
        """Not needed."""

    def silent(self, seconds: float) -> None:
        """Not needed."""

    def partial(self, index: int, piece: str) -> None:
        """Text has begun."""
        self.began.set()

    def notice(self, text: str, params: object) -> None:
        """Not needed."""

    def output(self, index: int, path: Path) -> None:
        """The result is stored."""
        self.path = path


def plain_script(writer: causal_lm.Writer, ids: list[int], tokens: int) -> float:
    """Tokens per second of `generate` as a tutorial calls it, balanced style."""
    import torch

    model = writer.network.model
    inputs = torch.tensor([ids], device=model.device)
    torch.manual_seed(1)
    began = time.perf_counter()
    rows = model.generate(
        input_ids=inputs,
        attention_mask=torch.ones_like(inputs),
        do_sample=True,
        temperature=0.8,
        top_k=50,
        top_p=0.95,
        max_new_tokens=tokens,
        min_new_tokens=tokens,
        pad_token_id=0,
    )
    writer.tokenizer.decode(rows[0])
    return (rows.shape[1] - len(ids)) / (time.perf_counter() - began)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=catalogue.find("starter-writer").folder)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--child", action="store_true", help="our engine in its own process")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    model = Model("bench", "causal-lm", "Bench", options.model)
    prompt = "There was once a king who had a daughter, and"
    engine = ChildEngine("text") if options.child else LocalEngine()
    with tempfile.TemporaryDirectory() as folder:

        def ours(tokens: int, listener: Listening, token: CancelToken, seed: int = 1) -> float:
            """Tokens per second of a job, its loading and its file not counted, as the recipe says."""
            request = Request(
                "text", "continue", "causal-lm", "bench", prompt, {"form": "tale", "max_tokens": tokens}, seed
            )
            order = Order(f"job-{time.monotonic_ns()}", request, Path(folder), model=model)
            engine.run(order, listener, token)
            recipe = read_recipe(listener.path)
            assert recipe is not None
            written[0] = recipe["info"]["tokens"]
            return recipe["info"]["tokens_per_second"]

        written = [0]
        ours(8, Listening(), CancelToken())
        writer = causal_lm.load(model, FakeContext())
        head, _ = causal_lm._prompt(writer, prompt, "tale")
        ids = [*head.head, *head.body]
        plain_script(writer, ids, 8)
        speeds: dict[str, list[float]] = {"plain": [], "ours": []}
        for round in range(options.rounds):
            speeds["ours"].append(ours(options.tokens, Listening(), CancelToken(), seed=round))
            speeds["plain"].append(plain_script(writer, ids, written[0]))
        medians = {name: statistics.median(values) for name, values in speeds.items()}
        ratios = [a / b for a, b in zip(speeds["ours"], speeds["plain"], strict=True)]
        print(f"plain transformers   {medians['plain']:8.1f} tokens/s")
        print(f"ours                 {medians['ours']:8.1f} tokens/s")
        print(f"ratio (median of {options.rounds})  {statistics.median(ratios):8.3f}   (bar 0.97)")

        stops = []
        for _ in range(options.rounds):
            listener, token = Listening(), CancelToken()
            ended: list[float] = []

            def job(listener: Listening = listener, token: CancelToken = token, ended: list[float] = ended) -> None:
                try:
                    ours(4000, listener, token)
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
        print(f"stop, worst of {len(stops)}      {max(stops):8.1f} ms   (bar 100 ms)")
    engine.close()


if __name__ == "__main__":
    main()
