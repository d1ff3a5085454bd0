"""What every test stands on: no display, no network, no user's folders, no stray log record, no forgotten thread."""

from __future__ import annotations

import gc
import itertools
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

# Before anything of Qt, torch or ours is imported, here and in every child process a test starts.
_HOME = tempfile.mkdtemp(prefix="aigc-studio-test-")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.update(
    AIGC_STUDIO_HOME=_HOME,
    AIGC_STUDIO_ENVIRONMENT="as-is",
    DISABLE_TELEMETRY="1",
    HF_DATASETS_OFFLINE="1",
    HF_HOME=os.path.join(_HOME, "hf"),  # not the models that this machine happens to have
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_OFFLINE="1",
    LANG="C.UTF-8",
    LC_ALL="C.UTF-8",
    MKL_NUM_THREADS="1",
    OMP_NUM_THREADS="1",
    QT_LOGGING_RULES="qt.multimedia.*=false;qt.qpa.*=false",
    TOKENIZERS_PARALLELISM="false",
    TRANSFORMERS_OFFLINE="1",
    TRANSFORMERS_VERBOSITY="error",
)
# The tests start hundreds of processes; without this each of them compiles the whole program again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so begins what a shell starts in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # programs that tests stop by Ctrl-C would inherit it

from aigc_studio.core.constants_guard import keep_constants  # noqa: E402

keep_constants()

import hypothesis  # noqa: E402
import pytest  # noqa: E402

from aigc_studio.core import i18n  # noqa: E402

# A loaded machine is no failure: no deadline for an example.
hypothesis.settings.register_profile(
    "studio", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("studio")

CHECKOUT = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first, so that no worker is left with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Take the user's folders of this run away."""
    shutil.rmtree(_HOME, ignore_errors=True)


_MANY = 300
_known = 0


@pytest.fixture(scope="module", autouse=True)
def quick_collections() -> None:
    """A full collection, of which there are hundreds, does not look at a million objects of libraries each time."""
    global _known
    if len(sys.modules) > _known + _MANY or gc.get_freeze_count() < 10_000:
        _known = len(sys.modules)
        gc.collect()
        gc.freeze()


@pytest.fixture
def keep_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine in this process that is closed collects what its test made, and not all that was ever made."""
    from aigc_studio.engines import local

    calls = {"freeze": lambda: None, "unfreeze": lambda: None}
    monkeypatch.setattr(local, "gc", SimpleNamespace(**(vars(gc) | calls)))


@pytest.fixture
def checkout() -> Path:
    """The folder of the sources."""
    return CHECKOUT


_numbers = itertools.count()


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folders of this test: settings, caches and data of its own. Made by what first writes there, as with
    a first start; most tests write nothing, and taking thousands of folders away took seconds."""
    folder = Path(_HOME) / str(next(_numbers))  # not in tmp_path: pytest looks through all of its folders each time
    monkeypatch.setenv("AIGC_STUDIO_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Each test starts in English; one that switches leaves no trace."""
    i18n.set_language("en")
    yield
    i18n.set_language("en")


class _LogGuard(logging.Handler):
    """Collects records at WARNING and above that nothing expects."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def log_guard(request: pytest.FixtureRequest) -> Iterator[None]:
    """A record at WARNING or above fails the test, unless it is marked `allow_log(level)` or uses `caplog`."""
    marker = request.node.get_closest_marker("allow_log")
    expected: int = getattr(logging, marker.args[0]) if marker else logging.NOTSET
    guard = _LogGuard()
    logging.getLogger().addHandler(guard)
    yield
    logging.getLogger().removeHandler(guard)
    if "caplog" in request.fixturenames:
        return
    stray = [f"{record.levelname} {record.name}: {record.getMessage()}" for record in guard.records]
    stray = [line for line, record in zip(stray, guard.records, strict=True) if record.levelno > expected]
    if stray:
        pytest.fail("unexpected log records:\n" + "\n".join(stray), pytrace=False)


@pytest.fixture(autouse=True)
def qthread_guard(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    """A QThread that a test started and left running fails that test; it would abort a later one."""
    if "PySide6.QtCore" not in sys.modules:
        yield
        return
    from PySide6.QtCore import QThread

    started: list[QThread] = []
    start = QThread.start

    def remember(self: QThread, *args: object) -> None:
        started.append(self)
        start(self, *args)  # pyright: ignore[reportCallIssue, reportArgumentType]

    monkeypatch.setattr(QThread, "start", remember)
    yield
    left = []
    for thread in started:
        try:
            if thread.isRunning() and not thread.wait(2000):
                left.append(thread.objectName() or type(thread).__name__)
        except RuntimeError:  # deleted: it had finished
            continue
    if left:
        pytest.fail(f"threads still running: {', '.join(left)}", pytrace=False)


@pytest.fixture
def one_torch_thread() -> Iterator[None]:
    """For tests that use torch: one thread, as in the engine's child of a test."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
