"""Passages: stretches of generated text inside an ordinary text document, with the variants each was chosen from.

A passage's characters carry its id as a property of their format. The document's own undo stack keeps formats, so an
undo that brings a passage's text back brings the passage back, without a second history beside Qt's. Positions are
Qt's (UTF-16 units), never indices of a Python string: the two differ after the first emoji.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QTextBlockFormat, QTextCharFormat, QTextCursor, QTextDocument, QTextFormat

from aigc_studio.core.documents import Segment, Variant, new_id

__all__ = ["LINE_HEIGHT", "Passage", "Passages", "clean"]

PROPERTY = QTextFormat.Property.UserProperty.value + 1
LINE_HEIGHT = 122
"""Per cent of the font's own height: Chinese needs more air between lines than Latin, and both read well at this."""

_SLICE = 8_000  # characters that are laid out in some 3 ms
_PASSAGE_COSTS = 200  # characters that take as long as a passage's cursors

_UNSHOWABLE = re.compile("[\0\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]")


def clean(text: str) -> str:
    """`text` with Unix line ends, without what a text document cannot hold (NUL, Qt's frame marks, lone surrogates)."""
    return _UNSHOWABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def unixed(text: str) -> str:
    """A cursor's selected text with ordinary line ends. (`str.translate` takes 60 ms for a megabyte of Chinese.)"""
    return text.replace("\u2029", "\n").replace("\u2028", "\n")


def plain_format() -> QTextCharFormat:
    """The format of text a person wrote."""
    return QTextCharFormat()


@dataclass(eq=False)
class Passage:
    """One stretch of generated text.

    variants: what was made for this place, in order. shown: index of the one in the text while it is being written
    (afterwards the text itself decides, see `Passages.shown`). kept: the writer chose; it is ordinary text by now, and
    its variants are only remembered.
    """

    id: str
    start: QTextCursor
    end: QTextCursor
    variants: list[Variant] = field(default_factory=list)
    shown: int = 0
    kept: bool = False
    asset_id: str = ""
    joins: bool = False
    """Whether its first piece belongs to the undo step before it (which split another passage for it)."""

    @property
    def empty(self) -> bool:
        """Whether nothing of it is in the text (it was undone, or deleted)."""
        return self.end.position() <= self.start.position()

    def text(self) -> str:
        """Its text as it stands in the document."""
        cursor = QTextCursor(self.start)
        cursor.setPosition(self.end.position(), QTextCursor.MoveMode.KeepAnchor)
        return unixed(cursor.selectedText())

    def format(self) -> QTextCharFormat:
        """The character format that marks it."""
        marked = plain_format()
        marked.setProperty(PROPERTY, self.id)
        return marked


class Passages(QObject):
    """The passages of one QTextDocument: load, list, stream into, swap variants, and read back as segments."""

    changed = Signal()
    """A passage appeared, vanished, was kept or got another variant."""
    loaded = Signal()
    """The whole document is there, see `fill`."""

    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
        self._document = document
        self._known: dict[str, Passage] = {}
        self._filling: Generator[None] | None = None
        self._adding = False
        document.contentsChange.connect(self._scan)

    # -- whole document ------------------------------------------------------------------------------------------

    def load(self, segments: Sequence[Segment], room_below: float = 0.0) -> None:
        """Replace the document by these segments; its undo history starts anew. room_below: pixels after the end."""
        self.fill(segments, room_below)
        self.finish()

    def fill(self, segments: Sequence[Segment], room_below: float = 0.0) -> None:
        """The same in slices: the first is there at once, `step` adds the others. What needs the whole document
        (`segments`, `length`, writing into it) adds the rest by itself, so that nobody sees half of one."""
        if self._filling is not None:
            self._filling.close()
        self._filling = self._fill(segments, room_below)
        self.step()

    def step(self) -> bool:
        """Add a slice, some milliseconds of work; False when nothing is left to add."""
        if self._filling is None:
            return False
        self._adding = True
        try:
            more = next(self._filling, self) is not self
        finally:
            self._adding = False
        if more:
            return True
        self._filling = None
        self.changed.emit()
        self.loaded.emit()
        return False

    def finish(self) -> None:
        """Add what is left, now (but not from a signal that a slice sends while it is added)."""
        while not self._adding and self.step():
            pass

    @property
    def filling(self) -> bool:
        """Whether a part of the document is still to come."""
        return self._filling is not None

    def _fill(self, segments: Sequence[Segment], room_below: float) -> Generator[None]:
        document = self._document
        self._known.clear()
        try:
            document.setUndoRedoEnabled(False)
            document.clear()
            frame = document.rootFrame().frameFormat()
            frame.setBottomMargin(room_below)  # now: on a long text it would lay out everything once more
            document.rootFrame().setFrameFormat(frame)
            cursor = QTextCursor(document)
            spacing = QTextBlockFormat()
            spacing.setLineHeight(LINE_HEIGHT, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
            cursor.setBlockFormat(spacing)  # later blocks inherit it
            for part in _slices(segments):
                cursor.beginEditBlock()
                for segment, text in part:
                    self._insert_segment(cursor, segment, text)
                cursor.endEditBlock()
                yield
        finally:
            document.setUndoRedoEnabled(True)
            document.setModified(False)

    def _insert_segment(self, cursor: QTextCursor, segment: Segment, text: str) -> None:
        if not segment.variants:
            cursor.insertText(clean(text), plain_format())
            return
        passage = self._create(segment.id or new_id(), cursor.position())
        passage.variants = [variant.copy() for variant in segment.variants]
        passage.kept, passage.asset_id = segment.locked, segment.asset_id
        begin = cursor.position()
        cursor.insertText(clean(text), passage.format())
        passage.start.setPosition(begin)
        passage.end.setPosition(cursor.position())

    def segments(self) -> list[Segment]:
        """The document as segments: ordinary text between passages, passages with their variants."""
        self.finish()
        spots = [(p.start.position(), p.end.position(), p) for p in self._known.values()]
        spots = sorted((spot for spot in spots if spot[1] > spot[0]), key=lambda spot: spot[0])
        cut = self._cutter()
        found: list[Segment] = []
        position = 0
        for begin, end, passage in spots:
            if begin > position:
                found.append(Segment(text=cut(position, begin)))
            found.append(Segment(passage.id, cut(begin, end), list(passage.variants), passage.kept, passage.asset_id))
            position = end
        if (end := self.length()) > position or not found:
            found.append(Segment(text=cut(position, end)))
        return found

    def _cutter(self) -> Callable[[int, int], str]:
        """A function that gives the text between two positions: of thousands of passages it is read from Qt once."""
        whole = self.text(0, length := self.length())
        if len(whole) == length:
            return lambda begin, end: whole[begin:end]
        units = whole.encode("utf-16-le", "surrogatepass")
        return lambda begin, end: units[2 * begin : 2 * end].decode("utf-16-le", "surrogatepass")

    def length(self) -> int:
        """Length of the text in UTF-16 units."""
        self.finish()
        return self._length()

    def _length(self) -> int:
        return max(0, self._document.characterCount() - 1)

    def text(self, start: int, end: int) -> str:
        """The text between two positions."""
        if end > self._length():
            self.finish()
        cursor = QTextCursor(self._document)
        cursor.setPosition(max(0, min(start, self._length())))
        cursor.setPosition(max(0, min(end, self._length())), QTextCursor.MoveMode.KeepAnchor)
        return unixed(cursor.selectedText())

    def opening(self, limit: int) -> str:
        """The text's beginning, as far as it is there: at least its first slice."""
        return self.text(0, min(limit, self._length()))

    def live(self) -> list[Passage]:
        """The passages that have text, in the order of the text."""
        return sorted((p for p in self._known.values() if not p.empty), key=lambda p: p.start.position())

    def at(self, position: int) -> Passage | None:
        """The undecided passage at a position (its end counts; of two that touch, the later one)."""
        found = [p for p in self.live() if not p.kept and p.start.position() <= position <= p.end.position()]
        return found[-1] if found else None

    def get(self, id: str) -> Passage | None:
        """The passage with this id, also an undone one."""
        self.finish()
        return self._known.get(id)

    # -- writing -------------------------------------------------------------------------------------------------

    def begin(self, position: int) -> Passage:
        """A new, empty passage at a position; one that spans the position becomes ordinary text."""
        self.finish()
        released = False
        for passage in self.live():
            if passage.start.position() < position < passage.end.position():
                self._release(passage)
                released = True
        passage = self._create(new_id(), position)
        passage.joins = released
        return passage

    def append(self, passage: Passage, piece: str, *, join: bool) -> None:
        """Write a piece at the passage's end; with `join` it is part of the undo step before it."""
        self.finish()
        cursor = QTextCursor(self._document)
        cursor.setPosition(passage.end.position())
        if join:
            cursor.joinPreviousEditBlock()
        else:
            cursor.beginEditBlock()
        cursor.insertText(clean(piece), passage.format())
        cursor.endEditBlock()

    def swap(self, passage: Passage, index: int, *, join: bool = False) -> None:
        """Show another variant. Text edited by hand since is kept as a variant of its own first."""
        if not 0 <= index < len(passage.variants):
            return
        if self.shown(passage) < 0 and passage.text():
            passage.variants.append(Variant(text=passage.text()))
        self._replace(passage, passage.variants[index].text, join=join)
        passage.shown = index
        passage.asset_id = passage.variants[index].asset_id
        self.changed.emit()

    def _replace(self, passage: Passage, text: str, *, join: bool) -> None:
        self.finish()
        begin = passage.start.position()
        cursor = QTextCursor(self._document)
        cursor.setPosition(begin)
        cursor.setPosition(passage.end.position(), QTextCursor.MoveMode.KeepAnchor)
        if join:
            cursor.joinPreviousEditBlock()
        else:
            cursor.beginEditBlock()
        cursor.insertText(clean(text), passage.format())
        cursor.endEditBlock()
        passage.start.setPosition(begin)
        passage.end.setPosition(cursor.position())

    def shown(self, passage: Passage) -> int:
        """Which variant stands in the text, -1 when it was edited since."""
        text = passage.text()
        if passage.shown < len(passage.variants) and clean(passage.variants[passage.shown].text) == text:
            return passage.shown
        return next((i for i, variant in enumerate(passage.variants) if clean(variant.text) == text), -1)

    def keep(self, passage: Passage, on: bool = True) -> None:
        """Choose what stands in the text (or, with `on` false, take the choice back)."""
        passage.kept = on
        self.changed.emit()

    def wrap(self, start: int, end: int, passage: Passage | None = None) -> Passage:
        """The stretch between two positions as a passage whose first variant is its text; the one that is there
        already, if it is just that. passage: an earlier one, which lost its place to an undo, to be put there again.

        The text does not change. The mark joins the undo step before it, so that nobody undoes what cannot be seen;
        behind a single stretch of typing Qt keeps the two apart, and one undo there shows nothing.
        """
        self.finish()
        for found in self.live():
            low, high = found.start.position(), found.end.position()
            if (low, high) == (start, end) and passage is None:
                if self.shown(found) < 0:
                    found.variants.append(Variant(text=found.text()))
                    found.shown = len(found.variants) - 1
                found.kept = False
                return found
            if low < end and start < high:
                self._release(found)
        text = self.text(start, end)
        if passage is None:
            passage = self._create(new_id(), start)
            passage.variants.append(Variant(text=text))
        cursor = QTextCursor(self._document)
        if self._document.isUndoAvailable():
            cursor.joinPreviousEditBlock()
        else:
            cursor.beginEditBlock()
        cursor.setPosition(start)
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        cursor.setCharFormat(passage.format())
        cursor.endEditBlock()
        passage.start.setPosition(start)
        passage.end.setPosition(end)
        passage.kept = False
        self.changed.emit()
        return passage

    def insert_after(self, passage: Passage, variant: Variant) -> Passage:
        """A text of its own below a passage, as one undo step; a decided passage with this one variant."""
        self.finish()
        cursor = QTextCursor(self._document)
        cursor.setPosition(passage.end.position())
        cursor.beginEditBlock()
        cursor.insertText("\n\n", plain_format())
        added = self._create(new_id(), cursor.position())
        added.variants, added.asset_id, added.kept = [variant.copy()], variant.asset_id, True
        begin = cursor.position()
        cursor.insertText(clean(variant.text), added.format())
        cursor.endEditBlock()
        added.start.setPosition(begin)
        added.end.setPosition(cursor.position())
        self.changed.emit()
        return added

    def dismiss(self, passage: Passage) -> None:
        """Take the passage out of the text; an undo brings it back with its variants."""
        self._replace(passage, "", join=False)
        self.changed.emit()

    # -- keeping up with edits ----------------------------------------------------------------------------------

    def _create(self, id: str, position: int) -> Passage:
        start, end = QTextCursor(self._document), QTextCursor(self._document)
        start.setPosition(position)
        end.setPosition(position)
        end.setKeepPositionOnInsert(True)  # what a person types behind a passage is not part of it
        passage = self._known[id] = Passage(id, start, end)
        return passage

    def _release(self, passage: Passage) -> None:
        cursor = QTextCursor(passage.start)
        cursor.setPosition(passage.end.position(), QTextCursor.MoveMode.KeepAnchor)
        cursor.setCharFormat(plain_format())

    def _scan(self, position: int, removed: int, added: int) -> None:
        """Find the passages' ends again in the text that just changed: typing, undo, redo, a change of format."""
        if self._filling is not None or not self._known:
            return
        if removed:
            self._forget_format(position, added)
        found: dict[str, tuple[int, int]] = {}
        for id, begin, end in self._marked(position, position + added):
            low, high = found.get(id, (begin, end))
            found[id] = (min(low, begin), max(high, end))
        for id, (begin, end) in found.items():
            if (passage := self._known.get(id)) is None:
                continue
            if not passage.empty:
                begin, end = min(begin, passage.start.position()), max(end, passage.end.position())
            passage.start.setPosition(begin)
            passage.end.setPosition(end)
        if removed or found:
            self.changed.emit()

    def _forget_format(self, position: int, added: int) -> None:
        """A passage whose text lost its mark (released into ordinary text) has no text any more."""
        if not added:
            return
        for passage in self._known.values():
            begin, end = passage.start.position(), passage.end.position()
            if end > begin and begin >= position and end <= position + added and not self._has(passage.id, begin, end):
                passage.end.setPosition(begin)

    def _has(self, id: str, begin: int, end: int) -> bool:
        return any(found == id for found, _, _ in self._marked(begin, end))

    def _marked(self, begin: int, end: int) -> Iterable[tuple[str, int, int]]:
        block = self._document.findBlock(begin)
        while block.isValid() and block.position() <= end:
            low = block.position() - 1  # the line end before it is a character with a format of its own
            if low >= max(begin, 0) and (id := block.charFormat().stringProperty(PROPERTY)):
                yield id, low, low + 1
            fragments = block.begin()
            while not fragments.atEnd():
                fragment = fragments.fragment()
                low, high = fragment.position(), fragment.position() + fragment.length()
                if high > begin and low < end and (id := fragment.charFormat().stringProperty(PROPERTY)):
                    yield id, low, high
                fragments += 1
            block = block.next()


def _slices(segments: Sequence[Segment]) -> Iterator[list[tuple[Segment, str]]]:
    """The segments in portions of about `_SLICE` characters. Ordinary text is cut behind line ends only: a paragraph is
    laid out as a whole, and passages are short."""
    part: list[tuple[Segment, str]] = []
    cost = 0
    for segment in segments:
        text, begin = segment.text, 0
        while True:
            end = len(text)
            if not segment.variants and end - begin > _SLICE:
                end = text.find("\n", begin + _SLICE) + 1 or end
            part.append((segment, text[begin:end]))
            cost += end - begin + (_PASSAGE_COSTS if segment.variants else 0)
            if cost >= _SLICE:
                yield part
                part, cost = [], 0
            if (begin := end) >= len(text):
                break
    yield part
