"""A project keeps what it is given, finds it again, and says one sentence about what it cannot take."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from aigc_studio.core.errors import StudioError
from aigc_studio.core.jobs import JobState
from aigc_studio.core.metadata import read_recipe, write_image
from aigc_studio.core.project import AssetQuery, Project, ProjectReader
from aigc_studio.core.recipe import make_recipe
from aigc_studio.core.store import backups, place
from tests.core.project_kit import PICTURE, SPEECH, WORDS, check_whole, holdings, picture, result

_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture
def project(tmp_path: Path):
    """A new project, closed at the end."""
    made = Project.create(tmp_path / "My project", "Spring 春")
    yield made
    made.close()


@pytest.fixture
def reader(project: Project):
    """A reader of it."""
    made = ProjectReader(project.folder)
    yield made
    made.close()


def _refused(code: str):
    return pytest.raises(StudioError, check=lambda error: error.code == code)  # type: ignore[call-overload]


def test_a_project_is_a_folder_to_look_into(project: Project) -> None:
    asset = project.commit_output("job", 0, result(project.folder, "job", 0))
    document = project.documents.create("text", "Slogans")
    project.documents.save(document)
    assert asset.file == f"assets/霓虹-blue-waves-{asset.id[:6]}.png"
    assert (project.folder / asset.file).is_file()
    assert {path.name for path in (project.folder / "documents").iterdir()} == {
        f"slogans-{document.id[:6]}.md",
        f"slogans-{document.id[:6]}.json",
    }
    assert project.name == "Spring 春"


def test_a_result_is_stored_once(project: Project, reader: ProjectReader) -> None:
    job = project.queue.add(PICTURE)
    first = project.commit_output(job.id, 1, result(project.folder, job.id, 1))
    again = project.commit_output(job.id, 1, result(project.folder, job.id, 1))
    assert first == again == reader.asset(first.id)
    assert reader.count(AssetQuery()) == 1
    assert list((project.folder / "incoming").iterdir()) == []
    assert project.queue.list()[0].done == (1,)
    assert (first.kind, first.width, first.height, first.origin, first.index) == ("image", 64, 48, "generated", 1)
    recipe = reader.recipe(first.id)
    assert recipe is not None
    assert recipe["seed"] == PICTURE.seed + 1
    assert project.take_changes().added == (first.id,)
    assert not project.take_changes()


def test_every_kind_of_result(project: Project, reader: ProjectReader) -> None:
    sound = project.commit_output("s", 0, result(project.folder, "s", 0, SPEECH))
    words = project.commit_output("w", 0, result(project.folder, "w", 0, WORDS))
    assert (sound.kind, sound.seconds) == ("audio", pytest.approx(0.1))
    assert words.kind == "text"
    assert reader.text(words.id).endswith("竹林深处。")
    assert [asset.id for asset in reader.assets(AssetQuery(text="竹林"))] == [words.id]
    assert reader.ids(AssetQuery(kinds=("audio",))) == [sound.id]


def test_a_result_without_its_recipe_is_not_stored(project: Project) -> None:
    path = project.folder / "incoming" / "x.png"
    picture().save(path)
    with _refused("result-damaged"):
        project.commit_output("job", 0, path)
    write_image(path, picture(), make_recipe("other job", 0, PICTURE, engine={}))
    with _refused("result-damaged"):
        project.commit_output("job", 0, path)
    with _refused("missing"):
        project.commit_output("job", 0, project.folder / "incoming" / "nothing.png")


def test_an_edited_copy_is_an_asset_of_its_own(project: Project, tmp_path: Path) -> None:
    """Other programs keep the metadata of what they edit; the recipe in it is its parent's."""
    made = project.commit_output("job", 0, result(project.folder, "job", 0))
    shutil.copy(project.path(made), tmp_path / "copy.png")
    assert project.import_file(tmp_path / "copy.png") == made
    recipe = read_recipe(project.path(made))
    assert recipe is not None
    write_image(tmp_path / "edited.png", picture(colour=(200, 0, 0)), recipe)
    edited = project.import_file(tmp_path / "edited.png")
    assert edited.id != made.id
    assert (edited.origin, edited.job_id, project.recipe(edited.id)) == ("imported", "", None)
    assert project.path(edited).read_bytes() == (tmp_path / "edited.png").read_bytes()
    assert project.parents(edited.id) == [made.id]
    assert project._any_generated([edited.id])
    project.close()
    before = project.folder
    for lost in (("project.aigc",), ("project.aigc", "backups/state.json", "backups/changes.jsonl")):
        for name in lost:
            (before / name).unlink(missing_ok=True)
        for path in (before / "backups").glob("project-*"):
            path.write_bytes(b"damaged")
        again = Project.open(before)
        assert again.count(AssetQuery()) == 2
        if len(lost) == 1:
            assert again.asset(edited.id) == edited
            assert again.parents(edited.id) == [made.id]
        check_whole(again)
        again.close()


def test_lineage(project: Project, reader: ProjectReader) -> None:
    photo = project.store_image(picture(), title="Photo")
    mask = project.store_image(picture().convert("L"), title="Mask", kind="mask", parents=[photo.id])
    edit = PICTURE.changed(task="inpaint", inputs={"image": photo.id, "mask": mask.id})
    path = project.folder / "incoming" / "e.png"
    write_image(path, picture(), make_recipe("edit", 0, edit, engine={}))
    made = project.commit_output("edit", 0, path)
    assert sorted(reader.parents(made.id)) == sorted([photo.id, mask.id])
    assert sorted(reader.children(photo.id)) == sorted([mask.id, made.id])
    assert reader.recipe(photo.id) is None
    assert mask.id not in reader.ids(AssetQuery())
    assert reader.ids(AssetQuery(kinds=("mask",))) == [mask.id]
    flat = project.store_image(picture(), title="Flat", parents=[made.id])
    assert b"compositeWithTrainedAlgorithmicMedia" in (project.folder / flat.file).read_bytes()
    assert b"trainedAlgorithmicMedia" not in (project.folder / photo.file).read_bytes()


def test_search_in_two_languages(project: Project, reader: ProjectReader) -> None:
    ids = {}
    for number, prompt in enumerate(
        ["霓虹灯下的城市", "Neon city at night", "红霓 caf\u00e9 crème", "🌊 waves ２０２６"]
    ):
        write_image(
            path := project.folder / "incoming" / f"{number}.png",
            picture(),
            make_recipe(f"j{number}", 0, PICTURE.changed(prompt=prompt), engine={}),
        )
        ids[number] = project.commit_output(f"j{number}", 0, path).id

    def found(text: str) -> set[int]:
        got = reader.ids(AssetQuery(text=text))
        assert reader.count(AssetQuery(text=text)) == len(got)
        assert [asset.id for asset in reader.assets(AssetQuery(text=text), 0, 10)] == got
        return {number for number, each in ids.items() if each in got}

    assert found("霓虹") == {0}
    assert found("城市") == {0}
    assert found("市城") == set()
    assert found("霓") == {0, 2}
    assert found("灯 城") == {0}
    assert found("neo") == {1}
    assert found("NEON night") == {1}
    assert found("eon") == set()
    assert found("cafe") == {2}
    assert found("🌊") == {3}
    assert found("2026") == {3}
    for odd in ('"', "' OR 1=1 --", "*", "AND", "NEAR(", "\0", "a" * 100_000, "(neon", "-neon", "title:neon", "!!"):
        found(odd)
    assert found('"neon" city') == {1}
    project.rename(ids[1], "Harbour")
    assert found("harbour") == {1}
    assert found("  ") == {0, 1, 2, 3}


def test_order_pages_and_filters(project: Project, reader: ProjectReader) -> None:
    made = []
    for number in range(12):
        recipe = make_recipe(f"j{number}", 0, PICTURE.changed(prompt=f"{'ba'[number % 2]}{number:02}"), engine={})
        recipe["created"] = f"2026-01-{number + 1:02}T00:00:00+00:00"
        path = project.folder / "incoming" / f"{number}.png"
        write_image(path, picture(), recipe)
        made.append(project.commit_output(f"j{number}", 0, path).id)
    newest = reader.ids(AssetQuery())
    assert newest == made[::-1]
    assert reader.ids(AssetQuery(order="oldest")) == made
    titles = [asset.title for asset in reader.assets(AssetQuery(order="title"), 0, 99)]
    assert titles == sorted(titles)
    for order in ("newest", "oldest", "title"):
        query = AssetQuery(order=order)
        pages = [asset.id for start in range(0, 12, 5) for asset in reader.assets(query, start, 5)]
        assert pages == reader.ids(query)
    project.star(made[:3], True)
    project.star(made[:1], False)
    assert reader.ids(AssetQuery(starred=True)) == [made[2], made[1]]
    board = project.create_board("  A   board ")
    project.add_to_board(board.id, made[2:6])
    project.add_to_board(board.id, made[2:6])
    project.remove_from_board(board.id, made[5:6])
    assert reader.ids(AssetQuery(board=board.id, starred=True, text="b")) == [made[2]]
    assert [(b.title, b.count) for b in reader.boards()] == [("A board", 3)]
    assert reader.boards_of(made[2]) == [board.id]
    project.trash(made[2:3])
    assert reader.boards()[0].count == 2
    project.rename_board(board.id, "B")
    assert reader.boards()[0].title == "B"
    project.delete_board(board.id)
    assert reader.boards() == []
    assert reader.count(AssetQuery()) == 11
    with _refused("missing"):
        project.add_to_board(board.id, made)


def test_trash_and_back(project: Project, reader: ProjectReader) -> None:
    made = [project.commit_output("j", index, result(project.folder, "j", index)) for index in range(3)]
    project.thumbnail(made[0].id)
    project.take_changes()
    project.trash([made[0].id, made[1].id, "no such id"])
    assert project.take_changes().removed == (made[0].id, made[1].id)
    assert reader.ids(AssetQuery()) == [made[2].id]
    assert set(reader.ids(AssetQuery(trashed=True))) == {made[0].id, made[1].id}
    there = reader.asset(made[0].id)
    assert there is not None
    assert there.trashed
    assert reader.path(there).parent.name == "trash"
    check_whole(project)
    project.restore([made[0].id])
    assert reader.asset(made[0].id) == made[0]
    assert project.take_changes().added == (made[0].id,)
    project.delete_forever([made[0].id, made[1].id])
    assert reader.asset(made[0].id) is None
    assert not reader.thumbnail_path(made[0].id).exists()
    assert list((project.folder / "trash").iterdir()) == []
    check_whole(project)


def test_thumbnails(project: Project) -> None:
    asset = project.commit_output("j", 0, result(project.folder, "j", 0))
    path = project.thumbnail(asset.id)
    assert path == project.thumbnail_path(asset.id)
    assert path is not None
    with Image.open(path) as image:
        assert image.size == (64, 48)
    shutil.rmtree(project.folder / "thumbs")
    assert project.thumbnail(asset.id) == path
    sound = project.commit_output("s", 0, result(project.folder, "s", 0, SPEECH))
    assert project.thumbnail(sound.id) is None
    assert project.thumbnail("no such id") is None
    path.unlink()
    (project.folder / asset.file).write_bytes(b"broken")
    assert project.thumbnail(asset.id) is None


def test_import_keeps_the_bytes(project: Project, reader: ProjectReader, tmp_path: Path) -> None:
    board = project.create_board("In")
    source = tmp_path / "Holiday photo.JPG"
    picture(300, 200).save(source, "JPEG")
    asset = project.import_file(source, board=board.id)
    assert (asset.title, asset.kind, asset.origin, asset.width) == ("Holiday photo", "image", "imported", 300)
    assert (project.folder / asset.file).read_bytes() == source.read_bytes()
    assert reader.ids(AssetQuery(board=board.id)) == [asset.id]
    soundfile.write(tmp_path / "voice.wav", np.zeros(8000), 8000)
    assert project.import_file(tmp_path / "voice.wav").seconds == pytest.approx(1)
    (tmp_path / "notes.txt").write_text("春天来了", encoding="utf-8")
    notes = project.import_file(tmp_path / "notes.txt")
    assert reader.ids(AssetQuery(text="春天")) == [notes.id]


def test_a_file_of_ours_comes_back_as_itself(project: Project, tmp_path: Path) -> None:
    asset = project.commit_output("j", 0, result(project.folder, "j", 0))
    dragged = tmp_path / "dragged out.png"
    shutil.copy(project.path(asset), dragged)
    assert project.import_file(dragged) == asset
    project.trash([asset.id])
    assert project.import_file(dragged) == asset
    other = Project.create(tmp_path / "other")
    taken = other.import_file(dragged)
    assert (taken.id, taken.title) == (asset.id, asset.title)
    assert other.recipe(asset.id) == project.recipe(asset.id)
    other.close()


def _bad_files(folder: Path) -> dict[str, str]:
    """Name of a bad file -> the code of the sentence it gets."""
    noise = Image.effect_noise((300, 300), 80)
    noise.save(folder / "whole.png")
    (folder / "cut.png").write_bytes((folder / "whole.png").read_bytes()[:20_000])
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    Image.new("1", (30_000, 10)).save(folder / "wide.png")
    (folder / "letter.png").write_text("Dear madam")
    (folder / "empty.png").write_bytes(b"")
    rng = np.random.default_rng(1)
    soundfile.write(folder / "whole.wav", rng.uniform(-1, 1, 48_000), 24_000)
    soundfile.write(folder / "whole.flac", rng.uniform(-1, 1, 48_000), 24_000)
    for suffix in ("wav", "flac"):
        data = (folder / f"whole.{suffix}").read_bytes()
        (folder / f"cut.{suffix}").write_bytes(data[: len(data) // 2])
    (folder / "letter.mp3").write_text("Dear sir")
    (folder / "silent.wav").write_bytes((folder / "whole.wav").read_bytes()[:44])
    with open(folder / "huge.txt", "wb") as file:
        file.truncate(21 << 20)
    (folder / "utf16.txt").write_text("春天", encoding="utf-16")
    (folder / "latin.txt").write_bytes("caf\xe9".encode("latin-1"))
    (folder / "program.exe").write_bytes(b"MZ")
    (folder / "folder.png").mkdir()
    return {
        "cut.png": "image-damaged",
        "dot.png": "image-size",
        "wide.png": "image-size",
        "letter.png": "not-an-image",
        "empty.png": "empty",
        "cut.wav": "audio-damaged",
        "cut.flac": "audio-damaged",
        "letter.mp3": "audio-damaged",
        "silent.wav": "audio-damaged",
        "huge.txt": "file-size",
        "utf16.txt": "text-encoding",
        "latin.txt": "text-encoding",
        "program.exe": "unknown-kind",
        "folder.png": "not-a-file",
        "nothing.png": "not-a-file",
    }


def test_bad_files_get_one_sentence_and_leave_nothing(project: Project, tmp_path: Path) -> None:
    for name, code in _bad_files(tmp_path).items():
        with pytest.raises(StudioError) as caught:
            project.import_file(tmp_path / name)
        assert (name, caught.value.code) == (name, code)
        assert name in str(caught.value)
    assert project.count(AssetQuery()) == 0
    check_whole(project)


def test_pictures_of_every_sort_are_taken(project: Project, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(40, 20).save(tmp_path / "turned.jpg", exif=exif)
    Image.new("CMYK", (30, 30)).save(tmp_path / "print.tif")
    Image.fromarray(np.arange(900, dtype=np.uint16).reshape(30, 30)).save(tmp_path / "deep.png")
    picture().save(tmp_path / "moving.gif", save_all=True, append_images=[picture(colour=(1, 2, 3))])
    for name, size in (
        ("turned.jpg", (20, 40)),
        ("print.tif", (30, 30)),
        ("deep.png", (30, 30)),
        ("moving.gif", (64, 48)),
    ):
        asset = project.import_file(tmp_path / name)
        assert (asset.width, asset.height) == size
        assert project.thumbnail(asset.id) is not None


def test_everything_is_there_again(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p", "Spring")
    job = project.queue.add(PICTURE)
    asset = project.commit_output(job.id, 0, result(project.folder, job.id, 0))
    project.set_view_state("grid", {"size": 3})
    project.star([asset.id], True)
    before = holdings(project)
    project.close()
    again = Project.open(project.folder / "project.aigc")  # what a file manager hands over
    assert holdings(again) == before
    assert again.view_state("grid") == {"size": 3}
    assert again.view_state("nothing") is None
    assert not again.report
    again.close()


def test_a_running_job_comes_back_paused(project: Project, tmp_path: Path) -> None:
    job = project.queue.add(PICTURE)
    project.queue.claim("picture")
    project.commit_output(job.id, 0, result(project.folder, job.id, 0))
    result(project.folder, job.id, 1)  # complete, and nobody was told
    copy = shutil.copytree(project.folder, tmp_path / "copied while open")
    again = Project.open(Path(copy))
    [back] = again.queue.list()
    assert (back.state, back.done) == (JobState.PAUSED, (0, 1))
    assert len(again.report.adopted) == 1
    check_whole(again)
    again.close()


def test_a_second_window_reads(project: Project) -> None:
    asset = project.commit_output("j", 0, result(project.folder, "j", 0))
    second = Project.open(project.folder)
    assert second.read_only
    assert second.holder
    assert second.asset(asset.id) == asset
    for change in (
        lambda: second.star([asset.id], True),
        lambda: second.trash([asset.id]),
        lambda: second.create_board("x"),
        lambda: second.documents.create(),
        lambda: second.commit_output("j", 1, result(project.folder, "j", 1)),
        lambda: second.set_view_state("a", 1),
    ):
        with _refused("read-only"):
            change()
    second.close()
    assert not project.read_only
    project.star([asset.id], True)


def test_the_lock_survives_nothing(tmp_path: Path) -> None:
    Project.create(tmp_path / "p").close()
    code = (
        "import sys; from pathlib import Path; from aigc_studio.core.project import Project\n"
        "p = Project.open(Path(sys.argv[1])); assert not p.read_only; print('open', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "p")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdin is not None
    try:
        assert child.stdout.readline() == "open\n"
        second = Project.open(tmp_path / "p")
        assert second.read_only
        second.close()
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()
    third = Project.open(tmp_path / "p")
    assert not third.read_only
    third.close()


def test_where_locks_are_unknown_age_and_process_decide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aigc_studio.core.store import lock  # noqa: PLC0415

    def unsupported(handle: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(lock, "_lock", unsupported)
    first = lock.ProjectLock(tmp_path)
    assert first.acquire()
    second = lock.ProjectLock(tmp_path)
    assert not second.acquire()
    assert second.holder
    first.release()
    assert second.acquire()
    second.release()
    path = tmp_path / "project.lock"
    path.write_text('{"host": "elsewhere", "pid": 1}')
    assert not second.acquire()
    os.utime(path, (time.time() - 1000, time.time() - 1000))
    assert second.acquire()
    second.release()
    path.write_text("{half a")
    assert second.acquire()
    second.refresh()
    second.release()


def _make_read_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write anywhere, so the answers are changed as well."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    real_access, real_open = os.access, os.open

    def access(path: str, mode: int, **more: Any) -> bool:
        return False if mode & os.W_OK and str(path).startswith(str(folder)) else real_access(path, mode, **more)

    def opened(path: str, flags: int, *more: Any, **named: Any) -> int:
        if flags & (os.O_RDWR | os.O_WRONLY) and str(path).startswith(str(folder)):
            raise OSError(30, "Read-only file system", str(path))
        return real_open(path, flags, *more, **named)

    monkeypatch.setattr(os, "access", access)
    monkeypatch.setattr(os, "open", opened)


@pytest.mark.parametrize("left_open", [False, True])
def test_a_medium_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left_open: bool) -> None:
    project = Project.create(tmp_path / "p")
    asset = project.commit_output("j", 0, result(project.folder, "j", 0))
    if left_open:  # copied to the medium with its write-ahead log
        folder = Path(shutil.copytree(tmp_path / "p", tmp_path / "medium"))
        assert (folder / "project.aigc-wal").stat().st_size > 0
        (folder / "project.aigc-shm").unlink()
        project.close()
    else:
        project.close()
        folder = project.folder
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with monkeypatch.context() as patch:
        _make_read_only(folder, patch)
        medium = Project.open(folder)
        assert medium.read_only
        assert medium.asset(asset.id) == asset
        reader = ProjectReader(folder)
        assert reader.ids(AssetQuery()) == [asset.id]
        reader.close()
        medium.close()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755)


def test_a_folder_that_is_no_project(tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("x")
    for folder in (tmp_path, tmp_path / "nothing", tmp_path / "file.txt"):
        with _refused("not-a-project"):
            Project.open(folder)
        with _refused("not-a-project"):
            ProjectReader(folder)
    with _refused("not-empty"):
        Project.create(tmp_path)
    with _refused("not-empty"):
        Project.create(tmp_path / "file.txt")


def test_a_network_folder_works_without_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "_is_network", lambda folder: True)
    project = Project.create(tmp_path / "p")
    assert project.warning is not None
    assert project.warning.code == "network-folder"
    asset = project.commit_output("j", 0, result(project.folder, "j", 0))
    assert not (project.folder / "project.aigc-wal").exists()
    reader = ProjectReader(project.folder)
    assert reader.ids(AssetQuery()) == [asset.id]
    reader.close()
    project.close()
    monkeypatch.setattr(place, "_is_network", lambda folder: False)
    project = Project.open(tmp_path / "p")
    assert project.warning is None
    assert project._connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    project.close()


@pytest.mark.parametrize("name", ["OneDrive", "OneDrive - Studio", "Dropbox", "iCloud Drive", "坚果云"])
def test_a_synchronised_folder_is_named(tmp_path: Path, name: str) -> None:
    warning = place.place_warning(tmp_path / name / "p")
    assert warning is not None
    assert name in str(warning)
    assert place.place_warning(tmp_path / "Dropboxes") is None


def test_backups(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not project.backup_if_due()
    monkeypatch.setattr(backups, "INTERVAL_SECONDS", 0.0)
    project.create_board("a")
    assert project.backup_if_due()
    assert not project.backup_if_due()
    stamps = iter(f"20300101-00000{number}" for number in range(9))
    monkeypatch.setattr(backups.time, "strftime", lambda *_: next(stamps))
    for number in range(5):
        project.create_board(str(number))
        assert project.backup_if_due()
    kept = sorted(path.name for path in (project.folder / "backups").glob("project-*.aigc"))
    assert kept == [f"project-20300101-00000{number}.aigc" for number in (2, 3, 4)]
    copy = sqlite3.connect(project.folder / "backups" / kept[-1])
    assert copy.execute("SELECT count(*) FROM boards").fetchone()[0] == 6
    copy.close()


def test_a_quiet_folder_can_be_copied_as_it_is(project: Project, tmp_path: Path) -> None:
    project.commit_output("j", 0, result(project.folder, "j", 0))
    project.maintenance()
    assert (project.folder / "project.aigc-wal").stat().st_size == 0
    copy = Path(shutil.copytree(project.folder, tmp_path / "copy"))
    for suffix in ("-wal", "-shm"):
        (copy / f"project.aigc{suffix}").unlink()
    again = Project.open(copy)
    assert again.count(AssetQuery()) == 1
    assert not again.report
    again.close()
