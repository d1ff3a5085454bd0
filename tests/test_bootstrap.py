"""The first start, in small checkouts of their own: the real bootstrap, tiny packages, no network."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aigc_studio import bootstrap
from aigc_studio.core import packages

from .wheels import make_wheel

PACKAGE = Path(__file__).resolve().parent.parent / "aigc_studio"
COPIED = ("__init__.py", "__main__.py", "bootstrap.py", "core/__init__.py", "core/packages.py")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the small uv of these tests is a shell script")

PROJECT = """[project]
name = "aigc-studio"
version = "1"
requires-python = ">=3.11"
dependencies = ["small-window=={window}"]

[project.optional-dependencies]
serve = ["small-serve==1"]
test = ["small-test==1"]
engine = ["small-engine==1"]
"""

COMMAND = """
import json, os, signal, sys, time

def program(arguments):
    import small_window
    if arguments[:1] == ["exit"]:
        return int(arguments[1])
    if arguments[:1] == ["wait"]:
        def stop(number, frame):
            os.write(1, f"got {signal.Signals(number).name}\\n".encode())  # print may be at work
            os._exit(42)
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        print("waiting", flush=True)
        signal.pause()
    names = ("PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH", "VIRTUAL_ENV")
    told = {name: os.environ.get(name) for name in names}
    print(json.dumps({"prefix": sys.prefix, "window": small_window.VERSION, "arguments": arguments, **told}))
    return 0
"""

INSTALLER = """
import json, sys
with open("installer-called", "w") as file:
    json.dump(sys.argv[1:], file)
"""

UV = """#!/bin/sh
echo "$*" >> "{log}"
if [ -e "{hang}" ]; then echo hanging >> "{log}"; sleep 60; fi
exec "{uv}" "$@"
"""


class Checkout:
    """A checkout with the real bootstrap, a command that tells where it runs, and packages in a folder beside it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "my checkout 测试"
        self.wheels = folder / "wheels"
        self.log = folder / "uv.log"
        self.hang = folder / "hang"
        for name in COPIED:
            target = self.root / "aigc_studio" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PACKAGE / name, target)
        (self.root / "aigc_studio" / "cli.py").write_text(COMMAND)
        (self.root / "aigc_studio" / "core" / "installer.py").write_text(INSTALLER)
        self.want("1")
        for version in ("1", "2"):
            # Files of a wheel are all equally old: only another size tells Python that its compiled copy is stale.
            text = f"VERSION = {version!r}\n" + "#" * int(version)
            make_wheel(self.wheels, "small-window", version, {"small_window.py": text})
        make_wheel(self.wheels, "small-serve", "1", {"small_serve.py": ""})
        make_wheel(self.wheels, "small-test", "1", {"small_test.py": ""})
        uv = packages.find_uv(Path(sys.prefix))
        assert uv is not None, "the tests' environment has uv"
        script = UV.format(log=self.log, hang=self.hang, uv=uv)
        make_wheel(self.wheels, "uv", "99", {"uv/__init__.py": ""}, {"uv": script})
        self.environment = {
            "HOME": str(folder / "home"),
            "PATH": "/usr/bin:/bin",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": f"{folder / 'nothing-here'} {self.wheels}",
            "PIP_CONFIG_FILE": os.devnull,
            "UV_CACHE_DIR": str(folder / "uv-cache"),
            "LANG": "C.UTF-8",
        }

    def want(self, window: str) -> None:
        """Write a pyproject.toml that asks for this version of the window's package."""
        (self.root / "pyproject.toml").write_text(PROJECT.format(window=window))

    def command(self, *arguments: str) -> list[str]:
        """The command line of a start."""
        return [getattr(sys, "_base_executable", sys.executable), "-m", "aigc_studio", *arguments]

    def start(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Start it and wait for its end."""
        environment = self.environment | variables
        return subprocess.run(
            self.command(*arguments), cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )

    def spawn(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it and go on."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def installs(self) -> list[str]:
        """The installations uv was asked for so far."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if line.startswith("pip install")]


@pytest.fixture
def own(tmp_path: Path) -> Checkout:
    """A fresh checkout."""
    return Checkout(tmp_path)


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    event = threading.Event()
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        event.wait(0.02)


def test_the_first_start_makes_the_environment_and_runs_in_it(own: Checkout) -> None:
    """In `.venv` of the checkout, with what the window needs, arguments and exit code passed on, quickly again."""
    answer = own.start("some", "--thing", PYTHONPATH=str(own.root), PYTHONSAFEPATH="")
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout.splitlines()[-1])
    assert Path(told["prefix"]).samefile(own.root / ".venv")
    assert told["arguments"] == ["some", "--thing"]
    assert told["PYTHONPATH"] is None
    assert told["PYTHONSAFEPATH"] is None
    assert "Preparing AIGC Studio" in answer.stderr
    assert own.installs() == own.installs()[:1], "one installation"
    assert str(own.wheels) in own.installs()[0], "the user's find-links are handed to uv"
    assert "--no-index" in own.installs()[0]
    assert "nothing-here" not in own.installs()[0], "pip only warns of a missing folder"

    assert own.start("exit", "7").returncode == 7
    answer = own.start()
    assert answer.stderr == ""
    assert len(own.installs()) == 1, "a ready environment is left alone"

    inner = [str(packages.python_of(own.root / ".venv")), "-m", "aigc_studio"]
    variables = own.environment | {bootstrap.AS_IS: "as-is"}

    def seconds(command: list[str]) -> float:
        """The least of some starts, in processor time: what others do on the machine does not count."""
        spent = []
        for _ in range(5):
            before = os.times()
            subprocess.run(command, cwd=own.root, env=variables if command is inner else own.environment, check=True)
            after = os.times()
            children = (after.children_user - before.children_user, after.children_system - before.children_system)
            spent.append(sum(children))
        return min(spent)

    assert seconds(own.command()) - seconds(inner) <= 0.3


def test_a_stale_environment_is_brought_up_to_date(own: Checkout) -> None:
    """Other requirements make the stamp stale; what changed is installed, the environment stays."""
    assert own.start().returncode == 0
    kept = own.root / ".venv" / "kept"
    kept.touch()
    own.want("2")
    answer = own.start()
    assert json.loads(answer.stdout.splitlines()[-1])["window"] == "2"
    assert kept.exists()
    assert "up to date" in answer.stderr


def test_the_test_command_installs_all_groups(own: Checkout) -> None:
    """Window and test group by the bootstrap, the engine group by the installer, then the command."""
    answer = own.start("test", "-q")
    assert answer.returncode == 0, answer.stderr
    assert json.loads((own.root / "installer-called").read_text()) == ["--if-needed"]
    assert json.loads(answer.stdout.splitlines()[-1])["arguments"] == ["test", "-q"]
    assert packages.read_stamp(own.root / ".venv", "test")
    assert packages.read_stamp(own.root / ".venv", "serve")


def test_the_server_gets_its_packages_with_its_first_start(own: Checkout) -> None:
    """And the window does without them."""
    assert own.start().returncode == 0
    assert not packages.read_stamp(own.root / ".venv", "serve")
    answer = own.start("--language", "en", "serve", "Harbour")
    assert json.loads(answer.stdout.splitlines()[-1])["arguments"] == ["--language", "en", "serve", "Harbour"]
    assert packages.read_stamp(own.root / ".venv", "serve")
    assert not packages.read_stamp(own.root / ".venv", "test")


def test_a_killed_first_start_is_repaired(own: Checkout) -> None:
    """SIGKILL while uv works: the next start makes the environment anew."""
    own.hang.touch()
    process = own.spawn()
    until(lambda: own.log.exists() and "hanging" in own.log.read_text())
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not packages.read_stamp(own.root / ".venv", "window")
    own.hang.unlink()
    answer = own.start()
    assert answer.returncode == 0, answer.stderr
    assert "not complete" in answer.stderr


def test_a_first_start_stopped_by_ctrl_c_goes_on_later(own: Checkout) -> None:
    """One sentence, exit status 130, the lock free."""
    own.hang.touch()
    process = own.spawn()
    until(lambda: own.log.exists() and "hanging" in own.log.read_text())
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "the next start goes on" in said
    assert "Traceback" not in said
    own.hang.unlink()
    assert own.start().returncode == 0


def _remove_python(environment: Path) -> None:
    python = packages.python_of(environment)
    python.unlink()
    python.symlink_to("/nowhere/python3")


def _other_version(environment: Path) -> None:
    config = environment / "pyvenv.cfg"
    version = f"{sys.version_info[0]}.{sys.version_info[1]}."
    config.write_text(config.read_text().replace(version, "3.2."))


@pytest.mark.parametrize(
    "damage",
    [
        _remove_python,
        _other_version,
        lambda environment: (environment / "pyvenv.cfg").unlink(),
        lambda environment: shutil.rmtree(environment / "bin"),
        lambda environment: (packages.state_folder(environment) / "window.json").write_text("{"),
    ],
    ids=["python-gone", "python-replaced", "no-config", "no-programs", "torn-stamp"],
)
def test_a_damaged_environment_is_repaired(own: Checkout, damage: Callable[[Path], object]) -> None:
    """Whatever is wrong with it, the next start runs."""
    assert own.start().returncode == 0
    damage(own.root / ".venv")
    answer = own.start()
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout.splitlines()[-1])["window"] == "1"


def test_of_two_first_starts_one_waits(own: Checkout) -> None:
    """Both run in the end, and it was installed once."""
    first, second = own.spawn(), own.spawn()
    said = [process.communicate(timeout=60)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    assert len(own.installs()) == 1
    assert sum("waiting for it" in text for text in said) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_signals_and_the_exit_code_are_passed_on(own: Checkout, number: signal.Signals) -> None:
    """Ctrl-C reaches the program inside, and its answer comes back."""
    assert own.start().returncode == 0
    process = own.spawn("wait")
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(number)
    said, _ = process.communicate(timeout=20)
    assert said == f"got {number.name}\n"
    assert process.returncode == 42


def test_a_failed_installation_says_what_to_do(own: Checkout) -> None:
    """A package that no index has: uv's reason, our advice, exit status 1, and the next start goes on."""
    own.want("3")
    answer = own.start(LANG="zh_CN.UTF-8")
    assert answer.returncode == 1
    assert "small-window" in answer.stderr
    assert "pip config set global.index-url" in answer.stderr
    assert "重新执行同一条命令" in answer.stderr
    own.want("1")
    assert own.start().returncode == 0


def test_an_installed_copy_makes_no_environment(own: Checkout) -> None:
    """Without our pyproject.toml beside the package the program runs where it was started."""
    (own.root / "pyproject.toml").write_text('[project]\nname = "something-else"\n')
    answer = own.start(PYTHONPATH=str(own.root))
    assert "small_window" in answer.stderr, "it ran, and failed, in the interpreter of the start"
    assert not (own.root / ".venv").exists()


# Decisions ------------------------------------------------------------------------------------------------------------


def test_a_read_only_checkout_gets_an_environment_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each path, not in the checkout."""
    monkeypatch.setenv("AIGC_STUDIO_HOME", str(tmp_path / "home"))
    assert bootstrap._environment_folder(tmp_path) == tmp_path / ".venv"
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    first, second = (bootstrap._environment_folder(tmp_path / name) for name in ("a", "b"))
    assert first.parent == tmp_path / "home" / "cache" / "environments"
    assert first != second


def test_the_cache_is_where_the_program_looks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bootstrap names the folder without platformdirs, and names the same."""
    from aigc_studio.core import paths

    assert bootstrap._cache_folder() == paths.cache_dir()
    monkeypatch.delenv("AIGC_STUDIO_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert bootstrap._cache_folder() == paths.cache_dir()


@pytest.mark.parametrize(("language", "words"), [("en_US.UTF-8", "or newer"), ("zh_CN.UTF-8", "或更高版本")])
def test_an_old_python_is_told_which_one_is_needed(
    language: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence in the user's language and exit status 1."""
    monkeypatch.setenv("LC_ALL", language)
    monkeypatch.setattr(bootstrap, "MINIMUM", (99, 0))
    assert bootstrap.enter([]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert "99.0" in said


def test_a_missing_venv_module_is_answered_with_the_line_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Debian, where venv's parts are a package of their own."""
    find_spec = bootstrap.importlib.util.find_spec
    monkeypatch.setattr(
        bootstrap.importlib.util, "find_spec", lambda name: None if name in ("pip", "ensurepip") else find_spec(name)
    )
    programs = {"apt-get": "/usr/bin/apt-get"}
    monkeypatch.setattr(bootstrap.shutil, "which", programs.get)
    with pytest.raises(bootstrap._SetupError) as caught:
        bootstrap._make(tmp_path / ".venv")
    assert f"apt-get install -y python{sys.version_info[0]}.{sys.version_info[1]}-venv" in str(caught.value)


def test_as_is_keeps_the_interpreter() -> None:
    """What the tests themselves, packagers and the re-entered program rely on."""
    assert os.environ[bootstrap.AS_IS] == "as-is"
    assert bootstrap.enter(["test"]) is None
