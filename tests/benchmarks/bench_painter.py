"""How fast the painter and the basic voice are: run this file with the project's interpreter.

Prints one line a figure: the best of three runs, as a machine that does other things only ever adds time.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable

from aigc_studio.core.requests import Request
from aigc_studio.engines.image import painter
from aigc_studio.engines.speech import espeak
from tests.engines.context import FakeContext


def best(work: Callable[[], object], runs: int = 3) -> float:
    """Seconds of the fastest run."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def paint(prompt: str, size: tuple[int, int]) -> None:
    """One picture."""
    painter.run(None, Request("image", "generate", "painter", prompt=prompt, params={"size": size}), FakeContext())


def speak(text: str) -> float:
    """Seconds of sound."""
    context = FakeContext()
    espeak.run(None, Request("speech", "speak", "espeak", prompt=text), context)
    return context.audio[0].info["seconds"]


def main() -> int:
    """Print the figures; 1 where one misses its target."""
    failed = False
    for prompt in ("", "calm blue", "wild marble gold", "seamless waves, dense", "kaleidoscope neon"):
        seconds = best(lambda prompt=prompt: paint(prompt, (1024, 1024)))
        failed |= seconds > 2.0
        print(f"painter 1024 x 1024 {prompt or '(no prompt)'}: {seconds:.2f} s (target 2.00)")
    first = best(lambda: paint("", (320, 320)))
    print(f"painter first preview: {first:.2f} s")
    text = "今天我们发布新品。Hello world, this is the basic voice. " * 20
    length = speak(text)
    seconds = best(lambda: speak(text))
    print(f"voice: {length:.0f} s of sound in {seconds:.2f} s, {length / seconds:.0f} times real time")
    if "--large" in sys.argv:
        seconds = best(lambda: paint("ocean", (8192, 8192)), 1)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"painter 8192 x 8192: {seconds:.0f} s, {peak:.0f} MiB at most")
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
