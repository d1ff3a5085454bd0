"""For the type checker only: transformers names its 4,000 classes through wildcards of untyped modules, and looking
through all of them took a third of the time of checking the whole program, to learn next to nothing."""

from typing import Any

def __getattr__(name: str) -> Any: ...
