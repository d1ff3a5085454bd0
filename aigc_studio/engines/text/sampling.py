"""Which token comes next: penalties on the logits, then the candidates, then one draw.

Order as in transformers: repetition penalty, n-gram ban, banned ids; temperature, top-k, top-p, min-p. Logits are
float32 of shape (vocabulary,). torch is imported inside functions only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

__all__ = ["STYLES", "NGramBan", "Sampling", "candidates", "draw", "penalise"]

_SHORTLIST = 1024
"""How many of the largest logits are looked at before the whole vocabulary is sorted for top-p."""


@dataclass(frozen=True)
class Sampling:
    """temperature 0 takes the likeliest token. top_k 0, top_p 1, min_p 0, repetition 1 and no_repeat 0 do nothing."""

    temperature: float = 0.8
    top_k: int = 50
    top_p: float = 0.95
    min_p: float = 0.0
    repetition: float = 1.0
    no_repeat: int = 0

    @classmethod
    def from_values(
        cls,
        values: Mapping[str, Any],
        defaults: Mapping[str, Any],
        styles: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Sampling:
        """The style's values, each replaced by the drawer's where that was moved from its default. styles: `STYLES`
        where a family has none of its own."""
        chosen = dict((styles or STYLES)[values["style"]])
        for name in chosen:
            if values[name] != defaults[name]:
                chosen[name] = values[name]
        return cls(**chosen, repetition=values["repetition_penalty"], no_repeat=values["no_repeat_ngram"])


STYLES: dict[str, dict[str, Any]] = {
    "precise": {"temperature": 0.4, "top_k": 20, "top_p": 0.9, "min_p": 0.0},
    "balanced": {"temperature": 0.8, "top_k": 50, "top_p": 0.95, "min_p": 0.0},
    "bold": {"temperature": 1.1, "top_k": 0, "top_p": 1.0, "min_p": 0.03},
}
"""Style to its sampling values; "balanced" holds the parameters' defaults."""


class NGramBan:
    """No n-gram of ids occurs twice. Keeps what followed every (n-1)-gram so far, so that a step costs one look-up."""

    def __init__(self, size: int, ids: Sequence[int] = ()) -> None:
        self._size = size
        self._ids: list[int] = []
        self._after: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
        for id in ids:
            self.add(id)

    def add(self, id: int) -> None:
        """One more id was written."""
        if self._size:
            self._ids.append(id)
            if len(self._ids) >= self._size:
                gram = tuple(self._ids[-self._size :])
                self._after[gram[:-1]].append(gram[-1])

    def banned(self) -> list[int]:
        """Ids that would repeat an n-gram now."""
        if not self._size or len(self._ids) + 1 < self._size:
            return []
        tail = tuple(self._ids[len(self._ids) - self._size + 1 :])
        return self._after.get(tail, [])

    def copy(self) -> NGramBan:
        """An independent copy, for a beam that splits."""
        other = NGramBan(self._size)
        other._ids = list(self._ids)
        other._after = defaultdict(list, {gram: list(ids) for gram, ids in self._after.items()})
        return other


def penalise(logits: torch.Tensor, seen: torch.Tensor, repetition: float, banned: Sequence[int]) -> torch.Tensor:
    """Logits with seen ids made less likely (CTRL's rule: positive ones divided, negative ones multiplied) and banned
    ids impossible. `seen`: ids, int64 (n,), duplicates allowed. Changes and returns `logits`."""
    import torch

    if repetition != 1.0 and seen.numel():
        values = logits[seen]
        logits[seen] = torch.where(values < 0, values * repetition, values / repetition)
    if banned:
        logits[torch.tensor(list(banned), device=logits.device)] = float("-inf")
    return logits


def candidates(logits: torch.Tensor, sampling: Sampling) -> tuple[torch.Tensor, torch.Tensor]:
    """(probabilities, ids) of the tokens that may be drawn, likeliest first; the probabilities sum to one.

    At least one token is left. With temperature 0 exactly one. NaN among the logits comes first and stays NaN.
    """
    import torch

    if sampling.temperature == 0 or sampling.top_k == 1:
        value, id = logits.max(dim=-1)
        return torch.ones_like(value).unsqueeze(0) * (value - value + 1), id.unsqueeze(0)
    size = logits.shape[-1]
    scaled = logits / sampling.temperature
    if sampling.top_k:
        values, ids = torch.topk(scaled, min(sampling.top_k, size))
        probabilities = torch.softmax(values, dim=-1)
    elif sampling.top_p < 1:
        total = torch.logsumexp(scaled, dim=-1)
        values, ids = torch.topk(scaled, min(_SHORTLIST, size))
        probabilities = torch.exp(values - total)
        if size > _SHORTLIST and bool(probabilities.sum() < sampling.top_p):
            values, ids = torch.sort(scaled, descending=True)
            probabilities = torch.exp(values - total)
    else:
        values, ids = torch.sort(scaled, descending=True)
        probabilities = torch.softmax(values, dim=-1)
    if sampling.top_p < 1:
        before = probabilities.cumsum(dim=-1) - probabilities
        keep = before < sampling.top_p
        keep[0] = True
        probabilities = probabilities * keep
        probabilities = probabilities / probabilities.sum()
    if sampling.min_p > 0:
        probabilities = probabilities * (probabilities >= sampling.min_p * probabilities[0])
        probabilities = probabilities / probabilities.sum()
    some = probabilities > 0
    some[0] = True
    if not bool(some.all()):
        probabilities, ids = probabilities[some], ids[some]
    return probabilities, ids


def draw(probabilities: torch.Tensor, ids: torch.Tensor, uniform: float) -> int:
    """The id at which the running sum of probabilities passes `uniform` in [0, 1).

    The uniform number comes from a generator on the CPU, so that a seed means the same on every device.
    """
    import torch

    if ids.numel() == 1:
        return int(ids[0])
    sums = probabilities.cumsum(0)
    at = torch.searchsorted(sums, sums[-1:] * uniform, right=True)
    return int(ids[min(int(at), ids.numel() - 1)])
