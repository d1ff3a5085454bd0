"""Looking at one result over the whole screen, and at two side by side."""
