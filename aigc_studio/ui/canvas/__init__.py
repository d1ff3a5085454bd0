"""The picture canvas: view, mask, tools."""
