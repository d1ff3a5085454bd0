"""From a trained starter writer to a model folder that can be shipped: half precision, standard files, and a card that
says what it is, measured and with its samples unpicked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_studio.core.forms import FORMS, SPECIAL_TOKENS, TEXT

from .card import VERSES, model_card
from .evaluation.text import form_kept
from .text_measure import negative_log_likelihood, trigram_likelihood

if TYPE_CHECKING:
    from .learner import Outcome
    from .starter_writer import Settings, StarterLearner
    from .trainer import Trainer

__all__ = ["LONGEST", "export_writer", "perplexities", "write_verses"]

LONGEST = 160
"""Tokens of a sample."""


def perplexities(learner: StarterLearner) -> dict[str, dict[str, float]]:
    """Language to {"model", "trigram", "tokens"} on the held-out pieces; both read the same pieces alone.

    The trigram model learns every learned document once with its title: the same text the network saw.
    """
    found: dict[str, dict[str, float]] = {}
    for language, rows in learner.held_by_language.items():
        numbers = [number for row in rows for number in row]
        nats, tokens = negative_log_likelihood(learner.network, learner.texts, rows, 16, lambda: None)
        yardstick, _, _ = trigram_likelihood(learner.texts, numbers, len(learner.tokenizer), most=0)
        found[language] = {
            "model": math.exp(nats / max(1, tokens)),
            "trigram": math.exp(yardstick / max(1, tokens)),
            "tokens": tokens,
        }
    return found


def write_verses(
    network: Any, tokenizer: Any, form: str, title: str, count: int, seed: int, temperature: float = 0.8
) -> list[str]:
    """`count` texts of one form from its frame alone, sampled (top-k 50, top-p 0.95)."""
    import torch

    end = tokenizer.eos_token_id
    head = list(tokenizer(f"{FORMS[form].token}{title}{TEXT}", add_special_tokens=False)["input_ids"])
    never = [id for id in tokenizer.convert_tokens_to_ids(list(SPECIAL_TOKENS)) if id != end]
    torch.manual_seed(seed)
    with torch.inference_mode():
        rows = network.generate(
            input_ids=torch.tensor([head] * count),
            attention_mask=torch.ones(count, len(head), dtype=torch.long),
            do_sample=True,
            temperature=temperature,
            top_k=50,
            top_p=0.95,
            max_new_tokens=LONGEST,
            eos_token_id=end,
            pad_token_id=tokenizer.pad_token_id,
            suppress_tokens=never,
        )
    return [tokenizer.decode(row[len(head) :], skip_special_tokens=True) for row in rows.tolist()]


def export_writer(
    learner: StarterLearner, trainer: Trainer, settings: Settings, outcome: Outcome, folder: Path
) -> dict[str, Any]:
    """Write the folder (config, float16 safetensors, tokenizer, card, figures.json) and return the measured figures.

    Everything is measured on the rounded weights that are shipped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    learner.export(folder, trainer)
    network, tokenizer = learner.network, learner.tokenizer
    verses = {
        form.id: write_verses(network, tokenizer, form.id, "", VERSES, settings.seed)
        for form in FORMS.values()
        if form.length
    }
    figures: dict[str, Any] = {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "steps": outcome.step,
        "tokens_read": outcome.step * settings.batch * settings.context,
        "training_minutes": round(outcome.seconds / 60),
        "perplexity": {
            language: {name: round(value, 1) for name, value in values.items()}
            for language, values in perplexities(learner).items()
        },
        "form_kept": {form: round(form_kept(texts, form), 3) for form, texts in verses.items()},
    }
    samples: Mapping[str, Sequence[str]] = {
        "七绝《春雪》": write_verses(network, tokenizer, "qijue", "春雪", 2, settings.seed),
        "五绝《山中》": write_verses(network, tokenizer, "wujue", "山中", 2, settings.seed),
        "五律《送友人》": write_verses(network, tokenizer, "wulv", "送友人", 1, settings.seed),
        "Fable “The Fox and the Moon”": write_verses(
            network, tokenizer, "fable", "The Fox and the Moon", 2, settings.seed, 0.7
        ),
        "Free verse “The Sea”": write_verses(network, tokenizer, "poem", "The Sea", 1, settings.seed, 0.7),
    }
    shape = network.config
    (folder / "figures.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    card = model_card(
        settings,
        f"{shape.num_hidden_layers} layers, width {shape.hidden_size}, {shape.num_attention_heads} heads",
        len(tokenizer),
        figures,
        samples,
    )
    (folder / "README.md").write_text(card, encoding="utf-8")
    return figures
