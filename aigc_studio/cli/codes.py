"""The exit statuses of every command, and which one an error has."""

from __future__ import annotations

from aigc_studio.core.errors import RUN_FAILED, StudioError
from aigc_studio.core.i18n import N_

__all__ = ["BAD_INPUT", "DIFFERENT", "DONE", "FAILED", "MEANINGS", "MISSING", "STOPPED", "USAGE", "exit_status"]

DONE = 0
FAILED = 1
USAGE = 2
MISSING = 3
BAD_INPUT = 4
DIFFERENT = 5
STOPPED = 130

MEANINGS = {
    DONE: N_("done##exit status"),
    FAILED: N_("it did not work; a sentence on standard error says why and what to do"),
    USAGE: N_("the command was not written as its help says"),
    MISSING: N_("the engine for large models, the model or a part of it is missing or cannot be used"),
    BAD_INPUT: N_("a file, a value or a project that was given cannot be used"),
    DIFFERENT: N_("reproduce: something came out differently or could not be made again"),
    STOPPED: N_("stopped by Ctrl-C or the system; what was made until then is kept"),
}
"""Exit status to what it means, marked with N_()."""

_MISSING = frozenset(
    {
        "engine-elsewhere",
        "engine-missing",
        "encoder",
        "engine-start",
        "espeak-missing",
        "family",
        "libraries",
        "no-model",
        "no-uv",
        "part-missing",
        "serve-missing",
        "task-model",
        "uroman",
        "vocoder",
    }
)

_BAD_INPUT = frozenset(
    {
        "asset",
        "audio-damaged",
        "consent",
        "context",
        "count",
        "device",
        "empty",
        "export-format",
        "file-size",
        "folder",
        "image-damaged",
        "image-size",
        "input",
        "input-gone",
        "kind",
        "language",
        "language-same",
        "mask-empty",
        "mask-size",
        "missing",
        "newer-format",
        "no-chat",
        "no-recipe",
        "not-a-file",
        "not-a-project",
        "not-an-image",
        "not-empty",
        "not-text",
        "package-damaged",
        "package-unsafe",
        "param",
        "part",
        "port",
        "prompt-empty",
        "run",
        "run-done",
        "seed",
        "size",
        "speaker",
        "speaker-file",
        "start",
        "suffix",
        "task",
        "text-empty",
        "text-encoding",
        "text-long",
        "too-large",
        "too-long",
        "too-many-files",
        "unknown-kind",
        "unreadable",
        "value",
        "voice",
        "write",
    }
)


def exit_status(error: StudioError) -> int:
    """The exit status of a command that ended with this error."""
    if error.code in _BAD_INPUT or error.code.startswith(
        ("image-", "audio-", "data-", "text-", "mask-", "lora-", "token-", "voice-")
    ):
        return BAD_INPUT
    if error.code in _MISSING or (error.code.startswith("model") and error.code not in RUN_FAILED):
        return MISSING
    return FAILED
