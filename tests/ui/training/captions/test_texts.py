"""The captions of a folder in memory: filters, undo, what is to be saved."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.datasets.caption_files import Change
from aigc_studio.ui.training.captions import texts as module
from aigc_studio.ui.training.captions.texts import ALL, CHANGED, LACKING, NAMED, CaptionTexts, Entry


def entry(file: str, *texts: str, source: str = "text") -> Entry:
    return Entry(file, texts, texts, texts if source == "text" else (), source if texts else "")


@pytest.fixture
def captions(qapp) -> CaptionTexts:  # noqa: ARG001
    found = CaptionTexts()
    found.load([entry("a red cup.png", "a red cup", source="name"), entry("b.png", "blue"), entry("c.png")])
    return found


def test_filters(captions: CaptionTexts) -> None:
    assert [captions.count(which) for which in (ALL, LACKING, NAMED, CHANGED)] == [3, 1, 1, 0]
    assert captions.rows(ALL, "RED cup") == [0]
    assert captions.rows(ALL, "png blue") == [1]
    captions.change({0: ("cup",), 2: ("new",)})
    assert [captions.count(which) for which in (ALL, LACKING, NAMED, CHANGED)] == [3, 0, 0, 2]
    assert captions.rows(CHANGED) == [0, 2]


def test_what_is_typed_in_one_go_is_undone_in_one_go(captions: CaptionTexts, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    undone: list[list[int]] = []
    captions.undone.connect(undone.append)
    for text in ("r", "re", "red"):
        captions.type(1, (text,))
    now += 5
    captions.type(1, ("red cup",))
    captions.type(2, ("x",))
    assert captions.undo.count() == 3
    captions.undo.undo()
    captions.undo.undo()
    assert captions.entries[1].texts == ("red",)
    captions.undo.undo()
    assert captions.entries[1].texts == ("blue",)
    assert not captions.entries[1].changed
    captions.undo.redo()
    assert captions.entries[1].texts == ("red",)
    assert undone == [[2], [1], [1], [1]]


def test_typing_back_leaves_nothing_to_undo(captions: CaptionTexts) -> None:
    captions.type(1, ("blu",))
    captions.type(1, ("blue",))
    assert not captions.undo.canUndo()


def test_what_is_saved_is_no_change_and_undo_makes_it_one_again(captions: CaptionTexts) -> None:
    captions.change({0: ("cup",), 1: ()})
    assert captions.unsaved() == {"a red cup.png": Change((), ("cup",)), "b.png": Change(("blue",), ())}
    captions.known({"a red cup.png": ("cup",), "b.png": ()})
    assert captions.unsaved() == {}
    captions.undo.undo()
    assert captions.unsaved() == {"a red cup.png": Change(("cup",), ("a red cup",)), "b.png": Change((), ("blue",))}


def test_what_another_program_wrote_is_replaced_only_the_next_time(captions: CaptionTexts) -> None:
    captions.type(1, ("mine",))
    captions.known({"b.png": ("theirs",)})
    assert captions.entries[1].texts == ("mine",)
    assert captions.unsaved() == {"b.png": Change(("theirs",), ("mine",))}


def test_drafts_are_taken_up_with_what_they_began_from(captions: CaptionTexts) -> None:
    drafts = {"b.png": Change(("older",), ("draft",)), "gone.png": Change((), ("x",)), "c.png": Change((), ())}
    assert captions.restore(drafts) == 1
    assert captions.unsaved() == {"b.png": Change(("older",), ("draft",))}
    assert captions.drafts_of([0, 1]) == {"a red cup.png": None, "b.png": Change(("older",), ("draft",))}


EDITS = st.lists(
    st.tuples(st.integers(0, 2), st.lists(st.sampled_from(["a", "b", "c"]), max_size=2, unique=True)), max_size=12
)


@given(EDITS, st.integers(0, 12))
def test_undo_and_redo_come_back_to_the_same(qapp, edits: list[tuple[int, list[str]]], back: int) -> None:  # noqa: ARG001
    captions = CaptionTexts()
    captions.load([entry(f"{number}.png", "start") for number in range(3)])
    for row, new in edits:
        captions.change({row: tuple(new)})
    end = [each.texts for each in captions.entries]
    for _ in range(back):
        captions.undo.undo()
    for _ in range(back):
        captions.undo.redo()
    assert [each.texts for each in captions.entries] == end
    while captions.undo.canUndo():
        captions.undo.undo()
    assert captions.unsaved() == {}
