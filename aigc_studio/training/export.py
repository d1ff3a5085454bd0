"""From a trained writer to a model folder that can be shipped: half precision, standard files, and a card that says
what it is, measured and with its samples unpicked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_studio.core.forms import FORMS, keeps_form

from .card import VERSES, model_card
from .causal_lm import Settings, loss_on
from .ngram import Trigram
from .tokens import Encoded, Vocabulary, save_vocabulary

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

__all__ = ["export_writer", "form_rate", "perplexities"]


def perplexities(
    model: LlamaForCausalLM,
    vocabulary: Vocabulary,
    learned: list[Encoded],
    held_out: Mapping[str, list[list[int]]],
    context: int,
) -> dict[str, dict[str, float]]:
    """Language to {"model", "trigram", "tokens"} on the held-out pieces; both read the same pieces alone.

    The trigram model learns every learned document once with its title: the same text the network saw.
    """
    found: dict[str, dict[str, float]] = {}
    trigram = Trigram(
        (piece for document in learned for piece in vocabulary.pieces(document, context)), vocabulary.size
    )
    for language, pieces in held_out.items():
        nats, tokens = loss_on(model, pieces, vocabulary.pad, lambda: None)
        yardstick, _ = trigram.loss_on(pieces)
        found[language] = {
            "model": math.exp(nats / max(1, tokens)),
            "trigram": math.exp(yardstick / max(1, tokens)),
            "tokens": tokens,
        }
    return found


def write_verses(
    model: LlamaForCausalLM,
    vocabulary: Vocabulary,
    form: str,
    title: str,
    count: int,
    seed: int,
    temperature: float = 0.8,
) -> list[str]:
    """`count` texts of one form from its frame alone, sampled (top-k 50, top-p 0.95)."""
    import torch

    head = [vocabulary.forms[form], *vocabulary.tokenizer.encode(title).ids, vocabulary.text]
    suppressed = [id for id in (*vocabulary.forms.values(), vocabulary.text) if id != vocabulary.end]
    torch.manual_seed(seed)
    writer: Any = model
    with torch.inference_mode():
        rows = writer.generate(
            input_ids=torch.tensor([head] * count),
            attention_mask=torch.ones(count, len(head), dtype=torch.long),
            do_sample=True,
            temperature=temperature,
            top_k=50,
            top_p=0.95,
            max_new_tokens=160,
            eos_token_id=vocabulary.end,
            pad_token_id=vocabulary.pad,
            suppress_tokens=suppressed,
        )
    return [vocabulary.tokenizer.decode(row[len(head) :], skip_special_tokens=True) for row in rows.tolist()]


def form_rate(texts: Sequence[str], form: str) -> float:
    """Share of texts with the clause count and length of their form."""
    return sum(keeps_form(text, form) for text in texts) / max(1, len(texts))


def export_writer(
    model: LlamaForCausalLM,
    settings: Settings,
    vocabulary: Vocabulary,
    learned: list[Encoded],
    held_out: Mapping[str, list[list[int]]],
    run: Path,
    folder: Path,
) -> dict[str, Any]:
    """Write the folder (config, float16 safetensors, tokenizer, card, figures.json) and return the measured figures.

    Everything is measured on the rounded weights that are shipped.
    """
    import torch
    from transformers import GenerationConfig
    from transformers.utils import logging as library_log

    library_log.disable_progress_bar()
    folder.mkdir(parents=True, exist_ok=True)
    model.half()
    model.generation_config = GenerationConfig(eos_token_id=vocabulary.end, pad_token_id=vocabulary.pad)
    model.save_pretrained(folder)
    save_vocabulary(vocabulary.tokenizer, folder)
    model.float().eval()
    verses = {
        form.id: write_verses(model, vocabulary, form.id, "", VERSES, settings.seed)
        for form in FORMS.values()
        if form.length
    }
    state = torch.load(run / "checkpoint.pt", map_location="cpu", weights_only=True)
    figures: dict[str, Any] = {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "steps": int(state["step"]),
        "tokens_read": int(state["step"]) * settings.batch * settings.context,
        "training_minutes": round(float(state["seconds"]) / 60),
        "perplexity": {
            language: {name: round(value, 1) for name, value in values.items()}
            for language, values in perplexities(model, vocabulary, learned, held_out, settings.context).items()
        },
        "form_kept": {form: round(form_rate(texts, form), 3) for form, texts in verses.items()},
    }
    samples = {
        "七绝《春雪》": write_verses(model, vocabulary, "qijue", "春雪", 2, settings.seed),
        "五绝《山中》": write_verses(model, vocabulary, "wujue", "山中", 2, settings.seed),
        "五律《送友人》": write_verses(model, vocabulary, "wulv", "送友人", 1, settings.seed),
        "Fable “The Fox and the Moon”": write_verses(
            model, vocabulary, "fable", "The Fox and the Moon", 2, settings.seed, 0.7
        ),
        "Free verse “The Sea”": write_verses(model, vocabulary, "poem", "The Sea", 1, settings.seed, 0.7),
    }
    (folder / "figures.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(model_card(settings, vocabulary.size, figures, samples), encoding="utf-8")
    return figures
