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


@pytest.mark.parametrize(
    "source",
    ["{count:>2000000000}", "{count!r:>2000000000}", "{count.__class__}", "{count[0]}", "{count:{count}}", "{}", "{0}"],
)
def test_a_notice_from_a_file_cannot_ask_for_formats(source: str) -> None:
    """It is shown as it is."""
    assert Notice(source, {"count": 1}).words() == source


def test_a_notice_from_a_file_cannot_grow() -> None:
    source = "{name}" * 3000
    assert Notice(source, {"name": "x" * 100_000}).words() == source
