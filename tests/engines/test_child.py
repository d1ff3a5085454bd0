"""A real child: it dies in every way, hangs, floods, prints and does not listen, and the next job runs all the same."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.i18n import set_language
from aigc_studio.core.metadata import read_recipe
from aigc_studio.core.recipe import asset_id_for
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Model
from aigc_studio.engines.child import ChildEngine
from aigc_studio.engines.engine import CancelToken, Order, Preview
from aigc_studio.engines.interpreter import child_command, child_environment

pytestmark = [
    pytest.mark.allow_log("ERROR"),  # a killed child is reported in the log
    pytest.mark.skipif(sys.platform == "win32", reason="signals"),
]


class Ear:
    """A listener that remembers, and calls `on` at the first of each kind of event."""

    def __init__(self, **on: Callable[[], object]) -> None:
        self.steps: list[tuple[int, int, int, str]] = []
        self.previews: list[Preview] = []
        self.text: dict[int, str] = {}
        self.pieces = 0
        self.files: dict[int, Path] = {}
        self.silences: list[float] = []
        self.notices: list[tuple[str, dict[str, Any]]] = []
        self._on = on

    def _call(self, event: str) -> None:
        if event in self._on:
            self._on.pop(event)()

    def progress(self, index: int, done: int, total: int, stage: str, preview: Preview | None) -> None:
        self.steps.append((index, done, total, stage))
        if preview is not None:
            self.previews.append(preview)
        self._call("progress")

    def partial(self, index: int, piece: str) -> None:
        self.text[index] = self.text.get(index, "") + piece
        self.pieces += 1
        self._call("partial")

    def notice(self, text: str, params: Mapping[str, Any]) -> None:
        self.notices.append((text, dict(params)))

    def output(self, index: int, path: Path) -> None:
        assert index not in self.files
        assert path.is_file()
        self.files[index] = path
        self._call("output")

    def silent(self, seconds: float) -> None:
        self.silences.append(seconds)
        self._call("silent")


@pytest.fixture(autouse=True)
def fake_family(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGC_STUDIO_FAMILIES", "aigc_studio.engines.fake")


@pytest.fixture
def engine() -> Iterator[ChildEngine]:
    engine = ChildEngine("picture", patience=2.0)
    yield engine
    engine.close()


def order(folder: Path, script: str = "", count: int = 1, job: str = "job", **more: object) -> Order:
    request = Request("image", "generate", "fake", params={"script": script}, count=count, seed=300)
    return Order(job, request, folder, **more)  # type: ignore[arg-type]


def run(engine: ChildEngine, what: Order) -> Ear:
    ear = Ear()
    engine.run(what, ear, CancelToken())
    return ear


def works(engine: ChildEngine, folder: Path) -> bool:
    return list(run(engine, order(folder, job="after")).files) == [0]


def test_results_carry_their_recipe_and_are_reported_in_order(engine: ChildEngine, tmp_path: Path) -> None:
    ear = run(engine, order(tmp_path, count=3))
    assert list(ear.files) == [0, 1, 2]
    for index, path in ear.files.items():
        recipe = read_recipe(path)
        assert recipe is not None
        assert recipe["asset_id"] == asset_id_for("job", index)
        assert (recipe["seed"], recipe["ai_generated"], recipe["info"]) == (300 + index, True, {"steps": 2 * index + 2})
        assert recipe["engine"]["family"] == "fake"
        assert Image.open(path).getpixel((0, 0)) == ((300 + index) % 256, 1, index)
    assert not list(tmp_path.glob("*.part*"))


def test_a_notice_is_told_once_and_kept_in_the_recipe_of_what_follows(engine: ChildEngine, tmp_path: Path) -> None:
    ear = run(engine, order(tmp_path, "save notice:风 notice:风 save", count=2))
    assert ear.notices == [("The script speaks of {thing}.", {"thing": "风"})]
    infos = [(read_recipe(ear.files[index]) or {})["info"].get("notices") for index in (0, 1)]
    assert infos == [None, [["The script speaks of {thing}.", {"thing": "风"}]]]


def test_the_child_speaks_as_the_window_does_when_a_job_begins(engine: ChildEngine, tmp_path: Path) -> None:
    heard = []
    for number, code in enumerate(("zh_CN", "en")):
        set_language(code)
        heard += run(engine, order(tmp_path, "language save", job=str(number))).notices
    assert [params for _, params in heard] == [{"code": "zh_CN"}, {"code": "en"}]


def test_parts_reach_the_family_and_a_missing_one_is_a_sentence(engine: ChildEngine, tmp_path: Path) -> None:
    part = Model("风格", "fake", "Style", facts={"part": "lora:fake"}, file=tmp_path / "style.safetensors")
    run(engine, order(tmp_path, "part:风格 save", parts={"风格": part}))
    assert (tmp_path / "style.safetensors").exists()
    with pytest.raises(StudioError) as raised:
        run(engine, order(tmp_path, "part:other save", job="b", parts={"风格": part}))
    assert raised.value.code == "part-missing"


def test_stored_results_are_not_made_again(engine: ChildEngine, tmp_path: Path) -> None:
    whole = run(engine, order(tmp_path, count=4))
    resumed = run(engine, order(tmp_path / "again", count=4, done=(0, 2)))
    assert list(resumed.files) == [1, 3]
    for index, path in resumed.files.items():
        assert Image.open(path).tobytes() == Image.open(whole.files[index]).tobytes()


def test_one_process_serves_many_jobs(engine: ChildEngine, tmp_path: Path) -> None:
    run(engine, order(tmp_path, job="a"))
    pid = engine.pid
    run(engine, order(tmp_path, job="b"))
    assert engine.pid == pid != os.getpid()


@pytest.mark.parametrize(
    ("script", "code", "word"),
    [
        ("kill", "engine-died", "memory"),
        ("abort", "engine-died", "SIGABRT"),
        ("exit:3", "engine-died", "exit 3"),
        ("garbage wait", "engine-died", "protocol"),
        ("memory", "memory", "memory"),
        ("fail", "scripted", "script"),
        ("crash:why", "unexpected", "why"),
        ("step", "incomplete", "before everything"),
    ],
)
def test_a_job_that_ends_badly_says_why_and_the_next_one_runs(
    engine: ChildEngine, tmp_path: Path, script: str, code: str, word: str
) -> None:
    started = time.monotonic()
    ear = Ear()
    with pytest.raises(StudioError) as caught:
        engine.run(order(tmp_path, f"step save {script}", count=2), ear, CancelToken())
    assert caught.value.code == code
    assert word in str(caught.value)
    assert list(ear.files) == [0]
    assert works(engine, tmp_path)
    assert time.monotonic() - started < 20


def test_a_child_that_died_while_idle_is_replaced(engine: ChildEngine, tmp_path: Path) -> None:
    assert works(engine, tmp_path / "a")
    assert engine.pid is not None
    psutil.Process(engine.pid).kill()
    assert works(engine, tmp_path / "b")


def test_a_child_that_dies_while_loading_is_told(engine: ChildEngine, tmp_path: Path) -> None:
    model = Model("m", "fake", "M", facts={"load": "kill"})
    with pytest.raises(StudioError) as caught:
        run(engine, order(tmp_path, model=model))
    assert caught.value.code == "engine-died"
    assert works(engine, tmp_path)


@pytest.mark.parametrize("at", ["progress", "output"])
def test_a_cancel_is_answered_within_a_step(engine: ChildEngine, tmp_path: Path, at: str) -> None:
    token = CancelToken()
    asked: list[float] = []

    def cancel() -> None:
        asked.append(time.monotonic())
        token.cancel()

    with pytest.raises(Cancelled):
        engine.run(order(tmp_path, "step save wait", count=2), Ear(**{at: cancel}), token)
    assert time.monotonic() - asked[0] < 0.5
    pid = engine.pid
    assert works(engine, tmp_path)
    assert engine.pid == pid


def test_a_cancel_during_loading_is_answered(engine: ChildEngine, tmp_path: Path) -> None:
    token = CancelToken()
    model = Model("m", "fake", "M", facts={"load": "wait"})
    with pytest.raises(Cancelled):
        engine.run(order(tmp_path, model=model), Ear(progress=token.cancel), token)
    assert works(engine, tmp_path)


def test_a_cancel_before_the_start_starts_nothing(engine: ChildEngine, tmp_path: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        engine.run(order(tmp_path), Ear(), token)
    assert engine.pid is None


def test_a_child_that_does_not_listen_is_killed_after_its_patience(tmp_path: Path) -> None:
    engine = ChildEngine("picture", patience=0.5)
    token = CancelToken()
    asked: list[float] = []

    def cancel() -> None:
        asked.append(time.monotonic())
        token.cancel()

    with pytest.raises(Cancelled):
        engine.run(order(tmp_path, "step save hang", count=2), Ear(output=cancel), token)
    assert 0.4 < time.monotonic() - asked[0] < 1.5
    assert engine.pid is None
    assert works(engine, tmp_path)
    engine.close()


def test_a_finished_job_is_done_even_when_the_cancel_crossed_it(engine: ChildEngine, tmp_path: Path) -> None:
    token = CancelToken()
    ear = Ear(output=token.cancel)
    try:
        engine.run(order(tmp_path, "save"), ear, token)
    except Cancelled:
        pytest.fail("everything was made")
    assert list(ear.files) == [0]
    assert works(engine, tmp_path)


def test_torch_is_stopped_in_the_middle_of_a_step(engine: ChildEngine, tmp_path: Path) -> None:
    """The forward pre-hook: the script never calls check. Then torch works again, so that the hook is gone."""
    pytest.importorskip("torch")
    token = CancelToken()
    mark = tmp_path / "mark"
    asked: list[float] = []

    def cancel_when_running() -> None:
        while not mark.exists():
            threading.Event().wait(0.01)
        asked.append(time.monotonic())
        token.cancel()

    thread = threading.Thread(target=cancel_when_running)
    thread.start()
    with pytest.raises(Cancelled):
        engine.run(order(tmp_path, f"torch forward:{mark}"), Ear(), token)
    waited = time.monotonic() - asked[0]
    thread.join()
    pid = engine.pid
    assert pid is not None, "it was killed instead"
    assert waited < 1.5
    assert works(engine, tmp_path)
    assert engine.pid == pid


def test_prints_and_noise_do_not_reach_the_protocol(engine: ChildEngine, tmp_path: Path) -> None:
    assert list(run(engine, order(tmp_path, "print save")).files) == [0]


def test_a_flood_is_joined_and_thinned(engine: ChildEngine, tmp_path: Path) -> None:
    started = time.monotonic()
    ear = run(engine, order(tmp_path, "flood save"))
    seconds = time.monotonic() - started
    assert ear.text == {0: "x" * 100_000}
    assert ear.pieces < seconds / 0.03 + 3
    assert len(ear.steps) < seconds / 0.05 + 5
    assert len(ear.previews) < seconds / 0.1 + 3


def test_a_small_preview_comes_with_the_step(engine: ChildEngine, tmp_path: Path) -> None:
    preview = run(engine, order(tmp_path)).previews[0]
    assert (preview.width, preview.height, len(preview.pixels)) == (32, 24, 32 * 24 * 3)
    assert preview.pixels[:3] == bytes((300 % 256, 1, 0))


def test_silence_is_told_and_only_told(tmp_path: Path) -> None:
    """A stopped process sends no heartbeat; the user is told, again and again, and a cancel ends it."""
    engine = ChildEngine("picture", patience=0.3, silence=1.5)
    token = CancelToken()
    ear = Ear(output=lambda: psutil.Process(engine.pid).suspend(), silent=token.cancel)
    with pytest.raises(Cancelled):
        engine.run(order(tmp_path, "save wait", count=2), ear, token)
    assert ear.silences
    assert ear.silences[0] >= 1.5
    assert works(engine, tmp_path)
    child = engine._process
    assert child is not None
    heard, pause = child.heard, threading.Event()
    while child.heard == heard:
        assert not pause.wait(0.01)
    assert child.events.empty()  # nobody takes the beats of an idle child out
    engine.close()


def test_the_child_lives_as_long_as_it_beats(tmp_path: Path) -> None:
    """An engine that is busy for long is not silent."""
    engine = ChildEngine("picture", patience=0.3, silence=1.5)
    token = CancelToken()
    timer = threading.Timer(1.9, token.cancel)
    timer.start()
    ear = Ear()
    with pytest.raises(Cancelled):
        engine.run(order(tmp_path, "save hang", count=2), ear, token)
    assert ear.silences == []
    engine.close()


def test_a_listener_that_fails_ends_the_run(engine: ChildEngine, tmp_path: Path) -> None:
    def fail() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        engine.run(order(tmp_path, count=50), Ear(output=fail), CancelToken())
    assert works(engine, tmp_path)


def test_a_request_over_the_bounds_is_refused_in_words(engine: ChildEngine, tmp_path: Path) -> None:
    request = Request("image", "generate", "fake", prompt="长" * 6_000_000)
    with pytest.raises(StudioError) as caught:
        engine.run(Order("job", request, tmp_path), Ear(), CancelToken())
    assert caught.value.code == "too-long"
    assert works(engine, tmp_path)


def test_closing_leaves_no_process(tmp_path: Path) -> None:
    engine = ChildEngine("picture")
    assert works(engine, tmp_path)
    assert engine.pid is not None
    process = psutil.Process(engine.pid)
    engine.close()
    assert not process.is_running()
    engine.close()


def test_a_child_without_need_never_imports_torch(engine: ChildEngine, tmp_path: Path) -> None:
    assert works(engine, tmp_path)
    maps = psutil.Process(engine.pid).memory_maps()
    assert not [region.path for region in maps if "torch" in region.path]


def test_the_child_is_at_low_priority(engine: ChildEngine, tmp_path: Path) -> None:
    assert works(engine, tmp_path)
    assert psutil.Process(engine.pid).nice() > psutil.Process().nice()


@pytest.mark.parametrize("how", ["kill", "close"])
def test_a_child_does_not_outlive_its_parent(how: str, tmp_path: Path) -> None:
    """Killed parent, or a pipe that just closes: a child that hangs in its job is gone as well."""
    program = (
        "import subprocess, sys, time\n"
        "from aigc_studio.engines.child import ChildEngine\n"
        "from aigc_studio.engines.engine import Order, CancelToken\n"
        "from aigc_studio.core.requests import Request\n"
        "from pathlib import Path\n"
        "class Ear:\n"
        "    def progress(self, *a): pass\n"
        "    def output(self, *a): print(engine.pid, flush=True)\n"
        "engine = ChildEngine('picture')\n"
        "request = Request('image', 'generate', 'fake', params={'script': 'save hang'}, count=2)\n"
        f"engine.run(Order('job', request, Path({str(tmp_path)!r})), Ear(), CancelToken())\n"
    )
    if how == "kill":
        with subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, env=child_environment(), text=True
        ) as parent:
            assert parent.stdout is not None
            child = psutil.Process(int(parent.stdout.readline()))
            parent.kill()
    else:
        popen = subprocess.Popen(
            child_command("picture"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=child_environment(), bufsize=0
        )
        child = psutil.Process(popen.pid)
        assert popen.stdin is not None
        assert popen.stdout is not None
        popen.stdout.read(4)
        popen.stdin.close()
        popen.wait(10)
        popen.stdout.close()
    _, alive = psutil.wait_procs([child], timeout=5)
    assert not alive


def test_an_interpreter_that_does_not_start_is_told(tmp_path: Path) -> None:
    # An environment may find the package by a path file, so that another one has to stand before it.
    (tmp_path / "aigc_studio").mkdir()
    (tmp_path / "aigc_studio" / "__init__.py").touch()
    engine = ChildEngine("picture", environment={"PYTHONPATH": str(tmp_path)})
    try:
        with pytest.raises(StudioError) as caught:
            run(engine, order(tmp_path))
    finally:
        engine.close()
    assert caught.value.code == "engine-died"
    assert "No module named" in caught.value.detail
