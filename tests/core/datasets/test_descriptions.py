"""What a model said of pictures is kept as it is said, and found again by whoever asks for the folder."""

from __future__ import annotations

from pathlib import Path

from aigc_studio.core.datasets.descriptions import Described, Descriptions, described


def workshop(project: Path, id: str) -> Path:
    place = project / "training" / id
    place.mkdir(parents=True)
    return place


def test_what_is_said_is_read_and_a_half_line_is_none(tmp_path: Path) -> None:
    kept = Descriptions(workshop(tmp_path, "one"))
    assert kept.read() == Described()
    kept.begin(tmp_path / "pictures")
    kept.begin(tmp_path / "others")
    kept.add([("a.png", "11", " a  cup\n"), ("b.png", "22", "")])
    with open(kept.path, "ab") as file:
        file.write(b'{"file": "c.png", "ha')
    kept.add([("d.png", "44", "一只猫")])
    said = kept.read()
    assert said.folder == str(tmp_path / "pictures")
    assert said.files == {"a.png": "a cup", "b.png": "", "d.png": "一只猫"}
    assert said.texts == {"11": "a cup", "22": "", "44": "一只猫"}
    kept.delete()
    kept.delete()
    assert kept.read() == Described()


def test_lines_from_elsewhere_are_passed_over(tmp_path: Path) -> None:
    kept = Descriptions(workshop(tmp_path, "one"))
    kept.path.write_bytes(b'[]\n7\n{"file": 5}\n\xff\n' + b"[" * 5000 + b'\n{"file": "a"}\n{"folder": "x"}\n')
    assert kept.read() == Described("x")


def test_only_jobs_that_said_something_of_this_folder_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    assert described(tmp_path, folder) == {}
    for id, where, text in (("one", folder, "a cup"), ("two", folder, ""), ("three", tmp_path, "x")):
        kept = Descriptions(workshop(tmp_path, id))
        kept.begin(where)
        kept.add([("a.png", "11", text)])
    workshop(tmp_path, "a training")
    assert list(described(tmp_path, folder)) == ["one"]
