"""Figures in words, pairs, texts before and after, the card; and what can be wrong with each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from aigc_studio.core.catalogue import models_folder
from aigc_studio.core.runs import RunFolder
from aigc_studio.ui.i18n import switch_language
from aigc_studio.ui.training.compare_table import Compared, CompareTable, differences
from aigc_studio.ui.training.figure_words import rows_of
from aigc_studio.ui.training.figures import FiguresView, follow
from aigc_studio.ui.training.record import Record
from aigc_studio.ui.training.results import Results, read_results

from .kit import begin_run, finish_run


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    run = begin_run(tmp_path / "training" / "aaaa1111")
    finish_run(run, models_folder() / "model", held_out_error=0.125, perplexity=38.2, before_perplexity=121.4)
    return run


@pytest.fixture
def view(qtbot) -> FiguresView:
    view = FiguresView()
    qtbot.addWidget(view)
    view.resize(600, 340)
    view.show()
    return view


def test_figures_stand_beside_what_they_are_read_against() -> None:
    rows = {
        row.key: row
        for row in rows_of(
            {
                "perplexity": 38.2,
                "before_perplexity": 121.4,
                "trigram_perplexity": 88.0,
                "trigram_tokens": 900,
                "network": "Small net",
                "frechet": 41.37,
                "form_kept": 0.97,
                "own_figure": 3,
                "nested": {"deep": 0.5},
                "listed": [1, 2],
                "yes": True,
            }
        )
    }
    assert rows["perplexity"].value == "38.2"
    assert rows["perplexity"].beside == "before: 121.4  ·  a trigram model: 88  ·  which learned from 900 tokens"
    assert rows["frechet"].title == "Fréchet distance (Small net)"
    assert rows["form_kept"].value == "97 %"
    assert (rows["own_figure"].title, rows["own_figure"].value) == ("own figure", "3")
    assert rows["nested · deep"].value == "0.5"
    assert not {"before_perplexity", "network", "listed", "yes"} & rows.keys()


def test_no_yardstick_is_lost_without_its_figure() -> None:
    assert [row.key for row in rows_of({"before_perplexity": 3.0, "network": "Net"})] == [
        "network",
        "before_perplexity",
    ]


def test_results_are_shown(qtbot, view: FiguresView, run: RunFolder, tmp_path: Path, qapp) -> None:
    (run.path / "nearest").mkdir()
    Image.new("RGB", (32, 32), "red").save(run.path / "nearest" / "0000.png")
    rows = [
        {"sample": "samples/final/0000.png", "training": "nearest/0000.png", "source": "leaf.png", "share": 0.002},
        {"sample": "../outside.png", "training": "nearest/0000.png", "source": "x"},
        {"sample": "samples/final/0001.png", "training": str(models_folder() / "model" / "samples.png"), "source": "x"},
        {"sample": 3},
        "nothing",
    ]
    samples = [{"prompt": "moon", "seed": 1, "text": "bright"}]
    report = {"usual": "held out", "nearest": rows, "before": {"samples": samples}, "after": {"samples": samples}}
    (run.path / "report.json").write_text(json.dumps(report), encoding="utf-8")
    results = read_results(run.path)
    assert [pair.source for pair in results.pairs] == ["leaf.png"]
    assert results.after == ("moon\nbright",)
    assert results.card.startswith("# Leaves")
    assert not results.sheet.isNull()
    view.show_results(results)
    assert view.area.isVisible()
    assert all(part.isVisibleTo(view) for part in (view.table, view.pairs, view.texts, view.card, view.folder))
    assert "A card." in view.card.toPlainText()
    assert "license" not in view.card.toPlainText()
    assert view.path.text() == str(models_folder() / "model")
    switch_language(qapp, "zh_CN")
    qtbot.waitUntil(lambda: view.table.rows[0].title == "验证误差")
    switch_language(qapp, "en")
    qtbot.waitUntil(lambda: view.table.rows[0].title == "Held-out error")


@pytest.mark.parametrize("report", ["[", "[]", '{"nearest": 3, "before": [], "after": {"samples": 4}, "figures": 1}'])
def test_a_damaged_report_is_as_none(run: RunFolder, report: str) -> None:
    (run.path / "report.json").write_text(report, encoding="utf-8")
    results = read_results(run.path)
    assert results.pairs == ()
    assert results.after == ()
    assert results.figures["held_out_error"] == 0.125


def test_without_results_it_is_said_why(view: FiguresView, tmp_path: Path) -> None:
    view.show_results(read_results(tmp_path / "nothing"), running=True)
    assert view.empty._title.text() == "No results yet"
    view.show_results(Results())
    assert view.empty._title.text() == "No results"


def test_a_model_elsewhere_is_not_looked_at(run: RunFolder, tmp_path: Path) -> None:
    """A project from somebody else may name any folder of this machine, or of another one."""
    finish_run(run, tmp_path / "elsewhere")
    for name in (str(tmp_path / "elsewhere"), "../elsewhere", str(models_folder() / ".." / "x"), "//host/share/x"):
        run.update(model={"folder": name, "title": "x"})
        assert read_results(run.path).model is None
    run.update(model={"folder": "model", "title": "x"})
    assert read_results(run.path).model == models_folder() / "model"


@pytest.mark.parametrize("link", ["file:///etc/passwd", "//host/share/x.exe", "smb://host/x", "javascript:1", "x.md"])
def test_links_of_a_card_open_the_web_alone(monkeypatch: pytest.MonkeyPatch, link: str) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    follow(QUrl(link))
    assert opened == []
    follow(QUrl("https://example.org/licence"))
    assert opened == ["https://example.org/licence"]


def test_a_model_that_was_deleted_has_no_card(run: RunFolder, view: FiguresView, tmp_path: Path) -> None:
    for file in (models_folder() / "model").iterdir():
        file.unlink()
    (models_folder() / "model").rmdir()
    view.show_results(read_results(run.path))
    assert view.folder.isHidden()
    assert view.card.isHidden()
    assert view.table.isVisibleTo(view)


def test_settings_that_differ_are_compared_with_defaults_included(qtbot) -> None:
    def info(seed: int, **params: object) -> dict:
        request = {"seed": seed, "params": {"name": "x", **params}}
        return {"recipe": "train-vae", "request": request, "figures": {"held_out_error": 0.1 * seed}}

    first, second = info(1, rate=0.01, batch=16), info(2, rate=0.02, batch=16, beta=3.5)
    found = dict(differences([first, second]))
    assert found["rate"] == [0.01, 0.02]
    assert found["beta"][1] == 3.5
    assert found["beta"][0] is not None
    assert "batch" not in found
    assert "name" not in found
    table = CompareTable()
    qtbot.addWidget(table)
    table.show_runs([Compared("One", first, Record()), Compared("Two", second, Record())])
    rows = {row[0]: row[1:] for row in table.rows()}
    assert rows["Learning rate"] == ["0.01", "0.02"]
    assert rows["Seed"] == ["1", "2"]
    assert rows["Held-out error"] == ["0.1", "0.2"]
    heads = [table.table.horizontalHeaderItem(place) for place in (1, 2)]
    assert [head.text() if head is not None else "" for head in heads] == ["One", "Two"]
