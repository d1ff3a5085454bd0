"""A CLIP tokenizer made for the captions of one data set, so that a picture model can be taught its words from scratch.

Frequent words become one token, as byte pairs that are merged (Sennrich et al. 2016); characters of Chinese, Japanese
and Korean become one token each and are never merged with one another: a sentence has no spaces there, and merged
runs ("redapple") would hide from the model that two sentences share a word. What the captions never said is read by
its bytes. The result is `CLIPTokenizer` of transformers, whose normalisation and splitting are fixed by its class.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

__all__ = ["END", "LONGEST", "START", "load_tokenizer", "save_tokenizer", "token_ids", "train_tokenizer"]

START, END = "<|startoftext|>", "<|endoftext|>"
LONGEST, SHORTEST = 77, 16
"""Tokens with start and end: what pipelines of Stable Diffusion expect at most; less makes a small model faster."""

_SINGLE = "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
_SUFFIX = "</w>"


def train_tokenizer(captions: Iterable[str], words: int = 4096) -> CLIPTokenizer:
    """A tokenizer for these captions. words: merges of byte pairs at most, the single characters not counted.

    The same captions always give the same tokenizer, whatever their order.
    """
    from tokenizers import Regex, pre_tokenizers
    from transformers import CLIPTokenizer

    texts = sorted(set(captions))
    plain: Any = CLIPTokenizer()
    clip = plain.backend_tokenizer
    alone = pre_tokenizers.Split(Regex(_SINGLE), behavior="isolated")
    first, *rest = list(clip.pre_tokenizer)
    splitter = pre_tokenizers.Sequence([first, alone, *rest])
    single = re.compile(_SINGLE)
    counts: Counter[str] = Counter()
    singles: set[str] = set()
    for text in texts:
        plain_text = clip.normalizer.normalize_str(text)
        singles.update(single.findall(plain_text))
        counts.update(piece for piece, _ in splitter.pre_tokenize_str(plain_text))
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*letters, *(letter + _SUFFIX for letter in letters)]
    merges: list[tuple[str, str]] = []
    known: set[tuple[str, str]] = set()
    for character in sorted(singles):
        shown = _as_letters(character)
        counts.pop(shown, None)
        _merge_character(shown, merges, known)
    merges += _learned(counts, words)
    pieces = [*dict.fromkeys([*pieces, *map("".join, merges)]), START, END]
    given: Any = {"vocab": {piece: id for id, piece in enumerate(pieces)}, "merges": merges}
    made = CLIPTokenizer(**given, model_max_length=LONGEST)
    made.model_max_length = _length(made, texts)
    return made


def _as_letters(text: str) -> str:
    """Its bytes, each as the letter that stands for it in a vocabulary."""
    from tokenizers import pre_tokenizers

    splitter = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return "".join(piece for piece, _ in splitter.pre_tokenize_str(text))


def _merge_character(shown: str, merges: list[tuple[str, str]], known: set[tuple[str, str]]) -> None:
    """One token for a character within a run, and one for it at the end of one (which CLIP marks).

    Leading and following bytes of UTF-8 are different ones, so that no merge reaches into the next character.
    """
    whole = shown[0]
    for index, byte in enumerate(shown[1:], 2):
        pairs = [(whole, byte)]
        if index == len(shown):
            pairs.append((whole, byte + _SUFFIX))
        merges += [pair for pair in pairs if pair not in known]
        known.update(pairs)
        whole += byte


def _learned(counts: Mapping[str, int], most: int) -> list[tuple[str, str]]:
    """Merges of the most frequent pairs within these words, most frequent first; of equal ones the first by name.

    (The trainer of the tokenizers library breaks ties by ids that differ from run to run.)
    """
    words = [[*word[:-1], word[-1] + _SUFFIX] for word in sorted(counts)]
    often = [counts[word] for word in sorted(counts)]
    found: Counter[tuple[str, str]] = Counter()
    where: dict[tuple[str, str], set[int]] = {}
    for index, word in enumerate(words):
        for pair in pairwise(word):
            found[pair] += often[index]
            where.setdefault(pair, set()).add(index)
    heap = [(-count, pair) for pair, count in found.items()]
    heapify(heap)
    merges: list[tuple[str, str]] = []
    while heap and len(merges) < most:
        count, pair = heappop(heap)
        if found[pair] != -count or count == 0:
            continue  # it has changed since it was put here
        merges.append(pair)
        changed: set[tuple[str, str]] = set()
        for index in where.pop(pair):
            for old in pairwise(words[index]):
                found[old] -= often[index]
                changed.add(old)
            words[index] = _merged(words[index], pair)
            for new in pairwise(words[index]):
                found[new] += often[index]
                where.setdefault(new, set()).add(index)
                changed.add(new)
        for each in changed:
            if found[each] > 0:
                heappush(heap, (-found[each], each))
    return merges


def _merged(word: list[str], pair: tuple[str, str]) -> list[str]:
    made: list[str] = []
    for piece in word:
        if made and (made[-1], piece) == pair:
            made[-1] += piece
        else:
            made.append(piece)
    return made


def _length(tokenizer: Any, texts: Sequence[str]) -> int:
    """Room for the longest caption and half as much again, in steps of 8."""
    longest = max((len(ids) for ids in tokenizer(list(texts)).input_ids), default=2) if texts else 2
    return min(LONGEST, max(SHORTEST, -(-round(longest * 1.5) // 8) * 8))


def token_ids(tokenizer: Any, captions: Sequence[str]) -> Any:
    """int64 (n, length): padded and cut as the pipelines of diffusers do it."""
    return tokenizer(
        list(captions),
        padding="max_length",
        max_length=tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    ).input_ids


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """tokenizer.json and its settings, and vocab.json with merges.txt for programs that read those."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    tokenizer.backend_tokenizer.model.save(str(folder))


def load_tokenizer(folder: Path) -> CLIPTokenizer:
    """What `save_tokenizer` wrote."""
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)
