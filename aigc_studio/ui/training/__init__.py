"""The parts of the Train panel: what to make, from which data, with which values; the runs and how they go."""
