"""A service over a small project, and a client that knows the token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from aigc_studio.api.app import build
from aigc_studio.api.service import Service
from aigc_studio.core import catalogue
from aigc_studio.core.catalogue import Entry
from aigc_studio.engines.local import LocalEngine

PORT = 8723
TOKEN = "a-token-of-the-tests"

Start = Callable[..., Service]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """A family that does what its script says, as the only one, with one model and one part."""
    monkeypatch.setenv("AIGC_STUDIO_FAMILIES", "aigc_studio.engines.fake")
    entry = Entry("fake", "fake", "image", {"en": "Fake"})
    monkeypatch.setattr(catalogue, "models", lambda kind="": (entry,) if kind in ("", "image") else ())
    monkeypatch.setattr(catalogue, "parts", lambda of=(): ())
    monkeypatch.setattr(catalogue, "find", lambda id: entry)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts services over the project "mine"; all are closed at the end."""
    started: list[Service] = []

    def go(**options: bool) -> Service:
        service = Service(tmp_path / "mine", lambda lane: LocalEngine(collect=False), **options)
        started.append(service)
        return service

    yield go
    for service in started:
        service.close()


@pytest.fixture
def service(start: Start) -> Service:
    """A running service."""
    return start()


def client_of(service: Service) -> TestClient:
    """A client with the token, at the address that the service has."""
    return TestClient(
        build(service, TOKEN, PORT),
        base_url=f"http://127.0.0.1:{PORT}",
        headers={"Authorization": f"Bearer {TOKEN}"},
        raise_server_exceptions=False,
    )


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    """A client of a service of this test's own."""
    with client_of(service) as client:
        yield client


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client for questions that change nothing, of one service for all of them."""
    service = Service(tmp_path_factory.mktemp("shared") / "mine", lambda lane: LocalEngine(collect=False))
    with client_of(service) as client:
        yield client
    service.close()
