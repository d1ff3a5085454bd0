"""`aigc-studio test`: the tests of a checkout, by pytest."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from pathlib import Path

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_

__all__ = ["main"]


def main(arguments: Sequence[str]) -> int:
    """Run the test suite of a checkout with pytest; arguments are pytest's."""
    checkout = Path(__file__).resolve().parent.parent.parent
    if not (checkout / "tests" / "conftest.py").is_file():
        raise StudioError(
            N_("The tests are not part of an installed copy; run them in a source checkout."), code="no-tests"
        )
    arguments = list(arguments)
    pytest = importlib.import_module("pytest")
    os.chdir(checkout)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    own = any(argument.startswith(("-n", "-p", "--pdb", "--collect-only", "--co")) for argument in arguments)
    chosen = any(not argument.startswith("-") for argument in arguments)
    if not own and not chosen and (os.cpu_count() or 1) > 1:
        arguments = ["-n", str(min(os.cpu_count() or 1, 8)), "--dist", "worksteal", *arguments]
    return int(pytest.main(arguments))
