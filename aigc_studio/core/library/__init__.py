"""What model files are, told from their configs and headers alone: no library of models is imported, no weight read."""
