"""One step of a language model, from scratch or fine-tuned, and what its finished state is worth.

Rows hold several pieces, each read alone, or one where a network would see the others. Pieces with a weight below zero
are learned not to be written, by the unlikelihood of their words (Welleck et al. 2020, arXiv:1908.04319; on whole
rejected texts as Li et al. 2020, arXiv:1911.03860).
"""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_studio.core.forms import frame
from aigc_studio.core.runs import RunFolder
from aigc_studio.engines.device import Placement
from aigc_studio.engines.text.causal_lm import Writer, writer_of

from .learner import Batch, Made
from .text_measure import Measured, effort, losses, measure, negative_log_likelihood, report, yardsticks
from .text_samples import Ask, write
from .texts import Texts, pack

if TYPE_CHECKING:
    import torch

    from .trainer import Trainer

__all__ = ["TextLearner", "optimisers_for"]

_LOOK_ROWS = 48
"""Held-out rows of a look in between."""
_MOST_ROWS = 2000
_WRITE = 200
_SAMPLES = 4


def optimisers_for(network: Any, kind: str, rate: float, decay: float) -> dict[str, torch.optim.Optimizer]:
    """For the weights that are to learn: "muon" for the matrices of the layers (Jordan 2024) and AdamW for the rest,
    or AdamW for all ("adamw"). decay: of matrices."""
    import torch

    words = {id(weight) for each in network.modules() if isinstance(each, torch.nn.Embedding)
             for weight in each.parameters()}  # fmt: skip
    if (out := network.get_output_embeddings()) is not None:
        words |= {id(weight) for weight in out.parameters()}
    learning = [weight for weight in network.parameters() if weight.requires_grad]
    matrices = [weight for weight in learning if weight.ndim == 2 and id(weight) not in words]
    others = [weight for weight in learning if weight.ndim != 2 or id(weight) in words]
    if kind == "muon" and matrices:
        found: dict[str, torch.optim.Optimizer] = {
            "muon": torch.optim.Muon(
                matrices, lr=rate, weight_decay=decay, momentum=0.95, adjust_lr_fn="match_rms_adamw"
            )
        }
        if others:
            found["adamw"] = torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.95), weight_decay=0.0)
        return found
    groups = [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    return {"adamw": torch.optim.AdamW([group for group in groups if group["params"]], lr=rate, betas=(0.9, 0.95))}


def _takes_places(network: Any) -> bool:
    """Whether a network can be told of each word where its piece began. Those with linear biases (ALiBi: MPT, Bloom,
    some Falcons) and those with a state (Mamba) count from the row's beginning: pieces would see each other."""
    named = "position_ids" in inspect.signature(network.forward).parameters
    return named and not getattr(network.config.get_text_config(), "alibi", False)


class TextLearner:
    """The learner and maker of both recipes for texts.

    network: of transformers, on its device. module: what of it learns and is kept in checkpoints: the network itself,
    or the adapters in it. asks: what it is asked while it learns; batch: rows of a step. seed: of the run. merge: makes
    the finished network from one with adapters. dtype: torch's name of the number format it is delivered in.
    """

    unit = "tokens"
    averaged = ("writer",)

    def __init__(
        self,
        network: Any,
        module: Any,
        tokenizer: Any,
        texts: Texts,
        optimisers: Mapping[str, torch.optim.Optimizer],
        asks: Sequence[Ask],
        *,
        batch: int,
        seed: int,
        placement: Placement,
        run: RunFolder,
        merge: Callable[[Any], Any] = lambda network: network,
        dtype: str = "float16",
    ) -> None:
        self.modules = {"writer": module}
        self.optimisers = optimisers
        self.network, self.tokenizer, self.texts, self.asks = network, tokenizer, texts, list(asks)
        self._batch, self._seed, self._placement, self._run = batch, seed, placement, run
        self._merge, self._dtype = merge, dtype
        self.before: Measured | None = None
        """What was measured before it learned."""
        self._closed = False
        held_out = list(texts.held_out)
        costs = [len(texts.piece(number)[0]) - 1 for number in held_out]
        self.held_rows = [[held_out[index] for index in row] for row in pack(costs, texts.context)]
        if not _takes_places(network):
            texts.lay_alone()
            self.held_rows = [[number] for number in held_out]

    def batch(self, step: int) -> Batch:
        """Rows of ids with their targets, places and weights."""
        import torch

        rows = self.texts.batch(step, self._batch, self._seed)
        return {name: torch.from_numpy(values) for name, values in rows.items()}

    def step(self, parts: Sequence[Batch], trainer: Trainer) -> Mapping[str, Any]:
        """One step; the loss is in nats per word that is learned."""
        import torch

        whole = torch.stack([part["weight"].abs().sum() for part in parts]).sum().clamp(min=1e-6)
        likely = torch.stack([(part["weight"] > 0).sum() for part in parts]).sum().clamp(min=1)
        told: Any = 0.0
        for part in parts:
            with trainer.autocast():
                out = self.network(input_ids=part["ids"], position_ids=part["place"], use_cache=False)
            loss, nats = losses(out.logits, part["target"], part["weight"])
            trainer.backward(loss / whole)
            told = told + nats.detach() / likely
        for name in self.optimisers:
            trainer.apply(name)
        return {"loss": told}

    def validate(self, trainer: Trainer) -> Mapping[str, float]:
        """Loss and perplexity on some of what was held out: the same each time."""
        rows = self._some(_LOOK_ROWS)
        if not rows:
            return {}
        with self.finished(trainer) as network:
            nats, count = negative_log_likelihood(network, self.texts, rows, self._batch, trainer.check)
        loss = nats / max(1, count)
        return {"loss": loss, "perplexity": math.exp(min(loss, 80.0))}

    def sample(self, trainer: Trainer, step: int) -> list[str]:
        """What it writes now, to the same prompts with the same seeds."""
        count = max(1, round(_SAMPLES * effort(self.network)))
        return self.shown(list(self.written(trainer, min(count, len(self.asks)), trainer.check)))

    @staticmethod
    def shown(made: Sequence[Made]) -> list[str]:
        """Samples, each below what was asked for, unless it begins with that."""
        found = []
        for each in made:
            body = frame(each.prompt, "gushi").text
            asked = each.prompt.removesuffix(body) if each.text.startswith(body.strip("\n")) else each.prompt
            found.append(f"{asked.strip()}\n{each.text}".strip("\n"))
        return found

    def _some(self, most: int) -> list[list[int]]:
        """At most so many held-out rows, from everywhere; fewer for a large network on a processor."""
        most = max(4, round(most * effort(self.network)))
        return self.held_rows[:: max(1, len(self.held_rows) // most)][:most]

    @property
    def length(self) -> int:
        """Words of a sample at most."""
        return max(1, min(_WRITE if effort(self.network) == 1.0 else _WRITE // 3, self.texts.context - 1))

    def state(self) -> Mapping[str, Any]:
        """Nothing but the weights."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing but the weights."""

    # -- the finished model

    def writer(self, network: Any) -> Writer:
        """The network as the engine writes with it."""
        return writer_of(network, self.tokenizer, self._placement, "")

    @contextlib.contextmanager
    def finished(self, trainer: Trainer | None) -> Iterator[Any]:
        """The network with the averaged weights, where an average is kept, in evaluation mode. trainer: None before
        there is one."""
        import torch

        module = self.modules["writer"]
        average = module if trainer is None or self._closed else trainer.average["writer"]
        if average is not module and module is self.network:
            with torch.no_grad():
                yield average
            return
        training, own = self.network.training, None
        if average is not module:  # adapters: they stand in the network
            own = {name: value.clone() for name, value in module.state_dict().items()}
            module.load_state_dict(average.state_dict())
        self.network.eval()
        try:
            with torch.no_grad():
                yield self.network
        finally:
            if own is not None:
                module.load_state_dict(own)
            self.network.train(training)

    def close(self, trainer: Trainer) -> None:
        """Make the network what is delivered: averages taken, adapters merged, weights rounded. Once."""
        import torch

        if self._closed:
            return
        module = self.modules["writer"]
        if trainer.average["writer"] is not module:
            module.load_state_dict(trainer.average["writer"].state_dict())
        self.network = self._merge(self.network)
        kept = self.network.dtype
        self.network.to(getattr(torch, self._dtype)).to(kept).eval().requires_grad_(False)
        self._closed = True

    def final(self, trainer: Trainer, count: int) -> Iterable[Made]:
        """Answers to the prompts in turn, each from a seed of its own."""
        self.close(trainer)
        yield from self.written(trainer, count, trainer.check)

    def written(self, trainer: Trainer | None, count: int, check: Callable[[], None]) -> Iterator[Made]:
        """`final`, of the network as it is."""
        with self.finished(trainer) as network:
            writer = self.writer(network)
            for index in range(count if self.asks else 0):
                ask, seed = self.asks[index % len(self.asks)], (self._seed + index) % 2**32
                text = write(writer, ask, seed, self.length, check)[1]
                yield Made(text=text, seed=seed, prompt=ask.prompt)

    def measured(self, trainer: Trainer | None, made: Sequence[Made], check: Callable[[], None]) -> Measured:
        """Everything about the network as it is, and about what it wrote."""
        with self.finished(trainer) as network:
            return measure(network, self.writer(network), self.texts, self._some(_MOST_ROWS), made, self._batch, check)

    def measure(self, trainer: Trainer, made: list[Made]) -> Mapping[str, Any]:
        """Figures of `text_measure`, those from before beside them; details go into the run's report.json."""
        self.close(trainer)
        found = self.measured(trainer, made, trainer.check)
        writer = self.writer(self.network)
        figures = {**found.figures, **yardsticks(self.texts, self._some(_MOST_ROWS), writer, made, trainer.check)}
        if self.before is not None:
            figures |= {f"before_{name}": value for name, value in self.before.figures.items() if name != "form"}
        report(self._run, figures, found, self.before)
        return figures

    def export(self, folder: Path, trainer: Trainer) -> None:
        """A standard folder of transformers: config, safetensors, tokenizer."""
        import torch
        from transformers.utils import logging as library_log

        self.close(trainer)
        library_log.disable_progress_bar()
        kept = self.network.dtype
        try:
            self.network.to(getattr(torch, self._dtype)).save_pretrained(folder)
        finally:
            self.network.to(kept)
        for how in ("is_local", "local_files_only"):  # how it was loaded here says nothing of what it is
            self.tokenizer.init_kwargs.pop(how, None)
        self.tokenizer.save_pretrained(folder)
