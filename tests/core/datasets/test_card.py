"""The card says what the data is, whatever its files are called."""

from __future__ import annotations

from pathlib import Path

from aigc_studio.core.datasets import images, texts
from aigc_studio.core.datasets.card import dataset_card
from aigc_studio.core.i18n import set_language

from .kit import drawing, picture, save


def test_the_card_of_pictures(tmp_path: Path) -> None:
    picture(tmp_path, "a cup.png", 1, (40, 30))
    save(tmp_path, "one.png", drawing(2))
    save(tmp_path, "two`.png", drawing(2))
    save(tmp_path, "bad|name.png", "x")
    report = images.scan(tmp_path)
    card = dataset_card(report, title='Cups "of" mine', licence="CC BY 4.0", source="https://example.org | me")
    assert card.startswith('---\npretty_name: "Cups \\"of\\" mine"\nlicense: other\nlicense_name: "CC BY 4.0"\n')
    assert 'size_categories: ["n<1K"]' in card
    assert "| Pictures | 3 |" in card
    assert "https://example.org \\| me" in card
    assert "| With a caption | 3 (from the file's name: 3) |" in card
    assert "32 × 32" in card
    assert "40 × 30" in card
    assert "- `one.png`, `two'.png`" in card
    assert "`not-an-image`: 1" in card
    assert "- `bad|name.png`: " in card
    assert report.digest() in card
    assert str(tmp_path.parent) not in card  # a card is published, a path of somebody's machine is not


def test_without_a_licence_it_warns(tmp_path: Path) -> None:
    picture(tmp_path, "a cup.png")
    card = dataset_card(images.scan(tmp_path), title="Cups")
    assert "not stated" in card
    assert "license" not in card


def test_many_problems_are_cut(tmp_path: Path) -> None:
    for number in range(60):
        save(tmp_path, f"{number:02}.png", "x")
    card = dataset_card(images.scan(tmp_path), title="x")
    assert "and 20 more" in card
    assert "`not-an-image`: 60" in card


def test_the_card_of_texts_in_chinese(tmp_path: Path) -> None:
    save(tmp_path, "a.txt", "床前明月光，疑是地上霜。")
    save(tmp_path, "b.txt", "An English text of some words.")
    save(tmp_path, "c.pdf", "x")
    set_language("zh_CN")
    card = dataset_card(texts.scan(tmp_path), title="诗")
    assert 'language: ["en", "zh"]' in card
    assert "中文: 1" in card
    assert "未采用" in card


def test_foreign_text_cannot_break_out_of_its_line(tmp_path: Path) -> None:
    picture(tmp_path, "x.png")
    card = dataset_card(images.scan(tmp_path), title="a\n---\n# b", licence="<script>", source="x\ny")
    assert card.count("\n---\n") == 1
    assert "<script>" not in card.split("---\n", 2)[2]
