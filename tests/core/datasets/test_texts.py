"""Texts of all the formats people have become clean documents; what is none is told of."""

from __future__ import annotations

import json
import re
import sys
import time
import tracemalloc
import unicodedata
import zipfile
from pathlib import Path

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.datasets.cleaning import cleaned
from aigc_studio.core.datasets.texts import TextDocument, TextReport, clean, language_of, scan, survey
from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.i18n import set_language

from .kit import save


def texts(folder: Path) -> list[str]:
    """The texts alone."""
    return [document.text for document in scan(folder).documents]


def lines(*records: object) -> str:
    """JSON lines."""
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def test_plain_texts_and_markdown(tmp_path: Path) -> None:
    save(tmp_path, "b/a story.txt", "\ufeffOnce upon a time\r\n\r\nthere was.  \r\n")
    save(tmp_path, "a.md", "---\ntitle: 'From the front'\ntags: [x]\n---\nText with *marks*.\n")
    save(tmp_path, "c.md", "# The heading\n\nBody.\n")
    save(tmp_path, "picture.png", "x")
    save(tmp_path, ".hidden.txt", "x")
    report = scan(tmp_path)
    assert report.documents == (
        TextDocument("From the front", "Text with *marks*.", "a.md", "en"),
        TextDocument("a story", "Once upon a time\n\nthere was.", "b/a story.txt", "en"),
        TextDocument("The heading", "# The heading\n\nBody.", "c.md", "en"),
    )
    assert report.ignored == 1
    assert report.characters == sum(len(document.text) for document in report.documents)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "big5"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = "山中一夜雨，樹上百重泉。" if encoding == "big5" else "山中一夜雨，树杪百重泉。明月松间照，清泉石上流。"
    save(tmp_path, "poem.txt", text.encode(encoding))
    document = scan(tmp_path).documents[0]
    assert document.text == text
    assert document.language == "zh"


def test_lines_of_json(tmp_path: Path) -> None:
    save(
        tmp_path,
        "all.jsonl",
        lines(
            {"text": "plain", "title": "T"},
            {"content": "content"},
            {"prompt": "Say hello.", "completion": "Hello."},
            {"instruction": "Translate.", "input": "你好", "output": "Hello"},
            {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]},
            {"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]},
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "part"}, {"type": "image"}]}]},
            {"title": "春晓", "lines": ["春眠不觉晓", "处处闻啼鸟"]},
            "a bare text",
        ),
    )
    found = scan(tmp_path)
    assert not found.problems
    assert [document.text for document in found.documents] == [
        "plain",
        "content",
        "Say hello.\n\nHello.",
        "Translate.\n\n你好\n\nHello",
        "Be kind.\n\nHi",
        "Q\n\nA",
        "part",
        "春眠不觉晓\n处处闻啼鸟",
        "a bare text",
    ]
    assert found.documents[0].title == "T"
    assert found.documents[2].turns == (("user", "Say hello."), ("assistant", "Hello."))
    assert found.documents[3].turns == (("user", "Translate.\n\n你好"), ("assistant", "Hello"))
    assert found.documents[4].turns == (("system", "Be kind."), ("user", "Hi"))
    assert found.documents[5].turns == (("user", "Q"), ("assistant", "A"))
    assert found.documents[7].turns == ()


def test_lines_that_hold_no_text_are_told_of_and_of_many_the_first(tmp_path: Path) -> None:
    bad: list[object] = [{}, [], 5, {"text": 5}, {"messages": [{"role": "nobody", "content": "x"}]}, {"text": "  "}]
    save(
        tmp_path, "x.jsonl", lines({"text": "kept"}, *bad, {"prompt": "only"}) + "{broken\n\n" + lines({"text": "too"})
    )
    report = scan(tmp_path)
    assert [document.text for document in report.documents] == ["kept", "too"]
    codes = [problem.code for problem in report.problems]
    assert codes.count("text-line") == 5
    assert codes.count("text-lines") == 1
    assert report.problems[0].text == 'Line 2 holds no text; a line is {"text": "…"}, for instance.'
    assert report.problems[-1].text == "8 lines hold no text."
    set_language("zh_CN")
    assert "第 2 行" in report.problems[0].text


def test_word_files(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("标题", 1)
    document.add_paragraph("First paragraph.")
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "left", "right"
    document.add_paragraph("Last.")
    document.save(str(tmp_path / "letter.docx"))
    save(tmp_path, "~$letter.docx", "lock")
    report = scan(tmp_path)
    assert [found.text for found in report.documents] == ["标题\nFirst paragraph.\nleft\tright\nLast."]
    assert report.documents[0].title == "letter"


def test_broken_files_are_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aigc_studio.core.datasets.texts._LARGEST_UNPACKED", 1 << 20)
    save(tmp_path, "empty.txt")
    save(tmp_path, "blank.txt", " \n\t\n")
    save(tmp_path, "bytes.txt", bytes(range(128, 256)) * 4)
    save(tmp_path, "old.doc", "x")
    save(tmp_path, "book.pdf", "x")
    save(tmp_path, "not-word.docx", "x")
    with zipfile.ZipFile(tmp_path / "no-document.docx", "w") as archive:
        archive.writestr("x.xml", "<x/>")
    with zipfile.ZipFile(tmp_path / "bomb.docx", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"word/{number}.xml", b" " * (400 << 10))
    save(tmp_path, "good.txt", "good")
    report = scan(tmp_path)
    assert {problem.file: problem.code for problem in report.problems} == {
        "blank.txt": "text-empty",
        "bomb.docx": "text-damaged",
        "book.pdf": "text-format",
        "bytes.txt": "text-encoding",
        "empty.txt": "empty",
        "no-document.docx": "text-damaged",
        "not-word.docx": "text-damaged",
        "old.doc": "text-format",
    }
    for problem in report.problems:
        assert problem.text.endswith(".")
    assert [document.text for document in report.documents] == ["good"]


def test_entities_of_a_word_file_are_not_unfolded(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("text")
    document.save(str(tmp_path / "good.docx"))
    laughs = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {chr(98 + number)} "{f"&{chr(97 + number)};" * 10}">' for number in range(9)
    )
    with zipfile.ZipFile(tmp_path / "good.docx") as source, zipfile.ZipFile(tmp_path / "bad.docx", "w") as target:
        for item in source.infolist():
            data = source.read(item)
            if item.filename == "word/document.xml":
                data = data.replace(b"<w:document", laughs.encode() + b"]><w:document", 1).replace(b"text", b"&j;")
            target.writestr(item, data)
    report = scan(tmp_path)
    assert sum(len(found.text) for found in report.documents) < 1000


def test_equal_documents_are_kept_once(tmp_path: Path) -> None:
    save(tmp_path, "a.txt", "The same.\n")
    save(tmp_path, "b.md", "The same.")
    save(tmp_path, "c.jsonl", lines({"text": "The same."}, {"text": "Another."}))
    report = scan(tmp_path)
    assert [document.text for document in report.documents] == ["The same.", "Another."]
    assert report.duplicates == 2


def test_long_lines_are_no_trouble(tmp_path: Path) -> None:
    save(tmp_path, "long.txt", "字" * 1_000_000)
    save(tmp_path, "long.jsonl", lines({"text": "w " * 500_000}))
    report = scan(tmp_path)
    assert len(report.documents) == 2
    assert report.summary()["longest"] == 1_000_000


@given(st.text())
def test_clean_is_settled(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert "\r" not in once
    assert "\n\n\n\n" not in once
    once.encode()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The quick brown fox jumps over the lazy dog.", "en"),
        ("床前明月光，疑是地上霜。", "zh"),
        ("使用 Python 3 和 PyTorch 训练模型", "zh"),
        ("A word 好 in an English sentence that goes on and on", "en"),
        ("こんにちは、世界。今日は良い天気です。", ""),
        ("Привет, мир. Как дела?", ""),
        ("12345 !!! ---", ""),
        ("", ""),
    ],
)
def test_languages(text: str, language: str) -> None:
    assert language_of(text) == language


def test_an_empty_folder_is_one_sentence(tmp_path: Path) -> None:
    report = scan(tmp_path)
    assert report == TextReport(tmp_path)
    with pytest.raises(StudioError, match="There are no texts") as caught:
        report.require()
    assert caught.value.code == "data-empty"
    save(tmp_path, "x.pdf", "x")
    with pytest.raises(StudioError, match="No text in") as caught:
        scan(tmp_path).require()
    with pytest.raises(StudioError) as caught:
        scan(tmp_path / "gone")
    assert caught.value.code == "data-missing"


def test_the_report_survives_json(tmp_path: Path) -> None:
    save(tmp_path, "a.jsonl", lines({"prompt": "p", "completion": "c"}, {}))
    save(tmp_path, "b.txt", "text")
    report = scan(tmp_path)
    assert TextReport.from_json(json.loads(json.dumps(report.to_json()))) == report
    summary = json.loads(json.dumps(report.summary()))
    assert summary["documents"] == 2
    assert summary["chats"] == 1
    assert summary["languages"] == {"en": 2}


def test_the_digest_depends_on_contents_alone(tmp_path: Path) -> None:
    save(tmp_path, "one/a.txt", "A")
    save(tmp_path, "one/b.txt", "B")
    save(tmp_path, "two/all.jsonl", lines({"text": "B"}, {"text": "A"}))
    assert scan(tmp_path / "one").digest() == scan(tmp_path / "two").digest()


def test_progress_and_cancel(tmp_path: Path) -> None:
    for number in range(9):
        save(tmp_path, f"{number}.txt", f"text {number}")
    seen: list[tuple[int, int]] = []

    def check() -> None:
        if len(seen) > 4:
            raise Cancelled

    scan(tmp_path, progress=lambda done, total, stage: seen.append((done, total)))
    assert seen[-1] == (9, 9)
    seen.clear()
    with pytest.raises(Cancelled):
        scan(tmp_path, check, lambda done, total, stage: seen.append((done, total)))


def test_a_survey_says_the_same_as_a_scan_without_the_texts(tmp_path: Path) -> None:
    save(tmp_path, "a.md", "# 春晓\n\n春眠不觉晓，处处闻啼鸟。")
    save(tmp_path, "b.txt", "One. " * 40_000)
    save(tmp_path, "copy.txt", "One. " * 40_000)
    save(tmp_path, "c.jsonl", lines({"text": "Two and three."}, {"prompt": "Who?", "completion": "I."}) + "broken\n")
    save(tmp_path, "d.docx", "no Word file")
    report, found = scan(tmp_path), survey(tmp_path, excerpts=2, length=20)
    assert found.figures == report.summary()
    assert found.problems == report.problems
    assert found.first == (("春晓", "# 春晓 春眠不觉晓，处处闻啼鸟。"), ("b", "One. One. One. One."))


def test_a_survey_holds_little_of_a_large_text(tmp_path: Path) -> None:
    save(tmp_path, "a.txt", "Some words of a long story.\n" * 400_000)
    tracemalloc.start()
    try:
        survey(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


@given(
    st.lists(
        st.text(st.sampled_from(" \t\n\r\x00\u200b\u00a0ae\u0301\u0308가\u1100\u1161中，ab🙂"), max_size=12), max_size=9
    )
)
def test_slices_are_cleaned_as_the_whole_is(pieces: list[str]) -> None:
    whole = unicodedata.normalize("NFC", "".join(pieces)).replace("\r\n", "\n").replace("\r", "\n")
    whole = re.sub("[\x00\u200b]", "", whole).replace("\u00a0", " ")
    whole = re.sub(r"\n{4,}", "\n\n\n", re.sub(r"[ \t]+\n", "\n", whole)).strip(" \t\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aigc_studio.core.datasets.cleaning._SLICE", 4)
        found = list(cleaned(pieces))
    assert "".join(found) == whole
    assert all(found)


@pytest.mark.parametrize(
    "text", ["山中一夜雨，樹杪百重泉。\r\n" * 60_000, " " * 300_000 + "x", "# " + " " * 200_000 + "x"]
)
@pytest.mark.parametrize("suffix", [".txt", ".md"])
def test_no_step_over_a_large_text_keeps_others_waiting(tmp_path: Path, text: str, suffix: str) -> None:
    save(tmp_path, "a" + suffix, text.encode("gb18030"))
    longest, last = 0.0, time.thread_time()

    def trace(_frame: object, event: str, _call: object) -> None:
        nonlocal longest, last
        now = time.thread_time()  # of this thread alone: others may be busy
        if event == "c_return":
            longest = max(longest, now - last)
        last = now

    sys.setprofile(trace)
    try:
        found = survey(tmp_path)
    finally:
        sys.setprofile(None)
    assert found.figures["documents"] == 1
    assert longest < 0.04


def test_a_line_beyond_all_measure_is_told_of_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aigc_studio.core.datasets.texts._LONGEST_LINE", 1000)
    save(tmp_path, "a.jsonl", lines({"text": "x" * 5000}, {"text": "short"}))
    report = scan(tmp_path)
    assert [document.text for document in report.documents] == ["short"]
    assert [(problem.code, problem.params["line"]) for problem in report.problems] == [("text-line", 1)]
