"""What a person does with assets and boards, each with its way back."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from aigc_studio.core.assets import Asset, AssetQuery, Board
from aigc_studio.core.i18n import tr
from aigc_studio.core.project import Project
from aigc_studio.ui.studio import Studio

from .model import shown_title

__all__ = ["AssetActions"]


class AssetActions(QObject):
    """Changes to the open project, carried out by the storage thread in the order they were asked for."""

    noticed = Signal(str)
    undoOffered = Signal(str, object)
    """A sentence about what was just done, and the function that takes it back."""
    boardsChanged = Signal()

    def __init__(self, studio: Studio, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._studio = studio

    @property
    def _writable(self) -> bool:
        return self._studio.info is not None and not self._studio.info.read_only

    def trash(self, assets: Sequence[Asset]) -> None:
        """Move to the trash; undo is offered."""
        if not assets or not self._writable:
            return
        ids = [asset.id for asset in assets]
        if len(ids) == 1:
            text = tr("“{title}” moved to the trash.", title=shown_title(assets[0]))
        else:
            text = tr("{count} assets moved to the trash.", count=len(ids))
        self._studio.store(
            lambda project: project.trash(ids), lambda _: self.undoOffered.emit(text, lambda: self.restore(assets))
        )

    def restore(self, assets: Sequence[Asset]) -> None:
        """Put back what is in the trash."""
        ids = [asset.id for asset in assets]
        if ids and self._writable:
            self._studio.store(lambda project: project.restore(ids))

    def delete_forever(self, assets: Sequence[Asset]) -> None:
        """Delete the files of what is in the trash."""
        self.delete_ids([asset.id for asset in assets])

    def delete_ids(self, ids: Sequence[str]) -> None:
        """The same by id, for more than what is shown."""
        if ids and self._writable:
            self._studio.store(lambda project: project.delete_forever(ids))

    def star(self, assets: Sequence[Asset]) -> None:
        """Give all a star; take it off when all have one."""
        if assets and self._writable:
            on = not all(asset.starred for asset in assets)
            ids = [asset.id for asset in assets]
            self._studio.store(lambda project: project.star(ids, on))

    def rename(self, asset: str, title: str) -> None:
        """Give an asset another title."""
        if self._writable:
            self._studio.store(lambda project: project.rename(asset, title))

    def export(self, assets: Sequence[Asset], parent: QWidget) -> None:
        """Copy the files, with the recipes in them, to where the person says."""
        reader = self._studio.reader
        if not assets or reader is None:
            return
        paths = [reader.path(asset) for asset in assets]
        if len(paths) == 1:
            chosen, _ = QFileDialog.getSaveFileName(parent, tr("Export"), str(Path.home() / paths[0].name))
            targets = [Path(chosen)] if chosen else []
        else:
            folder = QFileDialog.getExistingDirectory(parent, tr("Export"), str(Path.home()))
            targets = _free_names(Path(folder), [path.name for path in paths]) if folder else []
        pairs = list(zip(paths, targets, strict=False))
        if pairs:
            self._studio.store(
                lambda _: [shutil.copyfile(path, target) for path, target in pairs],
                lambda done: self.noticed.emit(
                    tr("1 file exported.") if len(done) == 1 else tr("{count} files exported.", count=len(done))
                ),
            )

    # boards

    def _change_boards(self, change: Callable[[Project], Any]) -> None:
        if self._writable:
            self._studio.store(change, self._boards_changed)

    def _boards_changed(self, _answer: object) -> None:
        self.boardsChanged.emit()  # a method, so that nobody calls it when the panel has gone

    def create_board(self, assets: Sequence[Asset], then: Callable[[Board], None]) -> None:
        """Make a board that holds `assets`; `then(board)` lets the person name it."""
        if not self._writable:
            return
        ids = [asset.id for asset in assets]
        title = tr("New board")

        def create(project: Project) -> Board:
            board = project.create_board(title)
            if ids:
                project.add_to_board(board.id, ids)
            return board

        def created(board: Board) -> None:
            self.boardsChanged.emit()
            then(board)

        self._studio.store(create, created)

    def rename_board(self, board: str, title: str) -> None:
        """Give a board another title."""
        self._change_boards(lambda project: project.rename_board(board, title))

    def add_to_board(self, board: str, ids: Sequence[str]) -> None:
        """Put assets on a board; they may be on several."""
        self._change_boards(lambda project: project.add_to_board(board, list(ids)))

    def take_off_board(self, board: str, ids: Sequence[str]) -> None:
        """Take assets off a board; they stay in the project."""
        self._change_boards(lambda project: project.remove_from_board(board, list(ids)))

    def remove_board(self, board: str) -> None:
        """Remove a board, never its assets; undo is offered."""
        reader = self._studio.reader
        if reader is None or not self._writable:
            return
        title = next((known.title for known in reader.boards() if known.id == board), "")
        ids = reader.ids(AssetQuery(board=board))
        text = tr("Board “{title}” removed; its assets stay.", title=title)

        def again(project: Project) -> None:
            project.add_to_board(project.create_board(title).id, ids)

        def removed(_: object) -> None:
            self.boardsChanged.emit()
            self.undoOffered.emit(text, lambda: self._change_boards(again))

        self._studio.store(lambda project: project.delete_board(board), removed)


def _free_names(folder: Path, names: Sequence[str]) -> list[Path]:
    """Paths in `folder` that nothing has yet, so that no file of the person is written over: "waves (2).png"."""
    taken: list[Path] = []
    for name in names:
        path, number = folder / name, 2
        while path.exists() or path in taken:
            path = folder / f"{Path(name).stem} ({number}){Path(name).suffix}"
            number += 1
        taken.append(path)
    return taken
