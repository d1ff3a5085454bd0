"""What is no error, in one calm line: shown, joined, translated, and never a reason to fail."""

from __future__ import annotations

import pytest

from aigc_studio.core.i18n import set_language, tr
from aigc_studio.ui.events import Notice
from aigc_studio.ui.widgets.notice_line import NoticeLine


def test_notices_are_shown_and_follow_the_language(qtbot) -> None:
    """One line, hidden while there is nothing to say; the same one is told once."""
    line = NoticeLine()
    qtbot.addWidget(line)
    assert line.isHidden()
    line.add(Notice("{size} free", {"size": "3 GB"}))
    line.add(Notice("{size} free", {"size": "3 GB"}))
    line.add(Notice("Built in"))
    assert not line.isHidden()
    assert line.text.text() == "3 GB free  ·  Built in"
    set_language("zh_CN")
    line.retranslate()
    assert line.text.text() == f"{tr('{size} free', size='3 GB')}  ·  {tr('Built in')}"
    assert "free" not in line.text.text()
    line.show_notices(())
    assert line.isHidden()


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (None, []),
        ({}, []),
        ({"info": None}, []),
        ({"info": {"notices": "x"}}, []),
        ({"info": {"notices": [["{size} free", {"size": "1 GB"}], ["{gone} free", {}], [1, {}], ["x"], None]}},
         ["1 GB free", "{gone} free"]),
    ],
)  # fmt: skip
def test_a_recipe_tells_them_again(recipe: dict | None, words: list[str]) -> None:
    """Damaged ones are left out, or shown as they are."""
    assert [notice.words() for notice in Notice.of_recipe(recipe)] == words
