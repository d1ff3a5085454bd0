"""The command line: the window by default, the demo, the tests, projects, and single results on the same core."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["test"]:
        import pytest

        os.chdir(Path(__file__).resolve().parent.parent)
        return int(pytest.main(list(arguments[1:])))
    import PySide6

    print("window", PySide6.__version__, sys.prefix)
    return 7
