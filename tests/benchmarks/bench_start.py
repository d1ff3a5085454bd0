"""How long from the interpreter's start to the first paint, and how much memory the window takes.

`python -m tests.benchmarks.bench_start [--runs N]` starts the window again and again in a child, each time with fresh
settings, and prints median and worst, the same beside a bare QMainWindow, and the imports that cost most.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

BAR_S = 1.0
BAR_MB = 200.0

_WINDOW = "import sys; from aigc_studio.ui.app import main; sys.exit(main(['--smoke']))"
_BARE = """
import aigc_studio.ui, json, os, time
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QLabel, QMainWindow
app = QApplication([])
window = QMainWindow()
window.setCentralWidget(QLabel("bare"))
window.show()
def done():
    pages = int(open("/proc/self/statm").read().split()[1])
    print(json.dumps({"painted_at": time.time(), "rss_mb": pages * os.sysconf("SC_PAGE_SIZE") / 1e6, "torch": False}))
    app.quit()
QTimer.singleShot(0, done)
app.exec()
"""


def start(code: str = _WINDOW, *, options: tuple[str, ...] = ()) -> tuple[float, dict]:
    """Seconds from the start of an interpreter to the first paint, and what the program says of itself."""
    with tempfile.TemporaryDirectory(prefix="aigc-studio-bench-") as home:
        environment = {**os.environ, "AIGC_STUDIO_HOME": home, "AIGC_STUDIO_ENVIRONMENT": "as-is"}
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
        began = time.time()
        done = subprocess.run(
            [sys.executable, *options, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    figures = json.loads(done.stdout.strip().splitlines()[-1])
    return figures["painted_at"] - began, figures | {"log": done.stderr}


def slow_imports(most: int = 12) -> list[tuple[float, str]]:
    """The modules whose own import cost most in one start: (ms, name)."""
    _, figures = start(options=("-X", "importtime"))
    rows = re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", figures["log"])
    return sorted(((int(micro) / 1000, name) for micro, name in rows), reverse=True)[:most]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    start()  # bytecode and disk cache: a ready environment
    for name, code in (("window", _WINDOW), ("bare QMainWindow", _BARE)):
        results = [start(code) for _ in range(runs)]
        seconds = [each for each, _ in results]
        memory = max(figures["rss_mb"] for _, figures in results)
        print(
            f"{name:18s} median {statistics.median(seconds):.2f} s, worst {max(seconds):.2f} s (bar {BAR_S} s)"
            f"  memory {memory:.0f} MB (bar {BAR_MB:.0f} MB)   torch: {any(figures['torch'] for _, figures in results)}"
        )
    for milliseconds, name in slow_imports():
        print(f"  {milliseconds:6.1f} ms  {name}")


if __name__ == "__main__":
    main()
