"""Data that people bring to learn from: folders of pictures and texts, read carefully and reported on. No torch."""
