"""Documents keep every wording, their earlier states, and a mirror that people and a rebuild can read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aigc_studio.core import documents
from aigc_studio.core.documents import Document, Segment, Variant, as_markdown, read_mirror
from aigc_studio.core.errors import StudioError
from aigc_studio.core.project import Project, ProjectReader

_words = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_variants = st.builds(Variant, id=st.uuids().map(str), text=_words, created=st.floats(0, 2e9))
_segments = st.builds(
    Segment,
    id=st.uuids().map(str),
    text=_words,
    variants=st.lists(_variants, max_size=3),
    locked=st.booleans(),
    meta=st.dictionaries(_words, _words | st.integers(), max_size=2),
)
_documents = st.builds(
    Document,
    id=st.uuids().map(lambda number: number.hex),
    kind=st.sampled_from(["text", "script"]),
    title=_words,
    segments=st.lists(_segments, max_size=4),
)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A new project."""
    made = Project.create(tmp_path / "p")
    yield made
    made.close()


@given(document=_documents)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_document_comes_back_from_index_and_mirror(project: Project, document: Document) -> None:
    saved = project.documents.save(document)
    assert project.documents.load(document.id) == saved
    assert saved.segments == document.segments
    mirrors = [found for path in (project.folder / "documents").glob("*.json") if (found := read_mirror(path))]
    assert saved in mirrors
    assert Document.from_json(json.loads(json.dumps(saved.to_json()))) == saved


def test_a_given_title_stays(project: Project) -> None:
    assert project.documents.create("text", "A").meta == {"titled": True}
    assert project.documents.create("text").meta == {}


def test_saving_the_same_again_changes_nothing(project: Project) -> None:
    document = project.documents.create("text", "A")
    project.take_changes()
    assert project.documents.save(document) == document
    assert not project.take_changes().documents
    document.segments[0].text = "x"
    project.documents.save(document)
    assert project.take_changes().documents


def test_revisions(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_800_000_000.0
    monkeypatch.setattr(documents.time, "time", lambda: now)
    document = project.documents.create("text", "A")
    for number in range(30):
        now += 1.0
        document.segments[0].text = f"version {number:02} " + "w" * 200
        project.documents.save(document)
    assert len(project.documents.history(document.id)) == 1
    now += 100
    document.segments[0].text += "."
    project.documents.save(document)
    assert len(project.documents.history(document.id)) == 2
    now += 1
    document.segments[0].text = ""  # select all, delete
    project.documents.save(document)
    newest, *_ = project.documents.history(document.id)
    assert newest.characters > 200
    assert project.documents.revision(document.id, newest.id).segments[0].text.endswith("w.")
    reader = ProjectReader(project.folder)
    assert reader.document_history(document.id)[0] == newest
    assert reader.document_revision(document.id, newest.id).id == document.id
    reader.close()
    with pytest.raises(StudioError, match="earlier version"):
        project.documents.revision(document.id, 99)
    for _ in range(documents._REVISIONS_KEPT + 5):
        now += 100
        document.segments[0].text += "x"
        project.documents.save(document)
    assert len(project.documents.history(document.id)) == documents._REVISIONS_KEPT


def test_a_clock_set_back_does_not_make_the_new_older(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    document = project.documents.create("text", "A")
    monkeypatch.setattr(documents.time, "time", lambda: 1000.0)
    document.segments[0].text = "newer"
    saved = project.documents.save(document)
    assert saved.modified > document.modified


def test_renaming_moves_the_mirror(project: Project) -> None:
    document = project.documents.create("text", "First")
    other = project.documents.create("text", "First")
    document.title = "Second"
    project.documents.save(document)
    names = sorted(path.stem for path in (project.folder / "documents").glob("*.md"))
    assert names == sorted([f"first-{other.id[:6]}", f"second-{document.id[:6]}"])


def test_deleting_and_bringing_back(project: Project) -> None:
    document = project.documents.create("script", "Lines")
    document.segments[0].text = "你好"
    project.documents.save(document)
    before = project.documents.history(document.id)
    project.documents.delete(document.id)
    assert project.documents.all() == []
    assert list((project.folder / "documents").iterdir()) == []
    with pytest.raises(StudioError, match="not in the project"):
        project.documents.load(document.id)
    back = project.documents.restore(document.id)
    assert back.segments[0].text == "你好"
    assert project.documents.history(document.id) == before
    assert len(list((project.folder / "documents").iterdir())) == 2
    assert list((project.folder / "trash").iterdir()) == []


def test_a_mirror_that_cannot_be_written_follows(project: Project, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    document = project.documents.create("text", "A")
    with monkeypatch.context() as patch:
        patch.setattr(documents.files, "write_atomically", _full)
        document.segments[0].text = "kept"
        project.documents.save(document)
    assert "mirror" in caplog.text
    assert project.documents.load(document.id).segments[0].text == "kept"
    project.maintenance()
    [mirror] = (project.folder / "documents").glob("*.json")
    found = read_mirror(mirror)
    assert found is not None
    assert found.segments[0].text == "kept"


def _full(path: Path) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"id": 1, "segments": [3]}', b"\xff", b'{"id": "a", "segments": {}}']
)
def test_what_is_no_mirror(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.json").write_bytes(data)
    found = read_mirror(tmp_path / "a.json")
    assert found is None or found.segments == []
    assert read_mirror(tmp_path / "nothing.json") is None


def test_markdown_is_for_people() -> None:
    document = Document(kind="script", title="Spot", segments=[Segment(text="One"), Segment(text="二")])
    assert as_markdown(document) == "# Spot\n\n1. One\n\n2. 二\n"


@given(document=_documents)
def test_a_copy_is_equal_and_shares_nothing(document: Document) -> None:
    copy = document.copy()
    assert copy == document
    assert documents.dumps(copy) == documents.dumps(document)
    before = documents.dumps(document)
    copy.meta["new"] = 1
    for segment in copy.segments:
        segment.meta["new"] = [1]
        for variant in segment.variants:
            variant.text += "x"
        segment.variants.append(Variant())
    copy.segments.append(Segment())
    assert documents.dumps(document) == before


@given(document=_documents)
def test_the_stored_text_is_the_json_of_everything(document: Document) -> None:
    assert json.loads(documents.dumps(document)) == document.to_json()
    assert {field.name for field in fields(Document)} | {"format"} == set(document.to_json())
    assert {field.name for field in fields(Segment)} == set(Segment().to_json())
    assert {field.name for field in fields(Variant)} == set(Variant().to_json())


def test_a_save_writes_json_once_and_reads_none(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    document = project.documents.create("text", "A")
    document.segments[:] = [Segment(text=f"line {number}", variants=[Variant(text="x")]) for number in range(20)]
    document = project.documents.save(document)  # keeps a revision of the empty state
    calls: list[int] = []
    write = Segment.to_json

    def count(segment: Segment) -> dict:
        calls.append(1)
        return write(segment)

    monkeypatch.setattr(Segment, "to_json", count)
    writing = SimpleNamespace(dumps=json.dumps, JSONEncoder=json.JSONEncoder)  # not the module's own: others read too
    monkeypatch.setattr(documents, "json", writing)
    document.segments[0].text = "changed"
    project.documents.save(document)
    assert len(calls) == 20
    project.documents.save(document)  # nothing changed: compared, not stored
    assert len(calls) == 40


def test_a_text_stored_by_an_earlier_program_is_read_and_kept(project: Project) -> None:
    document = project.documents.create("text", "A")
    document.meta["modified"] = 5
    document = project.documents.save(document)
    data = document.to_json()
    old = {key: data[key] for key in ("format", "id", "kind", "title", "segments", "modified", "meta")}
    with project._connection.change():
        project._connection.execute("UPDATE documents SET body=?", (json.dumps(old, separators=(",", ":")),))
    assert project.documents.load(document.id) == document
    document.segments[0].text = "new"
    assert project.documents.load(project.documents.save(document).id).segments[0].text == "new"


def test_what_is_large_is_known_without_reading_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    small = project.documents.create("text", "A")
    large = project.documents.save(Document(segments=[Segment(text="word " * 100_000)]))
    reader = ProjectReader(project.folder)
    monkeypatch.setattr(documents, "json", SimpleNamespace())  # reading takes long: it cannot be read
    assert [reader.is_large(id) for id in (small.id, large.id, "gone")] == [False, True, False]
    reader.close()
