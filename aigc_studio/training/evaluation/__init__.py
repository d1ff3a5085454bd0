"""What a finished run is worth: figures over its samples and its held-out data."""
