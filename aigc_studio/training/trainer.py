"""The loop that every recipe shares: steps, checkpoints, averages, samples, and every way in which a run can end.

A recipe says in a `Learner` what one step is. Everything random in a step comes from the run's seed and the step's
number alone, so that a run which was killed and resumed equals one that was not, bit for bit on the CPU.
"""

from __future__ import annotations

import contextlib
import copy
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.runs import RunFolder

from . import checkpoint
from .bookkeeping import Before, Figures, Undo, memory_mb, on_a_full_disk, pieces
from .learner import Batch, Learner, Outcome, Settings, Watcher, step_seed

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    from aigc_studio.engines.base import Context

__all__ = ["BEST", "Trainer"]

_STATE_SECONDS = 5.0
BEST = "best.safetensors"
"""Weights of the best validation, where an early stop is wanted."""


class Trainer:
    """One run of one learner."""

    def __init__(
        self, ctx: Context, run: RunFolder, learner: Learner, settings: Settings, watchers: Sequence[Watcher] = ()
    ) -> None:
        self.settings = settings
        self.step = 0
        """Steps that are learned."""
        self.seconds = 0.0
        """Spent learning, former times included."""
        self.average: dict[str, Any] = {}
        """Name to the moving average of a module; the module itself when no average is kept."""
        self._ctx, self._run, self._learner, self._watchers = ctx, run, learner, watchers
        self._pieces = 1
        self._applied = 0
        self._undos: dict[str, Undo] = {}
        self._undo: list[Undo] = []
        self._before: Any = None
        self._learning = False
        self._whole = 1
        self._best = math.inf
        self._waited = 0
        self._validated = self._sampled = 0
        self._sick: torch.Tensor | None = None
        self._rates: list[tuple[dict[str, Any], float]] = []
        self._log = Figures()

    @property
    def fraction(self) -> float:
        """How much of the run is over, in [0, 1]: of the steps or of the time, whichever is more."""
        by_time = self.seconds / (60 * self.settings.minutes) if self.settings.minutes else 0.0
        return min(1.0, max(self.step / max(1, self.settings.steps), by_time))

    @property
    def check(self) -> Any:
        """Raise Cancelled when the run is to stop: for loops inside a learner's samples and validation."""
        return self._ctx.check

    def share(self, part: Batch) -> float:
        """The weight of a piece of the batch: its part of the whole."""
        return len(next(iter(part.values()))) / self._whole

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Matrix products in the run's number format."""
        import torch

        kind = torch.device(self.settings.device).type
        return torch.autocast(kind, torch.bfloat16, enabled=self.settings.precision == "bf16")

    def backward(self, loss: torch.Tensor) -> None:
        """Add the gradients of a loss."""
        loss.backward()

    def apply(self, name: str, *, more: bool = False) -> None:
        """Let an optimiser make its step with the gradients that are there, and clear them.

        more: networks run again within this step, for another optimiser; a stop in there takes this back.
        """
        import torch

        optimiser = self._learner.optimisers[name]
        weights = [weight for group in optimiser.param_groups for weight in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(weights, self.settings.clip or math.inf)
        bad = ~torch.isfinite(norm)
        if norm.device.type == "cpu" and bool(bad):
            raise self._broken()
        self._sick = bad if self._sick is None else self._sick | bad
        if more:
            if name not in self._undos:
                self._undos[name] = Undo(optimiser)
            self._undos[name].take()
            self._undo.append(self._undos[name])
        else:
            self._applied += 1
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    def run(self) -> Outcome:
        """Learn until the end, or go on from the run's checkpoint. Cancelled and errors leave a checkpoint behind."""
        learner, settings = self._learner, self.settings
        for module in learner.modules.values():
            module.to(settings.device).train()
        self.average = {
            name: copy.deepcopy(module).eval().requires_grad_(False) if settings.ema and name in learner.averaged
            else module for name, module in learner.modules.items()
        }  # fmt: skip
        rates = [float(group["lr"]) for each in learner.optimisers.values() for group in each.param_groups]
        self._resume()  # which gives the optimisers new groups, with the rates of the last step
        groups = [group for each in learner.optimisers.values() for group in each.param_groups]
        self._rates = list(zip(groups, rates, strict=True))
        before = self._before = Before(learner)
        state_at = saved_at = time.monotonic()
        self._tell("running")
        try:
            reason = self._over()
            if self.step:  # a look that was cut short is made again, as if it had not been
                self._look(bool(reason))
                reason = self._over()
            while not reason:
                began = time.monotonic()
                self._ctx.check()
                before.take(learner)
                self._applied, self._learning = 0, True
                self._undo.clear()
                self._learn()
                self.step += 1
                self._learning = False
                now = time.monotonic()
                self.seconds += now - began
                self._ctx.progress(*self._done(), N_("Learning"))
                reason = self._over()
                self._log_when_due(now, bool(reason))
                self._look(bool(reason))
                reason = reason or self._over()
                now = time.monotonic()
                if reason or now - saved_at >= settings.checkpoint_seconds:
                    self._save()
                    saved_at = time.monotonic()
                if now - state_at >= _STATE_SECONDS:
                    self._tell("running")
                    state_at = now
        except BaseException as error:
            self._end_early(error, before)
            raise
        finally:
            for watcher in self._watchers:
                watcher.close()
        self._tell("running")
        self._take_best()
        for module in (*learner.modules.values(), *self.average.values()):
            module.eval()
        self._run.append({"step": self.step, "event": "end", "reason": reason})
        return Outcome(self.step, reason, self.seconds)

    # -- one step

    def _learn(self) -> None:
        """One step; with smaller pieces as often as memory demands it."""
        import torch

        learner, settings = self._learner, self.settings
        factor = self._factor()
        for group, rate in self._rates:
            group["lr"] = rate * factor
        while True:
            torch.manual_seed(step_seed(settings.seed, self.step))
            try:
                batch = {
                    name: value.to(settings.device, non_blocking=True)
                    for name, value in learner.batch(self.step).items()
                }
                self._whole = len(next(iter(batch.values())))
                losses = learner.step(pieces(batch, self._pieces), self)
                break
            except (RuntimeError, MemoryError) as error:
                if not _is_out_of_memory(error):
                    raise
                self._use_less_memory(error)
        self._log.add(losses, self._count(batch))
        self._average()

    def _count(self, batch: Batch) -> int:
        """Units in a batch: pictures, or tokens."""
        first = next(iter(batch.values()))
        return first.numel() if self._learner.unit == "tokens" else len(first)

    def _take_back(self) -> None:
        """Optimisers' steps of the step under way that can be undone."""
        while self._undo:
            self._undo.pop().undo()

    def _use_less_memory(self, error: BaseException) -> None:
        import torch

        for optimiser in self._learner.optimisers.values():
            optimiser.zero_grad(set_to_none=True)
        self._take_back()
        self._before.restore(self._learner)
        if self._pieces >= max(1, self._whole):
            raise error
        error.__traceback__ = None  # its frames hold what filled the memory
        self._pieces = min(self._whole, self._pieces * 2)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        text = N_("The memory was too small for a batch at once; it is learned in {count} pieces now, more slowly.")
        self._ctx.notice(text, count=self._pieces)
        self._run.append({"step": self.step, "event": "notice", "text": text, "params": {"count": self._pieces}})

    def _factor(self) -> float:
        """The share of the full learning rate at this step."""
        settings = self.settings
        if self.step < settings.warmup:
            return (self.step + 1) / settings.warmup
        begin = 1.0 - settings.fall
        done = self.fraction
        if settings.fall <= 0.0 or done <= begin:
            return 1.0
        return 0.5 * (1.0 + math.cos(math.pi * min(1.0, (done - begin) / settings.fall)))

    def _average(self) -> None:
        """Exponential moving averages, faster at the beginning; buffers are copied."""
        import torch

        decay = min(self.settings.ema, (1 + self.step) / (10 + self.step))
        for name, average in self.average.items():
            module = self._learner.modules[name]
            if average is module:
                continue
            with torch.no_grad():
                torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]
                    list(average.parameters()), list(module.parameters()), 1.0 - decay
                )
                for mine, its in zip(average.buffers(), module.buffers(), strict=True):
                    mine.copy_(its)

    # -- what is seen of it

    def _done(self) -> tuple[int, int]:
        steps = max(1, self.settings.steps)
        return min(steps, max(self.step, round(self.fraction * steps))), steps

    def _log_when_due(self, now: float, last: bool) -> None:
        first = self.step == 1  # at once: a curve begins somewhere, and whoever waits for it sees that it does
        if not (first or last) and now - self._log.since < self.settings.log_seconds:
            return
        if self._sick is not None and bool(self._sick):
            raise self._broken()
        values = self._log.take(self._learner.unit, now)
        if any(not math.isfinite(value) for value in values.values()):
            raise self._broken()
        rates = {round(group["lr"], 12) for group, _ in self._rates}
        self._write({**values, "rate": max(rates, default=0.0), "memory_mb": memory_mb(self.settings.device)})

    def _write(self, values: Mapping[str, float]) -> None:
        with on_a_full_disk():
            self._run.append({"step": self.step, "seconds": round(self.seconds, 2), "values": dict(values)})
        for watcher in self._watchers:
            watcher.values(self.step, values)

    def _look(self, last: bool) -> None:
        """Validate and sample, when it is their turn."""
        settings = self.settings
        began = time.monotonic()
        due = settings.validate_every and (last or self.step % settings.validate_every == 0)
        if due and self._validated != self.step:
            figures: dict[str, float] = {}
            with self._apart():
                figures = dict(self._learner.validate(self))
            if figures:
                self._write({f"validation/{name}": value for name, value in figures.items()})
                self._judge(figures.get("loss"))
            self._validated = self.step
        due = settings.samples_after(self.step) or (last and settings.sample_every)
        if due and self._sampled != self.step:
            self._sample()
            self._sampled = self.step
        self._log.since += time.monotonic() - began  # throughput is of the learning alone

    def _sample(self) -> None:
        made = None
        with self._apart():
            made = self._learner.sample(self, self.step)
        if made is None:
            return
        line: dict[str, Any] = {"step": self.step, "event": "sample"}
        if isinstance(made, list):
            line["texts"] = made
        else:
            path = self._run.sample_path(self.step)
            with on_a_full_disk():
                self._write_picture(path, made)
            line["file"] = path.relative_to(self._run.path).as_posix()
            self._ctx.progress(*self._done(), N_("Learning"), preview=_small(made))
            for watcher in self._watchers:
                watcher.picture(self.step, made)
        with on_a_full_disk():
            self._run.append(line)

    def _write_picture(self, path: Any, image: Image) -> None:
        from aigc_studio.core.metadata import write_image
        from aigc_studio.core.recipe import make_recipe
        from aigc_studio.core.requests import Request

        stored = self._run.info().get("request")
        request = Request.from_json(stored) if isinstance(stored, dict) else Request("training", "train", "training")
        recipe = make_recipe(self._run.path.name, 1_000_000 + self.step, request.public(), engine={}, info={})
        write_image(path, image, recipe)

    @contextlib.contextmanager
    def _apart(self) -> Iterator[None]:
        """Networks in evaluation mode, and random numbers that leave those of the learning alone.

        A look that the memory is too small for is left out, with a notice: what is learned goes on.
        """
        import torch

        devices = [torch.device(self.settings.device)] if self.settings.device.startswith("cuda") else []
        modules = [*self._learner.modules.values()]
        for module in modules:
            module.eval()
        try:
            with torch.random.fork_rng(devices), torch.no_grad():
                torch.manual_seed(step_seed(self.settings.seed, 1 << 40))
                yield
        except (RuntimeError, MemoryError) as error:
            if not _is_out_of_memory(error):
                raise
            self._ctx.notice(N_("The memory was too small for a look at what is learned; the training goes on."))
        finally:
            for module in modules:
                module.train()

    # -- the end, and the state in between

    def _over(self) -> str:
        """Why the run is over, "" while it is not."""
        settings = self.settings
        if self.step >= settings.steps:
            return "steps"
        if settings.minutes and self.seconds >= 60 * settings.minutes:
            return "minutes"
        if settings.patience and self._waited >= settings.patience:
            return "patience"
        return "asked" if self._run.finish_asked else ""

    def _judge(self, loss: float | None) -> None:
        """Note a validation: the best weights are kept when an early stop is wanted."""
        if loss is None or not self.settings.patience:
            return
        if loss < self._best:
            self._best, self._waited = loss, 0
            checkpoint.save(self._run.path / BEST, self._weights() | {"step": self.step})
        else:
            self._waited += 1

    def _take_best(self) -> None:
        """The weights of the best validation, where a later one was worse."""
        path = self._run.path / BEST
        if not self.settings.patience or not self._waited or not path.exists():
            return
        with contextlib.suppress(ValueError, OSError):
            tree = checkpoint.load(path)
            self._restore_weights(tree)
            self._run.append({"step": self.step, "event": "best", "of": tree["step"]})

    def _weights(self) -> dict[str, Any]:
        own = {name: module.state_dict() for name, module in self._learner.modules.items()}
        averages = {
            name: average.state_dict()
            for name, average in self.average.items()
            if average is not self._learner.modules[name]
        }
        return {"modules": own, "averages": averages}

    def _restore_weights(self, tree: Mapping[str, Any]) -> None:
        for name, module in self._learner.modules.items():
            module.load_state_dict(tree["modules"][name])
        for name, weights in tree["averages"].items():
            if self.average[name] is not self._learner.modules[name]:
                self.average[name].load_state_dict(weights)

    def _save(self) -> None:
        """The run as it is; never one that has broken down."""
        if self._sick is not None and bool(self._sick):
            raise self._broken()
        checkpoint.save_latest(
            self._run.path,
            {
                **self._weights(),
                "optimisers": {name: each.state_dict() for name, each in self._learner.optimisers.items()},
                "learner": dict(self._learner.state()),
                "step": self.step,
                "seconds": self.seconds,
                "pieces": self._pieces,
                "best": self._best if math.isfinite(self._best) else None,
                "waited": self._waited,
                "looks": [self._validated, self._sampled],
            },
        )
        with on_a_full_disk():
            self._run.append({"step": self.step, "event": "checkpoint"})

    def _resume(self) -> None:
        tree = checkpoint.load_latest(self._run.path)
        if tree is None:
            if any("values" in line for line in self._run.read()[0]):  # what was learned before is lost
                self._run.append({"step": 0, "event": "resume"})
            return
        try:
            self._restore_weights(tree)
            for name, optimiser in self._learner.optimisers.items():
                optimiser.load_state_dict(tree["optimisers"][name])
            self._learner.restore(tree["learner"])
            self.step, self.seconds = int(tree["step"]), float(tree["seconds"])
            self._pieces, self._waited = int(tree["pieces"]), int(tree["waited"])
            self._best = math.inf if tree["best"] is None else float(tree["best"])
            self._validated, self._sampled = tree.get("looks", [self.step, self.step])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise StudioError(
                N_("What this training had learned does not fit its settings any more; start a new one."),
                code="checkpoint",
                detail=str(error)[:500],
            ) from error
        self._run.append({"step": self.step, "event": "resume"})

    def _end_early(self, error: BaseException, before: Before) -> None:
        """Keep what was learned, if it is whole: a step in which no optimiser has moved yet is as if not begun."""
        self._log.clear()
        broken = isinstance(error, StudioError) and error.code in ("training-nan", "disk")
        with contextlib.suppress(StudioError, OSError):
            if not broken and self.step and not (self._learning and self._applied):
                if self._learning:
                    self._take_back()
                    before.restore(self._learner)
                self._save()
        with contextlib.suppress(StudioError, OSError):
            name = "paused" if isinstance(error, Cancelled) else str(getattr(error, "code", "") or "error")
            self._run.append({"step": self.step, "event": "stop", "reason": name})
            self._tell("stopped")

    def _tell(self, name: str) -> None:
        with on_a_full_disk():
            self._run.update(
                state={
                    "name": name,
                    "step": self.step,
                    "steps": self.settings.steps,
                    "seconds": round(self.seconds, 1),
                    "unit": self._learner.unit,
                }
            )

    def _broken(self) -> StudioError:
        return StudioError(
            N_(
                "The training broke down at step {step} (a loss is not a number any more); start it again with a lower "
                "learning rate."
            ),
            code="training-nan",
            step=self.step + 1,
        )


def _small(image: Image) -> Image:
    small = image.convert("RGB")
    small.thumbnail((512, 512))
    return small


def _is_out_of_memory(error: BaseException) -> bool:
    """Whether torch says that memory ran out: on a card in a class of its own, on the processor in words alone."""
    import torch

    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
