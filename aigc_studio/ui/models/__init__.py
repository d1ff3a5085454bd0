"""Models as a person meets them: the picker, the library, and what was dropped on the window."""
