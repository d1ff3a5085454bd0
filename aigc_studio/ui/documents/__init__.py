"""Documents on the screen: the list, the editor with its passages, autosave and history. Write and Voice share it."""
