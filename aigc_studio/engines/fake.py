"""A family that does what its script says, for tests of everything around an engine: `AIGC_STUDIO_FAMILIES` names it.

`request.params["script"]` is a line of words, done in order; without one, every result takes two steps:

    step        one step, with a check for cancel          save        store the next result (a small picture)
    step:n      n steps                                    text:x      a piece of text
    notice:x    a notice about x                           part:id     mark the file that a part names
    language    a notice of the language in use
    wait        steps until cancelled                      hang        neither steps nor listens, for ever
    forward     torch modules for ever, without a check    flood       a hundred thousand pieces and steps
    fail        a StudioError                              crash       an unexpected exception
    memory      MemoryError                                print       a megabyte of noise on stdout and stderr
    kill abort exit garbage                                ways to die
    mark:path   write a file, so that a test knows         torch       import torch

`load` is a script too: `params["load"]` cannot be seen there, so it reads the model's `facts["load"]`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from PIL import Image

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import current_language
from aigc_studio.core.requests import Request

from .base import Context, Family, Model, Param, Task

__all__ = ["FAMILY", "load", "run"]

FAMILY = Family(
    id="fake",
    kind="image",
    title="Fake",
    summary="Does what its script says.",
    tasks=(Task("generate", "Generate"), Task("inpaint", "Inpaint", inputs=("image",))),
    params=(Param.text("script", "Script"), Param.int("steps", "Steps", 2, 1, 100_000)),
)


def load(model: Model, ctx: Context) -> Any:
    """Obey the model's script; there is nothing to load."""
    _Actor(Request("image", "generate", "fake", count=0), ctx).act(model.facts.get("load", ""))
    return model


def run(_loaded: Any, request: Request, ctx: Context) -> None:
    """Obey the request's script."""
    actor = _Actor(request, ctx)
    script = request.params.get("script", "")
    if script:
        actor.act(script)
    while not script and actor.index < request.count:
        actor.act(f"step:{request.params.get('steps', 2)} save")


class _Actor:
    def __init__(self, request: Request, ctx: Context) -> None:
        self.request = request
        self.ctx = ctx
        self.index = ctx.start
        self.steps = 0

    def act(self, script: str) -> None:
        """Do the words of a script."""
        for word in script.split():
            verb, _, argument = word.partition(":")
            getattr(self, f"_{verb}")(argument)

    def _step(self, argument: str) -> None:
        total = int(argument or 1)
        for done in range(1, total + 1):
            self.ctx.check()
            self.ctx.progress(done, total, "Painting", self._picture())
            self.steps += 1

    def _picture(self) -> Image.Image:
        seed = self.request.item_seed(self.index)
        return Image.new("RGB", (32, 24), (seed % 256, seed // 256 % 256, self.index % 256))

    def _save(self, _argument: str) -> None:
        self.ctx.save_image(self.index, self._picture(), steps=self.steps)
        self.index += 1

    def _text(self, argument: str) -> None:
        self.ctx.partial(self.index, argument)

    def _notice(self, argument: str) -> None:
        self.ctx.notice("The script speaks of {thing}.", thing=argument)

    def _language(self, _argument: str) -> None:
        self.ctx.notice("The language is {code}.", code=current_language())

    def _part(self, argument: str) -> None:
        part = self.ctx.part(argument)
        assert part.file is not None
        part.file.touch()

    def _wait(self, _argument: str) -> None:
        pause = threading.Event()
        while not pause.wait(0.005):
            self.ctx.check()
            self.ctx.progress(1, 2)

    def _hang(self, _argument: str) -> None:
        threading.Event().wait()

    def _forward(self, argument: str) -> None:
        import torch

        torch.set_num_threads(1)
        layer = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.Tanh())
        value = torch.zeros(1, 64)
        Path(argument).touch()
        with torch.inference_mode():
            while True:
                value = layer(value)

    def _torch(self, _argument: str) -> None:
        import torch

        torch.set_num_threads(1)

    def _flood(self, _argument: str) -> None:
        for done in range(100_000):
            self.ctx.partial(self.index, "x")
            self.ctx.progress(done, 100_000, preview=self._picture())

    def _fail(self, argument: str) -> None:
        raise StudioError("The script says so.", code="scripted", detail=argument)

    def _crash(self, argument: str) -> None:
        raise RuntimeError(argument)

    def _memory(self, _argument: str) -> None:
        raise MemoryError

    def _print(self, _argument: str) -> None:
        noise = b"AIGC noise\n" * 100_000
        os.write(1, noise)
        print("printed")
        sys.stderr.write("x" * 1_000_000)

    def _garbage(self, _argument: str) -> None:
        for descriptor in range(3, 20):  # wherever the private copy of stdout is
            try:
                os.write(descriptor, b"this is no frame")
            except OSError:
                continue

    def _kill(self, _argument: str) -> None:
        os.kill(os.getpid(), signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        threading.Event().wait()

    def _abort(self, _argument: str) -> None:
        os.abort()

    def _exit(self, argument: str) -> None:
        os._exit(int(argument or 3))

    def _mark(self, argument: str) -> None:
        Path(argument).touch()
