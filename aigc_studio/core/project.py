"""A project: a folder a designer can open in a file manager, and the index that knows it all.

::

    My project/
      project.aigc     SQLite: index, documents, queue, history
      assets/          ordinary PNG, WAV, Markdown ... files with readable names, each carrying its recipe
      incoming/        results on their way: complete files that have no row yet
      documents/       mirrors of the documents, Markdown and JSON
      thumbs/          256 px WebP, a cache, may be deleted
      trash/           deleted files, until they are deleted for ever
      backups/         copies of the index, and the journal of what no file can tell

One thread at a time calls a `Project`, the storage thread; others read through a `ProjectReader` of their own. Each
change is one transaction, and files are durable before their rows are. What a crash leaves half done is completed when
the project is opened again (core.store.recovery).
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from . import recipe as recipes
from .assets import Asset, AssetQuery, Board
from .documents import DocumentStore
from .errors import StudioError
from .i18n import N_
from .imaging import make_thumbnail
from .jobs import JobQueue
from .metadata import read_recipe, write_image
from .reader import ProjectReader
from .store import backups, files, intake, journal, recovery
from .store.database import INDEX
from .store.opening import Opened, is_project, open_for_reading, open_for_writing, set_meta
from .store.place import place_warning
from .store.queries import Queries
from .store.search import searchable

__all__ = ["Asset", "AssetQuery", "Board", "Changes", "Project", "ProjectReader", "is_project"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Changes:
    """What changed since the last time somebody asked: ids of assets, and whether documents and boards did."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    documents: bool = False
    boards: bool = False

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.documents or self.boards)


class Project(Queries):
    """An open project.

    read_only: another window has it, or its medium cannot be written; then changes raise StudioError.
    report: what opening had to put right. warning: what to tell a person about the folder, or None.
    holder: which computer has it open, when that is why it is read-only.
    """

    def __init__(self, folder: Path, opened: Opened) -> None:
        """Use `create` or `open`."""
        self.folder = folder
        self.read_only = opened.lock is None
        self.report = opened.report
        self.holder = opened.holder
        self.warning = place_warning(folder)
        self._connection = opened.connection
        self._lock = opened.lock
        self._journal = None if opened.lock is None else journal.Journal(opened.connection, folder)
        self._backed_up = time.monotonic()
        self._changes_at_backup = self._total_changes()
        self._added: dict[str, None] = {}
        self._removed: dict[str, None] = {}
        self._changed: dict[str, None] = {}
        self._boards_changed = False
        self._documents_state = self._documents_stamp()
        self.documents = DocumentStore(self._connection, folder, self._need_writable)
        self.queue = JobQueue(self._connection)

    # --- opening and closing

    @classmethod
    def create(cls, folder: Path, name: str = "") -> Project:
        """Make a project in a new or empty folder and open it."""
        folder = Path(folder)
        with files.plain_errors():
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise StudioError(
                    N_('The folder "{name}" is not empty; choose another name for the project.'),
                    code="not-empty",
                    name=folder.name,
                )
            there = folder.exists()
            folder.mkdir(parents=True, exist_ok=True)
            files.sync_folder(folder.parent)
            values = {"name": name.strip() or folder.name, "id": uuid.uuid4().hex, "created": str(time.time())}
            try:
                opened = open_for_writing(folder, new=True)
                with opened.given_back(), opened.connection.change():
                    project = cls(folder, opened)
                    for key, value in values.items():
                        set_meta(opened.connection, key, value)
            except BaseException:
                if not there:
                    with contextlib.suppress(OSError):
                        folder.rmdir()
                raise
        return project

    @classmethod
    def open(cls, folder: Path, *, read_only: bool = False) -> Project:
        """Open a project; put right what a crash left; rebuild the index when it is lost or damaged.

        Read-only when asked, when another window has it, or when its medium cannot be written.
        """
        folder = Path(folder)
        if folder.name == INDEX and folder.is_file():
            folder = folder.parent
        if not is_project(folder):
            raise StudioError(
                N_('The folder "{name}" holds no AIGC Studio project; choose another folder.'),
                code="not-a-project",
                name=folder.name,
            )
        opened = open_for_reading(folder) if read_only else open_for_writing(folder)
        with files.plain_errors(), opened.given_back():
            return cls(folder, opened)

    def close(self) -> None:
        """Back up, fold the write-ahead log into the index (so that a copied folder is whole), give the lock back."""
        if self._lock is None:
            self._connection.close()
            return
        try:
            with contextlib.suppress(StudioError), files.plain_errors():
                self._flush()
                if self._total_changes() != self._changes_at_backup:
                    self.back_up()
                assert self._journal is not None
                self._journal.compact()
                with self._connection.change():
                    set_meta(self._connection, "clean", "1")
                    set_meta(self._connection, "journal", str(self._journal.number))
                self.checkpoint()
        finally:
            self._connection.close()
            self._lock.release()

    @property
    def name(self) -> str:
        """The project's title."""
        row = self._connection.execute("SELECT value FROM meta WHERE key='name'").fetchone()
        return row[0] if row else self.folder.name

    # --- results and imports

    def commit_output(self, job_id: str, index: int, path: Path) -> Asset:
        """Take a result that an engine left in `incoming/`: into `assets/`, its row, and the job's count, at once.

        Again for the same job and index, nothing happens and the stored asset is returned.
        """
        with self._changing():
            asset_id = recipes.asset_id_for(job_id, index)
            stored = self.asset(asset_id)
            if stored is not None:
                if path != self.path(stored):
                    files.remove(path)
                self.queue.output_stored(job_id, index)
                return stored
            recipe = read_recipe(path)
            if recipe is None or recipe.get("asset_id") != asset_id:
                if not path.is_file():
                    raise FileNotFoundError(2, "no such result", str(path))
                raise StudioError(
                    N_("The result could not be read and was not stored; run the job again."),
                    code="result-damaged",
                    detail=str(path),
                )
            found = intake.examine(path)
            asset = recovery.store(
                self._connection,
                self.folder,
                path,
                found,
                also=lambda: self.queue.output_stored(job_id, index),
            )
            self._added[asset.id] = None
            return asset

    def import_file(self, path: Path, *, board: str = "") -> Asset:
        """Copy a foreign file in, unchanged, after looking at all of it. A file of ours comes with its recipe.

        StudioError when it is damaged, too large, too small, or not a picture, sound or text.
        """
        path = Path(path)
        with self._changing():
            kind = intake.check_import(path)
            found = intake.examine(path, kind=kind)
            there = self.asset(found.asset.id)
            if there is not None and not files.same_bytes(self.path(there), path):
                found, there = intake.derived(found), None  # edited outside: its metadata was kept, its pixels were not
            if there is not None:
                if there.trashed:
                    self._put_back([there])
                asset = self.asset(there.id) or there
            else:
                asset = recovery.store(self._connection, self.folder, path, found, bring=files.copy_into)
                self._added[asset.id] = None
            if board:
                self.add_to_board(board, [asset.id])
            return asset

    def store_image(self, image: Image.Image, *, title: str, kind: str = "image", parents: Sequence[str] = ()) -> Asset:
        """Keep a picture made in the app by hand: a mask, a flattened canvas. kind: "image" or "mask"."""
        with self._changing():
            parents = [parent for parent in parents if self.asset(parent) is not None]
            recipe = recipes.make_own(uuid.uuid4().hex, title, kind, parents, labelled=self._any_generated(parents))
            path = self.folder / "incoming" / f"{recipe['asset_id']}.png"
            try:
                write_image(path, image, recipe)
                asset = recovery.store(self._connection, self.folder, path, intake.examine(path))
            except BaseException:  # or the next opening would adopt what the caller was told is not there
                with contextlib.suppress(OSError):
                    files.remove(path)
                raise
            self._added[asset.id] = None
            return asset

    def _any_generated(self, ids: Iterable[str]) -> bool:
        """Whether a model made any of these, so that what is made from them is labelled too."""
        return any(
            self._connection.execute(
                "SELECT origin='generated' OR labelled FROM assets WHERE id=?", (each,)
            ).fetchone()[0]
            for each in ids
        )

    # --- what a person does with assets

    def star(self, ids: Iterable[str], on: bool) -> None:
        """Star assets, or take the star away."""
        with self._changing(), self._connection.change():
            for asset_id in ids:
                self._connection.execute("UPDATE assets SET starred=? WHERE id=? AND starred<>?", (on, asset_id, on))
                self._changed[asset_id] = None

    def rename(self, asset_id: str, title: str) -> None:
        """Give an asset another title; its file keeps its name, so that what links to it stays whole."""
        title = " ".join(title.split())[:200] or self._need(asset_id).title
        with self._changing(), self._connection.change():
            self._need(asset_id)
            self._connection.execute("UPDATE assets SET title=?, renamed=1 WHERE id=?", (title, asset_id))
            self._connection.execute(
                "UPDATE assets_text SET title=? WHERE rowid=(SELECT seq FROM assets WHERE id=?)",
                (searchable(title), asset_id),
            )
            self._changed[asset_id] = None

    def trash(self, ids: Iterable[str]) -> None:
        """Put assets into the trash; their files go to `trash/`. `restore` brings them back."""
        with self._changing():
            chosen = [asset for each in ids if (asset := self.asset(each)) is not None and not asset.trashed]
            now = time.time()
            moves = [(asset, f"trash/{Path(asset.file).name}") for asset in chosen]
            with self._connection.change():
                for asset, file in moves:
                    self._connection.execute("UPDATE assets SET trashed=?, file=? WHERE id=?", (now, file, asset.id))
                    self._removed[asset.id] = None
            self._move_files(moves)

    def restore(self, ids: Iterable[str]) -> None:
        """Take assets out of the trash."""
        with self._changing():
            self._put_back([asset for each in ids if (asset := self.asset(each)) is not None and asset.trashed])

    def _put_back(self, chosen: list[Asset]) -> None:
        moves = []
        for asset in chosen:
            name = Path(asset.file).name
            if (self.folder / "assets" / name).exists():
                name = recovery.free_name(self.folder, asset.title or asset.kind, asset.id, Path(name).suffix).name
            moves.append((asset, f"assets/{name}"))
        with self._connection.change():
            for asset, file in moves:
                self._connection.execute("UPDATE assets SET trashed=0, file=? WHERE id=?", (file, asset.id))
                self._added[asset.id] = None
        self._move_files(moves)

    def _move_files(self, moves: list[tuple[Asset, str]]) -> None:
        """Move files after their rows, which win when the app ends in between: the next opening completes the moves.

        A file that cannot be moved (another program has it open) keeps its row where it was, and those after it.
        """
        for number, (asset, file) in enumerate(moves):
            try:
                files.move(self.path(asset), self.folder / file)
            except FileNotFoundError:
                log.info("%s is gone; its row is kept", asset.file)
            except OSError:
                with self._connection.change():
                    for back, _ in moves[number:]:
                        trashed = time.time() if back.trashed else 0.0
                        self._connection.execute(
                            "UPDATE assets SET trashed=?, file=? WHERE id=?", (trashed, back.file, back.id)
                        )
                        self._added.pop(back.id, None)
                        self._removed.pop(back.id, None)
                        self._changed[back.id] = None
                raise

    def delete_forever(self, ids: Iterable[str]) -> None:
        """Delete assets and their files; what is not in the trash goes there first. This cannot be undone."""
        ids = list(ids)
        self.trash(ids)
        with self._changing():
            chosen = [asset for each in ids if (asset := self.asset(each)) is not None]
            gone: list[Asset] = []
            try:
                for asset in chosen:  # file first: a row in the trash without a file is dropped at the next opening
                    files.remove(self.path(asset))
                    gone.append(asset)
            finally:
                self._forget(gone)

    def _forget(self, gone: list[Asset]) -> None:
        with self._connection.change():
            for asset in gone:
                row = self._connection.execute("SELECT seq FROM assets WHERE id=?", (asset.id,)).fetchone()
                recovery.forget(self._connection, row[0], asset.id)
                self._removed[asset.id] = None
        for asset in gone:
            with contextlib.suppress(OSError):
                files.remove(self.thumbnail_path(asset.id))

    def thumbnail(self, asset_id: str) -> Path | None:
        """The thumbnail of a picture, made when it is missing; None for what has none or cannot be read."""
        target = self.thumbnail_path(asset_id)
        if target.is_file():
            return target
        asset = self.asset(asset_id)
        if asset is None or asset.kind not in ("image", "mask") or self.read_only:
            return None
        try:
            make_thumbnail(self.path(asset), target)
        except (StudioError, OSError) as error:
            log.info("no thumbnail of %s: %s", asset.file, error)
            return None
        return target

    # --- boards

    def create_board(self, title: str) -> Board:
        """A new, empty board."""
        board = Board(uuid.uuid4().hex, " ".join(title.split())[:200], 0)
        with self._changing(boards=True), self._connection.change():
            self._connection.execute(
                "INSERT INTO boards(id, title, created) VALUES(?,?,?)", (board.id, board.title, time.time())
            )
        return board

    def rename_board(self, board: str, title: str) -> None:
        """Give a board another title."""
        with self._changing(boards=True), self._connection.change():
            self._connection.execute("UPDATE boards SET title=? WHERE id=?", (" ".join(title.split())[:200], board))

    def delete_board(self, board: str) -> None:
        """Delete a board; its assets stay."""
        with self._changing(boards=True), self._connection.change():
            self._connection.execute("DELETE FROM board_assets WHERE board=?", (board,))
            self._connection.execute("DELETE FROM boards WHERE id=?", (board,))

    def add_to_board(self, board: str, ids: Iterable[str]) -> None:
        """Put assets on a board; those that are on it stay."""
        with self._changing(boards=True), self._connection.change():
            if not self._connection.execute("SELECT 1 FROM boards WHERE id=?", (board,)).fetchone():
                raise StudioError(N_("This board is not there any more; choose another one."), code="missing")
            self._connection.executemany(
                "INSERT OR IGNORE INTO board_assets(board, asset, added) VALUES(?,?,?)",
                [(board, asset_id, time.time()) for asset_id in ids],
            )

    def remove_from_board(self, board: str, ids: Iterable[str]) -> None:
        """Take assets off a board."""
        with self._changing(boards=True), self._connection.change():
            self._connection.executemany(
                "DELETE FROM board_assets WHERE board=? AND asset=?", [(board, asset_id) for asset_id in ids]
            )

    # --- the window's memory, upkeep

    def set_view_state(self, key: str, value: Any) -> None:
        """Remember something of the window for this project: JSON types."""
        with self._changing(), self._connection.change():
            set_meta(self._connection, f"view/{key}", json.dumps(value, ensure_ascii=False))

    def take_changes(self) -> Changes:
        """What changed since the last call. Also carries the journal forward: call it after every piece of work."""
        if not self.read_only:
            self._flush()
        stamp = self._documents_stamp()
        gone = [each for each in self._removed if each not in self._added]
        changes = Changes(
            tuple(self._added),
            tuple(gone),
            tuple(each for each in self._changed if each not in self._added and each not in self._removed),
            stamp != self._documents_state,
            self._boards_changed,
        )
        self._documents_state = stamp
        self._added, self._removed, self._changed, self._boards_changed = {}, {}, {}, False
        return changes

    def back_up(self) -> Path:
        """Copy the index to `backups/` now."""
        with files.plain_errors():
            assert self._journal is not None
            with self._connection.change():
                set_meta(self._connection, "journal", str(self._journal.number))
            path = backups.back_up(self._connection, self.folder)
            self._backed_up = time.monotonic()
            self._changes_at_backup = self._total_changes()
            return path

    def backup_if_due(self) -> bool:
        """Back up when something changed and the last copy is five minutes old."""
        if self.read_only or time.monotonic() - self._backed_up < backups.INTERVAL_SECONDS:
            return False
        if self._total_changes() == self._changes_at_backup:
            return False
        self.back_up()
        return True

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the index and empty it: the folder can be copied as it is. For idle moments."""
        with files.plain_errors():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def maintenance(self) -> None:
        """What an idle minute is good for: back up if due, write missed mirrors, checkpoint, refresh the lock."""
        if self._lock is None:
            return
        self._lock.refresh()
        with files.plain_errors():
            self._flush()
            self.backup_if_due()
            self.documents.write_missing_mirrors()
            self.checkpoint()

    # --- inside

    def _need_writable(self) -> None:
        if self.read_only:
            raise StudioError(
                N_("This project is open for reading only; close its other window, or copy its folder, to change it."),
                code="read-only",
            )

    def _need(self, asset_id: str) -> Asset:
        asset = self.asset(asset_id)
        if asset is None:
            raise StudioError(N_("This asset is not in the project any more; choose another one."), code="missing")
        return asset

    @contextlib.contextmanager
    def _changing(self, *, boards: bool = False) -> Iterator[None]:
        self._need_writable()
        with files.plain_errors():
            yield
            if not self._connection.in_transaction:
                self._flush()
        self._boards_changed = self._boards_changed or boards

    def _flush(self) -> None:
        if self._journal is not None:
            self._journal.flush()

    def _total_changes(self) -> int:
        return self._connection.total_changes

    def _documents_stamp(self) -> tuple[Any, ...]:
        sql = "SELECT count(*), max(modified), max(deleted), total(deleted>0) FROM documents"
        return self._connection.execute(sql).fetchone()
