"""Which program runs an engine's child process: named here only, so that a packaged build can name another."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.installer import engine_state

__all__ = ["child_command", "child_environment", "missing_engine"]

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "DIFFUSERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Set before the child imports anything: these libraries read them at import. All that is run is local."""


def child_command(lane: str) -> list[str]:
    """The command line of the child of a lane."""
    return [sys.executable, "-P", "-m", "aigc_studio.engines.child", "--lane", lane]


def child_environment() -> dict[str, str]:
    """The child's environment: ours, offline, with the package where this process found it."""
    environment = dict(os.environ) | OFFLINE
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
    environment["PYTHONUTF8"] = "1"
    environment.pop("PYTHONHOME", None)
    return environment


def missing_engine(needs: str) -> StudioError | None:
    """Why a family that `needs` "torch" cannot run here; None when it can. Imports nothing."""
    if not needs or engine_state().ready:
        return None
    return StudioError(
        N_("This needs the engine for large models, which is missing; install it from the start page, then retry."),
        code="engine-missing",
    )
