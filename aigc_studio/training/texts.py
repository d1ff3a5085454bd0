"""Texts of any folder as arrays of ids in the run's own folder, made once: the folder of texts may go away afterwards.

    data/texts/ids.bin       all pieces, one after another: uint16, or uint32 for more than 65,536 words
               learn.bin     uint8 for each id: whether writing it is to be learned
               pieces.npy    int64 (n, 5): start, length, range of the title in it, number of the document
               weights.npy   float32 (n,): how much a piece counts; below zero it is not to be written
               learned.json  how many pieces come first that are learned; the others are held out

Pieces stand in rows as long as the model's view, best fit first; each is read alone, none sees another. Nothing here
needs torch.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from aigc_studio.core.store.files import plain_errors, sync_file, sync_folder

from .framing import Framing, Passage

__all__ = ["IGNORED", "Texts", "pack", "prepare", "sections", "split"]

IGNORED = -100
"""A target that counts for nothing."""

_FEW = 20
_GROUP = 64
_FILES = ("ids.bin", "learn.bin", "pieces.npy", "weights.npy", "learned.json")

Progress = Callable[[int, int], None]


def split(passages: Sequence[Passage], held_out: float, seed: int) -> tuple[list[Passage], list[Passage]]:
    """(learned, held out), by a hash of the text and the seed alone: a text stays on its side when others come or go.

    Of texts that are there twice one is taken. With `held_out` above zero at least one text is held out of two.
    """
    shares: dict[str, tuple[float, Passage]] = {}
    for passage in passages:
        digest = hashlib.sha256(f"{seed}\n{passage.text}".encode("utf-8", "replace")).digest()
        shares.setdefault(digest.hex(), (int.from_bytes(digest[:8], "big") / 2**64, passage))
    several = list(shares.values())
    least = min((share for share, _ in several), default=0.0)
    limit = max(held_out, np.nextafter(least, 1.0)) if held_out > 0 and len(several) > 1 else 0.0
    kept = [passage for share, passage in several if share < limit]
    learned = [passage for share, passage in several if share >= limit]
    if not learned and kept:
        learned, kept = kept[1:], kept[:1]
    return learned, kept


def sections(passages: Sequence[Passage], few: int = _FEW) -> list[Passage]:
    """The passages; of only a few, long ones (a novel in one file) are divided at blank lines or line ends, so that a
    part of them can be held out."""
    if len(passages) >= few:
        return list(passages)
    found: list[Passage] = []
    for passage in passages:
        size = max(2000, len(passage.text) // few)
        if passage.turns or len(passage.text) < 2 * size:
            found.append(passage)
            continue
        blank = "\n\n" in passage.text
        part = ""
        for paragraph in passage.text.split("\n\n" if blank else "\n"):
            part += ("\n\n" if blank else "\n") * bool(part) + paragraph
            if len(part) >= size:
                found.append(replace(passage, title=passage.title if len(found) == 0 else "", text=part))
                part = ""
        if part.strip():
            found.append(replace(passage, title="", text=part))
    return found


def pack(costs: Sequence[int], room: int) -> list[list[int]]:
    """Numbers of pieces in rows: best fit, longest first, no piece cut. costs: places that each takes, at most `room`.

    (Ding et al. 2024, "Fewer Truncations Improve Language Modeling", arXiv:2404.10830.)
    """
    rows: list[list[int]] = []
    spaces: list[int] = []  # different spaces left, sorted
    having: dict[int, list[int]] = {}  # space left to the rows that have it
    for number in sorted(range(len(costs)), key=lambda each: (-costs[each], each)):
        cost = costs[number]
        if cost > room:
            raise ValueError(f"a piece of {cost} in rows of {room}")
        place = bisect_left(spaces, cost)
        if place < len(spaces):
            space = spaces[place]
            row = having[space].pop()
            if not having[space]:
                del having[space], spaces[place]
            rows[row].append(number)
        else:
            space, row = room, len(rows)
            rows.append([number])
        left = space - cost
        if left:
            if left not in having:
                insort(spaces, left)
                having[left] = []
            having[left].append(row)
    return rows


def prepare(
    folder: Path,
    learned: Sequence[Passage],
    held_out: Sequence[Passage],
    framing: Framing,
    facts: Mapping[str, Any],
    check: Callable[[], None] = lambda: None,
    progress: Progress = lambda done, total: None,
) -> Texts:
    """Write the arrays to `folder`, whole or not at all; StudioError on a full disk. facts: kept beside (JSON types).

    Weights of held out passages do not count.
    """
    beside = folder.with_name(folder.name + ".new")
    shutil.rmtree(beside, ignore_errors=True)
    total = len(learned) + len(held_out)
    wide = len(framing.tokenizer) > 1 << 16
    table: list[tuple[int, int, int, int, int]] = []
    weights: list[float] = []
    at, first_held = 0, 0
    try:
        with plain_errors():
            beside.mkdir(parents=True)
            with open(beside / "ids.bin", "wb") as ids, open(beside / "learn.bin", "wb") as learn:
                for start in range(0, total, _GROUP):
                    check()
                    progress(start, total)
                    group = [
                        learned[number] if number < len(learned) else held_out[number - len(learned)]
                        for number in range(start, min(total, start + _GROUP))
                    ]
                    for number, pieces in enumerate(framing.pieces(group), start):
                        for piece in pieces:
                            if not any(piece.learn):
                                continue
                            ids.write(np.array(piece.ids, np.uint32 if wide else np.uint16).tobytes())
                            learn.write(piece.learn)
                            table.append((at, len(piece.ids), *piece.title, number))
                            weights.append(group[number - start].weight if number < len(learned) else 1.0)
                            first_held += number < len(learned)
                            at += len(piece.ids)
                _settle(ids, learn)
            with open(beside / "pieces.npy", "wb") as pieces_file, open(beside / "weights.npy", "wb") as weights_file:
                np.save(pieces_file, np.array(table, np.int64).reshape(-1, 5))
                np.save(weights_file, np.array(weights, np.float32))
                _settle(pieces_file, weights_file)
            told = {"learned": first_held, "wide": wide, "context": framing.context, "pad": framing.pad, **facts}
            with open(beside / "learned.json", "w", encoding="utf-8") as facts_file:
                facts_file.write(json.dumps(told, ensure_ascii=False))
                _settle(facts_file)
            sync_folder(beside)
            shutil.rmtree(folder, ignore_errors=True)
            beside.replace(folder)
            sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return Texts(folder)


def _settle(*files: IO[Any]) -> None:
    """Let files be on the disk before they are renamed into place: a power cut would else leave them short."""
    for file in files:
        file.flush()
        sync_file(file.fileno())


class Texts:
    """Prepared arrays, read from the disk as they are needed. ValueError or OSError when they are not whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts: dict[str, Any] = json.loads((folder / "learned.json").read_text(encoding="utf-8"))
        self.context: int = self.facts["context"]
        kind = np.uint32 if self.facts["wide"] else np.uint16
        self._table = np.load(folder / "pieces.npy")
        self._weights = np.load(folder / "weights.npy")
        empty = not len(self._table)
        self._compare(np.dtype(kind).itemsize)
        self._ids = np.zeros(0, kind) if empty else np.memmap(folder / "ids.bin", kind, "r")
        self._learn = np.zeros(0, np.uint8) if empty else np.memmap(folder / "learn.bin", np.uint8, "r")
        self.learned = range(int(self.facts["learned"]))
        self.held_out = range(len(self.learned), len(self._table))
        costs = (self._table[: len(self.learned), 1] - 1).tolist()
        self._rows = pack(costs, self.context)
        self._epoch = -1
        self._order = np.zeros(0, np.int64)

    def _compare(self, wide: int) -> None:
        """ValueError where the files are shorter or longer than their table says. wide: bytes of an id."""
        starts, lengths = self._table[:, 0], self._table[:, 1]
        end = int(starts[-1] + lengths[-1]) if len(self._table) else 0
        sizes = {name: (self.folder / name).stat().st_size for name in ("ids.bin", "learn.bin")}
        if (
            sizes != {"ids.bin": end * wide, "learn.bin": end}
            or len(self._weights) != len(self._table)
            or not 0 <= self.facts["learned"] <= len(self._table)
            or (starts[1:] != starts[:-1] + lengths[:-1]).any()
        ):
            raise ValueError("the prepared texts are not whole")

    def lay_alone(self) -> None:
        """One piece a row: for networks to which a row cannot say where one piece ends and another begins."""
        self._rows = [[number] for number in self.learned]
        self._epoch = -1

    def spread(self, numbers: Sequence[int], most: int) -> list[int]:
        """Of these pieces every so many, so that about `most` ids are in them (0: all): from everywhere alike."""
        total = int(self._table[list(numbers), 1].sum()) if len(numbers) else 0
        if not most or total <= most:
            return list(numbers)
        count = max(1, len(numbers) * most // total)
        return [numbers[place * len(numbers) // count] for place in range(count)]

    @classmethod
    def there(cls, folder: Path) -> Texts | None:
        """What was prepared in `folder`, None when there is nothing whole."""
        if not all((folder / name).is_file() for name in _FILES):
            return None
        with contextlib.suppress(ValueError, OSError, KeyError):
            return cls(folder)
        return None

    @property
    def rows(self) -> int:
        """Rows of an epoch."""
        return len(self._rows)

    @property
    def tokens(self) -> int:
        """Ids whose writing is learned in an epoch."""
        return int(self._learn[: self._end()].sum()) if len(self.learned) else 0

    def _end(self) -> int:
        start, length = self._table[len(self.learned) - 1, :2]
        return int(start + length)

    def piece(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """(ids int64, learned or not as bool) of one piece."""
        start, length = self._table[number, :2]
        part = slice(int(start), int(start + length))
        return self._ids[part].astype(np.int64), self._learn[part].astype(bool)

    def weight(self, number: int) -> float:
        """How much a piece counts; below zero it is not to be written."""
        return float(self._weights[number])

    def document(self, number: int) -> int:
        """The number of the document that a piece is of."""
        return int(self._table[number, 4])

    def batch(self, step: int, size: int, seed: int, untitled: float = 0.5) -> dict[str, np.ndarray]:
        """The rows of one step, the same ones whenever it is asked for; a share `untitled` of titles is left out.

        {"ids", "target" (`IGNORED` where nothing is predicted), "place" (position in its piece): int64,
        "weight": float32}, each (size, context).
        """
        random = np.random.default_rng([seed, step, 1])
        rows = [self._row(step * size + index, seed) for index in range(size)]
        return self.laid_out(rows, random, untitled)

    def _row(self, number: int, seed: int) -> list[int]:
        epoch, place = divmod(number, len(self._rows))
        if epoch != self._epoch:
            self._epoch, self._order = epoch, np.random.default_rng([seed, epoch, 0]).permutation(len(self._rows))
        return self._rows[int(self._order[place])]

    def laid_out(
        self, rows: Sequence[Sequence[int]], random: np.random.Generator | None = None, untitled: float = 0.0
    ) -> dict[str, np.ndarray]:
        """Pieces side by side in rows; see `batch`."""
        shape = (len(rows), self.context)
        ids = np.full(shape, self.facts["pad"], np.int64)
        target = np.full(shape, IGNORED, np.int64)
        place = np.zeros(shape, np.int64)
        weight = np.zeros(shape, np.float32)
        for index, numbers in enumerate(rows):
            at = 0
            for number in numbers:
                words, learn = self.piece(number)
                start, stop = self._table[number, 2:4]
                if stop > start and random is not None and random.random() < untitled:
                    kept = np.r_[0:start, stop : len(words)]
                    words, learn = words[kept], learn[kept]
                end = at + len(words) - 1
                ids[index, at:end] = words[:-1]
                target[index, at:end] = np.where(learn[1:], words[1:], IGNORED)
                weight[index, at:end] = np.where(learn[1:], self._weights[number], 0.0)
                place[index, at:end] = np.arange(end - at)
                at = end
            place[index, at:] = np.arange(self.context - at)
        return {"ids": ids, "target": target, "place": place, "weight": weight}

    def sequences(self, numbers: Iterable[int], most: int = 0) -> Iterator[tuple[list[int], list[bool]]]:
        """(ids, learned or not) of pieces one by one, until `most` ids were given (0: all)."""
        given = 0
        for number in numbers:
            ids, learn = self.piece(number)
            yield ids.tolist(), learn.tolist()
            given += len(ids)
            if most and given >= most:
                return

    def documents(self, numbers: Iterable[int], decode: Callable[[list[int]], str]) -> Iterator[str]:
        """The texts of documents as the tokenizer gives them back, without what pieces repeat."""
        current, ids = -1, list[int]()
        for number in numbers:
            words, learn = self.piece(number)
            if self.document(number) != current:
                if ids:
                    yield decode(ids)
                current, ids = self.document(number), []
            ids += words[learn].tolist() if ids else words.tolist()
        if ids:
            yield decode(ids)
