"""From documents to token ids: a byte-level BPE vocabulary, framed pieces and packed rows.

The vocabulary is trained so that every Chinese character is a word of its own: frequent ones become single tokens, rare
ones two or three byte tokens, and no token spans two characters. English words merge as usual. Nothing is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aigc_studio.core.forms import END, FORMS, PAD, SPECIAL_TOKENS, TEXT

from .corpus import Document, chunks

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

__all__ = ["BEGIN", "Encoded", "Vocabulary", "pack", "rows", "save_vocabulary", "train_vocabulary", "train_words"]

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


@dataclass(frozen=True)
class Encoded:
    """A document as ids: form token, title and the body's chunks, each a tuple of ids."""

    form: str
    language: str
    title: tuple[int, ...]
    body: tuple[tuple[int, ...], ...]


class Vocabulary:
    """A trained tokenizer that frames documents. `size`: number of ids."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.size: int = tokenizer.get_vocab_size()
        self.end = self._special(END)
        self.text = self._special(TEXT)
        self.pad = self._special(PAD)
        self.forms = {id: self._special(form.token) for id, form in FORMS.items()}

    def _special(self, token: str) -> int:
        id = self.tokenizer.token_to_id(token)
        if id is None:
            raise ValueError(f"the tokenizer has no token {token}")
        return id

    def encode(self, documents: Iterable[Document]) -> list[Encoded]:
        """Every document as ids; the body cut where `chunks` cuts it."""
        encoded = []
        for document in documents:
            parts = [document.title, *chunks(document.text)]
            ids = [tuple(item.ids) for item in self.tokenizer.encode_batch(parts)]
            encoded.append(Encoded(document.form, document.language, ids[0], tuple(ids[1:])))
        return encoded

    def pieces(self, document: Encoded, limit: int, *, titled: bool = True) -> Iterator[list[int]]:
        """The document as framed id lists of at most `limit` ids: the first with its title, later ones without, the
        last with the end token. A chunk longer than a piece is cut where it must be."""
        form = self.forms[document.form]
        piece = [form, *(document.title[: limit // 4] if titled else ()), self.text]
        start = len(piece)
        for chunk in document.body:
            rest = list(chunk)
            if len(piece) > start and len(piece) + len(rest) > limit:
                yield piece
                piece = [form, self.text]
                start = len(piece)
            while len(piece) + len(rest) > limit:
                room = limit - len(piece)
                yield piece + rest[:room]
                piece, rest = [form, self.text], rest[room:]
                start = len(piece)
            piece += rest
        yield [*piece, self.end]


def pack(
    documents: list[Encoded],
    vocabulary: Vocabulary,
    context: int,
    seed: int,
    epoch: int,
    repeat: Mapping[str, int],
    untitled: float = 0.5,
) -> np.ndarray:
    """One epoch as rows of `context + 1` ids, int64 (n, context + 1); neighbouring rows share one id.

    Shuffled by (seed, epoch) alone; a share `untitled` of the documents goes without its title, so that the model also
    begins without one. `repeat`: language to how often its documents occur.
    """
    random = np.random.default_rng([seed, epoch])
    stream: list[list[int]] = []
    for document in documents:
        for _ in range(repeat.get(document.language, 1)):
            stream.extend(vocabulary.pieces(document, context, titled=random.random() >= untitled))
    order = random.permutation(len(stream))
    flat = np.fromiter((id for index in order for id in stream[index]), dtype=np.int64)
    return rows(flat, context)


def rows(flat: np.ndarray, context: int) -> np.ndarray:
    """A flat stream of ids as rows of `context + 1` that overlap by one; the remainder is dropped."""
    count = (len(flat) - 1) // context
    if count < 1:
        return np.empty((0, context + 1), dtype=np.int64)
    return np.stack([flat[i * context : i * context + context + 1] for i in range(count)])
