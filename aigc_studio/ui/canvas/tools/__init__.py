"""The canvas's tools, one file each. To add one: a file with a subclass of `Tool`, and one line here."""

from __future__ import annotations

from .base import Brush, Surface, Tool
from .brush import BrushTool
from .eraser import EraserTool
from .hand import HandTool
from .lasso import LassoTool
from .rectangle import RectangleTool

__all__ = ["TOOLS", "Brush", "Surface", "Tool"]

TOOLS: tuple[type[Tool], ...] = (HandTool, BrushTool, EraserTool, RectangleTool, LassoTool)
"""In the order of the tool bar."""
