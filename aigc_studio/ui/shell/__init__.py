"""The parts of the main window: rail, top bar, status bar, start page, and the place that holds the panels."""
