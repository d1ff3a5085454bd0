"""A writer from nothing: a language model of the Llama class with a vocabulary of its own, learned from a folder of
texts. Titles are learned as Markdown headings, half of the texts without theirs.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Choice, Context, Model, Param
from aigc_studio.engines.device import go_offline

from .bookkeeping import on_a_full_disk
from .common import care, family, length, rounds
from .framing import PLAIN_TEMPLATE, Framing, Passage
from .learner import step_seed
from .session import Session
from .text_learner import TextLearner, optimisers_for
from .text_recipe import asks_for, optimiser_param, prepared, text_params, texts_data
from .tokens import train_words

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

__all__ = ["FAMILY", "SIZES", "load", "run"]

SIZES = {"tiny": (64, 2), "small": (256, 5), "medium": (384, 8), "large": (640, 12)}
"""Size to (width, layers); one head for 64 units."""

FAMILY = family(
    "train-writer",
    N_("Writer from nothing"),
    N_("Learns words and style from your texts alone; needs a megabyte of them and keeps to what it has read."),
    (
        *texts_data(),
        Param.choice(
            "size",
            N_("Size of the network"),
            "small",
            (
                Choice("tiny", N_("Tiny: for a first try")),
                Choice("small", N_("Small: about 4 million weights")),
                Choice("medium", N_("Medium: about 14 million weights")),
                Choice("large", N_("Large: about 60 million weights")),
            ),
        ),
        *text_params(256, 4096),
        *length(2000, 16, 3e-3),
        Param.int(
            "vocabulary",
            N_("Vocabulary"),
            6144,
            300,
            100_000,
            unit=N_("tokens"),
            advanced=True,
            help=N_("How many words and characters are a token of their own; fewer for less text."),
        ),
        optimiser_param("muon"),
        *care(validation=0.05, sample_every=200, samples=16, patience=5),
        *rounds(),
    ),
)
_CHARACTERS_PER_WORD = 30
"""A vocabulary grows with the text: each entry should be seen often enough to be learned."""


def load(model: Model, ctx: Context) -> None:
    """Nothing: a recipe begins with its data."""


def run(_loaded: None, request: Request, ctx: Context) -> None:
    """Train, or go on, and deliver the model."""
    go_offline()
    import torch

    session = Session(ctx, request, FAMILY)
    values = session.values
    texts = prepared(session, lambda learned: Framing(_vocabulary(session, learned), values["context"]))
    tokenizer = _tokenizer(session.run.path / "data" / "tokenizer")
    torch.manual_seed(step_seed(request.seed, 1 << 41))
    network = build(tokenizer, values["size"], texts.context).to(session.device)
    learner = TextLearner(
        network,
        network,
        tokenizer,
        texts,
        optimisers_for(network, values["optimiser"], values["rate"], decay=0.1),
        asks_for(session, texts),
        batch=values["batch"],
        seed=request.seed,
        placement=session.placement,
        run=session.run,
    )
    session.begin_from(learner)
    trainer = session.train(learner, session.settings(warmup=min(60, 1 + values["steps"] // 10), fall=0.6))
    session.deliver(learner, trainer)


def build(tokenizer: Any, size: str, context: int) -> LlamaForCausalLM:
    """A freshly initialised network with tied embeddings, from torch's random numbers."""
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    width, layers = SIZES[size]
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id}  # fmt: skip
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        num_key_value_heads=width // 64,
        intermediate_size=16 * math.ceil(width * 8 / 3 / 16),
        max_position_embeddings=context,
        tie_word_embeddings=True,
        **ends,
    )
    network = LlamaForCausalLM(config)
    network.generation_config = GenerationConfig(**ends)
    return network


def _vocabulary(session: Session, learned: Sequence[Passage]) -> Any:
    """The run's tokenizer: that of the run it starts from, else trained on what is learned; kept in its folder."""
    folder = session.run.path / "data" / "tokenizer"
    beside = folder.with_name("tokenizer.new")
    with on_a_full_disk():
        shutil.rmtree(beside, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        if session.earlier is not None:
            former = session.earlier.path / "data" / "tokenizer"
            if not former.is_dir():
                raise StudioError(
                    N_("The run to start from has nothing that could be read; choose another one, or none."),
                    code="start",
                )
            shutil.copytree(former, beside)
        else:
            session.ctx.progress(0, 0, N_("Finding the words"))
            characters = sum(len(passage.text) for passage in learned)
            size = min(session.values["vocabulary"], max(512, characters // _CHARACTERS_PER_WORD))
            texts = (part for passage in learned for part in (passage.title, passage.text) if part)
            train_words(texts, max(300, size)).save_pretrained(beside)
        tokenizer = _tokenizer(beside)
        if any(passage.turns for passage in learned) and not tokenizer.chat_template:
            tokenizer.chat_template = PLAIN_TEMPLATE
            tokenizer.save_pretrained(beside)
        beside.rename(folder)
    return _tokenizer(folder)


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
