"""The engine group, installed by uv into environments of their own, from wheels made on the spot."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aigc_studio.core import installer, packages
from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.installer import Environment, Package, Plan, Progress
from tests.wheels import make_wheel


class Place:
    """An environment with a window package in use, and a folder of wheels."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wheels = folder / "wheels"
        self.folder = folder / "environment"
        real = packages.find_uv(Path(sys.prefix))
        assert real is not None
        self.uv = real
        for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(self.wheels))
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("UV_CACHE_DIR", str(folder / "cache"))
        base = getattr(sys, "_base_executable", sys.executable)
        subprocess.run([base, "-m", "venv", "--without-pip", str(self.folder)], check=True)
        (packages.python_of(self.folder).parent / "uv").symlink_to(self.uv)
        make_wheel(self.wheels, "shared", "1", {"shared.py": "VERSION = 1\n"})
        self.install("shared")
        make_wheel(self.wheels, "shared", "2", {"shared.py": "VERSION = 22\n"})
        make_wheel(self.wheels, "big", "1", {"big.py": "WHOLE = True\n", "big_data.bin": os.urandom(3_000_000)})
        make_wheel(
            self.wheels, "torchlike", "1+cpu", {"torchlike.py": "import shared, big\n"}, requires=["big", "shared"]
        )
        self.environment = Environment(
            self.folder,
            packages.python_of(self.folder),
            ("torchlike",),
            modules=("torchlike", "big"),
            trial="import torchlike, shared; print('shared', shared.VERSION)",
        )

    def install(self, *names: str) -> None:
        """Put packages there directly."""
        command = [self.uv, "pip", "install", "-q", "--python", packages.python_of(self.folder), "--no-index"]
        subprocess.run([*command, "--find-links", self.wheels, *names], check=True)

    def installed(self) -> dict[str, str]:
        """What is there."""
        return installer._installed(self.environment)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """An environment without the engine group."""
    return Place(tmp_path, monkeypatch)


def test_it_is_planned_with_its_size_and_installed_with_progress(place: Place) -> None:
    """Only what is missing, the window's packages unchanged, tried, then stamped."""
    plan = installer.plan_engine(place.environment)
    assert {package.name for package in plan.packages} == {"big", "torchlike"}
    assert plan.bytes > 3_000_000
    told: list[Progress] = []
    lines: list[str] = []
    installer.install_engine(plan, place.environment, progress=told.append, line=lines.append)
    assert place.installed() == {"shared": "1", "big": "1", "torchlike": "1+cpu"}
    assert "shared 1" in lines
    done = [state.done for state in told]
    assert done == sorted(done)
    assert done[-1] == plan.bytes == told[-1].total
    assert [*dict.fromkeys(state.stage for state in told)][-2:] == ["Trying the engine", "The engine is ready"]
    assert packages.read_stamp(place.folder, "engine")["backend"] == plan.backend
    assert not place.environment.mark.exists()
    assert installer.plan_engine(place.environment).packages == ()


def test_a_cancelled_installation_goes_on_later(place: Place) -> None:
    """Cancel while uv works: at once, nothing half-done counts, and the next call installs it anew."""
    plan = installer.plan_engine(place.environment)
    answers = iter([False, True])
    before = time.monotonic()
    with pytest.raises(Cancelled):
        installer.install_engine(plan, place.environment, cancelled=lambda: next(answers, True))
    assert time.monotonic() - before < 3
    assert place.environment.mark.exists()
    assert not packages.read_stamp(place.folder, "engine")
    assert not installer.engine_state(place.environment).ready
    place.install("big")  # as if the cancel had come after it was copied, and in the middle of it
    library = next(place.folder.glob("lib/*/site-packages/big.py"))
    library.unlink()  # a link into uv's cache
    library.write_text("")
    plan = installer.plan_engine(place.environment)
    assert {package.name for package in plan.packages} == {"big", "torchlike"}
    installer.install_engine(plan, place.environment)
    assert library.read_text() == "WHOLE = True\n"
    assert place.installed()["shared"] == "1"


def test_what_does_not_start_is_not_stamped(place: Place) -> None:
    """The reason is the last line of the trial; another call tries again."""
    make_wheel(place.wheels, "torchlike", "1.1+cpu", {"torchlike.py": "raise OSError('no such instruction')\n"})
    with pytest.raises(StudioError) as caught:
        installer.install_engine(installer.plan_engine(place.environment), place.environment)
    assert caught.value.code == "engine-trial"
    assert "no such instruction" in str(caught.value)
    assert not packages.read_stamp(place.folder, "engine")
    (place.wheels / "torchlike-1.1+cpu-py3-none-any.whl").unlink()
    installer.install_engine(installer.plan_engine(place.environment), place.environment)
    assert place.installed()["torchlike"] == "1+cpu"


def test_packages_in_use_are_not_changed(place: Place) -> None:
    """An engine that needs a newer one is refused with uv's reason."""
    make_wheel(place.wheels, "torchlike", "2+cpu", {"torchlike.py": ""}, requires=["shared==2"])
    wanted = Environment(place.folder, place.environment.python, ("torchlike==2",))
    with pytest.raises(StudioError) as caught:
        installer.plan_engine(wanted)
    assert caught.value.code == "install"
    assert "shared" in caught.value.detail
    assert place.installed() == {"shared": "1"}


def test_a_full_disk_is_seen_before(place: Place) -> None:
    """Nothing is fetched that could not be unpacked."""
    plan = Plan("cpu", (Package("big", "1", 1 << 60),))
    with pytest.raises(StudioError) as caught:
        installer.install_engine(plan, place.environment)
    assert caught.value.code == "disk-full"
    assert not place.environment.mark.exists()


def test_no_network_is_one_sentence(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that does not answer."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setattr(installer, "_choices", lambda settings: [()])
    with pytest.raises(StudioError) as caught:
        installer.plan_engine(Environment(place.folder, place.environment.python, ("not-there",)))
    assert caught.value.code == "network"


def test_the_next_choice_is_taken_when_the_first_cannot_be_reached(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch's own index may be out of reach: the ordinary one's build then, and it is said."""
    monkeypatch.setattr(installer, "_choices", lambda settings: [("--torch-backend", "nonsense"), ()])
    plan = installer.plan_engine(place.environment)
    assert plan.fallback
    assert plan.packages


def test_an_environment_that_is_not_ours_gets_a_line_to_type(place: Place) -> None:
    """As for a copy installed into the system's Python."""
    (place.folder / "pyvenv.cfg").unlink()
    with pytest.raises(StudioError) as caught:
        installer.plan_engine(place.environment)
    assert 'pip install "aigc-studio[engine]"' in str(caught.value)


@pytest.mark.parametrize(
    ("system", "driver", "offered", "expected"),
    [
        ("linux", False, False, [("--torch-backend", "cpu"), ()]),
        ("linux", True, False, [("--torch-backend", "auto"), ()]),
        ("linux", True, True, [()]),
        ("win32", True, False, [("--torch-backend", "auto"), ()]),
        ("win32", False, False, [()]),
        ("darwin", False, False, [()]),
    ],
)
def test_the_build_of_torch(
    system: str, driver: bool, offered: bool, expected: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CUDA with an NVIDIA driver, also on Windows; the CPU's without; the Mac's own; a local wheel decides."""
    monkeypatch.delenv("UV_TORCH_BACKEND", raising=False)
    monkeypatch.setattr(installer, "nvidia_driver", lambda: driver)
    monkeypatch.setattr(packages.PipSettings, "offers_torch", lambda self: offered)
    monkeypatch.setattr(installer.sys, "platform", system)
    monkeypatch.setattr(installer, "_on_windows", lambda: system == "win32")
    assert installer._choices(packages.PipSettings()) == expected


@pytest.mark.parametrize(
    ("version", "backend"),
    [("2.13.0+cpu", "cpu"), ("2.13.0+cu130", "cuda"), ("2.13.0+rocm7", "rocm"), ("2.9+xpu", "xpu")],
)
def test_the_build_names_its_backend(version: str, backend: str) -> None:
    """In the local part of its version."""
    assert installer._backend_of(version) == backend


def test_the_lock_is_read_with_its_sizes(tmp_path: Path) -> None:
    """From the index, or from the file itself; 0 where neither says it."""
    local = tmp_path / "a b.whl"
    local.write_bytes(b"12345")
    text = f"""lock-version = "1.0"
[[packages]]
name = "one"
version = "1.0"
wheels = [{{ url = "https://x.example/one.whl", size = 77, hashes = {{}} }}]
[[packages]]
name = "two"
version = "2.0"
wheels = [{{ url = {json.dumps(local.as_uri())} }}]
[[packages]]
name = "three"
version = "3.0"
sdist = {{ url = "https://x.example/three.tar.gz" }}
"""
    assert installer._read_lock(text) == [
        Package("one", "1.0", 77),
        Package("two", "2.0", 5),
        Package("three", "3.0", 0),
    ]


def test_the_meter_counts_what_uv_says() -> None:
    """Bytes grow only, up to the whole."""
    plan = Plan("cpu", (Package("torch", "2", 500), Package("small-one", "1", 10), Package("numpy", "2", 90)))
    told: list[Progress] = []
    meter = installer._Meter(plan, told.append, None)
    for line in (
        "Downloading torch (182.9MiB)",
        "Downloading numpy (9.0MiB)",
        " Downloaded numpy",
        "Something else",
        " Downloaded torch",
        "Prepared 3 packages in 2s",
        "Installed 3 packages in 1ms",
    ):
        meter.line(line)
    assert [state.done for state in told] == [0, 0, 0, 90, 590, 600, 600]
    assert [state.package for state in told][1:4] == ["torch", "torch", "torch"]


def test_this_environment_has_what_the_tests_need() -> None:
    """The engine group is part of the test environment, and known to be."""
    if not all(importlib.util.find_spec(name) for name in installer._MODULES):
        pytest.skip("an environment of one's own, without the engine group")
    state = installer.engine_state()
    assert state.ready
    assert state.backend in installer.BACKENDS
