"""Recipes as they are offered: every one has its place, its sign and its words."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from aigc_studio.core.i18n import set_language, tr
from aigc_studio.engines import registry
from aigc_studio.ui.i18n import switch_language
from aigc_studio.ui.icons import icon
from aigc_studio.ui.training.recipes import RecipeGallery, RecipePicker
from aigc_studio.ui.training.words import GROUPS, folder_params, group_of, recipe_icon, recipe_title, recipes

IDS = [family.id for family in registry.families("training")]


@pytest.mark.parametrize("id", IDS)
def test_every_recipe_can_be_set_up(qapp, id: str) -> None:
    family = registry.family(id)
    assert folder_params(family), "there is nothing to learn from"
    assert any(param.id == "name" for param in family.params)
    assert group_of(family) in GROUPS
    assert recipe_icon(id) != "school-outline"
    icon(recipe_icon(id))  # KeyError for a sign that the font has not
    set_language("zh_CN")
    try:
        assert recipe_title(id) == tr(family.title)
    finally:
        set_language("en")


def test_a_recipe_that_is_not_here_is_named_by_its_id() -> None:
    assert recipe_title("train-from-the-future") == "train-from-the-future"
    assert recipe_icon("train-from-the-future") == "school-outline"


def test_the_list_has_headings_that_cannot_be_chosen(qtbot, qapp) -> None:
    picker = RecipePicker()
    qtbot.addWidget(picker)
    rows = [picker.combo.itemData(row) for row in range(picker.combo.count())]
    assert [id for id in rows if id] == [family.id for family in recipes()]
    assert rows.count(None) == 2
    assert picker.family is not None
    assert picker.family.id == recipes()[0].id
    with qtbot.waitSignal(picker.changed):
        assert picker.choose(recipes()[-1].id)
    assert not picker.choose("no-such-recipe")
    assert picker.family.id == recipes()[-1].id
    english = picker.about.text()
    switch_language(qapp, "zh_CN")
    qtbot.waitUntil(lambda: picker.combo.itemText(0) == "图片")
    assert picker.family.id == recipes()[-1].id
    assert picker.about.text() != english
    switch_language(qapp, "en")


@pytest.mark.parametrize("width", [330, 560, 900, 1500])
def test_cards_have_room_for_their_words_at_any_width(qtbot, width: int) -> None:
    gallery = RecipeGallery()
    qtbot.addWidget(gallery)
    gallery.resize(width, 500)
    gallery.show()
    cards = list(gallery.cards.values())
    qtbot.waitUntil(lambda: all(card.height() >= card.heightForWidth(card.width()) for card in cards))
    for card in cards:
        assert card.geometry().right() <= gallery.viewport().width()
    columns = {card.x() for card in gallery.cards.values()}
    assert len(columns) == max(1, min(3, (gallery.viewport().width() - 48 + 12) // 248))


def test_a_card_is_chosen_by_mouse_and_keys(qtbot) -> None:
    gallery = RecipeGallery()
    qtbot.addWidget(gallery)
    gallery.resize(600, 600)
    gallery.show()
    first, second = list(gallery.cards.values())[:2]
    with qtbot.waitSignal(gallery.chosen) as chosen:
        qtbot.mouseClick(second, Qt.MouseButton.LeftButton)
    assert chosen.args == [second.family.id]
    assert second.isChecked()
    assert not first.isChecked()
    with qtbot.waitSignal(gallery.chosen):
        qtbot.keyClick(first, Qt.Key.Key_Space)
    assert first.isChecked()
    assert not second.isChecked()
