"""The window's reader at a disk that others use: it never waits long, and says what is wrong in words."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from aigc_studio.core.assets import AssetQuery
from aigc_studio.core.errors import StudioError
from aigc_studio.core.project import Project
from aigc_studio.core.store.database import INDEX
from aigc_studio.ui.reading import WindowReader


def test_a_change_being_written_on_a_network_folder_holds_nobody_up(tmp_path: Path) -> None:
    Project.create(tmp_path / "p").close()
    told: list[StudioError] = []
    with closing(sqlite3.connect(tmp_path / "p" / INDEX, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode=DELETE")  # as there, where WAL is not safe
        with closing(WindowReader(tmp_path / "p", told.append)) as reader:
            assert reader.count(AssetQuery()) == 0
            writer.execute("BEGIN EXCLUSIVE")
            began = time.monotonic()
            with pytest.raises(StudioError) as caught:
                reader.count(AssetQuery())
            assert time.monotonic() - began < 2.0
            assert told == [caught.value]
            assert caught.value.code == "busy"
            writer.execute("ROLLBACK")
            assert reader.count(AssetQuery()) == 0
            assert reader.jobs() == []
