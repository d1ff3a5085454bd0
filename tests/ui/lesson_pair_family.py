"""A second recipe for tests: two folders, and it needs the engine. It is never run."""

from .lesson_family import PAIR as FAMILY
from .lesson_family import load, run

__all__ = ["FAMILY", "load", "run"]
