"""A VITS voice through our engine in its own process, beside a plain transformers script on the same model:

    python -m tests.benchmarks.bench_speech [--model FOLDER] [--rounds N] [--here]

Without --model a voice of the published size (36 million random weights) is made. Prints seconds for the same text of
three sentences, the ratio of the medians, how long a second of sound takes, how long a stop takes. Rounds alternate, so
that a machine that gets busier hurts both alike. Ours counts everything from the order to the finished file with its
recipe; the script writes a plain WAV file. With --here the engine runs in this process.
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

import numpy as np
import soundfile

from aigc_studio.core.errors import Cancelled
from aigc_studio.core.requests import Request
from aigc_studio.core.textnorm import sentences
from aigc_studio.engines import device
from aigc_studio.engines.base import Model
from aigc_studio.engines.child import ChildEngine
from aigc_studio.engines.engine import CancelToken, Order
from aigc_studio.engines.local import LocalEngine
from aigc_studio.engines.serve import NICENESS
from aigc_studio.engines.speech.spelling import vits_alphabet

TEXT = "The quick brown fox jumps over the lazy dog. Everything stays on this machine. Nobody waits for a server."


class Listening:
    """Keeps the last result's file, and when the first sentence was done."""

    def __init__(self) -> None:
        self.path = Path()
        self.began = threading.Event()

    def progress(self, index: int, done: int, total: int, stage: str, preview: object) -> None:
        """A sentence is done."""
        if done:
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


def make_voice(folder: Path) -> Path:
    """A voice of the size and shape of mms-tts-eng, with random weights."""
    from tests.tiny.speech import make_vits

    make_vits(folder)
    import torch
    from transformers import VitsConfig, VitsModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.manual_seed(1)
    VitsModel(VitsConfig(vocab_size=32, sampling_rate=16_000)).save_pretrained(folder)
    return folder


class Script:
    """What a tutorial does: one forward for each sentence, one after the other into a file."""

    def __init__(self, folder: Path, place: device.Placement) -> None:
        from transformers import VitsModel, VitsTokenizer

        self.model = VitsModel.from_pretrained(folder).to(place.device).eval()  # pyright: ignore[reportArgumentType]
        self.model.noise_scale_duration = 0.0
        self.model.speaking_rate = SPEED
        self.tokenizer = VitsTokenizer.from_pretrained(folder)
        self.place = place
        self.alphabet = vits_alphabet(folder)

    def run(self, path: Path) -> float:
        """Seconds it took."""
        import torch

        began = time.perf_counter()
        parts = []
        for sentence in sentences(TEXT):
            inputs = self.tokenizer(self.alphabet.spell(sentence.text).text, return_tensors="pt").to(self.place.device)
            with torch.no_grad():
                parts.append(self.model(**inputs).waveform[0].cpu().numpy())
        soundfile.write(path, np.concatenate(parts), self.model.config.sampling_rate)
        return time.perf_counter() - began


SPEED = 2.0
"""Random weights speak slowly: at this speed a sentence is as long as one of a voice that was taught."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--here", action="store_true", help="our engine in this process")
    options = parser.parse_args()
    import torch

    if not torch.cuda.is_available():
        torch.set_num_threads(1)
    place = device.choose()
    engine = LocalEngine() if options.here else ChildEngine("sound")
    with tempfile.TemporaryDirectory() as folder:
        model = Model("bench", "vits", "Bench", options.model or make_voice(Path(folder) / "voice"))
        assert model.folder is not None
        script = Script(model.folder, place)

        def ours(text: str = TEXT, token: CancelToken | None = None, listener: Listening | None = None) -> float:
            """Seconds of one job; its file is in the listener."""
            params = {"speed": SPEED, "rhythm": 0.0}
            request = Request("speech", "speak", "vits", "bench", text, params, 1)
            order = Order(f"job-{time.monotonic_ns()}", request, Path(folder), model=model)
            began = time.perf_counter()
            engine.run(order, listener or last, token or CancelToken())
            return time.perf_counter() - began

        last = Listening()
        first = ours()
        if not options.here and hasattr(os, "nice"):
            os.nice(NICENESS)  # as the engine's own process has done, or a busy machine would be measured
        script.run(Path(folder) / "plain.wav")
        seconds: dict[str, list[float]] = {"plain": [], "ours": []}
        for _ in range(options.rounds):
            seconds["ours"].append(ours())
            seconds["plain"].append(script.run(Path(folder) / "plain.wav"))
        medians = {name: statistics.median(values) for name, values in seconds.items()}
        ratio = statistics.median([b / a for a, b in zip(seconds["ours"], seconds["plain"], strict=True)])
        said = soundfile.info(last.path).duration
        plain = soundfile.info(Path(folder) / "plain.wav").duration
        print(f"device               {place.device}, torch {torch.__version__}, {torch.get_num_threads()} threads")
        print(f"sound                {said:8.1f} s with pauses, {plain:.1f} s without")
        print(f"first job (loads)    {first:8.3f} s")
        print(f"plain transformers   {medians['plain']:8.3f} s")
        print(f"ours                 {medians['ours']:8.3f} s")
        print(f"speed, ours / plain  {ratio:8.3f}   (bar 0.97)")
        print(f"real-time factor     {medians['ours'] / plain:8.3f}   (ours, per second of speech)")

        stops = []
        for _ in range(options.rounds):
            listener, token = Listening(), CancelToken()
            ended: list[float] = []

            def job(listener: Listening = listener, token: CancelToken = token, ended: list[float] = ended) -> None:
                try:
                    ours(TEXT + " " + TEXT * 3, token, listener)
                except Cancelled:
                    ended.append(time.perf_counter())

            thread = threading.Thread(target=job)
            thread.start()
            listener.began.wait(60)
            time.sleep(0.05)  # into the middle of the next sentence
            asked = time.perf_counter()
            token.cancel()
            thread.join()
            if ended:
                stops.append((ended[0] - asked) * 1000)
        print(f"stop, median/worst   {statistics.median(stops):8.1f} / {max(stops):.1f} ms of {len(stops)}")
    engine.close()


if __name__ == "__main__":
    main()
