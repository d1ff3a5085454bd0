"""The Queue panel on a real studio: order, buttons, keys, drag, results."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtWidgets import QStyleOptionViewItem

from aigc_studio.core.jobs import Job, JobState
from aigc_studio.core.requests import Request
from aigc_studio.ui.i18n import switch_language
from aigc_studio.ui.jobs.delegate import JobDelegate, buttons_of
from aigc_studio.ui.jobs.model import JobModel, ordered
from aigc_studio.ui.panels.queue import QueuePanel
from aigc_studio.ui.studio import Studio


def request(prompt: str, **params: object) -> Request:
    """A text that the echo family streams."""
    return Request("text", "continue", "causal-lm", "starter-writer", prompt, params)


def states(panel: QueuePanel) -> list[tuple[str, str]]:
    """Prompt and state of every row."""
    return [(job.request.prompt, job.state.value) for job in panel.model.jobs]


@pytest.fixture
def held(studio: Studio) -> Studio:
    """A studio whose queue is paused: what is added waits."""
    studio.pause_all(True)
    return studio


@pytest.fixture
def panel(held: Studio, qtbot) -> QueuePanel:
    """The panel, shown, with three waiting jobs."""
    panel = QueuePanel(held)
    qtbot.addWidget(panel)
    panel.resize(900, 600)
    panel.show()
    for name in ("one", "two", "three"):
        held.submit(request(name))
    qtbot.waitUntil(lambda: len([job for job in held.jobs() if job.created]) == 3)
    qtbot.waitUntil(lambda: panel.model.rowCount() == 3)
    return panel


def test_an_empty_queue_says_what_will_be_here(held: Studio, qtbot) -> None:
    """Not an empty white page."""
    panel = QueuePanel(held)
    qtbot.addWidget(panel)
    assert panel.pages.currentWidget() is panel.empty
    assert not panel.clear.isEnabled()


def test_jobs_are_listed_running_waiting_ended() -> None:
    """The newest end first."""

    def job(id: str, state: JobState, position: float, finished: float = 0) -> Job:
        return Job(id, request(id), state, position, finished=finished)

    jobs = [
        job("old", JobState.DONE, 1, 10),
        job("b", JobState.PENDING, 5),
        job("run", JobState.RUNNING, 3),
        job("new", JobState.FAILED, 2, 20),
        job("a", JobState.PAUSED, 4),
    ]
    assert [each.id for each in ordered(jobs)] == ["run", "a", "b", "new", "old"]


def test_alt_and_arrows_change_the_order(panel: QueuePanel, qtbot) -> None:
    """The chosen job keeps its selection while it moves; at the end nothing happens."""
    panel.view.setFocus()
    panel.view.setCurrentIndex(panel.model.index(2))
    qtbot.keyClick(panel.view, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    panel._actions["up"].trigger() if states(panel)[2][0] == "three" and not panel.isActiveWindow() else None
    qtbot.waitUntil(lambda: [name for name, _ in states(panel)] == ["one", "three", "two"])
    assert [job.request.prompt for job in panel.selected()] == ["three"]
    panel._actions["up"].trigger()
    qtbot.waitUntil(lambda: [name for name, _ in states(panel)] == ["three", "one", "two"])
    panel._actions["up"].trigger()
    panel._actions["down"].trigger()
    qtbot.waitUntil(lambda: [name for name, _ in states(panel)] == ["one", "three", "two"])


@pytest.mark.parametrize(
    ("dragged", "row", "order"),
    [
        (0, 3, ["two", "three", "one"]),
        (2, 0, ["three", "one", "two"]),
        (1, 2, ["one", "two", "three"]),
        (0, -1, ["two", "three", "one"]),
    ],
)
def test_a_job_is_dropped_between_others(panel: QueuePanel, qtbot, dragged: int, row: int, order: list[str]) -> None:
    """As the view reports it: before `row`, or below all."""
    data = panel.model.mimeData([panel.model.index(dragged)])
    assert panel.model.dropMimeData(data, Qt.DropAction.MoveAction, row, 0, QModelIndex()) is False
    qtbot.waitUntil(lambda: [name for name, _ in states(panel)] == order)


def test_space_pauses_and_goes_on_and_delete_cancels(panel: QueuePanel, qtbot) -> None:
    """Waiting jobs; the buttons follow the state."""
    panel.view.setCurrentIndex(panel.model.index(0))
    panel._actions["pause"].trigger()
    qtbot.waitUntil(lambda: states(panel)[0] == ("one", "paused"))
    assert buttons_of(panel.model.jobs[0]) == ("resume", "cancel")
    panel._actions["pause"].trigger()
    qtbot.waitUntil(lambda: states(panel)[0] == ("one", "pending"))
    panel._actions["cancel"].trigger()
    qtbot.waitUntil(lambda: ("one", "cancelled") in states(panel))
    assert panel._actions["retry"].isEnabled()
    panel._actions["retry"].trigger()
    qtbot.waitUntil(lambda: ("one", "pending") in states(panel))


def test_the_buttons_of_a_row_can_be_clicked(panel: QueuePanel, qtbot) -> None:
    """Where they are drawn."""
    job = panel.model.jobs[1]
    row = panel.view.visualRect(panel.model.index(1))
    place = panel.delegate.button_rects(job, row)["cancel"].center()
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: ("two", "cancelled") in states(panel))


def test_clear_takes_only_what_has_ended(panel: QueuePanel, held: Studio, qtbot) -> None:
    """Waiting jobs stay."""
    held.cancel(panel.model.jobs[0].id)
    qtbot.waitUntil(panel.clear.isEnabled)
    panel.clear.click()
    qtbot.waitUntil(lambda: [name for name, _ in states(panel)] == ["two", "three"])


def test_rows_are_drawn_in_every_state_and_language(panel: QueuePanel, held: Studio, qtbot, qapp) -> None:
    """Nothing raises while painting (pytest-qt fails on that), and the words are in the person's language."""
    held.cancel(panel.model.jobs[0].id)
    held.pause(panel.model.jobs[1].id)
    held.submit(Request("image", "generate", "family-of-a-newer-version", "", "", {"x": 1}, count=3))
    qtbot.waitUntil(lambda: {state for _, state in states(panel)} == {"cancelled", "paused", "pending"})
    assert not panel.grab().isNull()
    held.submit(Request("image", "generate", "painter", "painter", "sea"))
    qtbot.waitUntil(lambda: any(job.request.model == "painter" for job in panel.model.jobs))
    told = [panel.view.itemDelegate()._about(job) for job in panel.model.jobs]  # pyright: ignore
    assert any(text.startswith("family-of-a-newer-version") for text in told)
    assert any(text.startswith("Abstract painter") for text in told)
    switch_language(qapp, "zh_CN")
    qtbot.waitUntil(lambda: panel.hold.text() == "继续队列")
    assert not panel.grab().isNull()
    assert "等待" in panel.summary.text()
    switch_language(qapp, "en")


@pytest.mark.usefixtures("echo_writer")
def test_a_job_runs_to_its_end_and_its_result_can_be_shown(studio: Studio, qtbot) -> None:
    """From the queue to the asset."""
    panel = QueuePanel(studio)
    qtbot.addWidget(panel)
    panel.show()
    job = studio.submit(request("a line", words=3))
    qtbot.waitUntil(lambda: ("a line", "done") in states(panel), timeout=20_000)
    with qtbot.waitSignal(panel.openRequested) as heard:
        panel._do("show", job)
    assert heard.args[0].job_id == job  # pyright: ignore[reportOptionalSubscript]
    failed = studio.submit(request("broken", words=1, fail=True))
    qtbot.waitUntil(lambda: ("broken", "failed") in states(panel), timeout=20_000)
    assert studio.job(failed).error is not None  # pyright: ignore[reportOptionalMemberAccess]
    assert not panel.grab().isNull()


def test_ten_thousand_jobs_are_taken_in_at_once(held: Studio, qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is a model, not widgets."""
    jobs = [Job(f"{n:032x}", request(str(n)), JobState.DONE, n, finished=n) for n in range(10_000)]
    panel = QueuePanel(held)
    qtbot.addWidget(panel)
    panel.show()
    monkeypatch.setattr(held, "jobs", lambda: jobs)
    panel.model.refresh()
    assert panel.model.rowCount() == 10_000
    monkeypatch.setattr(held, "jobs", lambda: jobs[1:])
    panel.model.refresh()
    assert panel.model.rowCount() == 9_999


def test_a_tooltip_says_the_whole_prompt(panel: QueuePanel) -> None:
    """Or what a button does; the row's own rectangle decides."""
    option = QStyleOptionViewItem()
    size = panel.delegate.sizeHint(option, panel.model.index(0))
    assert size.height() > 60
    assert isinstance(panel.delegate, JobDelegate)
    assert isinstance(panel.model, JobModel)
    rects = panel.delegate.button_rects(panel.model.jobs[0], panel.view.visualRect(panel.model.index(0)))
    assert (
        panel.delegate._button_at(panel.model.jobs[0], panel.view.visualRect(panel.model.index(0)), QPoint(5, 5)) == ""
    )
    assert set(rects) == {"pause", "cancel"}
