"""Captions come from where people write them, in the encodings they have, each to its picture."""

from __future__ import annotations

import json
import os
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.datasets import captions
from aigc_studio.core.errors import Cancelled

from .kit import save

FILES = ["a.png", "sub/b.jpg", "0001.png"]


def read(folder: Path, files: list[str] = FILES) -> dict[str, tuple[str, ...]]:
    """The texts alone."""
    return captions.read(folder, files).texts


def test_a_text_beside_wins_over_a_table_and_a_name(tmp_path: Path) -> None:
    save(tmp_path, "a.txt", "  from the\t text ")
    save(tmp_path, "sub/b.caption", "beside b")
    save(tmp_path, "captions.csv", "file,caption\na.png,from the table\n0001.png,numbered\n")
    found = captions.read(tmp_path, FILES)
    assert found.texts == {"a.png": ("from the text",), "sub/b.jpg": ("beside b",), "0001.png": ("numbered",)}
    assert found.sources == {"a.png": "text", "sub/b.jpg": "text", "0001.png": "table"}


def test_an_empty_text_beside_says_that_there_is_none(tmp_path: Path) -> None:
    save(tmp_path, "a.txt", " \n")
    save(tmp_path, "metadata.csv", "file_name,text\na.png,listed\n")
    assert "a.png" not in read(tmp_path)


def test_the_lines_of_a_text_beside_are_alternatives(tmp_path: Path) -> None:
    save(tmp_path, "a.txt", "a red cup\r\n\r\n 红杯子 \na red cup\n7\n")
    assert read(tmp_path)["a.png"] == ("a red cup", "红杯子", "7")
    assert captions.beside(tmp_path, FILES) == {"a.png": ("a red cup", "红杯子", "7")}


def test_a_text_of_the_full_name_is_for_that_picture_alone(tmp_path: Path) -> None:
    save(tmp_path, "a.txt", "both")
    save(tmp_path, "a.png.txt", "the first")
    assert read(tmp_path, ["a.png", "a.jpg"]) == {"a.png": ("the first",), "a.jpg": ("both",)}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("captions.csv", "file,caption\na.png,A cup\nsub/b.jpg,B\n"),
        ("captions.csv", "a.png,A cup\nsub/b.jpg,B\n"),
        ("captions.csv", "a,A cup\nb,B\n"),
        ("captions.csv", "文件名;描述\na.png;A cup\nsub\\b.jpg;B\n"),
        ("captions.csv", "id,caption,filename\n1,A cup,./a.png\n2,B,sub/b.jpg\n"),
        ("metadata.csv", '"file_name","text"\r\n"A.PNG","A cup"\r\n"sub/b.jpg","B"\r\n'),
        ("captions.tsv", "a.png\tA cup\nb.jpg\tB\n"),
        ("metadata.jsonl", '{"file_name": "a.png", "text": "A cup"}\n\n{"file_name": "sub/b.jpg", "caption": "B"}\n'),
        ("captions.json", '{"a.png": "A cup", "sub/b": {"caption": "B"}}'),
        ("captions.json", '[{"image": "a.png", "caption": "A cup"}, {"image": "sub/b.jpg", "caption": ["B"]}]'),
    ],
)
def test_tables_of_all_kinds(tmp_path: Path, name: str, text: str) -> None:
    save(tmp_path, name, text)
    found = captions.read(tmp_path, FILES)
    assert found.texts["a.png"] == ("A cup",)
    assert found.texts["sub/b.jpg"] == ("B",)
    assert "0001.png" not in found.texts
    assert not found.problems


def test_a_table_with_several_languages_gives_alternatives(tmp_path: Path) -> None:
    save(tmp_path, "names.tsv", "file\ten\tzh\na.png\tred apple\t红苹果\nb.jpg\tsame\tsame\n")
    assert read(tmp_path)["a.png"] == ("red apple", "红苹果")
    assert read(tmp_path)["sub/b.jpg"] == ("same",)


def test_numbers_are_no_captions(tmp_path: Path) -> None:
    save(tmp_path, "labels.csv", "image,label\na.png,3\nb.jpg,12\n")
    assert read(tmp_path) == {"sub/b.jpg": ("sub",)}


def test_quotes_in_a_tab_separated_table_are_letters(tmp_path: Path) -> None:
    save(tmp_path, "names.tsv", 'file\ten\na.png\t"quoted\nsub/b.jpg\tnext\n')
    assert read(tmp_path) == {"a.png": ('"quoted',), "sub/b.jpg": ("next",)}


def test_a_table_in_the_pictures_folder_is_asked_first(tmp_path: Path) -> None:
    save(tmp_path, "sub/metadata.csv", "file_name,text\nb.jpg,near\n")
    save(tmp_path, "metadata.csv", "file_name,text\nb.jpg,far\nsub/b.jpg,far\na.png,top\n")
    assert read(tmp_path) == {"a.png": ("top",), "sub/b.jpg": ("near",)}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    save(tmp_path, "a.txt", "一只红色的猫坐在窗边".encode(encoding))
    save(tmp_path, "captions.csv", "文件,描述\nb.jpg,白色的花\n".encode(encoding))
    assert read(tmp_path, ["a.png", "sub/b.jpg"]) == {"a.png": ("一只红色的猫坐在窗边",), "sub/b.jpg": ("白色的花",)}


def test_the_encoding_of_a_folder_helps_with_single_words(tmp_path: Path) -> None:
    words = ["一隻紅色的貓坐在窗邊", "山上的白雲", "蘑菇", "甜圈"]
    for number, word in enumerate(words):
        save(tmp_path, f"{number}.txt", word.encode("big5"))
    texts = read(tmp_path, [f"{number}.png" for number in range(4)])
    assert [texts[f"{number}.png"][0] for number in range(4)] == words


def test_texts_that_cannot_be_read_are_told_of_and_the_rest_goes_on(tmp_path: Path) -> None:
    save(tmp_path, "a.txt", b"\xff\xfe\xff")
    save(tmp_path, "sub/b.txt", "x" * 300_000)
    save(tmp_path, "metadata.jsonl", '{"file_name": "0001.png", "text": "kept"}\n{broken\n')
    save(tmp_path, "captions.json", "[" * 100_000)
    found = captions.read(tmp_path, FILES)
    assert found.texts == {"0001.png": ("kept",), "sub/b.jpg": ("sub",)}
    assert {problem.file: problem.code for problem in found.problems} == {
        "a.txt": "text-encoding",
        "sub/b.txt": "caption-size",
        "metadata.jsonl": "caption-table",
        "captions.json": "caption-table",
    }
    for problem in found.problems:
        assert problem.text.endswith(".")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("blue-waves-3f2a9c.png", "blue waves"),
        ("red_cup_02.jpg", "red cup"),
        ("RedCup.png", "Red Cup"),
        ("a dog on a beach (2).jpg", "a dog on a beach"),
        ("红苹果_001.png", "红苹果"),
        ("猫.png", "猫"),
        ("IMG_20240101_123456.jpg", ""),
        ("DSC01234.JPG", ""),
        ("00017.png", ""),
        ("1024x768.png", ""),
        ("d41d8cd98f00b204e9800998ecf8427e.png", ""),
        ("10_blue cup/0001.png", "blue cup"),
        ("cats/IMG_0001.png", "cats"),
        ("train/0001.png", ""),
        ("png128/0001.png", ""),
        ("trains/0001.png", "trains"),
        ("cats/old cat.png", "old cat"),
    ],
)
def test_names_are_cleaned(name: str, words: str) -> None:
    assert captions.from_name(PurePosixPath(name)) == words


def test_a_word_that_is_in_most_names_says_nothing(tmp_path: Path) -> None:
    files = [f"emoji_u1f60{number}.png" for number in range(8)]
    found = captions.read(tmp_path, [*files, "red cup.png"])
    assert found.texts == {"red cup.png": ("red cup",)}
    save(tmp_path, "emoji_u1f600.txt", "a face")
    assert captions.read(tmp_path, files).texts == {files[0]: ("a face",)}
    for file in files[:5]:
        save(tmp_path, f"{file[:-4]}.txt", "a face")
    more = [f"emoji_u1f61{number}.png" for number in range(4)]
    assert list(captions.read(tmp_path, [*files[:5], *more]).texts) == files[:5]
    classes = [f"{name}/{number}.png" for name in ("cats", "dogs") for number in range(5)]
    assert read(tmp_path, classes)["cats/1.png"] == ("cats",)
    assert len(read(tmp_path, classes)) == 10


@given(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=30))
def test_any_name_gives_a_clean_line(name: str) -> None:
    text = captions.clean(captions.from_name(PurePosixPath(name)))
    assert "\n" not in text
    assert text == text.strip()
    text.encode()


@given(st.text())
def test_clean_is_settled_and_short(text: str) -> None:
    once = captions.clean(text)
    assert captions.clean(once) == once
    assert len(once) <= captions.LONGEST


def test_a_cancel_ends_it(tmp_path: Path) -> None:
    def check() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        captions.read(tmp_path, FILES, check)


def test_the_records_of_a_table_survive_odd_types(tmp_path: Path) -> None:
    rows = [{"file_name": 5}, [], None, {"file_name": "a.png", "text": None, "caption": {"x": 1}, "title": "kept"}]
    save(tmp_path, "metadata.jsonl", "\n".join(json.dumps(row) for row in rows))
    assert read(tmp_path)["a.png"] == ("kept",)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes in folders are for POSIX")
def test_pipes_devices_and_links_are_not_opened(tmp_path: Path) -> None:
    secret = save(tmp_path, "elsewhere/secret.txt", "what nobody is to learn")
    folder = tmp_path / "pictures"
    folder.mkdir()
    os.mkfifo(folder / "0001.txt")  # opening it would wait for ever
    (folder / "captions.csv").symlink_to("/dev/zero")
    (folder / "a.txt").symlink_to(secret)
    found = captions.read(folder, ["0001.png", "a.png"])
    assert found.texts == {}
    assert {(problem.file, problem.code) for problem in found.problems} == {("captions.csv", "link"), ("a.txt", "link")}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes in folders are for POSIX")
def test_what_became_a_pipe_or_a_link_after_the_look_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(save(tmp_path, "secret", "x"))
    assert captions._bytes(tmp_path / "pipe", 10) == b""
    with pytest.raises(OSError):
        captions._bytes(tmp_path / "link", 10)


def test_a_large_table_keeps_nobody_waiting_and_can_be_given_up(tmp_path: Path) -> None:
    rows = [{"file_name": f"{number:06}.png", "text": f"picture {number}"} for number in range(30_000)]
    save(tmp_path, "metadata.json", json.dumps(rows))
    save(tmp_path / "b", "metadata.jsonl", "\n".join(map(json.dumps, rows)))
    files = ["000007.png", "b/000008.png"]
    assert captions.read(tmp_path, files).texts == {"000007.png": ("picture 7",), "b/000008.png": ("picture 8",)}
    for file in files:
        asked = 0

        def check() -> None:
            nonlocal asked
            asked += 1
            if asked > 5:
                raise Cancelled

        with pytest.raises(Cancelled):
            captions.read(tmp_path, [file], check)


def test_a_table_in_one_piece_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captions, "_LARGEST_OBJECT", 1 << 10)
    save(tmp_path, "captions.json", json.dumps({f"{number}.png": "word" for number in range(200)}))
    found = captions.read(tmp_path, ["0001.png"])
    assert [problem.code for problem in found.problems] == ["caption-size"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from([None, 0, 2]),
)
def test_json_is_read_item_by_item_as_in_one_piece(data: object, indent: int | None) -> None:
    found = list(captions._object(json.dumps(data, indent=indent)))
    if isinstance(data, dict):
        assert [name for name, _ in found] == list(data)
    elif isinstance(data, list):
        assert len(found) == sum(isinstance(each, dict) for each in data)
    else:
        assert found == []


@pytest.mark.parametrize("text", ['{"a" "b"}', '{"a": "b",}', "[{}", "[{} {}]", "", "nonsense", '{"a": "b"'])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        list(captions._object(text))
