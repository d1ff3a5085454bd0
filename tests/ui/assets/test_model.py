"""AssetModel over a real project: paging, live changes and drags."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData
from PySide6.QtTest import QAbstractItemModelTester, QSignalSpy

from aigc_studio.core.assets import AssetQuery
from aigc_studio.core.project import Project
from aigc_studio.core.reader import ProjectReader
from aigc_studio.ui.assets.model import ASSET_MIME, AssetModel, asset_ids_of


def picture(number: int) -> Image.Image:
    return Image.fromarray(np.full((12, 16, 3), number % 255, np.uint8))


@pytest.fixture
def project(tmp_path):
    project = Project.create(tmp_path / "project", "Blue")
    yield project
    project.close()


@pytest.fixture
def reader(project):
    reader = ProjectReader(project.folder)
    yield reader
    reader.close()


@pytest.fixture
def model(qtbot, project, reader):
    for number in range(7):
        project.store_image(picture(number), title=f"picture {number}")
    model = AssetModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning, model)
    model.set_reader(reader)
    return model


def titles(model) -> list[str]:
    return [asset.title for row in range(model.rowCount()) if (asset := model.asset(row))]


def test_shows_the_newest_first(model):
    assert titles(model) == [f"picture {number}" for number in reversed(range(7))]


def test_rows_arriving_at_the_top_are_inserted_not_reset(model, project):
    resets, inserts = QSignalSpy(model.modelReset), QSignalSpy(model.rowsInserted)
    project.store_image(picture(8), title="new one")
    project.store_image(picture(9), title="newer one")
    model.refresh()
    assert titles(model)[:3] == ["newer one", "new one", "picture 6"]
    assert (resets.count(), inserts.count()) == (0, 1)


def test_a_change_in_place_keeps_the_rows(model, project):
    resets, changed = QSignalSpy(model.modelReset), QSignalSpy(model.dataChanged)
    project.rename(model.asset(2).id, "another title")
    model.refresh()
    assert model.asset(2).title == "another title"
    assert (resets.count(), changed.count()) == (0, 1)


def test_what_is_trashed_is_gone_and_found_in_the_trash(model, project):
    gone = model.asset(3).id
    project.trash([gone])
    model.refresh()
    assert model.rowCount() == 6
    assert model.row_of(gone) == -1
    model.set_query(AssetQuery(trashed=True))
    assert [model.asset(0).id, model.rowCount()] == [gone, 1]


def test_pages_are_dropped_and_read_again(qtbot, project, reader, monkeypatch):
    monkeypatch.setattr(AssetModel, "page_rows", 3)
    monkeypatch.setattr(AssetModel, "pages_kept", 2)
    for number in range(10):
        project.store_image(picture(number), title=f"picture {number}")
    model = AssetModel()
    model.set_reader(reader)
    expected = [f"picture {number}" for number in reversed(range(10))]
    assert titles(model) == expected
    assert titles(model) == expected
    assert len(model._pages) == 2


def test_a_drag_carries_ids_for_us_and_files_for_others(model, reader):
    mime = model.mimeData([model.index(1, 0), model.index(4, 0)])
    assets = [model.asset(1), model.asset(4)]
    assert asset_ids_of(mime) == [asset.id for asset in assets]
    assert [url.toLocalFile() for url in mime.urls()] == [str(reader.path(asset)) for asset in assets]
    assert all(reader.path(asset).is_file() for asset in assets)


@pytest.mark.parametrize("payload", [b"", b"nonsense", b'{"a": 1}', b"[1, 2]", json.dumps(["x", 3]).encode()])
def test_a_strange_drag_is_no_error(payload):
    mime = QMimeData()
    mime.setData(ASSET_MIME, payload)
    assert all(isinstance(found, str) for found in asset_ids_of(mime))


def test_no_project_no_rows(qtbot):
    model = AssetModel()
    model.set_reader(None)
    model.refresh()
    assert model.rowCount() == 0
    assert model.asset(0) is None
