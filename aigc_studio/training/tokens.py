"""Byte-level BPE vocabularies of our own, trained on the texts themselves.

Every Chinese character is a word of its own: frequent ones become single tokens, rare ones two or three byte tokens,
and no token spans two characters. English words merge as usual. Nothing is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aigc_studio.core.forms import END, PAD, SPECIAL_TOKENS

from .corpus import Document

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

__all__ = ["BEGIN", "save_vocabulary", "train_vocabulary", "train_words"]

_WORDS = r" ?\p{Latin}+| ?\p{N}| ?[^\s\p{L}\p{N}]|\p{L}|\s"
"""What may become one token: a Latin word or one mark with the space before it, else a single character."""


_GENERAL_WORDS = (
    r" ?[[\p{L}\p{M}]&&[^\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]]+"
    r"| ?\p{N}| ?[^\s\p{L}\p{N}]|\p{L}|\s"
)
"""The same for any script: words where a script has spaces between them, else single characters."""
BEGIN = "<|begin|>"
"""Begins a text of a writer that knows no forms."""


def train_vocabulary(documents: Iterable[Document], size: int) -> Tokenizer:
    """A byte-level BPE tokenizer with `size` entries, the special tokens of `core.forms` first. Deterministic."""
    texts = (part for document in documents for part in (document.title, document.text) if part)
    return _byte_level(texts, size, _WORDS, SPECIAL_TOKENS)


def train_words(texts: Iterable[str], size: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of transformers with at most `size` entries, for texts of any kind. Deterministic.

    It puts a begin mark before what it is given, as Llama's does; special tokens are begin, end and pad.
    """
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    tokenizer = _byte_level(texts, size, _GENERAL_WORDS, (BEGIN, END, PAD))
    tokenizer.post_processor = processors.TemplateProcessing(  # type: ignore[assignment]
        single=f"{BEGIN} $A", pair=f"{BEGIN} $A {BEGIN} $B", special_tokens=[(BEGIN, tokenizer.token_to_id(BEGIN))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BEGIN, eos_token=END, pad_token=PAD, clean_up_tokenization_spaces=False
    )


def _byte_level(texts: Iterable[str], size: int, words: str, special: Sequence[str]) -> Tokenizer:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(  # type: ignore[assignment]
        [
            pre_tokenizers.Split(Regex(words), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save_vocabulary(tokenizer: Tokenizer, folder: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json as transformers' PreTrainedTokenizerFast reads them."""
    from transformers import PreTrainedTokenizerFast

    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[token for token in SPECIAL_TOKENS if token not in (END, PAD)],
        clean_up_tokenization_spaces=False,
    )
    wrapped.save_pretrained(folder)
