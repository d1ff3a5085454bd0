"""Tiny models with random weights, one of every class that the families run, saved as real folders."""
