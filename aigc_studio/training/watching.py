"""Who else hears how a run goes: TensorBoard's event files beside it, and Weights & Biases where a person wants it."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aigc_studio.core.i18n import N_
from aigc_studio.core.runs import RunFolder

from . import checkpoint
from .learner import Watcher

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["TensorBoard", "WeightsAndBiases", "watchers"]

log = logging.getLogger(__name__)


def watchers(run: RunFolder, values: Mapping[str, Any], notice: Callable[..., None]) -> list[Watcher]:
    """The watchers of a run, as its parameters and the installed packages allow."""
    found: list[Watcher] = []
    if importlib.util.find_spec("tensorboard") is not None:
        found.append(TensorBoard(run))
    if values.get("wandb"):
        if importlib.util.find_spec("wandb") is None:
            notice(N_("Weights & Biases is not installed; the run is not reported there."))
        else:
            found.append(WeightsAndBiases(run, values))
    return found


class TensorBoard:
    """Event files in `<run>/events`, written by torch.utils.tensorboard. Of a run that goes on from a checkpoint, what
    was told of later steps, which a crash has lost, is marked as void."""

    def __init__(self, run: RunFolder) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        tree = checkpoint.load_latest(run.path)
        void = None if tree is None else int(tree["step"]) + 1
        self._writer = SummaryWriter(str(run.path / "events"), purge_step=void)

    def values(self, step: int, values: Mapping[str, float]) -> None:
        """See `Watcher`."""
        with contextlib.suppress(OSError):
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def picture(self, step: int, image: Image) -> None:
        """See `Watcher`."""
        import numpy as np

        with contextlib.suppress(OSError):
            self._writer.add_image("samples", np.asarray(image.convert("RGB")), step, dataformats="HWC")

    def close(self) -> None:
        """See `Watcher`."""
        with contextlib.suppress(OSError):
            self._writer.close()


class WeightsAndBiases:
    """A run of that service, through its own package. What goes wrong there does not stop the training."""

    def __init__(self, run: RunFolder, values: Mapping[str, Any]) -> None:
        self._run: Any = None
        with _forgiven():
            import wandb  # pyright: ignore[reportMissingImports]

            self._run = wandb.init(
                project="aigc-studio",
                id=run.path.name,
                resume="allow",
                dir=str(run.path),
                config=_public(values),
                settings=_discreet(wandb),
            )

    def values(self, step: int, values: Mapping[str, float]) -> None:
        """See `Watcher`."""
        with _forgiven():
            if self._run is not None:
                self._run.log(dict(values), step=step)

    def picture(self, step: int, image: Image) -> None:
        """See `Watcher`."""
        with _forgiven():
            if self._run is not None:
                import wandb  # pyright: ignore[reportMissingImports]

                self._run.log({"samples": wandb.Image(image)}, step=step)

    def close(self) -> None:
        """See `Watcher`."""
        with _forgiven():
            ended, self._run = self._run, None
            if ended is not None:
                ended.finish()


def _public(values: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as that service may see them: numbers and switches, nothing that a person wrote."""
    return {name: value for name, value in values.items() if isinstance(value, bool | int | float)}


def _discreet(wandb: Any) -> Any:
    """Settings under which the package sends what it is given and nothing about this machine, as far as the installed
    version knows them; None where it has none."""
    wanted = {
        "console": "off",
        "disable_git": True,
        "disable_code": True,
        "save_code": False,
        "x_disable_meta": True,
        "x_disable_stats": True,
        "x_disable_machine_info": True,
    }
    make = getattr(wandb, "Settings", None)
    known = getattr(make, "model_fields", None) or getattr(make, "__annotations__", {})
    return None if make is None else make(**{name: value for name, value in wanted.items() if name in known})


@contextlib.contextmanager
def _forgiven():  # noqa: ANN202
    """A service that fails is noted in the log and left alone."""
    try:
        yield
    except Exception:
        log.exception("Weights & Biases")
