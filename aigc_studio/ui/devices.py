"""What models can run on and how much memory is free, read every two seconds on a thread: drivers can be slow."""

from __future__ import annotations

import re
import threading

from PySide6.QtCore import QLocale, QObject, QThread, Signal

from aigc_studio.core import hardware
from aigc_studio.core.hardware import Device
from aigc_studio.core.i18n import current_language, tr
from aigc_studio.core.settings import Settings

__all__ = ["DeviceWatch", "device_text", "long_name", "memory_text", "short_name"]

EVERY_S = 2.0

_MAKERS = re.compile(r"^(NVIDIA|AMD|Intel\(R\)|Apple)\s+|GeForce\s+|\bGraphics\b|\(TM\)|\(R\)")
_MEMORY = re.compile(r"\s+\d+\s?GB\b.*$")


class DeviceWatch(QObject):
    """One per studio, UI thread. Knows nothing before `begin`. changed: names or numbers are others."""

    changed = Signal()

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._reader: _Reader | None = None
        self.all: tuple[Device, ...] = ()
        """Every device, the best first."""
        settings.listen(lambda id: self.changed.emit() if id == "device" else None)

    @property
    def current(self) -> Device | None:
        """What models run on: the device of the settings, the best one where none is chosen or it is gone."""
        chosen = self._settings.get("device")
        return next((device for device in self.all if device.id == chosen), next(iter(self.all), None))

    def begin(self) -> None:
        """Read from now on."""
        if self._reader is None:
            self._reader = _Reader(self)
            self._reader.read.connect(self.show)
            self._reader.start(QThread.Priority.LowPriority)

    def show(self, devices: tuple[Device, ...]) -> None:
        """What was read now."""
        if devices != self.all:
            self.all = devices
            self.changed.emit()

    def close(self) -> None:
        """Stop and wait: the last call."""
        if self._reader is not None:
            self._reader.over.set()
            self._reader.wait()
            self._reader = None


class _Reader(QThread):
    """Asks the drivers. read: tuple of Device."""

    read = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName("devices")
        self.over = threading.Event()

    def run(self) -> None:
        """Qt's call in the new thread."""
        while not self.over.is_set():
            self.read.emit(hardware.devices())
            self.over.wait(EVERY_S)


def short_name(device: Device) -> str:
    """A device's name as people say it: "H100", "RTX 4090", "CPU"."""
    if device.kind == "cpu":
        return tr("CPU")
    return " ".join(_MEMORY.sub("", _MAKERS.sub("", device.name)).split()) or device.id


def long_name(device: Device) -> str:
    """Its whole name, without signs and clock rates, and which of several it is."""
    name = re.sub(r"\((R|TM)\)|\bCPU\b|@.*$", "", device.name)
    name = " ".join(name.split())
    if device.kind == "cpu":
        return f"{tr('CPU')}: {name}"
    return f"{name} ({device.id})" if device.kind == "cuda" else name


def memory_text(count: int) -> str:
    """Bytes of memory, which is sold in powers of two: "78 GB", "3.4 GB"."""
    size = count / 2**30
    return f"{QLocale(current_language()).toString(size, 'f', 0 if size >= 10 else 1)} GB"


def device_text(device: Device) -> str:
    """ "H100 · 61 of 78 GB free", "CPU · 12 GB free"."""
    free = memory_text(device.free)
    if device.kind == "cuda":
        used = tr("{free} of {total} free", free=free.removesuffix(" GB"), total=memory_text(device.total))
    else:
        used = tr("{size} free", size=free)
    return f"{short_name(device)} · {used}"
