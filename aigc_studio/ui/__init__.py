"""The window. The only package that imports PySide6."""

from aigc_studio.core.constants_guard import keep_constants

keep_constants()  # before anything here imports PySide6
