"""The starter writer's model card: a reader who decides whether to use it finds the limits first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aigc_studio.core.forms import FORMS

if TYPE_CHECKING:
    from .starter_writer import Settings

__all__ = ["VERSES", "model_card"]

VERSES = 100
"""Verses written per regular form to see how many keep it."""


def model_card(
    settings: Settings, shape: str, size: int, figures: Mapping[str, Any], samples: Mapping[str, Sequence[str]]
) -> str:
    """The card as Markdown. shape: of the network, in words. size: of the vocabulary. samples: heading to texts, shown
    as they are."""
    rows = "\n".join(
        f"| {name} | {values['model']:.1f} | {values['trigram']:.1f} "
        f"| {100 * (1 - values['model'] / values['trigram']):.0f} % | {values['tokens']:.0f} |"
        for name, values in figures["perplexity"].items()
    )
    forms = "\n".join(f"| {form} | {100 * rate:.0f} % |" for form, rate in figures["form_kept"].items())
    shown = "\n\n".join(
        f"**{name}**\n\n" + "\n\n".join("> " + text.strip().replace("\n", "  \n> ") for text in texts)
        for name, texts in samples.items()
    )
    return _CARD.format(
        parameters=figures["parameters"] / 1e6,
        shape=f"{shape}, tied embeddings",
        size=size,
        context=settings.context,
        batch=settings.batch,
        steps=figures["steps"],
        read=figures["tokens_read"] / 1e6,
        minutes=figures["training_minutes"],
        seed=settings.seed,
        verses=VERSES,
        names=", ".join(FORMS),
        rows=rows,
        forms=forms,
        shown=shown,
    )


_CARD = """---
license: gpl-3.0
language: [zh, en]
library_name: transformers
pipeline_tag: text-generation
---

# Starter writer

A small language model that ships with AIGC Studio so that the Write panel works without a download. It continues
classical Chinese verse and English fables, folk tales and free verse. **It is a toy of {parameters:.1f}
million parameters**: it keeps metre and tone, it does not follow instructions, know facts, write modern copy or hold a
plot beyond a few sentences. For work, choose a larger model.

| | |
| --- | --- |
| class | LlamaForCausalLM, {shape}, float16 |
| vocabulary | {size} byte-level BPE tokens; a frequent Chinese character is one token |
| context | {context} tokens |
| training | from scratch, {steps} steps of {batch} x {context} tokens,\
 {read:.1f} million in all; {minutes} minutes on one thread of a shared CPU |
| licence of the weights | GPL-3.0-or-later, as the program |

## Data
- Chinese: classical poems in simplified characters, from chinese-poetry (MIT licence); poems with damaged text and
  repeated poems left out.
- English: Aesop's fables (V. S. Vernon Jones), the Grimms' tales (Margaret Hunt) and Whitman's *Leaves of Grass* in the
  Standard Ebooks editions (public domain / CC0).

Two per cent of the documents, chosen by a hash of their text, were held out and never learned.

## Measured on the held-out documents
Perplexity per token, beside an interpolated Kneser-Ney trigram model that learned the same text on the same tokens.

| language | this model | trigram | lower by | tokens |
| --- | --- | --- | --- | --- |
{rows}

Regular verse from the form alone ({verses} each, temperature 0.8, top-k 50, top-p 0.95): clause count and length
right.

| form | kept |
| --- | --- |
{forms}

## Samples
The first ones from seed {seed}, not picked; cut at 160 tokens.

{shown}

## Use
A document is `<|form|>title<|text|>body<|end|>`, the title may be empty; forms: {names}.

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder)
ids = tokenizer("<|qijue|>春雪<|text|>", return_tensors="pt").input_ids
print(tokenizer.decode(model.generate(ids, do_sample=True, temperature=0.8, top_k=50, max_new_tokens=60)[0]))
```

## Limits
Old and male voices of their time and culture are all it has read: stock images, archaic words, and attitudes (towards
women, foreigners, violence in tales) that are not ours. It may repeat learned lines. Modern words are guessed from
single bytes. Nothing it writes is true.

Made with `python -m aigc_studio train starter-writer --data DIR --out DIR --model DIR`.
"""
