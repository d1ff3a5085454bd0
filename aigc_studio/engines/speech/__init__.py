"""One file per speech model family."""
