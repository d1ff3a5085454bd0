"""A project goes through one file and comes back the same; a hostile file changes nothing outside and inside."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from aigc_studio.core.documents import Segment
from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.jobs import JobState
from aigc_studio.core.package import pack, unpack
from aigc_studio.core.project import AssetQuery, Project
from aigc_studio.core.requests import Request
from aigc_studio.core.runs import KEEP, RunFolder, Sample, runs
from tests.core.project_kit import PICTURE, SPEECH, check_whole, holdings, result


@pytest.fixture
def packed(tmp_path: Path) -> tuple[Path, dict]:
    """A package of a small project, and what the project holds."""
    project = Project.create(tmp_path / "source", "Spring campaign 春")
    job = project.queue.add(PICTURE)
    for index in range(2):
        project.commit_output(job.id, index, result(project.folder, job.id, index))
    speech = project.queue.add(SPEECH)
    sound = project.commit_output(speech.id, 0, result(project.folder, speech.id, 0, SPEECH))
    board = project.create_board("Posters")
    project.add_to_board(board.id, [sound.id])
    project.star([sound.id], True)
    document = project.documents.create("script", "Lines")
    document.segments.append(Segment(text="你好"))
    project.documents.save(document)
    path = pack(project.folder, tmp_path / "spring.aigcpack")  # while it is open
    before = holdings(project)
    project.close()
    return path, before


def test_a_package_comes_back_the_same_and_starts_nothing(packed: tuple[Path, dict], tmp_path: Path) -> None:
    path, before = packed
    steps: list[tuple[int, int]] = []
    unpack(path, tmp_path / "back", progress=lambda done, total: steps.append((done, total)))
    assert steps
    assert steps[-1][0] == steps[-1][1]
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    project = Project.open(tmp_path / "back")
    held = [(*job[:2], JobState.PAUSED, *job[3:]) for job in before["jobs"]]
    assert holdings(project) == before | {"jobs": held}
    assert not project.report
    check_whole(project)
    project.close()


@pytest.mark.parametrize("meanwhile", ["trashed", "deleted", "renamed"])
def test_packing_while_the_program_works(tmp_path: Path, meanwhile: str) -> None:
    """What moves between the listing and its turn does not cost the package."""
    project = Project.create(tmp_path / "p")
    job = project.queue.add(PICTURE)
    made = [project.commit_output(job.id, index, result(project.folder, job.id, index)) for index in range(3)]
    document = project.documents.create("text", "First line")
    changed = False

    def work(*_: object) -> None:
        nonlocal changed
        if changed:
            return
        changed = True
        if meanwhile == "renamed":
            document.title = "Another line"
            project.documents.save(document)
        else:
            change = project.trash if meanwhile == "trashed" else project.delete_forever
            change([each.id for each in made])

    steps: list[tuple[int, int]] = []
    pack(project.folder, tmp_path / "p.aigcpack", lambda done, total: steps.append((done, total)), work)
    project.close()
    assert changed
    assert steps[-1][0] == steps[-1][1] or meanwhile != "trashed"
    again = Project.open(unpack(tmp_path / "p.aigcpack", tmp_path / "back"))
    assert again.report.missing == (3 if meanwhile == "deleted" else 0)
    assert again.count(AssetQuery()) == 3
    assert len(list((again.folder / "documents").iterdir())) == 2
    assert again.documents.load(document.id).title == "First line"
    again.close()


def test_cancelling_leaves_nothing(packed: tuple[Path, dict], tmp_path: Path) -> None:
    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        unpack(packed[0], tmp_path / "back", check=stop)
    with pytest.raises(Cancelled):
        pack(tmp_path / "source", tmp_path / "again.aigcpack", check=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "spring.aigcpack"]


def _hostile(path: Path, change: Callable[[zipfile.ZipFile], None]) -> None:
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        change(archive)


def _link(archive: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("assets/link.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(info, "/etc/passwd")


def _entry(name: str, data: bytes = b"x") -> Callable[[zipfile.ZipFile], None]:
    def add(archive: zipfile.ZipFile) -> None:
        info = zipfile.ZipInfo("placeholder")
        info.filename = name  # the constructor would tidy it
        archive.writestr(info, data)

    return add


def _bomb(archive: zipfile.ZipFile) -> None:
    archive.writestr("assets/bomb.txt", b"\0" * (80 << 20), zipfile.ZIP_DEFLATED)


@pytest.mark.parametrize(
    "change",
    [
        _entry("../outside.txt"),
        _entry("assets/../../outside.txt"),
        _entry("/tmp/outside-of-the-package.txt"),
        _entry("C:/outside.txt"),
        _entry("C:\\outside.txt"),
        _entry("assets\\..\\..\\outside.txt"),
        _entry("assets/a:b.png"),
        _entry("assets/con.png"),
        _entry("assets/deep/er.png"),
        _entry("assets/dot."),
        _entry("assets/.hidden"),
        _entry("assets/line\nbreak.png"),
        _entry("program.exe"),
        _entry("training/0123456789abcdef0123456789abcdef/../../program.exe"),
        _entry("training/0123456789abcdef0123456789abcdef/checkpoint.safetensors"),
        _entry("training/0123456789abcdef0123456789abcdef/samples/final/final.exe"),
        _entry("training/short/run.json"),
        _entry("PROJECT.AIGC"),
        _entry("assets"),
        _link,
        _bomb,
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_hostile_package_is_refused_whole(
    packed: tuple[Path, dict], tmp_path: Path, change: Callable[[zipfile.ZipFile], None]
) -> None:
    _hostile(packed[0], change)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StudioError) as caught:
        unpack(packed[0], tmp_path / "back")
    assert caught.value.code == "package-unsafe"
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/tmp/outside-of-the-package.txt").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_name_twice_is_refused(packed: tuple[Path, dict], tmp_path: Path) -> None:
    _hostile(packed[0], _entry("documents/ONE.md"))
    _hostile(packed[0], _entry("documents/one.md"))
    with pytest.raises(StudioError, match="no package of this app holds"):
        unpack(packed[0], tmp_path / "back")


def test_an_entry_that_lies_about_its_size(packed: tuple[Path, dict], tmp_path: Path) -> None:
    _hostile(packed[0], _entry("assets/liar.md", b"liar " * 100_000))
    data = bytearray(packed[0].read_bytes())
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        real = archive.getinfo("assets/liar.md").file_size
    data = data.replace(real.to_bytes(4, "little"), (10).to_bytes(4, "little"))
    packed[0].write_bytes(data)
    with pytest.raises(StudioError) as caught:
        unpack(packed[0], tmp_path / "back")
    assert caught.value.code in ("package-unsafe", "package-damaged")
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("part", [0.0, 0.2, 0.7, 0.99])
def test_a_truncated_package(packed: tuple[Path, dict], tmp_path: Path, part: float) -> None:
    data = packed[0].read_bytes()
    packed[0].write_bytes(data[: int(len(data) * part)])
    with pytest.raises(StudioError, match="copy it again"):
        unpack(packed[0], tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_damaged_bytes_inside(packed: tuple[Path, dict], tmp_path: Path) -> None:
    data = bytearray(packed[0].read_bytes())
    data[len(data) // 3 : len(data) // 3 + 64] = os.urandom(64)
    packed[0].write_bytes(data)
    with pytest.raises(StudioError):
        unpack(packed[0], tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_an_index_that_is_none(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("project.aigc", b"not an index")
    with pytest.raises(StudioError, match="copy it again"):
        unpack(tmp_path / "a.zip", tmp_path / "back")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("assets/a.md", b"no index")
    with pytest.raises(StudioError, match="copy it again"):
        unpack(tmp_path / "b.zip", tmp_path / "back")


def test_where_something_is_already(packed: tuple[Path, dict], tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="not empty"):
        unpack(packed[0], tmp_path / "source")
    with pytest.raises(StudioError, match="no AIGC Studio project"):
        pack(tmp_path, tmp_path / "x.aigcpack")
    (tmp_path / "empty").mkdir()
    assert unpack(packed[0], tmp_path / "empty") == tmp_path / "empty"


def test_a_disk_without_room(packed: tuple[Path, dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1 << 20}))
    with pytest.raises(StudioError, match="1 MB left"):
        unpack(packed[0], tmp_path / "back")


def test_of_trainings_what_was_thought_goes_along_and_what_is_large_stays(tmp_path: Path) -> None:
    with contextlib.closing(Project.create(tmp_path / "project")):
        run = RunFolder(tmp_path / "project" / "training" / ("0123456789abcdef" * 2))
        run.update(created=3.0, title="Shapes", data={"data": {"folder": "/media/ada/drawings", "files": 3}})
        run.append({"step": 1, "values": {"loss": 1.0}})
        run.sample_path(20).write_bytes(b"sample")
        run.add_final(Sample("samples/final/0000.png", 7))
        (run.path / "samples" / "final" / "0000.png").write_bytes(b"final")
        run.rate("samples/final/0000.png", KEEP)
        (run.path / "checkpoint.safetensors").write_bytes(b"x" * 1000)
        (run.path / "data").mkdir()
        (run.path / "data" / "rows.bin").write_bytes(b"x" * 1000)
        (run.path / "report.json").symlink_to(tmp_path / "project" / "project.aigc")
        RunFolder(tmp_path / "project" / "training" / "not an id").update(created=1.0)
    unpack(pack(tmp_path / "project", tmp_path / "p.aigcpack"), tmp_path / "other")
    (found,) = runs(tmp_path / "other")
    back = RunFolder(found.folder)
    assert found.title == "Shapes"
    assert back.info()["data"] == {"data": {"folder": "drawings", "files": 3}}
    assert back.ratings() == {"samples/final/0000.png": KEEP}
    assert back.final_samples() == [Sample("samples/final/0000.png", 7)]
    assert [path.read_bytes() for _, path in back.samples()] == [b"sample"]
    assert sorted(path.name for path in back.path.iterdir()) == ["log.jsonl", "ratings.jsonl", "run.json", "samples"]


def test_a_package_names_no_folder_of_this_machine(tmp_path: Path) -> None:
    """The project keeps it: a training that is made again needs its data."""
    secret = "/media/ada/secret place/drawings"
    request = Request("training", "train", "train-vae", params={"data": secret, "steps": 5})
    with contextlib.closing(Project.create(tmp_path / "project")) as project:
        job, gone = (project.queue.add(request).id for _ in range(2))
        project.queue.cancel(gone)
        project.queue.clear_finished()
        project.set_view_state("panels", {"train": {"data": secret, "prompt": "/imagine a cat"}})
        RunFolder(project.folder / "training" / job).update(created=1.0, request=request.to_json())
        unpack(pack(project.folder, tmp_path / "p.aigcpack"), tmp_path / "other")
        kept = project.queue.get(job)
        assert kept is not None
        assert kept.request.params["data"] == secret
    for path in (tmp_path / "other").rglob("*"):
        assert not path.is_file() or b"secret place" not in path.read_bytes(), path.name
    with contextlib.closing(Project.open(tmp_path / "other")) as other:
        received = other.queue.get(job)
        assert received is not None
        assert received.request == request.public()
        assert received.request.params == {"data": "drawings", "steps": 5}
        assert other.view_state("panels") == {"train": {"data": "drawings", "prompt": "/imagine a cat"}}
