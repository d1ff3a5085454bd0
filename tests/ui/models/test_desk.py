"""Models added, copied, dropped and looked at in the window's own dialogs, with the real catalogue."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QVBoxLayout, QWidget
from safetensors.numpy import save_file

from aigc_studio.core import catalogue
from aigc_studio.core.library import importing
from aigc_studio.core.settings import Settings
from aigc_studio.engines.base import Family, Param, Task
from aigc_studio.ui.models.desk import ModelDesk
from aigc_studio.ui.models.import_dialog import ImportDialog
from aigc_studio.ui.models.library_dialog import LibraryDialog
from aigc_studio.ui.models.picker import ModelPicker
from aigc_studio.ui.models.rows import entry_of
from aigc_studio.ui.studio import Studio
from aigc_studio.ui.widgets.banner import BannerArea
from aigc_studio.ui.widgets.form import ParamForm
from aigc_studio.ui.widgets.part_fields import LorasField

TOKENIZER = {"version": "1.0", "model": {"type": "BPE", "vocab": {}, "merges": []}}


def make_writer(folder: Path) -> Path:
    """A language model's folder, whole as far as its files tell."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"], "model_type": "llama"}))
    (folder / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    (folder / "tokenizer_config.json").write_text("{}")
    save_file({"a": np.zeros((64, 64), np.float16)}, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def make_lora(path: Path, width: int = 2048) -> Path:
    """A LoRA in kohya's naming, for SDXL (2048) or SD 1 (768)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    key = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
    tensors = {
        f"{key}.lora_down.weight": np.zeros((4, width), np.float16),
        f"{key}.lora_up.weight": np.zeros((320, 4), np.float16),
    }
    save_file(tensors, path)
    return path


class Desk:
    """A window with banners, a panel with a picker of text models and a form's list of LoRAs."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.window = QWidget()
        self.banners = BannerArea(self.window)
        self.panel = QWidget(self.window)
        self.picker = ModelPicker(studio, "text", parent=self.panel)
        params = (Param.loras("loras", "LoRA", of=("lora:sdxl",)),)
        self.form = ParamForm(Family("f", "image", "F", "", (Task("generate", "G"),), params), "generate")
        self.form.fileDropped.connect(studio.models.partOffered)
        loras = self.form.fields["loras"]
        assert isinstance(loras, LorasField)
        self.loras = loras
        for widget in (self.picker, self.form):
            (self.panel.layout() or QVBoxLayout(self.panel)).addWidget(widget)
        self.desk = ModelDesk(studio, self.banners, lambda _id: self.panel, lambda: "write", self.window)
        self.window.show()

    def asked(self) -> ImportDialog | None:
        """The question on the screen."""
        return next((each for each in self.window.findChildren(ImportDialog) if each.isVisible()), None)

    def said(self) -> str:
        """What the newest banner says."""
        banners = self.banners.banners()
        return banners[-1].text.text() if banners else ""


@pytest.fixture
def desk(qtbot, tmp_path: Path) -> Iterator[Desk]:
    """With an open project."""
    studio = Studio(Settings(tmp_path / "config"))
    with qtbot.waitSignal(studio.projectOpened, timeout=10_000):
        studio.create_project(tmp_path / "project", "Test")
    desk = Desk(studio)
    yield desk
    desk.window.close()
    studio.shutdown()
    desk.window.deleteLater()


def test_a_dropped_model_is_used_where_it_is_and_chosen(qtbot, desk: Desk, tmp_path: Path) -> None:
    """Its files stay; the panel that fits has it."""
    model = make_writer(tmp_path / "downloads" / "my-writer")
    desk.desk.offer([model])
    qtbot.waitUntil(lambda: desk.asked() is not None)
    dialog = desk.asked()
    assert dialog is not None
    dialog.use.click()
    qtbot.waitUntil(lambda: desk.picker.entry is not None and desk.picker.entry.path == model)
    assert desk.picker.problem is None
    assert "my-writer" in desk.said()
    assert model in catalogue.folders()
    desk.desk.offer([model])  # once more: it is here already, nothing is asked
    assert desk.asked() is None


def test_of_a_folder_of_models_the_one_for_the_panel_in_front_is_chosen(qtbot, desk: Desk, tmp_path: Path) -> None:
    """Parts and others are only listed."""
    folder = tmp_path / "shelf"
    make_lora(folder / "ink.safetensors")
    make_writer(folder / "my-writer")
    desk.desk.offer([folder])
    qtbot.waitUntil(lambda: desk.asked() is not None)
    dialog = desk.asked()
    assert dialog is not None
    dialog.use.click()
    qtbot.waitUntil(lambda: desk.picker.entry is not None and desk.picker.entry.id == "my-writer")
    assert desk.loras.value() == []
    assert "2 models" in desk.said()


def test_a_model_is_copied_after_the_room_was_told(qtbot, desk: Desk, tmp_path: Path) -> None:
    """Into the models folder; the original stays."""
    model = make_writer(tmp_path / "downloads" / "my-writer")
    desk.desk.offer([model])
    qtbot.waitUntil(lambda: desk.asked() is not None)
    dialog = desk.asked()
    assert dialog is not None
    qtbot.waitUntil(dialog.copy.isEnabled)
    assert "free" in dialog.room.text()
    dialog.copy.click()
    target = catalogue.models_folder() / "my-writer"
    qtbot.waitUntil(lambda: desk.picker.entry is not None and desk.picker.entry.path == target)
    assert (model / "model.safetensors").is_file()
    assert not [banner for banner in desk.banners.banners() if banner.level == "task"]


def test_what_was_copied_is_chosen_on_the_page(qtbot, desk: Desk, tmp_path: Path) -> None:
    """And in sight, whatever was searched for and however many there are."""
    for number in range(12):
        make_writer(catalogue.models_folder() / f"other-{number}")
    desk.desk.show_library()
    library = desk.desk._library
    assert library is not None
    qtbot.waitUntil(lambda: library.list.count() > 12)
    library.search.setText("other-3")
    desk.desk.copy(make_writer(tmp_path / "downloads" / "zz-writer"), catalogue.models_folder())
    qtbot.waitUntil(lambda: (entry := library.chosen()) is not None and entry.id == "zz-writer")
    assert library.search.text() == ""
    assert library.list.viewport().rect().intersects(library.list.visualItemRect(library.list.currentItem()))
    library.close()


def test_too_little_room_is_said_before_anything_is_written(
    qtbot, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The button stays grey."""
    monkeypatch.setattr("aigc_studio.ui.models.import_dialog.free_space", lambda _folder: 1000)
    model = make_writer(tmp_path / "downloads" / "my-writer")
    desk.desk.offer([model])
    qtbot.waitUntil(lambda: desk.asked() is not None)
    dialog = desk.asked()
    assert dialog is not None
    qtbot.waitUntil(lambda: "enough" in dialog.room.text())
    assert not dialog.copy.isEnabled()
    assert dialog.use.isEnabled()
    dialog.reject()
    assert not catalogue.models_folder().exists()


def test_a_copy_can_be_stopped(qtbot, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left behind."""
    monkeypatch.setattr(importing, "_BLOCK", 16)
    model = make_writer(tmp_path / "downloads" / "my-writer")
    stopped = threading.Event()
    copy = catalogue.import_model

    def slowly(path: Path, folder: Path, progress: Any, check: Any) -> Path:
        def tell(done: int, total: int) -> None:
            progress(done, total)
            stopped.wait(10)

        return copy(path, folder, tell, check)

    monkeypatch.setattr(catalogue, "import_model", slowly)
    desk.desk.copy(model, tmp_path / "library")
    (banner,) = desk.banners.banners()
    banner.button.click()
    stopped.set()
    qtbot.waitUntil(lambda: not desk.banners.banners())
    assert not list((tmp_path / "library").glob("*")) if (tmp_path / "library").exists() else True


def test_what_is_no_model_gets_a_sentence(qtbot, desk: Desk, tmp_path: Path) -> None:
    """And nothing is asked."""
    (tmp_path / "empty.safetensors").write_bytes(b"nothing")
    desk.desk.offer([tmp_path / "empty.safetensors"])
    qtbot.waitUntil(lambda: bool(desk.said()))
    assert desk.asked() is None


def test_a_lora_dropped_on_the_form_is_asked_about_and_added(qtbot, desk: Desk, tmp_path: Path) -> None:
    """One for another base is refused at once."""
    desk.loras.take([make_lora(tmp_path / "downloads" / "old.safetensors", 768)])
    qtbot.waitUntil(lambda: bool(desk.said()))
    assert "another kind of model" in desk.said()
    assert desk.asked() is None
    desk.loras.take([make_lora(tmp_path / "more" / "ink.safetensors")])
    qtbot.waitUntil(lambda: desk.asked() is not None)
    dialog = desk.asked()
    assert dialog is not None
    dialog.use.click()
    qtbot.waitUntil(lambda: bool(desk.loras.value()))
    assert desk.loras.value() == [["ink", 1.0]]


def test_a_lora_of_the_list_for_another_base_is_refused_as_well(qtbot, desk: Desk, tmp_path: Path) -> None:
    """That it is in the list is no news; one that fits is added."""
    old, ink = make_lora(tmp_path / "shelf" / "old.safetensors", 768), make_lora(tmp_path / "shelf" / "ink.safetensors")
    catalogue.add_folder(tmp_path / "shelf")
    with qtbot.waitSignal(desk.studio.modelsChanged):
        desk.studio.models.rescan()
    desk.loras.take([old])
    qtbot.waitUntil(lambda: bool(desk.said()))
    assert "another kind of model" in desk.said()
    desk.loras.take([ink])
    qtbot.waitUntil(lambda: desk.loras.value() == [["ink", 1.0]])


def test_a_question_about_a_copy_speaks_of_nothing_else(qtbot, desk: Desk, tmp_path: Path) -> None:
    """Using it where it is cannot be chosen there."""
    model = make_writer(tmp_path / "downloads" / "my-writer")
    texts = [
        ImportDialog(desk.studio.models, model, catalogue.inspect(model), desk.window, copy=copy).place.text()
        for copy in (True, False)
    ]
    assert ["nothing is copied" in text for text in texts] == [False, True]


def test_the_page_says_itself_what_was_asked_for_on_it(
    qtbot, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window's banners may lie behind it; they are used again when it is closed."""
    desk.desk.show_library()
    page = desk.window.findChild(LibraryDialog)
    assert page is not None
    # Without a screen Qt may make the window active again at any later moment.
    monkeypatch.setattr(desk.window, "isActiveWindow", lambda: False)
    (tmp_path / "empty").mkdir()
    desk.desk.offer([tmp_path / "empty"])
    qtbot.waitUntil(lambda: len(page.banners.banners()) == 1)
    assert not desk.said()
    page.close()
    desk.desk.offer([tmp_path / "empty"])
    qtbot.waitUntil(lambda: bool(desk.said()))


def test_the_library_lists_filters_tells_and_corrects(qtbot, desk: Desk, tmp_path: Path) -> None:
    """What is missing, where it lies; another type at a person's word; a folder taken off the list."""
    folder = tmp_path / "shelf"
    make_writer(folder / "whole")
    (make_writer(folder / "broken") / "model.safetensors").unlink()
    make_lora(folder / "ink.safetensors")
    catalogue.add_folder(folder)
    desk.desk.show_library()
    library = desk.window.findChild(LibraryDialog)
    assert library is not None
    with qtbot.waitSignal(desk.studio.modelsChanged):
        library.again.click()

    def listed() -> list[str]:
        rows = [entry_of(library.list.item(row)) for row in range(library.list.count())]
        return [entry.id for entry in rows if entry is not None]

    assert {"whole", "broken", "ink"} <= set(listed())
    library.search.setText("bro")
    assert listed() == ["broken"]
    assert library.details.title.text() == "broken"
    assert "model.safetensors" in library.details.note.text()
    library.search.clear()
    library.filters.button(4).click()
    assert listed() == ["ink"]
    details = library.details
    number = details.type.findData("lora:sd1")
    details.type.setCurrentIndex(number)
    with qtbot.waitSignal(desk.studio.modelsChanged):
        details.type.activated.emit(number)
    assert catalogue.find("ink").facts["part"] == "lora:sd1"
    assert details.type.currentData() == "lora:sd1"
    assert details.type.itemText(0) == "As its files say"
    details.type.setCurrentIndex(0)
    with qtbot.waitSignal(desk.studio.modelsChanged):
        details.type.activated.emit(0)
    assert catalogue.find("ink").facts["part"] == "lora:sdxl"
    assert details.type.itemText(0) == "LoRA · SDXL (from its files)"
    assert folder in library.folders.rows
    with qtbot.waitSignal(desk.studio.modelsChanged):
        library.folders._remove(folder)
    assert folder not in catalogue.folders()
    assert listed() == []
    assert not library.empty.isHidden()
    assert (folder / "ink.safetensors").is_file()
    library.close()
