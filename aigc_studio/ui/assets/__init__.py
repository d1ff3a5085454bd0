"""The assets browser: a paged model, a grid that stays smooth at 100,000 rows, thumbnails, boards and details."""
