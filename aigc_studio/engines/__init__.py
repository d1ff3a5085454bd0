"""Engines make things: text, pictures, speech. No Qt; torch only inside functions."""
