"""One file per text model family."""
