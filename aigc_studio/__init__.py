"""AIGC Studio: write copy, make and edit pictures, record voices with local models.

Standard library only, and parsable by Python 3.8, so that an old interpreter can say which version it needs.
"""

__version__ = "0.1.0"
