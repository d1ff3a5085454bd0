"""The wheel: built, installed into an environment of its own away from the sources, and used there."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aigc_studio import __version__
from aigc_studio.core import packages
from aigc_studio.core.metadata import read_recipe

CHECKOUT = Path(__file__).resolve().parent.parent

pytestmark = [pytest.mark.packaging, pytest.mark.slow]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the backend that pyproject.toml names."""
    folder = tmp_path_factory.mktemp("dist")
    code = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    answer = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that has the wheel, and this one's packages through a path file."""
    folder = tmp_path_factory.mktemp("installed") / "environment"
    base = getattr(sys, "_base_executable", sys.executable)
    subprocess.run([base, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = packages.python_of(folder)
    uv = packages.find_uv(Path(sys.prefix))
    command = [str(uv), "pip", "install", "--quiet", "--no-deps", "--no-index", "--python", str(python), str(wheel)]
    subprocess.run(command, check=True)
    library = next(folder.glob("lib/*/site-packages")) if os.name != "nt" else folder / "Lib" / "site-packages"
    (library / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def run(environment: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command, with nothing that could lead it to the sources."""
    program = packages.python_of(environment).with_name("aigc-studio.exe" if os.name == "nt" else "aigc-studio")
    kept = ("PATH", "HOME", "AIGC_STUDIO_HOME", "LANG", "OMP_NUM_THREADS", "QT_QPA_PLATFORM", "SYSTEMROOT")
    variables = {name: os.environ[name] for name in kept if name in os.environ}
    return subprocess.run(
        [str(program), *arguments], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )


def test_it_holds_the_resources_and_no_tests(wheel: Path) -> None:
    """The resources inside the package, the licence, the command; nothing of the checkout beside."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(f"aigc_studio-{__version__}.dist-info/METADATA").decode()
    assert "aigc_studio/_resources/models.toml" in names
    assert any(name.startswith("aigc_studio/_resources/i18n/zh_CN/") for name in names)
    assert not [name for name in names if name.split("/")[0] in ("tests", "resources", "packaging")]
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "License-Expression: GPL-3.0-or-later" in metadata
    assert "Provides-Extra: engine" in metadata
    assert wheel.stat().st_size < 25_000_000


def test_it_makes_a_picture_where_it_is_installed(installed: Path, tmp_path: Path) -> None:
    """With its own resources, and without making an environment."""
    answer = run(installed, tmp_path, "image", "calm blue waves", "--size", "128x96", "--out", "waves.png")
    assert answer.returncode == 0, answer.stderr
    assert np.asarray(Image.open(tmp_path / "waves.png").convert("RGB")).std() > 5
    assert read_recipe(tmp_path / "waves.png") is not None
    assert not (tmp_path / ".venv").exists()
    assert {"painter", "starter-writer", "espeak"} <= set(run(installed, tmp_path, "models").stdout.split())
    assert __version__ in run(installed, tmp_path, "--version").stdout


def test_it_speaks_chinese_where_it_is_installed(installed: Path, tmp_path: Path) -> None:
    """The translations are found inside the package."""
    program = packages.python_of(installed)
    code = "from aigc_studio.core import i18n, paths; i18n.set_language('zh_CN');"
    code += "print(paths.resources()); print(i18n.tr('Make a picture.'))"
    answer = subprocess.run(
        [str(program), "-X", "utf8", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    place, text = answer.stdout.splitlines()
    assert Path(place).is_relative_to(installed)
    assert text == "生成图片。"


def test_its_window_opens(installed: Path, tmp_path: Path) -> None:
    """Styles, themes and icons are there."""
    answer = run(installed, tmp_path, "--smoke")
    assert answer.returncode == 0, answer.stderr
    assert '"torch": false' in answer.stdout
