"""Matches that never happened, played and drawn with known ground truth."""
