"""Captions seen, written and corrected before a training."""
