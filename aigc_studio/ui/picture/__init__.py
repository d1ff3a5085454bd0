"""The parts of the Picture panel: what is being worked on (`session`), and the widgets around the canvas."""
