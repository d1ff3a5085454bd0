"""Installs the engine group (torch, diffusers, transformers, ...) into the running environment, with uv.

Two steps, so that a person sees the size before agreeing: `plan_engine` resolves what would be fetched,
`install_engine` fetches and installs it. Packages that are already there are never changed: the window may be using
them. What was installed is tried in a child process, and the stamp is written last; an interrupted installation is
known by its mark, and the next one installs those packages anew.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import ctypes.util
import importlib
import importlib.metadata
import importlib.util
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

from . import packages
from .errors import Cancelled, StudioError
from .i18n import N_, set_language, tr

__all__ = [
    "BACKENDS",
    "EngineState",
    "Environment",
    "Package",
    "Plan",
    "Progress",
    "engine_state",
    "install_engine",
    "nvidia_driver",
    "plan_engine",
]

BACKENDS = {
    "cuda": N_("NVIDIA graphics card (CUDA)"),
    "rocm": N_("AMD graphics card (ROCm)"),
    "xpu": N_("Intel graphics card (XPU)"),
    "mps": N_("Apple graphics (MPS)"),
    "cpu": N_("Processor only (CPU)"),
}
"""Builds of torch and their shown names."""

_MODULES = ("accelerate", "diffusers", "peft", "safetensors", "sentencepiece", "tokenizers", "torch", "transformers")
_TRIAL = "import torch, safetensors.torch, sentencepiece, tokenizers, peft, diffusers; torch.zeros(1) + 1\n"
_TRIAL += "from transformers import AutoModelForCausalLM, AutoTokenizer"
_UNPACKED = 2.6
"""Bytes on disk for one byte fetched, measured over the whole group (wheels are zip files)."""


@dataclass(frozen=True)
class Package:
    """One package to fetch. bytes: of its file, 0 where the index does not say."""

    name: str
    version: str
    bytes: int

    @property
    def pin(self) -> str:
        """As a requirement."""
        return f"{self.name}=={self.version}"


@dataclass(frozen=True)
class Plan:
    """What an installation would do. backend: a key of `BACKENDS`. options: uv's, that led to this choice."""

    backend: str
    packages: tuple[Package, ...]
    options: tuple[str, ...] = ()
    fallback: bool = False
    """The build meant for this machine could not be reached; this is the one of the ordinary index."""

    @property
    def bytes(self) -> int:
        """To be fetched."""
        return sum(package.bytes for package in self.packages)

    @property
    def disk_bytes(self) -> int:
        """Needed on disk while it is installed: what is fetched stays in uv's cache, unpacked once and linked."""
        return round(self.bytes * _UNPACKED)


@dataclass(frozen=True)
class Progress:
    """Where an installation stands. stage: marked with N_(). done, total: bytes; total 0 where sizes are not known."""

    stage: str
    done: int
    total: int
    package: str = ""


@dataclass(frozen=True)
class EngineState:
    """Whether the engine group is there. backend: of the installed torch, "" when it is not known."""

    ready: bool
    backend: str = ""
    version: str = ""
    outdated: bool = False
    """It works, but this version of the program asks for other packages: offer to install again."""


@dataclass(frozen=True)
class Environment:
    """What is installed into: the environment of `python`, and the requirement lines of the engine group.

    modules: those that must be there for the group to count as installed. trial: what the child process is given to
    run before the stamp is written.
    """

    folder: Path
    python: Path
    lines: tuple[str, ...]
    modules: tuple[str, ...] = _MODULES
    trial: str = _TRIAL

    @classmethod
    def current(cls) -> Environment:
        """The environment this process runs in."""
        package = Path(__file__).resolve().parent.parent
        return cls(
            Path(sys.prefix), Path(sys.executable), packages.requirements("engine", packages.checkout_of(package))
        )

    @property
    def mark(self) -> Path:
        """Stands while an installation is under way; lists what was there before it."""
        return packages.state_folder(self.folder) / "engine-unfinished.json"


def engine_state(environment: Environment | None = None) -> EngineState:
    """Whether jobs that need torch can run in this process's environment. Quick: nothing is imported."""
    environment = environment or Environment.current()
    if environment.mark.exists():
        return EngineState(False)
    stamp = packages.read_stamp(environment.folder, "engine")
    importlib.invalidate_caches()  # the group may have come while this process was running
    if not all(importlib.util.find_spec(name) for name in environment.modules):
        return EngineState(False)
    version = importlib.metadata.version("torch") if "torch" in environment.modules else ""
    backend = stamp.get("backend", "") or _backend_of(version)
    wanted = packages.fingerprint(environment.folder, (*environment.lines, backend))
    return EngineState(True, backend, version, outdated=bool(stamp) and stamp.get("fingerprint") != wanted)


# What to install ------------------------------------------------------------------------------------------------------


def nvidia_driver() -> bool:
    """Whether an NVIDIA driver is installed: its library answers, whatever the card does at the moment."""
    if sys.platform == "darwin":
        return False
    if os.name == "nt":
        return (Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32" / "nvcuda.dll").exists()
    if Path("/proc/driver/nvidia/version").exists():
        return True
    for name in ("libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"):
        with contextlib.suppress(OSError):
            ctypes.CDLL(name)
            return True
    return False


def _choices(settings: packages.PipSettings) -> list[tuple[str, ...]]:
    """uv's options for the build of torch, the best first; () is the ordinary index's build.

    The ordinary index holds CUDA builds for Linux, CPU builds for Windows and MPS builds for the Mac; every other
    build is in torch's own index. A torch wheel in a folder of the user's own decides for itself.
    """
    decided = settings.offers_torch() or settings.no_index or "UV_TORCH_BACKEND" in os.environ
    if decided or sys.platform == "darwin":
        return [()]
    if nvidia_driver():
        return [("--torch-backend", "auto"), ()]
    return [()] if _on_windows() else [("--torch-backend", "cpu"), ()]


def _backend_of(version: str) -> str:
    """The backend that a version of torch names in its local part; without one, the ordinary index's build."""
    local = version.partition("+")[2]
    for key, prefix in (("cpu", "cpu"), ("cuda", "cu"), ("rocm", "rocm"), ("xpu", "xpu")):
        if local.startswith(prefix):
            return key
    if sys.platform == "darwin":
        return "mps"
    return "cpu" if _on_windows() else "cuda"


def _on_windows() -> bool:
    return os.name == "nt"


def plan_engine(
    environment: Environment | None = None,
    *,
    line: Callable[[str], None] = lambda text: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Plan:
    """Resolve what the engine group needs here, without installing: a few seconds, and it asks the index.

    line: given uv's output. Raises StudioError (no uv, no network, nothing fits, a place that cannot be written) and
    Cancelled.
    """
    environment = environment or Environment.current()
    _check_writable(environment)
    uv = _uv(environment)
    settings = packages.read_pip_settings(environment.python)
    before = _installed(environment)
    again = _left_over(environment, before)
    kept = {name: version for name, version in before.items() if name not in again}
    choices = _choices(settings)
    said: list[str] = []
    for number, choice in enumerate(choices):
        with tempfile.TemporaryDirectory(prefix="aigc-studio-") as folder:
            wanted, constraints, lock = (
                Path(folder) / name for name in ("engine.in", "constraints.txt", "pylock.toml")
            )
            wanted.write_text("\n".join(environment.lines), encoding="utf-8")
            constraints.write_text("\n".join(f"{n}=={v}" for n, v in sorted(kept.items())), encoding="utf-8")
            command = [str(uv), "pip", "compile", "--quiet", "--python", str(environment.python), str(wanted)]
            command += ["-c", str(constraints), "--format", "pylock.toml", "-o", str(lock), "--only-binary", ":all:"]
            options = (*settings.uv_options(), *choice)
            said = []
            code = _follow([*command, *options], settings, (said.append, line), cancelled)
            if code == 0:
                found = _read_lock(lock.read_text(encoding="utf-8"))
                backend = _backend_of(next((p.version for p in found if p.name == "torch"), ""))
                missing = tuple(p for p in found if kept.get(p.name) != p.version)
                return Plan(backend, missing, options, fallback=number > 0)
    raise _uv_error(said)


def _read_lock(text: str) -> list[Package]:
    """The packages of a pylock.toml (PEP 751) for one platform, with the size of the file uv would take."""
    found = []
    for entry in tomllib.loads(text).get("packages", []):
        files = entry.get("wheels") or [entry[key] for key in ("sdist", "archive") if key in entry]
        size = 0
        for file in files[:1]:
            size = int(file.get("size", 0))
            address = urlparse(file.get("url", ""))
            local = file.get("path") or (unquote(address.path) if address.scheme == "file" else "")
            if not size and local:
                with contextlib.suppress(OSError):
                    size = Path(local).stat().st_size
        found.append(Package(entry["name"], entry.get("version", ""), size))
    return found


# Installing -----------------------------------------------------------------------------------------------------------


def install_engine(
    plan: Plan,
    environment: Environment | None = None,
    *,
    progress: Callable[[Progress], None] = lambda state: None,
    line: Callable[[str], None] = lambda text: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> EngineState:
    """Fetch and install a plan, then try it in a child process. One at a time in an environment.

    progress and line are called in this thread; cancelled is asked every 100 ms. Raises StudioError (disk, network, a
    package that does not work here) and Cancelled; after both the window's packages are as before, and another call
    goes on from what was fetched.
    """
    environment = environment or Environment.current()
    uv = _uv(environment)
    settings = packages.read_pip_settings(environment.python)
    free = shutil.disk_usage(environment.folder).free
    if free < plan.disk_bytes:
        raise StudioError(
            N_("This needs {needed} GB of free disk space and there are {free} GB; free some space and try again."),
            code="disk-full",
            needed=f"{plan.disk_bytes / 1e9:.1f}",
            free=f"{free / 1e9:.1f}",
        )
    before = _installed(environment)
    again = _left_over(environment, before)
    if not environment.mark.exists():
        environment.mark.parent.mkdir(parents=True, exist_ok=True)
        environment.mark.write_text(json.dumps(sorted(before)), encoding="utf-8")
    packages.remove_stamp(environment.folder, "engine")
    if plan.packages:
        command = [
            str(uv),
            "pip",
            "install",
            "--no-deps",
            "--python",
            str(environment.python),
            "--only-binary",
            ":all:",
        ]
        command += [option for name in sorted(again) for option in ("--reinstall-package", name)]
        command += [*plan.options, *(package.pin for package in plan.packages)]
        meter = _Meter(plan, progress, _cache_folder(uv, settings))
        said: list[str] = []
        if _follow(command, settings, (said.append, line, meter.line), cancelled, meter.tick) != 0:
            raise _uv_error(said)
    progress(Progress(N_("Trying the engine"), plan.bytes, plan.bytes))
    said = []
    trial = [str(environment.python), "-c", environment.trial]
    if _follow(trial, settings, (said.append, line), cancelled) != 0:
        raise StudioError(
            N_("The engine was installed but does not start here ({reason}); try again, or choose another build."),
            code="engine-trial",
            reason=said[-1][:200] if said else "?",
            detail="\n".join(said[-40:]),
        )
    packages.write_stamp(
        environment.folder,
        "engine",
        fingerprint=packages.fingerprint(environment.folder, (*environment.lines, plan.backend)),
        backend=plan.backend,
    )
    environment.mark.unlink()
    progress(Progress(N_("The engine is ready"), plan.bytes, plan.bytes))
    return engine_state(environment)


class _Meter:
    """Turns uv's lines and the growth of its cache into bytes fetched. uv names the start and the end of each file."""

    _STARTS = re.compile(r"^\s*(Downloading|Downloaded|Building|Built|Prepared|Installed)\b\s*(\S*)")

    def __init__(self, plan: Plan, report: Callable[[Progress], None], cache: Path | None) -> None:
        self._sizes = {package.name: package.bytes for package in plan.packages}
        self._total = plan.bytes
        self._report = report
        self._cache = cache
        self._known = {path.name for path in cache.glob(".tmp*")} if cache else set()
        self._running: list[str] = []
        self._named = 0
        self._small = 0
        self._finished = 0
        self._shown = 0
        self._stage = N_("Fetching")
        self._next = 0.0
        self._say()

    def line(self, text: str) -> None:
        """Read one line of uv's."""
        found = self._STARTS.match(text)
        if not found:
            return
        word, name = found[1], re.sub(r"[-_.]+", "-", found[2]).lower()
        if word == "Downloading":
            self._running.append(name)
        elif word == "Downloaded":
            if name in self._running:
                self._running.remove(name)
            self._finished += self._sizes.get(name, 0)
        elif word == "Prepared":
            self._stage, self._running, self._finished = N_("Unpacking"), [], self._total
        elif word == "Installed":
            self._finished = self._total
        self._say()

    def tick(self) -> None:
        """Ten times a second; twice a second the cache is measured."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.5
            self._say()

    def _say(self) -> None:
        under_way = sum(self._sizes.get(name, 0) for name in self._running)
        arrived = min(self._growth() / _UNPACKED, under_way * 0.98) if under_way else 0
        self._shown = max(self._shown, min(self._total, round(self._finished + arrived)))
        self._report(Progress(self._stage, self._shown, self._total, self._running[0] if self._running else ""))

    def _growth(self) -> int:
        """Bytes in uv's unfinished folders: files are unpacked there while they arrive."""
        if self._cache is None:
            return 0
        total = 0
        for folder in self._cache.glob(".tmp*"):
            if folder.name in self._known:
                continue
            for parent, _, names in os.walk(folder):
                for name in names:
                    with contextlib.suppress(OSError):
                        total += os.lstat(os.path.join(parent, name)).st_size
        return total


def _cache_folder(uv: Path, settings: packages.PipSettings) -> Path | None:
    answer = subprocess.run(
        [str(uv), "cache", "dir"], capture_output=True, text=True, env=settings.uv_environment(os.environ), check=False
    )
    folder = Path(answer.stdout.strip())
    return folder if answer.returncode == 0 and answer.stdout.strip() else None


def _installed(environment: Environment) -> dict[str, str]:
    """Normalised name to version of every distribution in the environment's own folders."""
    code = "import sysconfig; print(*{sysconfig.get_path(k) for k in ('purelib', 'platlib')}, sep='\\n')"
    answer = subprocess.run(
        [str(environment.python), "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=packages.clean_environment(os.environ),
    )
    found = {}
    for item in importlib.metadata.distributions(path=answer.stdout.split("\n")[:-1]):
        name = item.metadata["Name"]
        if name:
            found[re.sub(r"[-_.]+", "-", name).lower()] = item.version
    return found


def _left_over(environment: Environment, installed: Iterable[str]) -> set[str]:
    """What an interrupted installation left: perhaps half-written, so installed anew."""
    try:
        before = json.loads(environment.mark.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return set()
    except (OSError, ValueError):
        named = {re.split(r"[\s<>=!~;\[]", line)[0].lower() for line in environment.lines}
        return set(installed) & named
    return set(installed) - set(before)


def _check_writable(environment: Environment) -> None:
    own = (environment.folder / "pyvenv.cfg").exists()
    if not own or not os.access(environment.folder, os.W_OK):
        raise StudioError(
            N_("This copy cannot install the engine by itself; type: {line}"),
            code="engine-elsewhere",
            line=f'{Path(sys.executable).name} -m pip install "{packages.PACKAGE}[engine]"',
        )


def _uv(environment: Environment) -> Path:
    uv = packages.find_uv(environment.folder)
    if uv is None:
        raise StudioError(
            N_("The installer uv is missing; type: {line}"),
            code="no-uv",
            line=f"{Path(sys.executable).name} -m pip install uv",
        )
    return uv


def _uv_error(said: Sequence[str]) -> StudioError:
    """One sentence for what uv printed."""
    text = "\n".join(said)
    detail = "\n".join(said[-60:])
    if re.search(r"No space left|os error (28|112)\b|ENOSPC", text):
        return StudioError(N_("The disk is full; free some space and try again."), code="disk-full", detail=detail)
    if re.search(
        r"dns error|error sending request|Connect|timed? ?out|Could not connect|certificate|Network|HTTP status", text
    ):
        return StudioError(
            N_(
                "The packages could not be fetched; check the connection, or name a mirror near you with"
                ' "pip config set global.index-url …", and try again.'
            ),
            code="network",
            detail=detail,
        )
    reason = next((entry.strip() for entry in said if entry.strip()), "?")
    return StudioError(
        N_("The engine could not be installed ({reason}); the log says more."),
        code="install",
        reason=re.sub(r"^(error:|[×x]\s)\s*", "", reason)[:300],
        detail=detail,
    )


def _follow(
    command: Sequence[str],
    settings: packages.PipSettings,
    lines: Sequence[Callable[[str], None]],
    cancelled: Callable[[], bool],
    tick: Callable[[], None] = lambda: None,
) -> int:
    """Run a program, hand on each line of its output, and end it with its children on cancel. Its exit code."""
    variables = {**settings.uv_environment(os.environ), "UV_NO_PROGRESS": "1", "NO_COLOR": "1", "PYTHONUTF8": "1"}
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=variables,
        encoding="utf-8",
        errors="replace",
        start_new_session=os.name != "nt",
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    assert process.stdout is not None
    arrived: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    output = process.stdout

    def read() -> None:
        for text in output:
            arrived.put(text.rstrip())
        arrived.put(None)

    reader = threading.Thread(target=read, name="install-output", daemon=True)
    reader.start()
    try:
        while True:
            if cancelled():
                raise Cancelled
            try:
                text = arrived.get(timeout=0.1)
            except queue.Empty:
                tick()
                continue
            if text is None:
                return process.wait()
            for hear in lines:
                hear(text)
            tick()
    finally:
        if process.poll() is None:
            _end(process)
        reader.join(2)
        output.close()


def _end(process: subprocess.Popen[str]) -> None:
    """End a program and what it started: politely, then for certain."""
    for last in (False, True):
        with contextlib.suppress(OSError):
            if os.name == "nt":
                process.kill() if last else process.terminate()
            else:
                os.killpg(process.pid, signal.SIGKILL if last else signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(2)
            return


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m aigc_studio.core.installer`: install the engine group in a terminal."""
    parser = argparse.ArgumentParser(prog="aigc_studio.core.installer", description=main.__doc__)
    parser.add_argument("--if-needed", action="store_true", help="do nothing when it is there")
    options = parser.parse_args(arguments)
    set_language("")
    if options.if_needed and engine_state().ready:
        return 0
    shown = ""

    def show(state: Progress) -> None:
        nonlocal shown
        if state.stage != shown:
            shown = state.stage
            print(tr(shown) + " ...", file=sys.stderr, flush=True)

    try:
        plan = plan_engine()
        size = f"{plan.bytes / 1e6:,.0f} MB"
        print(
            tr(
                "Engine: {backend}, {count} packages, {size}",
                backend=tr(BACKENDS[plan.backend]),
                count=len(plan.packages),
                size=size,
            ),
            file=sys.stderr,
        )
        install_engine(plan, progress=show, line=lambda text: print(f"  {text}", file=sys.stderr, flush=True))
    except StudioError as error:
        print(error, file=sys.stderr)
        if error.detail:
            print(error.detail, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, Cancelled):
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
