"""The token loop and beam search on a language model of transformers, causal or with an encoder.

Our own loop and not `generate()`, which takes no generator (only the process's global seed), tells of tokens through a
streamer that hangs on failure, and cannot be asked between the parts of a long prompt whether the user cancelled.
It must not know: requests, contexts, text. Ids in, ids out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_

from .sampling import NGramBan, Sampling, candidates, draw, penalise

if TYPE_CHECKING:
    import torch

__all__ = ["Answer", "Beam", "Network", "Prompt", "TokenLoop", "beam_search"]

_PREFILL = 512
"""Ids of a prompt read at once; between two such parts a cancel is heard."""


@dataclass(frozen=True)
class Network:
    """A loaded model as the loops need it.

    limit: how many ids it can attend to. ends: ids that end a text. never: ids that are never written (special tokens
    of the frame). keeps_last: whether its forward takes `logits_to_keep`.
    """

    model: Any
    limit: int
    ends: frozenset[int] = frozenset()
    never: tuple[int, ...] = ()
    keeps_last: bool = True

    def step(self, ids: torch.Tensor, cache: Any) -> tuple[torch.Tensor, Any]:
        """Logits after the last of `ids`, float32 (batch, vocabulary), and the cache that now holds `ids`.

        ids: int64 (batch, length), read after what the cache holds; cache None for an empty one.
        """
        more = {"logits_to_keep": 1} if self.keeps_last else {}
        out = self.model(input_ids=ids, past_key_values=cache, use_cache=True, **more)
        return out.logits[:, -1].float(), out.past_key_values

    def read(self, ids: Sequence[int], check: Callable[[], None]) -> tuple[torch.Tensor, Any]:
        """`step` over a whole prompt, in parts. Shape (1, vocabulary)."""
        import torch

        cache = logits = None
        for at in range(0, len(ids), _PREFILL):
            check()
            part = torch.tensor([list(ids[at : at + _PREFILL])], device=self.model.device)
            logits, cache = self.step(part, cache)
        if logits is None:
            raise ValueError("an empty prompt")
        return logits, cache


@dataclass(frozen=True)
class Answer(Network):
    """The decoder of a model with an encoder, which has read one text.

    encoded: the encoder's last hidden state, (1, length, width). The decoder's cache holds what it makes of it: the
    encoder runs once, and is not asked again.
    """

    encoded: Any = None

    @classmethod
    def to(cls, network: Network, ids: Sequence[int]) -> Answer:
        """Let the encoder read `ids`. `network`: of the whole model; its limit is the decoder's."""
        import torch

        with torch.inference_mode():
            source = torch.tensor([list(ids)], device=network.model.device)
            read = network.model.get_encoder()(input_ids=source, attention_mask=torch.ones_like(source))
        return cls(network.model, network.limit, network.ends, network.never, network.keeps_last, read[0])

    def step(self, ids: torch.Tensor, cache: Any) -> tuple[torch.Tensor, Any]:
        """See `Network`; `ids` are the decoder's."""
        from transformers.modeling_outputs import BaseModelOutput

        read = BaseModelOutput(last_hidden_state=self.encoded.expand(ids.shape[0], -1, -1))
        out = self.model(decoder_input_ids=ids, encoder_outputs=read, past_key_values=cache, use_cache=True)
        return out.logits[:, -1].float(), out.past_key_values


@dataclass(frozen=True)
class Prompt:
    """head: ids that stay when old text must make room (frame, beginning-of-text). body: the text so far.

    slides: whether old text may leave the model's view while it writes on; else the end of the view ends the result.
    left_out: ids that were cut before, and are no longer in `body`. cut: where: "front", "middle" or "end".
    """

    head: tuple[int, ...]
    body: tuple[int, ...]
    slides: bool = True
    left_out: int = 0
    cut: str = "front"

    def fit(self, limit: int, new: int) -> tuple[list[int], int]:
        """(ids that fit, with room for `new` more or at least half the view for the prompt; how many were left out)."""
        room = max(1, limit - len(self.head) - min(new, limit // 2))
        left_out = max(0, len(self.body) - room)
        return [*self.head, *self.body[left_out:]], left_out


class TokenLoop:
    """Writes one result id by id; iterate over it. Ids in `ends` are never yielded.

    finish: "end" (the model ended the text), "length" or "context" once the iteration is over. left_out: ids of the
    prompt and, where it slides, of the text that the model no longer saw. written: ids yielded so far.
    """

    def __init__(
        self,
        network: Network,
        prompt: Prompt,
        new: int,
        sampling: Sampling,
        seed: int,
        check: Callable[[], None],
        *,
        least: int = 0,
    ) -> None:
        """new: most ids to write. seed: unsigned 32 bit. least: ids before the text may end."""
        self.finish = ""
        self.written = 0
        self._network = network
        self._prompt = prompt
        self._new = new
        self._sampling = sampling
        self._seed = seed
        self._check = check
        self._least = least
        self._view, self.left_out = prompt.fit(network.limit, new)

    def __iter__(self) -> Iterator[int]:
        import torch

        network, sampling = self._network, self._sampling
        generator = torch.Generator().manual_seed(self._seed)
        uniforms: list[float] = []
        history = [*self._prompt.head, *self._prompt.body]
        ban = NGramBan(sampling.no_repeat, self._prompt.body)
        known = set(history)
        device = network.model.device
        seen = torch.tensor(sorted(known), device=device)
        step_ids: list[int] | None = None  # None: the whole view is to be read anew
        cache = None
        while self.written < self._new:
            self._check()
            with torch.inference_mode():
                if step_ids is None:
                    logits, cache = network.read(self._view, self._check)
                else:
                    logits, cache = network.step(torch.tensor([step_ids], device=device), cache)
                banned = [*network.never, *ban.banned()]
                if self.written < self._least:
                    banned += network.ends
                scores = penalise(logits[0], seen, sampling.repetition, banned)
                probabilities, ids = candidates(scores, sampling)
                first = float(probabilities[0])
                if not first > 0:  # also true for NaN
                    raise _broken()
                if not uniforms:
                    uniforms = torch.rand(64, generator=generator, dtype=torch.float64).tolist()[::-1]
                id = draw(probabilities, ids, uniforms.pop())
            if id in network.ends:
                self.finish = "end"
                return
            self.written += 1
            ban.add(id)
            self._view.append(id)
            if id not in known and sampling.repetition != 1.0:
                known.add(id)
                seen = torch.cat([seen, torch.tensor([id], device=device)])
            yield id
            step_ids = [id]
            if len(self._view) >= network.limit and self.written < self._new:
                if not self._prompt.slides:
                    self.finish = "context"
                    return
                head = len(self._prompt.head)
                kept = self._view[head:][-max(1, (network.limit - head) // 2) :]
                self.left_out += len(self._view) - head - len(kept)
                self._view = [*self._prompt.head, *kept]
                step_ids = None
        self.finish = "length"


@dataclass(frozen=True)
class Beam:
    """One finished hypothesis: ids without the end id; score: log-probability / length ** penalty; ended: by the model
    itself, not by the length limit."""

    ids: tuple[int, ...]
    score: float
    ended: bool


def beam_search(
    network: Network,
    prompt: Prompt,
    new: int,
    beams: int,
    length_penalty: float,
    sampling: Sampling,
    check: Callable[[], None],
    step: Callable[[int], None] = lambda done: None,
    *,
    least: int = 0,
    settled: Callable[[Sequence[int]], None] | None = None,
) -> tuple[list[Beam], int]:
    """(hypotheses, best first; ids of the prompt left out). Deterministic; temperature and cut-offs play no part.

    settled: told after each step the ids that every hypothesis still in the race begins with, whenever they are more:
    whichever wins begins with them, so that they can be shown.

    The rules are those of transformers with early_stopping=False: the search goes on as long as the best running
    hypothesis, at its present length, beats the worst of `beams` finished ones.
    """
    import torch

    view, left_out = prompt.fit(network.limit, new)
    new = max(1, min(new, network.limit - len(view)))
    device = network.model.device
    done: list[Beam] = []
    common = 0
    with torch.inference_mode():
        logits, cache = network.read(view, check)
        running: list[tuple[float, list[int], NGramBan]] = [(0.0, [], NGramBan(sampling.no_repeat, prompt.body))]
        seen_prompt = sorted({*prompt.head, *prompt.body})
        for length in range(1, new + 1):
            check()
            step(length)
            scores = torch.log_softmax(logits, dim=-1)
            if not bool(torch.isfinite(scores.max())):
                raise _broken()
            for row, (_, ids, ban) in enumerate(running):
                banned = [*network.never, *ban.banned(), *(network.ends if length <= least else ())]
                penalise(scores[row], torch.tensor([*seen_prompt, *ids], device=device), sampling.repetition, banned)
            scores = scores + torch.tensor([[score] for score, _, _ in running], device=device)
            wanted = min(max(2, 1 + len(network.ends)) * beams, scores.numel())
            values, places = torch.topk(scores.flatten(), wanted)
            size = scores.shape[-1]
            survivors: list[tuple[float, list[int], NGramBan]] = []
            parents: list[int] = []
            for rank, (value, place) in enumerate(zip(values.tolist(), places.tolist(), strict=True)):
                parent, id = divmod(place, size)
                if value == float("-inf"):
                    continue
                ended = id in network.ends
                if ended or length == new:
                    if rank < beams:
                        ids = running[parent][1] if ended else [*running[parent][1], id]
                        done.append(Beam(tuple(ids), value / length**length_penalty, ended))
                elif len(survivors) < beams:
                    ban = running[parent][2].copy()
                    ban.add(id)
                    survivors.append((value, [*running[parent][1], id], ban))
                    parents.append(parent)
            done = sorted(done, key=lambda beam: -beam.score)[:beams]
            if not survivors:
                break
            if len(done) == beams and survivors[0][0] / length**length_penalty <= done[-1].score:
                break
            cache = _select(cache, parents, len(running), device)
            running = survivors
            if settled is not None:
                shared = _shared([*(ids for _, ids, _ in running), *(beam.ids for beam in done)], common)
                if shared > common:
                    common = shared
                    settled(running[0][1][:common])
            logits, cache = network.step(torch.tensor([[ids[-1]] for _, ids, _ in running], device=device), cache)
    if not done:  # every continuation was banned
        raise _broken()
    return done, left_out


def _shared(texts: Sequence[Sequence[int]], known: int) -> int:
    """How many ids all of `texts` begin with, of which `known` are known to be the same."""
    first = min(texts, key=len)
    others = [text for text in texts if text is not first]
    for at in range(known, len(first)):
        if any(text[at] != first[at] for text in others):
            return at
    return len(first)


def _select(cache: Any, parents: list[int], rows: int, device: Any) -> Any:
    """The cache with row i taken from row parents[i]."""
    import torch

    if parents == list(range(rows)):
        return cache
    if hasattr(cache, "batch_select_indices"):
        cache.batch_select_indices(torch.tensor(parents, device=device))
    else:
        cache.reorder_cache(torch.tensor(parents, device=device))
    return cache


def _broken() -> StudioError:
    return StudioError(
        N_("The model's numbers broke down; try again with other settings, or choose another model."), code="model-nan"
    )
