"""Widgets shared by panels."""
