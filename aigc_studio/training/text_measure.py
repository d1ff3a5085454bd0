"""What a language model is worth on texts that it never learned, and what its samples are: the figures of both recipes
for texts, before and after.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from aigc_studio.core.runs import RunFolder
from aigc_studio.core.store.files import write_atomically
from aigc_studio.engines.text.causal_lm import Writer

from .bookkeeping import on_a_full_disk
from .evaluation.text import Copied, Learned, distinct, form_kept, reference_scores, units
from .learner import Made
from .ngram import Trigram
from .text_samples import Ask, write
from .texts import IGNORED, Texts

if TYPE_CHECKING:
    import torch

__all__ = [
    "Measured",
    "effort",
    "losses",
    "measure",
    "negative_log_likelihood",
    "report",
    "trigram_likelihood",
    "yardsticks",
]

Check = Callable[[], None]

_MOST_TRIGRAMS = 1_500_000
"""Ids from which the trigram model learns: it holds about 200 bytes for each."""
_ANSWER = 256
_LOGITS = 1 << 27
"""Numbers of a forward pass's result, that are held at once while measuring."""
_QUICK = 20_000_000
"""Weights up to which measuring takes no long time on a processor."""


def effort(network: Any) -> float:
    """Share of the usual looking that is done with this network, so that large ones on a processor get to learn."""
    weights = sum(weight.numel() for weight in network.parameters())
    return 1.0 if network.device.type != "cpu" else min(1.0, _QUICK / max(1, weights))


def losses(logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(weighted sum to make small, plain sum of the likelihood's part in nats) over all places.

    logits (n, length, vocabulary), target int64 (n, length), weight float32 (n, length), below zero for words that
    are not to be written.
    """
    import torch
    from torch.nn.functional import cross_entropy

    nats = cross_entropy(
        logits.float().flatten(0, 1), target.flatten(), ignore_index=IGNORED, reduction="none"
    ).view_as(target)
    likely = (nats * weight.clamp(min=0)).sum()
    surely_not = -torch.log1p(-torch.exp(-nats).clamp(max=1 - 1e-6))
    return likely + (surely_not * (-weight).clamp(min=0)).sum(), (nats * (weight > 0)).sum()


def negative_log_likelihood(
    network: Any, texts: Texts, rows: Sequence[Sequence[int]], batch: int, trainer_check: Any
) -> tuple[float, int]:
    """(nats over all words that are to be learned, how many) of pieces laid out in rows; float32, no title left out."""
    import torch

    nats, count = 0.0, 0
    batch = max(1, min(batch, _LOGITS // (texts.context * network.config.get_text_config().vocab_size)))
    with torch.no_grad():
        for at in range(0, len(rows), batch):
            trainer_check()
            part = texts.laid_out(rows[at : at + batch])
            ids, place, target = (
                torch.from_numpy(part[name]).to(network.device) for name in ("ids", "place", "target")
            )
            logits = network(input_ids=ids, position_ids=place, use_cache=False).logits
            known = (target != IGNORED).float()
            nats += float(losses(logits, target, known)[1])
            count += int(known.sum())
    return nats, count


@dataclass(frozen=True)
class Measured:
    """figures: name to number. samples: what was written, each with what of it was copied. signature: of sacrebleu."""

    figures: Mapping[str, Any]
    samples: tuple[Mapping[str, Any], ...] = ()
    signature: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Measured:
        """From `dataclasses.asdict`."""
        return cls(data["figures"], tuple(data["samples"]), data["signature"])


def measure(
    network: Any,
    writer: Writer,
    texts: Texts,
    rows: Sequence[Sequence[int]],
    made: Sequence[Made],
    batch: int,
    check: Check,
) -> Measured:
    """Perplexity on held-out rows, BLEU and chrF where the data has answers, variety, form and copying of what was
    written."""
    figures: dict[str, Any] = {}
    nats, count = negative_log_likelihood(network, texts, rows, batch, check)
    if count:
        figures["perplexity"] = _rounded(math.exp(min(nats / count, 80.0)))
        figures["bits_per_character"] = _rounded(nats / math.log(2) / max(1, _characters(texts, rows, writer)))
    signature = ""
    references = [Ask(**ask) for ask in texts.facts.get("references", [])]
    if references:
        references = references[: max(4, round(len(references) * effort(network)))]
        length = max(1, min(_ANSWER, texts.context // 2))
        answers = [write(writer, ask, 0, length, check, greedy=True)[0] for ask in references]
        scores = reference_scores(answers, [ask.answer for ask in references])
        signature = scores.pop("signature")
        figures |= scores | {"references": len(references)}
    written = [each.text for each in made]
    figures |= _variety(written)
    if written and (form := texts.facts.get("form")):
        figures |= {"form": form, "form_kept": _rounded(form_kept(written, form))}
    copied = _learned(texts, writer.decode, check)
    found = [copied.copied(text) for text in written]
    samples = tuple(
        {"prompt": each.prompt, "seed": each.seed, "text": each.text, "longest": own.longest, "run": " ".join(own.run)}
        for each, own in zip(made, found, strict=True)
    )
    return Measured(figures | _copying(found), samples, signature)


def yardsticks(
    texts: Texts, rows: Sequence[Sequence[int]], writer: Writer, made: Sequence[Made], check: Check
) -> dict[str, Any]:
    """What the model's figures are to be read against: a trigram model's perplexity on the same words, and the same
    figures of as much of the held-out text as was written."""
    numbers = [number for row in rows for number in row]
    if not numbers:
        return {}
    nats, count, read = trigram_likelihood(texts, numbers, len(writer.tokenizer), _MOST_TRIGRAMS, check)
    figures: dict[str, Any] = {
        "trigram_perplexity": _rounded(math.exp(nats / max(1, count))),
        "trigram_tokens": read,
        "held_out_tokens": count,
        "learned_tokens": texts.tokens,
    }
    lengths = [len(units(each.text)) for each in made]
    own = islice(texts.documents(texts.held_out, writer.decode), len(made))
    cut = [" ".join(units(text)[:length]) for text, length in zip(own, lengths, strict=False)]
    if cut:
        learned = _learned(texts, writer.decode, check)
        more = _variety(cut) | _copying([learned.copied(text) for text in cut])
        figures |= {f"held_out_{name}": value for name, value in more.items()}
    return figures


def _variety(written: Sequence[str]) -> dict[str, Any]:
    return {f"distinct_{n}": _rounded(distinct(written, n)) for n in (1, 2, 3)} if written else {}


def _copying(found: Sequence[Copied]) -> dict[str, Any]:
    if not found:
        return {}
    grams = max(1, sum(each.grams for each in found))
    return {
        "copied_longest": max(each.longest for each in found),
        "copied_share": _rounded(sum(each.known for each in found) / grams),
    }


def trigram_likelihood(
    texts: Texts, numbers: Sequence[int], size: int, most: int, check: Check = lambda: None
) -> tuple[float, int, int]:
    """(nats over the words of these pieces that are to be learned, how many, how many ids it learned from) of a trigram
    model that read what is learned, of that about `most` ids from all documents alike (0: all)."""
    chosen = texts.spread([each for each in texts.learned if texts.weight(each) > 0], most)
    read = 0

    def learned() -> Iterator[list[int]]:
        nonlocal read
        for ids, _ in texts.sequences(chosen):
            check()
            read += len(ids)
            yield ids

    trigram = Trigram(learned(), size)
    nats, count = 0.0, 0
    for ids, marks in texts.sequences(numbers):
        check()
        for at in range(1, len(ids)):
            if marks[at]:
                nats -= math.log(trigram.probability(ids[max(0, at - 2) : at], ids[at]))
                count += 1
    return nats, count, read


def report(run: RunFolder, figures: Mapping[str, Any], after: Measured, before: Measured | None) -> None:
    """Write report.json into the run: the figures, and every sample before and after."""
    found = {"figures": dict(figures), "after": asdict(after), "before": None if before is None else asdict(before)}
    with on_a_full_disk(), write_atomically(run.path / "report.json") as file:
        file.write((json.dumps(found, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace"))


def _learned(texts: Texts, decode: Callable[[list[int]], str], check: Check) -> Learned:
    numbers = [number for number in texts.learned if texts.weight(number) > 0]
    return Learned(texts.documents(numbers, decode), check=check)


def _characters(texts: Texts, rows: Sequence[Sequence[int]], writer: Writer) -> int:
    """Characters that the held-out words spell."""
    total = 0
    for ids, marks in texts.sequences(number for row in rows for number in row):
        total += len(writer.decode([id for id, mark in zip(ids, marks, strict=True) if mark]))
    return total


def _rounded(value: float) -> float:
    """Four figures: more are not measured."""
    return float(f"{value:.4g}")
