"""The program around the commands: help in both languages, completion, the window's arguments, the demo, its start."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aigc_studio import __version__, cli
from aigc_studio.cli import codes
from aigc_studio.cli.train import recipes
from aigc_studio.core import system
from aigc_studio.core.assets import AssetQuery
from aigc_studio.core.project import ProjectReader

from .conftest import Run


def test_it_speaks_chinese(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the locale."""
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert "尺寸请写成" in run("image", "x", "--size", "huge")[2]
    assert "生成图片" in run("--help")[1]
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert "尺寸请写成" in run("image", "x", "--size", "huge", "--language", "zh_CN")[2]
    assert "尺寸请写成" in run("--language=zh_CN", "image", "x", "--size", "huge")[2]


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_leaves_no_english_in_chinese(run: Run, name: str) -> None:
    """Also what argparse says itself: the usage, the headings, what is missing."""
    if name == "test":
        return
    pages = [run(name, "--help", "--language", "zh_CN")[1]]
    if name in ("project", "models"):
        inner = re.findall(r"^    ([a-z-]+) ", pages[0], re.MULTILINE)
        assert len(inner) > 4
        pages += [run(name, each, "--help", "--language", "zh_CN")[1] for each in inner]
    for page in pages:
        page = page.split("示例：")[0].replace("aigc-studio", "")
        page = re.sub(r"--?[a-zA-Z-]+|[A-Z]{2,}|[{|][a-z_,A-Z-]+[}]?|\[[^]]*\]", "", page)
        words = re.findall(r"\b[a-z]{3,}\b", page)
        allowed = {*cli.COMMANDS, "cpu", "cuda", "mps", "info", "list", "assets", "chat", "continue", "diffusers"}
        allowed |= {"torch", "transformers", "pytest", "starter", "writer", "prompt", "file", "recipe", "options"}
        allowed |= {"model", "folder", "words", "shell", "chmod", "search", "check", "repair", "export", "reproduce"}
        allowed |= {"pack", "unpack", "rescan", "folders", "add", "remove", "mask"}
        allowed |= {"runs", "samples", "rate", *(part for name in recipes() for part in name.split("-"))}
        assert not set(words) - allowed, page
    if name not in ("devices", "bench", "models", "engine", "demo", "image", "write", "speak"):
        assert "必须" in run(name, "--language", "zh_CN")[2]


def test_help_is_quick(tmp_path: Path, checkout: Path) -> None:
    """Nothing is imported for it that it does not show: neither numpy nor rich, to say nothing of torch."""
    code = (
        "import sys; from aigc_studio.cli import main\n"
        "try: main([*sys.argv[1:], '--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'numpy', 'rich', 'torch', 'PySide6', 'fastapi', 'shtab', 'PIL'} & set(sys.modules)))"
    )
    for name in ("image", "project", "bench", "serve", "models"):
        answer = subprocess.run(
            [sys.executable, "-c", code, name],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(checkout)},
            cwd=tmp_path,
            check=True,
        )
        assert answer.stdout.splitlines()[-1] == "[]", name


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(run: Run, tmp_path: Path, shell: str) -> None:
    """A script of the shell that knows every command and option, and that the shell reads where it is installed."""
    code, out, err = run("completion", shell)
    assert (code, err) == (0, "")
    for name in cli.COMMANDS:
        assert name in out
    for option in ("negative", "token-file", "add-folder", "reproduce"):
        assert option in out
    if (program := shutil.which(shell)) is not None:
        (tmp_path / "script").write_text(out)
        answer = subprocess.run([program, "-n", str(tmp_path / "script")], capture_output=True, check=False)
        assert (answer.returncode, answer.stderr) == (0, b"")
    if shell == "bash" and program:
        script = f"source {tmp_path / 'script'}; COMP_WORDS=(aigc-studio image --neg); COMP_CWORD=2; "
        script += "_shtab_aigc_studio; echo ${COMPREPLY[@]}"
        answer = subprocess.run([program, "-c", script], capture_output=True, text=True, check=True)
        assert answer.stdout.split() == ["--negative"]


def test_help_and_version(run: Run) -> None:
    """Every command is named, and has help of its own."""
    out = run("--help")[1]
    for name, command in cli.COMMANDS.items():
        assert f"aigc-studio {name}" in out
        if name != "test":
            code, told, _ = run(name, "--help")
            assert code == 0
            assert command.summary in told
            assert told.split("Examples:")[1].strip().startswith("aigc-studio")
    for status, meaning in codes.MEANINGS.items():
        assert re.search(rf"\b{status}  {re.escape(meaning.partition('##')[0])}", out)
    assert run("--version")[1].strip() == f"AIGC Studio {__version__}"


def test_without_a_display_the_window_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """And names what works without one."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    code, _, err = run()
    assert code == 1
    assert "python3 -m aigc_studio demo" in err


def test_the_window_gets_its_arguments(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they were typed; the demo as a flag."""
    passed: list[list[str]] = []
    app = importlib.import_module("aigc_studio.ui.app")
    monkeypatch.setattr(app, "main", lambda arguments: passed.append(list(arguments)) or 3)
    monkeypatch.setattr(system, "missing_font", lambda: False)
    assert run("some/project", "--language", "en")[0] == 3
    assert run("demo", "--language", "zh_CN")[0] == 3
    assert passed == [["some/project", "--language", "en"], ["--demo", "--language", "zh_CN"]]


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_the_demo_without_a_display(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    """A line, a picture, an edit that leaves the rest alone, the line spoken; linked, and the folder printed."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    from aigc_studio import demo

    monkeypatch.setattr(demo, "missing_engine", lambda needs: object())
    monkeypatch.setattr(demo, "_SIDE", 256)
    from aigc_studio.core.settings import Settings

    monkeypatch.setattr(Settings, "projects_folder", property(lambda self: tmp_path / "projects"))
    if language == "zh_CN":
        monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    code, out, err = run("demo")
    assert code == 0, err
    folder = tmp_path / "projects" / demo.Demo(language, False).name
    assert str(folder) in out.splitlines()[-1]
    reader = ProjectReader(folder)
    try:
        pictures = reader.assets(AssetQuery(kinds=("image",), order="oldest"), 0, 9)
        masks = reader.assets(AssetQuery(kinds=("mask",)), 0, 9)
        voices = reader.assets(AssetQuery(kinds=("audio",)), 0, 9)
        assert (len(pictures), len(masks), len(voices)) == (2, 1, 1)
        assert set(reader.parents(pictures[1].id)) == {pictures[0].id, masks[0].id}
        before, after = (np.asarray(Image.open(reader.path(picture)).convert("RGB")) for picture in pictures)
        changed = (before != after).any(axis=2)
        drawn = np.asarray(Image.open(reader.path(masks[0])).convert("L")) > 0
        assert changed[drawn].mean() > 0.9
        assert not changed[:, :64].any(), "far from the mask nothing changes"
        document = reader.document(reader.documents()[0].id)
        recipe = reader.recipe(voices[0].id)
        assert recipe is not None
        assert document.segments[0].text == recipe["request"]["prompt"] == demo.Demo(language, False).given_line
        assert recipe["request"]["context"]["document"] == document.id
    finally:
        reader.close()
    assert run("demo")[0] == 0, "a second one beside the first"
    assert run("project", "check", str(folder))[0] == 0


def test_as_a_program(tmp_path: Path, checkout: Path) -> None:
    """The whole way through `python -m`: exit status, and a reader that goes away is no error worth a traceback."""
    variables = {**os.environ, "PYTHONPATH": str(checkout)}
    command = [sys.executable, "-m", "aigc_studio"]
    answer = subprocess.run([*command, "image", "x", "--size", "1"], capture_output=True, env=variables, check=False)
    assert answer.returncode == 4
    assert b"Traceback" not in answer.stderr
    process = subprocess.Popen(
        [*command, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables, cwd=tmp_path
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    errors = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert b"Traceback" not in errors
