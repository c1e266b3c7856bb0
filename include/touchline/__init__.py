"""touchline: from match recordings to spotted actions and reels."""

__version__ = "0.1.0"
