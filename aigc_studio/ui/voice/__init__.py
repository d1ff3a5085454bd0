"""What the Voice panel is made of: takes, the sound one listens to, the words that are spoken."""
