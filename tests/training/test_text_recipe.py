"""From a folder of texts to what is learned and what measures it."""

from __future__ import annotations

from aigc_studio.training.framing import Passage
from aigc_studio.training.text_recipe import without_near_copies

VERSE = "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。"
EDITION = VERSE.replace("床前", "窗前").replace("举头", "抬头")
OTHER = "白日依山尽，黄河入海流。\n欲穷千里目，更上一层楼。"


def test_another_edition_of_a_learned_text_does_not_measure() -> None:
    """It is learned; what only shares a clause stays held out."""
    learned = [Passage("", VERSE)]
    near, alike = Passage("", EDITION), Passage("", OTHER.replace("黄河入海流", "疑是地上霜"))
    found = without_near_copies(learned, [near, alike], lambda: None)
    assert found == ([*learned, near], [alike], 1)


def test_something_is_always_held_out() -> None:
    """Of nothing but editions of one text all stays as it was split."""
    learned, held_out = [Passage("", VERSE)], [Passage("", EDITION)]
    assert without_near_copies(learned, held_out, lambda: None) == (learned, held_out, 0)
    assert without_near_copies(learned, [], lambda: None) == (learned, [], 0)
