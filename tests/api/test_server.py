"""The server as a process of its own: its port, its token, its end by a signal, and its next start."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from aigc_studio.api import server
from aigc_studio.core.errors import StudioError
from aigc_studio.core.jobs import JobState
from aigc_studio.core.project import Project

SECONDS = 60


class Process:
    """`aigc-studio serve` on a free port."""

    def __init__(self, folder: Path, checkout: Path, *arguments: str, **variables: str) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "aigc_studio", "serve", "mine", "--port", "0", "--json", *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(checkout), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._popen.stdout is not None
        line = self._popen.stdout.readline()
        assert line, self._popen.communicate()[1]
        self.told: dict[str, Any] = json.loads(line)

    def client(self, token: str) -> httpx2.Client:
        """A client that knows the token."""
        headers = {"Authorization": f"Bearer {token}"}
        return httpx2.Client(base_url=self.told["url"], headers=headers, timeout=SECONDS, trust_env=False)

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal; exit status and what was said on standard error."""
        if self._popen.poll() is None:
            self._popen.send_signal(number)
        _, said = self._popen.communicate(timeout=SECONDS)
        return self._popen.returncode, said


@pytest.fixture
def started() -> Iterator[list[Process]]:
    """Processes to be ended, whatever happens."""
    found: list[Process] = []
    yield found
    for process in found:
        process.end(getattr(signal, "SIGKILL", signal.SIGTERM))


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_server_from_start_to_start(tmp_path: Path, checkout: Path, started: list[Process]) -> None:
    """Asked, followed, ended by SIGTERM while a job runs and is followed: it is paused; what waited runs next time."""
    variables = {"AIGC_STUDIO_FAMILIES": "aigc_studio.engines.image.painter", "HF_HOME": str(tmp_path / "hub")}
    process = Process(tmp_path, checkout, "--token-file", "token", **variables)
    started.append(process)
    assert "token" not in process.told
    token = (tmp_path / "token").read_text().strip()
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    asked = {"kind": "image", "prompt": "waves", "params": {"size": [64, 48]}}
    with process.client(token) as client:
        assert httpx2.get(process.told["url"] + "/v1", trust_env=False).status_code == 401
        assert client.get("/v1", headers={"Host": "evil.example"}).status_code == 421
        first = client.post("/v1/generate", json=asked).json()["id"]
        assert "event: end" in client.get(f"/v1/jobs/{first}/events").text.splitlines()
        long = {**asked, "params": {"size": [1024, 1024]}, "count": 64}
        running, waiting = (client.post("/v1/generate", json=each).json()["id"] for each in (long, asked))
        with client.stream("GET", f"/v1/jobs/{running}/events") as stream:
            for line in stream.iter_lines():
                if line == "event: progress":
                    break
            assert process.end(signal.SIGTERM) == (0, "")
    project = Project.open(tmp_path / "mine", read_only=True)
    try:
        states = {job.id: job.state for job in project.queue.list()}
    finally:
        project.close()
    assert states == {first: JobState.DONE, running: JobState.PAUSED, waiting: JobState.PENDING}
    process = Process(tmp_path, checkout, "--token-file", "token", **variables)
    started.append(process)
    with process.client(token) as client:
        assert "event: end" in client.get(f"/v1/jobs/{waiting}/events").text.splitlines()
        assert client.get(f"/v1/jobs/{waiting}").json()["state"] == "done"
        assert client.get(f"/v1/jobs/{running}").json()["state"] == "paused"
    assert process.end(signal.SIGINT) == (0, "")


def test_it_listens_on_this_machine_alone() -> None:
    """And says so when a port is taken."""
    with server.listen(0) as sock:
        host, port = sock.getsockname()
        assert host == "127.0.0.1"
        with pytest.raises(StudioError) as raised:
            server.listen(port)
        assert raised.value.code == "port"


def test_there_is_no_option_for_another_address(checkout: Path) -> None:
    """Neither in the command nor in the server."""
    from aigc_studio.cli import parser_of

    options = {option for action in parser_of("serve")._actions for option in action.option_strings}
    assert not {"--host", "--address", "--bind", "--listen"} & options
    sources = "\n".join(path.read_text() for path in (checkout / "aigc_studio" / "api").glob("*.py"))
    assert not re.search(r"0\.0\.0\.0|\"::\"", sources)


def test_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random each time, of a file for its owner alone, or of the environment; none that could be guessed."""
    monkeypatch.delenv(server.TOKEN_VARIABLE, raising=False)
    assert server.token_from(None) != server.token_from(None)
    assert len(server.token_from(None)) >= 32
    file = tmp_path / "token"
    assert server.token_from(file) == server.token_from(file) == file.read_text().strip()
    for text in ("short", "x" * 10 + " " + "y" * 10, "\u5bc6" * 20, ""):
        monkeypatch.setenv(server.TOKEN_VARIABLE, text)
        if text:
            with pytest.raises(StudioError) as raised:
                server.token_from(file)
            assert raised.value.code == "token-weak"
    monkeypatch.setenv(server.TOKEN_VARIABLE, "a-token-of-sixteen")
    assert server.token_from(file) == "a-token-of-sixteen"
    monkeypatch.delenv(server.TOKEN_VARIABLE)
    with pytest.raises(StudioError):
        server.token_from(tmp_path / "nowhere" / "token")
    if os.name == "posix":
        file.chmod(0o644)
        with pytest.raises(StudioError) as raised:
            server.token_from(file)
        assert raised.value.code == "token-readable"
