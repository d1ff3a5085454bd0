"""Diffusion models of diffusers: what all families share, one idea a module."""
