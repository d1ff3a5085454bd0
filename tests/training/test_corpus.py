"""What is read, cleaned and left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.errors import StudioError
from aigc_studio.training.corpus import chunks, read_starter_data


def test_the_data_folder_is_read(data: Path) -> None:
    """Notes are taken out, damaged and repeated poems and unknown kinds are left out, forms are recognised."""
    documents = read_starter_data(data)
    assert [(document.form, document.title) for document in documents] == [
        ("wujue", "静夜思"),
        ("qijue", "早发白帝城"),
        ("wujue", "春晓"),
        ("wujue", "登鹳雀楼"),
        ("wujue", "江雪"),
        ("wujue", "鹿柴"),
        ("fable", "The Fox"),
        ("tale", "The King"),
        ("poem", ""),
        ("fable", "The Crow"),
    ]
    assert documents[2].text.endswith("夜来风雨声，花落知多少。")
    assert "\u2060" not in documents[7].text
    assert [document.language for document in documents[5:7]] == ["zh", "en"]


def test_missing_and_broken_data_are_said(tmp_path: Path, data: Path) -> None:
    """With the file, and the line."""
    with pytest.raises(StudioError) as error:
        read_starter_data(tmp_path)
    assert error.value.code == "data"
    (tmp_path / "tang-poems").mkdir()
    (tmp_path / "tang-poems" / "poems.jsonl").write_text('{"title": "a", "lines": []}\n{oops\n', encoding="utf-8")
    with pytest.raises(StudioError) as error:
        read_starter_data(tmp_path)
    assert "2" in str(error.value)
    assert "poems.jsonl" in str(error.value)


@given(st.text(st.sampled_from("aB. !?”“\n春。")))
def test_chunks_join_to_the_text(text: str) -> None:
    """Nothing lost, nothing empty."""
    assert "".join(chunks(text)) == text
    assert all(chunks(text))


def test_chunks_end_at_lines_and_sentences() -> None:
    """Where a reader would cut."""
    assert chunks("One. Two! “Three?” he said.\n四。") == ["One.", " Two!", " “Three?” he said.\n", "四。"]
