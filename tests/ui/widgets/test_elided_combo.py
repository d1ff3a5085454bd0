"""A choice without room ends in three dots, and the list opens as wide as its entries."""

from __future__ import annotations

from aigc_studio.ui.widgets.elided_combo import ElidedCombo


def test_what_has_no_room_ends_in_dots(qtbot) -> None:
    combo = ElidedCombo()
    qtbot.addWidget(combo)
    combo.addItems(["Short", "Teach a picture model your own style or subject"])
    combo.resize(160, 32)
    combo.show()
    assert combo.shown_text() == "Short"
    combo.setCurrentIndex(1)
    assert combo.shown_text().endswith("…")
    assert combo.currentText().startswith("Teach")
    combo.resize(600, 32)
    assert combo.shown_text() == combo.currentText()


def test_the_list_is_as_wide_as_its_entries(qtbot) -> None:
    combo = ElidedCombo()
    qtbot.addWidget(combo)
    combo.addItems(["Short", "Teach a picture model your own style or subject"])
    combo.resize(120, 32)
    combo.show()
    combo.showPopup()
    assert combo.view().width() >= combo.view().sizeHintForColumn(0)
    combo.hidePopup()
