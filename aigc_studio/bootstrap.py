"""From a fresh checkout to a running program: makes `.venv` beside pyproject.toml and starts again inside it.

Standard library only, and it parses on Python 3.8 to be able to name the version that is needed. It acts in a source
checkout only; an installed copy runs in the environment it was installed in.

The window group is installed here, the serve group with it for `serve`, this and the test group for `test`; the engine
group is installed by `core.installer`, in the open window or (for `test`) before the tests.
"""

from __future__ import annotations

import contextlib
import importlib.util
import locale
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

__all__ = ["AS_IS", "MESSAGES", "enter"]

AS_IS = "AIGC_STUDIO_ENVIRONMENT"
"""Set to "as-is", this variable keeps the program in the interpreter it was started with."""

MINIMUM = (3, 11)

_EXTRAS = {"serve": ("serve",), "test": ("serve", "test")}
"""Command to the groups that it needs beside the window's."""

MESSAGES = {
    "version": (
        "AIGC Studio needs Python {needed} or newer; this is Python {found}. "
        "Install a newer one and give the same command with it.",
        "AIGC Studio 需要 Python {needed} 或更高版本，当前是 Python {found}。请安装新版本后用它重新执行同一条命令。",
    ),
    "venv": (
        "This Python cannot make virtual environments: its venv module is incomplete. Type\n\n    {line}\n\n"
        "and give the same command again.",
        "这个 Python 缺少创建虚拟环境所需的 venv 模块。请先执行\n\n    {line}\n\n然后重新执行同一条命令。",
    ),
    "prepare": ("Preparing AIGC Studio in {folder} (once) ...", "正在准备 AIGC Studio（仅首次），位置：{folder} ……"),
    "update": ("Bringing the packages in {folder} up to date ...", "正在更新 {folder} 中的软件包……"),
    "repair": ("{folder} is not complete; making it anew ...", "{folder} 不完整，正在重新创建……"),
    "wait": ("Another start is preparing {folder}; waiting for it ...", "另一个启动正在准备 {folder}，请稍候……"),
    "failed": (
        "The packages could not be installed (the reason stands above). Check the connection, or name a mirror with\n\n"
        "    {python} -m pip config set global.index-url URL\n\nand give the same command again: it goes on from here.",
        "软件包安装失败（原因见上文）。请检查网络，或用下面的命令指定镜像\n\n"
        "    {python} -m pip config set global.index-url URL\n\n然后重新执行同一条命令，会从这里继续。",
    ),
    "disk": (
        "{folder} cannot be written ({reason}); free some space or check its permissions, then start again.",
        "无法写入 {folder}（{reason}）。请腾出空间或检查权限，然后重新启动。",
    ),
    "stopped": ("Stopped; the next start goes on from here.", "已停止，下次启动会从这里继续。"),
}
"""Texts in English and Chinese: the translations proper need packages that are not there yet."""


class _SetupError(Exception):
    """The environment cannot be made; carries the text to print."""


def enter(arguments):
    """Run the program in its environment: the exit code of the run inside, or None when this is the place to run it."""
    if sys.version_info < MINIMUM:
        found = "%d.%d" % sys.version_info[:2]
        _say("version", needed="%d.%d" % MINIMUM, found=found)
        return 1
    from .core import packages

    checkout = packages.checkout_of(Path(__file__).resolve().parent)
    if checkout is None or os.environ.get(AS_IS) == "as-is":
        return None
    extras = _EXTRAS.get(_command(arguments), ())
    testing = "test" in extras
    environment = _environment_folder(checkout)
    inside = _same(sys.prefix, environment)
    if not inside and _own_environment(testing):
        return None
    groups = ["window", *extras]
    try:
        if not all(_ready(environment, checkout, group) for group in groups):
            _prepare(environment, checkout, groups)
        if inside:
            return None
        if testing:
            code = _run(environment, ["-m", "aigc_studio.core.installer", "--if-needed"])
            if code:
                return code
        return _run(environment, ["-m", "aigc_studio", *arguments])
    except _SetupError as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        _say("stopped")
        return 130


def _command(arguments):
    """The command of a command line; --language may stand before it."""
    rest = list(arguments)
    if rest[:1] == ["--language"]:
        rest = rest[2:]
    elif rest and rest[0].startswith("--language="):
        rest = rest[1:]
    return rest[0] if rest else ""


# Where, and whether it is whole ---------------------------------------------------------------------------------------


def _environment_folder(checkout):
    """`.venv` in the checkout; for a read-only checkout a folder of the user's cache that belongs to its path."""
    own = checkout / ".venv"
    if os.access(str(own if own.exists() else checkout), os.W_OK):
        return own
    import hashlib

    key = hashlib.sha256(str(checkout).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return _cache_folder() / "environments" / key


def _cache_folder():
    """The user's cache folder for this program, as `core.paths` names it once its packages are there."""
    home = os.environ.get("AIGC_STUDIO_HOME")
    if home:
        return Path(home) / "cache"
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "aigc-studio" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "aigc-studio"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aigc-studio"


def _same(first, second):
    return os.path.realpath(str(first)) == os.path.realpath(str(second))


def _own_environment(testing):
    """Whether this interpreter is a virtual environment of the user's own that has what is needed: used as it is."""
    if sys.prefix == sys.base_prefix:
        return False
    modules = [
        "PySide6.QtMultimedia",
        "PIL",
        "espeakng_loader",
        "mutagen",
        "numpy",
        "platformdirs",
        "psutil",
        "pynvml",
        "pyqtgraph",
        "qtawesome",
        "rich",
        "shtab",
        "soundfile",
    ]
    if testing:
        modules += ["pytest", "pytestqt", "fastapi", "uvicorn", "torch", "transformers", "tensorboard"]
    try:
        return all(importlib.util.find_spec(name) for name in modules)
    except ImportError:  # the parent of a dotted name is missing
        return False


def _ready(environment, checkout, group):
    from .core import packages

    stamp = packages.read_stamp(environment, group).get("fingerprint")
    if not stamp or not packages.python_of(environment).exists():
        return False
    return stamp == packages.fingerprint(environment, packages.requirements(group, checkout))


# Making it ------------------------------------------------------------------------------------------------------------


def _prepare(environment, checkout, groups):
    """Make or mend the environment, under a lock: of two first starts the second waits for the first."""
    from .core import packages

    try:
        environment.parent.mkdir(parents=True, exist_ok=True)
        with _lock(environment):
            if all(_ready(environment, checkout, group) for group in groups):
                return  # the other start made it
            unfinished = packages.state_folder(environment) / "unfinished"
            if environment.exists() and (unfinished.exists() or not _works(environment)):
                _say("repair", folder=environment)
                shutil.rmtree(str(environment))
            fresh = not environment.exists()
            _say("prepare" if fresh else "update", folder=environment)
            unfinished.parent.mkdir(parents=True, exist_ok=True)
            unfinished.touch()
            if fresh:
                _make(environment)
            _install(environment, checkout, groups)
            for group in groups:
                lines = packages.requirements(group, checkout)
                packages.write_stamp(environment, group, fingerprint=packages.fingerprint(environment, lines))
            unfinished.unlink()
    except OSError as error:
        raise _SetupError(_text("disk", folder=environment, reason=error.strerror or error)) from None


def _works(environment):
    """Whether the environment's interpreter runs and is still the one it was made with."""
    from .core import packages

    python = packages.python_of(environment)
    code = "import sys, encodings; print('%d.%d' % sys.version_info[:2], sys.prefix != sys.base_prefix)"
    try:
        answer = subprocess.run(
            [str(python), "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            env=packages.clean_environment(os.environ),
        )
        config = (environment / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    version, _, inside = answer.stdout.decode("ascii", "replace").strip().partition(" ")
    return bool(version) and inside == "True" and version in config and tuple(map(int, version.split("."))) >= MINIMUM


def _make(environment):
    """A virtual environment with uv in it: by the uv on the PATH, else by this Python's pip, else by ensurepip."""
    from .core import packages

    base = getattr(sys, "_base_executable", None) or sys.executable
    python = packages.python_of(environment)
    uv = shutil.which("uv")
    has_pip, has_ensurepip = (importlib.util.find_spec(name) is not None for name in ("pip", "ensurepip"))
    if not (importlib.util.find_spec("venv") and (uv or has_pip or has_ensurepip)):
        raise _SetupError(_text("venv", line=venv_line()))
    _call([base, "-m", "venv", "--without-pip", str(environment)])
    if uv:
        settings = packages.read_pip_settings(base)
        command = [uv, "pip", "install", "--quiet", "--python", str(python), *settings.uv_options(), "uv>=0.8"]
        if _call(command, settings.uv_environment(os.environ), fail=False) == 0:
            return
    pip = ["install", "--quiet", "--disable-pip-version-check", "--no-warn-script-location", "uv>=0.8"]
    # pip 22.3 learned --python; an older one answers with an error and the environment gets its own.
    if has_pip and _call([base, "-m", "pip", "--python", str(python), *pip], fail=False) == 0:
        return
    if not has_ensurepip:
        raise _SetupError(_text("failed", python=base))
    _call([str(python), "-m", "ensurepip", "--default-pip"], quiet=True)
    _call([str(python), "-m", "pip", *pip])


def _install(environment, checkout, groups):
    """The groups' packages by uv, and a path file so that every interpreter of the environment finds the sources."""
    from .core import packages

    base = getattr(sys, "_base_executable", None) or sys.executable
    python = packages.python_of(environment)
    settings = packages.read_pip_settings(base, python)
    uv = packages.find_uv(environment)
    if uv is None:
        raise _SetupError(_text("failed", python=base))
    extras = [option for group in groups if group != "window" for option in ("--extra", group)]
    command = [str(uv), "pip", "install", "--python", str(python), "-r", str(checkout / "pyproject.toml"), *extras]
    _call([*command, *settings.uv_options()], settings.uv_environment(os.environ))
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    library = subprocess.run(
        [str(python), "-c", code], stdout=subprocess.PIPE, check=True, env=_inner_variables(environment)
    )
    path_file = Path(os.fsdecode(library.stdout.strip())) / "aigc_studio.pth"
    # Read in the locale's encoding on Windows; a path it cannot write is found by the working folder all the same.
    encoding = locale.getpreferredencoding(False) if os.name == "nt" else sys.getfilesystemencoding()
    path_file.write_bytes((str(checkout) + "\n").encode(encoding, "replace" if os.name == "nt" else "surrogateescape"))


def venv_line():
    """The line that installs what the venv module lacks on this system."""
    version = "%d.%d" % sys.version_info[:2]
    admin = "" if getattr(os, "geteuid", lambda: 0)() == 0 else "sudo "
    if shutil.which("apt-get"):
        return admin + "apt-get install -y python%s-venv" % version
    if shutil.which("dnf"):
        return admin + "dnf install -y python3-pip"
    if shutil.which("zypper"):
        return admin + "zypper install -y python3-pip"
    if shutil.which("apk"):
        return admin + "apk add py3-pip"
    return "%s -m ensurepip" % sys.executable


def _call(command, variables=None, *, fail=True, quiet=False):
    """Run a step, its output in sight: the exit code, or (with `fail`) a _SetupError when it is not 0."""
    from .core import packages

    code = subprocess.call(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if quiet else None,
        env=packages.clean_environment(os.environ) if variables is None else variables,
    )
    if code and fail:
        if code < 0 and -code == signal.SIGINT:
            raise KeyboardInterrupt
        raise _SetupError(_text("failed", python=getattr(sys, "_base_executable", None) or sys.executable))
    return code


@contextlib.contextmanager
def _lock(environment):
    """Hold the environment for this process; released by the system when the process ends, however it ends."""
    with open(str(environment) + ".lock", "a+b") as file:
        if os.name == "nt":
            import msvcrt
            import time

            waiting = False
            while True:
                try:
                    file.seek(0)
                    msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                    break
                except OSError:
                    if not waiting:
                        _say("wait", folder=environment)
                    waiting = True
                    time.sleep(0.3)
        else:
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                _say("wait", folder=environment)
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


# Running inside -------------------------------------------------------------------------------------------------------


def _inner_variables(environment):
    from .core import packages

    variables = packages.clean_environment(os.environ)
    variables["VIRTUAL_ENV"] = str(environment)
    variables[AS_IS] = "as-is"
    return variables


def _run(environment, arguments):
    """Start the environment's interpreter, pass signals on, and answer its exit code."""
    from .core import packages

    process = subprocess.Popen([str(packages.python_of(environment)), *arguments], env=_inner_variables(environment))

    def forward(number, _frame):
        # The terminal sends Ctrl-C to us and to the child; only a signal meant for us alone has to be handed on.
        if number != signal.SIGINT or not _in_foreground():
            with contextlib.suppress(OSError):
                process.send_signal(number)

    forwarded = [signal.SIGINT, signal.SIGTERM] + ([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])
    previous = {number: signal.signal(number, forward) for number in forwarded}
    try:
        code = process.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return 128 - code if code < 0 else code


def _in_foreground():
    if os.name == "nt":
        return True
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


# Words ----------------------------------------------------------------------------------------------------------------


def _text(key, **fields):
    return MESSAGES[key][_chinese()].format(**fields)


def _say(key, **fields):
    print(_text(key, **fields), file=sys.stderr, flush=True)


def _chinese():
    name = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    if not name:
        name = locale.getlocale()[0] or ""
    return name.lower().startswith(("zh", "chinese"))
