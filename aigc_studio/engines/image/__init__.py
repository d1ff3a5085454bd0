"""One file per image model family."""
