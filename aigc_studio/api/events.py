"""What happens to a job, told to whoever follows it: the newest state of each kind is kept, so that nobody waits."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Event", "Events", "Follower"]

MOST_WAITING = 512
"""A follower that reads slower than things happen loses previews and steps first, never results and ends."""


@dataclass(frozen=True)
class Event:
    """name: "job", "progress", "partial", "notice", "output" or "end". data: what is told of it, JSON types."""

    name: str
    data: Mapping[str, Any]


class Follower:
    """One who follows a job. `wake` is called, from any thread, when there is something to take."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._waiting: deque[Event] = deque()

    def tell(self, event: Event) -> None:
        """Let it have an event."""
        with self._lock:
            if event.name == "progress":
                if self._waiting and self._waiting[-1].name == "progress":
                    self._waiting.pop()  # only the newest step is worth reading
                elif len(self._waiting) >= MOST_WAITING:
                    return
            self._waiting.append(event)
        self._wake()

    def take(self) -> list[Event]:
        """All that it has not read yet."""
        with self._lock:
            taken = list(self._waiting)
            self._waiting.clear()
        return taken


class Events:
    """Who follows which job, and the last progress of every running one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._followers: dict[str, list[Follower]] = {}
        self._progress: dict[str, Event] = {}

    def follow(self, job_id: str, follower: Follower) -> None:
        """Tell it everything that happens to a job from now on, beginning with where the job stands."""
        with self._lock:
            self._followers.setdefault(job_id, []).append(follower)
            last = self._progress.get(job_id)
        if last is not None:
            follower.tell(last)

    def leave(self, job_id: str, follower: Follower) -> None:
        """Tell it nothing more."""
        with self._lock:
            followers = self._followers.get(job_id, [])
            if follower in followers:
                followers.remove(follower)
            if not followers:
                self._followers.pop(job_id, None)

    def tell(self, job_id: str, event: Event) -> None:
        """Something happened to a job. Any thread."""
        with self._lock:
            if event.name == "progress":
                self._progress[job_id] = event
            elif event.name in ("job", "end"):  # it begins, is paused or ends: what was told of its steps is over
                self._progress.pop(job_id, None)
            followers = list(self._followers.get(job_id, ()))
        for follower in followers:
            follower.tell(event)

    def progress(self, job_id: str) -> Mapping[str, Any] | None:
        """The last progress of a running job."""
        with self._lock:
            event = self._progress.get(job_id)
        return None if event is None else event.data

    def close(self) -> None:
        """Wake everybody: there is nothing more to follow."""
        with self._lock:
            everybody = [follower for followers in self._followers.values() for follower in followers]
        for follower in everybody:
            follower.tell(Event("closed", {}))
