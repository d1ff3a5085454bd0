"""What other programs and other panels drop on the window, and where it goes."""
