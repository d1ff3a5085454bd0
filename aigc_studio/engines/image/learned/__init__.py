"""What the families of our own small picture networks share."""
