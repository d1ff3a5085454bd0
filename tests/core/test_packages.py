"""The user's pip settings as uv's options, and stamps that say whether an environment is whole."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core import packages
from aigc_studio.core.packages import PipSettings

LISTING = """:env:.disable-pip-version-check='1'
:env:.find-links='/wheels/a  /wheels/b'
global.cert='/etc/ca.pem'
global.extra-index-url='https://one.example/simple\\nhttps://user:secret@two.example/simple'
global.find-links='/overridden'
global.index-url='https://mirror.example/simple'
global.timeout='30'
global.trusted-host='mirror.example'
install.trusted-host='mirror.example other.example'
freeze.index-url='https://not.for/us'
"""


def test_pip_settings_are_read_as_pip_reads_them() -> None:
    """A variable overrides a file, the install section the global one; several values stand in one."""
    settings = PipSettings.parse(LISTING)
    assert settings.index_url == "https://mirror.example/simple"
    assert settings.extra_index_urls == ("https://one.example/simple", "https://user:secret@two.example/simple")
    assert settings.find_links == ("/wheels/a", "/wheels/b")
    assert settings.trusted_hosts == ("mirror.example", "other.example")
    assert settings.cert == "/etc/ca.pem"
    assert settings.timeout == 30
    assert not settings.no_index


def test_uv_is_given_what_pip_would_use(tmp_path: Path) -> None:
    """Local folders that exist, all indexes with pip's choice among them, hosts; addresses only in variables."""
    certificate = tmp_path / "ca.pem"
    certificate.touch()
    settings = PipSettings(
        index_url="https://mirror.example/simple",
        extra_index_urls=("https://user:secret@two.example/simple",),
        find_links=(str(tmp_path), str(tmp_path / "gone"), "https://wheels.example/"),
        cert=str(certificate),
        client_cert="/me.pem",
        trusted_hosts=("mirror.example",),
        proxy="http://proxy.example:8080",
    )
    options = settings.uv_options()
    assert options[:4] == ["--find-links", str(tmp_path), "--find-links", "https://wheels.example/"]
    assert options[4:] == ["--index-strategy", "unsafe-best-match", "--allow-insecure-host", "mirror.example"]
    variables = settings.uv_environment({"PYTHONHOME": "/x", "PYTHONPATH": "/x", "VIRTUAL_ENV": "/x", "KEPT": "1"})
    assert variables["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert variables["UV_INDEX"] == "https://user:secret@two.example/simple"
    assert variables["SSL_CERT_FILE"] == str(certificate)
    assert variables["SSL_CLIENT_CERT"] == "/me.pem"
    assert variables["HTTPS_PROXY"] == "http://proxy.example:8080"
    assert variables["KEPT"] == "1"
    assert not {"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"} & set(variables)


def test_what_the_user_told_uv_wins() -> None:
    """Settings of uv's own are not replaced by pip's."""
    settings = PipSettings(index_url="https://pip.example/simple", extra_index_urls=("https://pip.example/more",))
    variables = settings.uv_environment(
        {"UV_DEFAULT_INDEX": "https://uv.example/simple", "UV_INDEX": "https://uv.example"}
    )
    assert variables["UV_DEFAULT_INDEX"] == "https://uv.example/simple"
    assert variables["UV_INDEX"] == "https://uv.example"


def test_without_an_index_none_is_asked() -> None:
    """no-index stands for itself, whatever indexes are named."""
    settings = PipSettings(index_url="https://x.example", extra_index_urls=("https://y.example",), no_index=True)
    assert settings.uv_options() == ["--no-index"]
    assert not {"UV_DEFAULT_INDEX", "UV_INDEX"} & set(settings.uv_environment({}))


def test_pip_itself_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Variables and files, as the user's own pip merges them; without a pip, the variables."""
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://file.example/simple\nfind-links =\n    /one\n    /two\n")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    asked = packages.read_pip_settings(tmp_path / "no-python", sys._base_executable)  # pyright: ignore[reportAttributeAccessIssue]
    assert asked.index_url == "https://file.example/simple"
    assert asked.find_links == ("/one", "/two")
    assert asked.no_index
    alone = packages.read_pip_settings(tmp_path / "no-python")
    assert alone.no_index
    assert alone.index_url == ""


@given(st.text(max_size=400))
def test_any_listing_is_survived(text: str) -> None:
    """Whatever a pip of another time prints."""
    PipSettings.parse(text)


@given(st.lists(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=30), max_size=4))
def test_every_place_of_a_list_arrives(places: list[str]) -> None:
    """Places with quotes, backslashes and Chinese come through pip's quoting."""
    listing = f"global.find-links={' '.join(places)!r}"
    assert PipSettings.parse(listing).find_links == tuple(places)


def test_a_local_torch_wheel_is_seen(tmp_path: Path) -> None:
    """It decides the build, if it is for this Python."""
    tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    (tmp_path / "torch-2.9.0+cpu-cp39-cp39-linux_x86_64.whl").touch()
    assert not PipSettings(find_links=(str(tmp_path),)).offers_torch()
    (tmp_path / f"torch-2.9.0+cpu-{tag}-{tag}-linux_x86_64.whl").touch()
    assert PipSettings(find_links=("https://x.example", f"file://{tmp_path}")).offers_torch()


def test_stamps(tmp_path: Path) -> None:
    """Written whole, read as they are, none when torn."""
    assert packages.read_stamp(tmp_path, "engine") == {}
    packages.write_stamp(tmp_path, "engine", fingerprint="a", backend="cpu")
    assert packages.read_stamp(tmp_path, "engine") == {"fingerprint": "a", "backend": "cpu"}
    (packages.state_folder(tmp_path) / "engine.json").write_text("[")
    assert packages.read_stamp(tmp_path, "engine") == {}
    packages.remove_stamp(tmp_path, "engine")
    packages.remove_stamp(tmp_path, "engine")
    assert not list(packages.state_folder(tmp_path).iterdir())


def test_a_fingerprint_changes_with_what_it_stands_for(tmp_path: Path) -> None:
    """Requirements in any order; another interpreter is another fingerprint."""
    python = packages.python_of(tmp_path)
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    (tmp_path / "pyvenv.cfg").write_text("version = 3.11.7\n")
    first = packages.fingerprint(tmp_path, ["a", "b"])
    assert packages.fingerprint(tmp_path, ["b", "a"]) == first
    assert packages.fingerprint(tmp_path, ["a"]) != first
    (tmp_path / "pyvenv.cfg").write_text("version = 3.11.9\n")
    assert packages.fingerprint(tmp_path, ["a", "b"]) == first, "the same minor version: the packages fit"
    (tmp_path / "pyvenv.cfg").write_text("version = 3.12.1\n")
    assert packages.fingerprint(tmp_path, ["a", "b"]) != first


def test_the_groups_of_the_checkout(checkout: Path) -> None:
    """Each has its requirements; torch is in the engine group only, Qt in the window's only."""
    groups = {name: " ".join(packages.requirements(name, checkout)).lower() for name in ("window", "engine", "test")}
    assert "torch>=2.9,<2.14" in groups["engine"]
    assert "torch" not in groups["window"]
    assert "pyside6" in groups["window"]
    assert "pyside6" not in groups["engine"]
    assert "pytest" in groups["test"]
    assert packages.checkout_of(checkout / "aigc_studio") == checkout
    assert packages.checkout_of(checkout / "tests") == checkout
    assert packages.checkout_of(checkout / "tests" / "core") is None


def test_the_broken_qt_build_is_excluded(checkout: Path) -> None:
    """PySide6 6.12.0 ends Python 3.11 after some thousand calls."""
    lines = [line for line in packages.requirements("window", checkout) if "python_version < '3.12'" in line]
    assert sorted(line.split(";")[0] for line in lines) == [
        "PySide6-Addons>=6.8,<6.12",
        "PySide6-Essentials>=6.8,<6.12",
    ]


def test_the_requirements_of_an_installed_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """From its metadata, with their own markers kept."""
    lines = [
        'PySide6-Addons<6.12,>=6.8; python_version < "3.12"',
        "numpy<3,>=2.0",
        "torch<2.14,>=2.9; extra == 'engine'",
        'pytest; extra == "test"',
    ]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: lines)
    assert packages.requirements("window", None) == tuple(lines[:2])
    assert packages.requirements("engine", None) == ("torch<2.14,>=2.9",)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal there")
def test_the_constants_survive_a_build_that_drops_them() -> None:
    """The guard gives them more references than any session can drop."""
    code = (
        "import ctypes, sys; from aigc_studio.core.constants_guard import keep_constants; keep_constants();"
        "keep_constants(); count = sys.getrefcount(None);"
        "ctypes.c_ssize_t.from_address(id(None)).value -= 10_000_000;"
        "assert 1 << 59 < count < 1 << 61, count; print(None)"
    )
    checkout = Path(__file__).resolve().parents[2]
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={"PYTHONPATH": str(checkout)}
    )
    assert (answer.returncode, answer.stdout) == (0, "None\n"), answer.stderr
