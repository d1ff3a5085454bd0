"""Ready-made instructions."""

from __future__ import annotations

from aigc_studio.core import i18n
from aigc_studio.core.instructions import apart, compose, instructions, text_of


def test_each_is_there_in_both_languages() -> None:
    """With a title and a text of its own; ids are unique, groups stand together."""
    found = instructions()
    assert len({item.id for item in found}) == len(found) >= 12
    for item in found:
        assert set(item.titles) == set(item.texts) == {"en", "zh"}
        assert item.texts["en"].isascii()
        assert any("\u4e00" <= sign <= "\u9fff" for sign in item.texts["zh"])
    groups = [item.group for item in found]
    assert groups == sorted(groups, key=groups.index)
    assert {"shorten", "lengthen", "simplify", "correct", "formal", "vivid", "headline", "xiaohongshu"} <= {
        item.id for item in found
    }


def test_the_language_follows_the_passage() -> None:
    """Else the window's."""
    shorten = instructions()[0]
    assert shorten.text("床前明月光 with a word") == shorten.texts["zh"]
    assert shorten.text("A fox.") == shorten.texts["en"]
    assert shorten.text() == shorten.texts["en"]
    i18n.set_language("zh_CN")
    assert shorten.text() == shorten.texts["zh"]
    assert shorten.title == "缩短"


def test_prompts() -> None:
    """The text is put in as it is, also one with braces; an instruction alone stays alone."""
    assert compose(" Write a poem. ", " \n") == "Write a poem."
    english = compose("Shorten it.", "A {text} with {instruction}.")
    assert english.startswith("Shorten it.\n")
    assert english.endswith("\nA {text} with {instruction}.")
    assert "原文" in compose("缩短。", "A fox.")


def test_the_text_is_found_again() -> None:
    """In a recipe's prompt, whatever the language."""
    for instruction in ("Shorten it.", "缩短。"):
        assert text_of(compose(instruction, "A {text}.\nB"), instruction) == "A {text}.\nB"
    assert text_of("something else", "Shorten it.") == "something else"
    assert text_of("plain", "") == "plain"


def test_instruction_and_text_are_told_apart_without_knowing_either() -> None:
    """By the words between them; of a prompt that nobody put together all is instruction."""
    for instruction in ("Shorten it.", "缩短。"):
        for text in ("A {text}.\nB", compose("Lengthen it.", "Again.")):
            before, found = apart(compose(instruction, text))
            assert found == text
            assert before.startswith(instruction)
            assert before + found == compose(instruction, text)
    assert apart("Shorten it.\n\nA fox.") == ("Shorten it.\n\nA fox.", "")
